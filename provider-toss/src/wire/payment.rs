//! The Payment object (Toss docs, reference: Payment 객체), versions 1.3 to 2024-06-01.
//!
//! Strict about amounts, lenient about descriptions: an amount that cannot be read
//! makes the answer unreadable, a card that cannot be read is left out.

use paymux_core::model::{PgOrderId, PgPaymentId, Secret};
use serde::Deserialize;

use super::{decimal::Decimal, field::Field};
use crate::unreadable::Unreadable;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Payment {
    pub(super) payment_key: Field<String>,
    pub(super) order_id: Field<String>,
    pub(super) status: Field<String>,
    /// Null before the buyer chose one.
    pub(super) method: Field<String>,
    pub(super) currency: Field<String>,
    /// With every discount. Never changes.
    pub(super) total_amount: Field<Decimal>,
    /// What can still be cancelled, with every discount.
    pub(super) balance_amount: Field<Decimal>,
    pub(super) approved_at: Field<String>,
    pub(super) last_transaction_key: Field<String>,
    /// Null, not empty, when there are none.
    pub(super) cancels: Field<Vec<Cancel>>,
    pub(super) virtual_account: Field<VirtualAccount>,
    secret: Field<String>,
    pub(super) discount: Field<Discount>,
    pub(super) easy_pay: Field<EasyPay>,
    pub(super) card: Field<Card>,
    pub(super) transfer: Field<Transfer>,
    pub(super) mobile_phone: Field<MobilePhone>,
    pub(super) receipt: Field<Page>,
    checkout: Field<Page>,
    pub(super) cash_receipt: Field<CashReceipt>,
    pub(super) failure: Field<Failure>,
}

impl Payment {
    /// Reads the object. What is in it is read when it is asked for.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Unreadable> {
        Ok(serde_json::from_slice(body)?)
    }

    /// This payment, if it is of the order that was asked about. The body is not part of what an idempotency key stands
    /// for: a key that was used for another payment is answered with that one
    /// (techchat.tosspayments.com/m/1186570706016809030).
    pub(crate) fn of_order(self, order_id: &PgOrderId) -> Result<Self, Unreadable> {
        if self.order_id.required("orderId")? != order_id.as_str() {
            return Err(Unreadable::field("orderId", "is not the one that was asked about"));
        }
        Ok(self)
    }

    /// This payment, if it is the one that was asked about.
    pub(crate) fn of_key(self, payment_key: &PgPaymentId) -> Result<Self, Unreadable> {
        if self.payment_key.required("paymentKey")? != payment_key.as_str() {
            return Err(Unreadable::field("paymentKey", "is not the one that was asked about"));
        }
        Ok(self)
    }

    /// The PG's id.
    pub(crate) fn pg_payment_id(&self) -> Result<PgPaymentId, Unreadable> {
        let key = self.payment_key.required("paymentKey")?;
        key.parse().map_err(|_| Unreadable::field("paymentKey", "is not of the documented form"))
    }

    /// Where the buyer goes. Present in every payment, also in one that cannot be paid any more.
    pub(crate) fn checkout_url(&self) -> Result<String, Unreadable> {
        self.checkout.required("checkout")?.url.text().ok_or(Unreadable::missing("checkout.url"))
    }

    /// What the deposit webhooks of this payment carry. In the answer to the confirm; null in later look-ups (Toss
    /// docs, guides/v2/payment-window/integration-virtual-account).
    pub(crate) fn webhook_secret(&self) -> Option<Secret> {
        self.secret.text().map(Secret::new)
    }
}

/// One entry of `cancels[]`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cancel {
    /// With the part of every discount that went with it.
    pub(super) cancel_amount: Field<Decimal>,
    pub(super) cancel_reason: Field<String>,
    /// What was left after this cancel.
    pub(super) refundable_amount: Field<Decimal>,
    pub(super) canceled_at: Field<String>,
    /// Missing in old versions.
    pub(super) transaction_key: Field<String>,
    /// `DONE`, `IN_PROGRESS` or `ABORTED`; missing in old versions, where it was always done.
    pub(super) cancel_status: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct VirtualAccount {
    pub(super) account_number: Field<String>,
    pub(super) bank_code: Field<String>,
    /// A name, up to 2022-07-27.
    pub(super) bank: Field<String>,
    pub(super) customer_name: Field<String>,
    pub(super) due_date: Field<String>,
    /// `NONE`, `PENDING`, `FAILED`, `PARTIAL_FAILED` or `COMPLETED`.
    pub(super) refund_status: Field<String>,
}

impl VirtualAccount {
    /// The bank's code, or its name.
    pub(super) fn pg_bank(&self) -> Option<String> {
        self.bank_code.text().or(self.bank.text())
    }
}

/// The instant discount of a card company or of a bank.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Discount {
    pub(super) amount: Field<Decimal>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Card {
    pub(super) issuer_code: Field<String>,
    /// A name, up to 2022-07-27.
    pub(super) company: Field<String>,
    pub(super) number: Field<String>,
    pub(super) installment_plan_months: Field<u32>,
    pub(super) approve_no: Field<String>,
    /// Up to 1.4; `receipt.url` since.
    pub(super) receipt_url: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Transfer {
    pub(super) bank_code: Field<String>,
    /// A name, up to 2022-07-27.
    pub(super) bank: Field<String>,
}

impl Transfer {
    /// The bank's code, or its name.
    pub(super) fn pg_bank(&self) -> Option<String> {
        self.bank_code.text().or(self.bank.text())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MobilePhone {
    pub(super) receipt_url: Field<String>,
}

/// A wallet: up to 1.4 a name, an object since.
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

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    pub(super) url: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CashReceipt {
    #[serde(rename = "type")]
    pub(super) kind: Field<String>,
    /// Empty before the deposit.
    pub(super) issue_number: Field<String>,
    pub(super) receipt_url: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    pub(super) code: Field<String>,
    pub(super) message: Field<String>,
}
