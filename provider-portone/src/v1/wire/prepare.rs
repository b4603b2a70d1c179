//! `/payments/prepare`: the amount the browser may ask for.

use gateway_core::{Currency, Money};
use serde::{Deserialize, Serialize};
use serde_json::{Number, value::RawValue};

use super::{Unreadable, read_amount};

/// What is registered.
#[derive(Debug, Serialize)]
pub(crate) struct Prepare<'a> {
    pub(crate) merchant_uid: &'a str,
    pub(crate) amount: Number,
    pub(crate) currency: &'static str,
}

/// What is registered already.
#[derive(Debug, Deserialize)]
pub(crate) struct Prepared {
    amount: Box<RawValue>,
    /// `null`: PortOne does not check the currency.
    #[serde(default)]
    currency: Option<String>,
}

impl Prepared {
    pub(crate) fn read(response: &RawValue) -> Result<Self, Unreadable> {
        serde_json::from_str(response.get()).map_err(|_| Unreadable("a registration"))
    }

    /// Whether it holds the buyer to this amount in this currency.
    pub(crate) fn is_for(&self, amount: Money) -> bool {
        let currency = self.currency.as_deref().and_then(Currency::from_code);
        currency == Some(amount.currency()) && read_amount(&self.amount, amount.currency()) == Ok(amount)
    }
}
