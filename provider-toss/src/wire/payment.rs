//! The Payment object (Toss docs, reference: Payment 객체), versions 1.3 to 2024-06-01.
//!
//! Strict where money is told, lenient where it is only described: an amount that cannot be read
//! makes the answer unreadable, a card that cannot be read is left out. Every key may be missing or null.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::decimal::Decimal;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    pub(crate) payment_key: String,
    pub(super) order_id: String,
    pub(super) status: String,
    /// Null before the buyer chose one.
    pub(super) method: Option<String>,
    /// Missing before foreign payments were known: won.
    pub(super) currency: Option<String>,
    pub(super) total_amount: Decimal,
    pub(super) balance_amount: Decimal,
    pub(super) approved_at: Option<String>,
    pub(super) last_transaction_key: Option<String>,
    /// Null, not empty, when there are none.
    pub(super) cancels: Option<Vec<Cancel>>,
    pub(super) virtual_account: Option<VirtualAccount>,
    /// Of deposit webhooks. Told in the confirm's answer; null in later look-ups.
    pub(super) secret: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) card: Option<Card>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) transfer: Option<Transfer>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) mobile_phone: Option<MobilePhone>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) easy_pay: Option<EasyPay>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) receipt: Option<Page>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) checkout: Option<Page>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) cash_receipt: Option<CashReceipt>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) failure: Option<Failure>,
}

impl Payment {
    /// Where the buyer goes. Present in every payment, also in one that cannot be paid any more.
    pub(crate) fn checkout_url(&self) -> Option<&str> {
        Some(self.checkout.as_ref()?.url.as_str())
    }
}

/// One entry of `cancels[]`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancel {
    pub(super) cancel_amount: Decimal,
    pub(super) cancel_reason: Option<String>,
    /// What was left after this cancel.
    pub(super) refundable_amount: Option<Decimal>,
    pub(super) canceled_at: Option<String>,
    /// Missing in old versions.
    pub(super) transaction_key: Option<String>,
    /// `DONE`, `IN_PROGRESS` or `ABORTED`; missing in old versions, where it was always done.
    pub(super) cancel_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VirtualAccount {
    pub(super) account_number: Option<String>,
    /// Up to 2022-07-27 `bank`, a name.
    #[serde(alias = "bank")]
    pub(super) bank_code: Option<String>,
    pub(super) customer_name: Option<String>,
    pub(super) due_date: Option<String>,
    /// `NONE`, `PENDING`, `FAILED`, `PARTIAL_FAILED` or `COMPLETED`.
    pub(super) refund_status: Option<String>,
    pub(super) expired: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Card {
    /// Up to 2022-07-27 `company`, a name.
    #[serde(alias = "company")]
    pub(super) issuer_code: Option<String>,
    pub(super) number: Option<String>,
    pub(super) installment_plan_months: Option<u32>,
    pub(super) approve_no: Option<String>,
    /// Up to 1.4; `receipt.url` since.
    pub(super) receipt_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transfer {
    #[serde(alias = "bank")]
    pub(super) bank_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MobilePhone {
    pub(super) receipt_url: Option<String>,
}

/// Up to 1.4 a name, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum EasyPay {
    Object { provider: Option<String> },
    Name(String),
}

impl EasyPay {
    pub(super) fn provider(&self) -> Option<&str> {
        match self {
            Self::Object { provider } => provider.as_deref(),
            Self::Name(name) => Some(name),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CashReceipt {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Empty before the deposit.
    pub(super) issue_number: Option<String>,
    pub(super) receipt_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// What is only shown: left out if it is not as documented.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}
