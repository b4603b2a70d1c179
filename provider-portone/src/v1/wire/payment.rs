//! The V1 payment object.

use jiff::Timestamp;
use paymux_core::model::{Currency, Money};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Unreadable, lenient, read_amount, unreadable::read};

/// A payment.
#[derive(Debug, Deserialize)]
pub(crate) struct Payment {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) imp_uid: Option<String>,
    /// Ours is a text. Other systems on the account may write a number.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) merchant_uid: Option<String>,
    /// `ready`, `paid`, `cancelled` or `failed`. There is none for a part cancel: the payment stays `paid`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) status: Option<String>,
    /// The total, discount included. Does not shrink when part of it is cancelled.
    #[serde(default)]
    pub(super) amount: Option<Box<RawValue>>,
    /// The sum of all cancels, in the counting of `amount`.
    #[serde(default)]
    pub(super) cancel_amount: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient::text")]
    currency: Option<String>,
    #[serde(default)]
    promotion: Option<Box<RawValue>>,
    /// Made through a test channel.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(super) sandbox: Option<bool>,
    /// UNIX seconds, 0 if no money came in: a refund has it, a closed account has not.
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) paid_at: Option<i64>,
    /// When it was cancelled, UNIX seconds, 0 if it was not.
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) cancelled_at: Option<i64>,
    #[serde(default)]
    cancel_history: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) pay_method: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) pg_provider: Option<String>,
    /// The wallet used inside a PG's window.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) emb_pg_provider: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) apply_num: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) bank_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) bank_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) card_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) card_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) card_number: Option<String>,
    /// Months, 0 for a single payment.
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) card_quota: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) vbank_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) vbank_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) vbank_num: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) vbank_holder: Option<String>,
    /// The deadline, UNIX seconds, 0 if there is none.
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) vbank_date: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) fail_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) receipt_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(super) cash_receipt_issued: Option<bool>,
}

/// One entry of `cancel_history`.
#[derive(Debug, Deserialize)]
pub(crate) struct CancelEntry {
    #[serde(default)]
    pub(super) amount: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) cancellation_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    pub(super) cancelled_at: Option<i64>,
}

/// `promotion`.
#[derive(Deserialize)]
struct Promotion {
    #[serde(default)]
    discount: Option<Box<RawValue>>,
}

impl Payment {
    pub(crate) fn read(response: &RawValue) -> Result<Self, Unreadable> {
        read(response, "the payment", "is no object with one value per field")
    }

    /// The currency, if it is one that books are kept in.
    pub(super) fn currency(&self) -> Option<Currency> {
        Currency::from_code(self.currency.as_deref()?)
    }

    /// What was to be paid, discount included.
    pub(super) fn total(&self, currency: Currency) -> Result<Money, Unreadable> {
        let amount = self.amount.as_deref().and_then(|amount| read_amount(amount, currency));
        amount.ok_or(Unreadable::new("amount", "is missing or no amount of its currency"))
    }

    /// All that was cancelled.
    pub(super) fn cancelled(&self, currency: Currency) -> Result<Money, Unreadable> {
        let amount = self.cancel_amount.as_deref().and_then(|amount| read_amount(amount, currency));
        amount.ok_or(Unreadable::new("cancel_amount", "is missing or no amount of its currency"))
    }

    /// What a promotion took off the `amount`; zero if there is none.
    pub(super) fn discount(&self, currency: Currency) -> Result<Money, Unreadable> {
        let promotion = self.promotion.as_deref().and_then(|json| serde_json::from_str(json.get()).ok());
        let Some(Promotion { discount: Some(discount) }) = promotion else {
            return Ok(Money::zero(currency));
        };
        let wrong = Unreadable::new("promotion.discount", "is no amount of its currency");
        read_amount(&discount, currency).ok_or(wrong)
    }

    /// The list of cancels; `None` if this answer holds none, not even an empty one.
    pub(super) fn cancel_history(&self) -> Result<Option<Vec<CancelEntry>>, Unreadable> {
        let read = |json| read(json, "cancel_history", "is no list of objects");
        self.cancel_history.as_deref().map(read).transpose()
    }

    /// Whether an account was issued: `ready` alone also means that the window was opened and left.
    pub(super) fn has_account(&self) -> bool {
        self.pay_method.as_deref() == Some("vbank") && self.vbank_num.is_some()
    }
}

/// UNIX seconds; 0 means "none".
pub(super) fn time(seconds: i64) -> Option<Timestamp> {
    (seconds > 0).then(|| Timestamp::from_second(seconds).ok()).flatten()
}
