//! The V1 payment object. Amounts are strict, display fields are not.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Unreadable, lenient};

/// PortOne's status. There is none for a partly cancelled payment: it stays `paid`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// The window was opened, or an account was issued.
    Ready,
    /// Money came in.
    Paid,
    /// All of it was given back, or an unpaid account was closed.
    Cancelled,
    /// Declined, closed, or an error of the PG.
    Failed,
    /// A status newer than this code.
    #[serde(untagged)]
    Other(String),
}

/// A payment.
#[derive(Debug, Deserialize)]
pub(crate) struct Payment {
    pub(crate) imp_uid: String,
    pub(crate) merchant_uid: String,
    pub(crate) status: Status,
    /// The total. Does not shrink when part of it is cancelled.
    pub(crate) amount: Box<RawValue>,
    /// All that was ever given back.
    pub(crate) cancel_amount: Box<RawValue>,
    pub(crate) currency: String,
    /// Made through a test channel.
    pub(crate) sandbox: bool,
    /// UNIX seconds, 0 if no money came in. Strict, because it tells a refund from a closed account.
    #[serde(default)]
    pub(crate) paid_at: Option<i64>,
    #[serde(default)]
    pub(crate) cancel_history: Option<Vec<CancelEntry>>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) pay_method: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) pg_provider: Option<String>,
    /// The wallet used inside a PG's window.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) emb_pg_provider: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) apply_num: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) bank_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) card_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) card_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) card_number: Option<String>,
    /// Months, 0 for a single payment.
    #[serde(default, deserialize_with = "lenient::number")]
    pub(crate) card_quota: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) vbank_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) vbank_num: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) vbank_holder: Option<String>,
    /// The deadline, UNIX seconds, 0 if there is none.
    #[serde(default, deserialize_with = "lenient::number")]
    pub(crate) vbank_date: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) fail_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) receipt_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(crate) cash_receipt_issued: bool,
}

/// One cancel of it.
#[derive(Debug, Deserialize)]
pub(crate) struct CancelEntry {
    pub(crate) amount: Box<RawValue>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) cancellation_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(crate) cancelled_at: Option<i64>,
}

impl Payment {
    pub(crate) fn read(response: &RawValue) -> Result<Self, Unreadable> {
        serde_json::from_str(response.get()).map_err(|_| Unreadable("a payment"))
    }

    /// Whether an account was issued: `ready` alone also means that the window was opened and left.
    pub(crate) fn has_account(&self) -> bool {
        self.pay_method.as_deref() == Some("vbank") && self.vbank_num.is_some()
    }
}
