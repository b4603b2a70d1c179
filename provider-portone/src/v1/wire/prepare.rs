//! `/payments/prepare`: the amount the browser may ask for.

use paymux_core::model::{Currency, Money};
use serde::{Deserialize, Serialize};
use serde_json::{Number, value::RawValue};

use super::{Unreadable, lenient, read_amount, unreadable::read};

/// What is to be registered.
#[derive(Debug, Serialize)]
pub(crate) struct Prepare<'a> {
    pub(crate) merchant_uid: &'a str,
    pub(crate) amount: Number,
    pub(crate) currency: &'static str,
}

/// What is registered already.
#[derive(Debug, Deserialize)]
pub(crate) struct Prepared {
    #[serde(default)]
    amount: Option<Box<RawValue>>,
    /// `null`: PortOne does not check the currency.
    #[serde(default, deserialize_with = "lenient::text")]
    currency: Option<String>,
}

impl Prepared {
    pub(crate) fn read(response: &RawValue) -> Result<Self, Unreadable> {
        read(response, "response", "is no registration")
    }

    /// Whether it holds the buyer to this amount in this currency.
    pub(crate) fn is_for(&self, amount: Money) -> bool {
        let currency = self.currency.as_deref().and_then(Currency::from_code);
        let registered = currency.and_then(|currency| read_amount(self.amount.as_deref()?, currency));
        registered == Some(amount)
    }
}
