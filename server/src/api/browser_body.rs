//! What the browser step is prepared for, and what the browser brought back.

use poem_openapi::Object;
use serde_json::Value;

use super::words::ApiDevice;

/// For whom the browser step is prepared
#[derive(Clone, Debug, Default, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct PrepareNextAction {
    /// What the buyer holds; a desktop browser if absent. Some payment gateways have one page for each.
    pub device: Option<ApiDevice>,
}

/// What the browser brought back
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(crate) struct ConfirmPayment {
    /// Exactly what the payment window returned, success or failure, whichever payment gateway: the query of the
    /// return URL as an object, or what the callback or promise was given.
    pub browser_result: Value,
}
