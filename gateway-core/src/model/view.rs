//! A payment as merchants see it: in answers and in events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    Cancel, CancelId, CancelOrigin, CancelStatus, ChargeId, ChargeRole, Close, Failure, Money, Payment,
    PgOrderId, PgPaymentId,
};

/// A payment with everything that merchants see of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentView {
    /// The payment.
    pub payment: Payment,
    /// What can still be cancelled, in the PG's own counting.
    pub cancellable: Money,
    /// The PG's names of the charge that pays the order, or may yet.
    pub pg: PgNames,
    /// The cancels and closes of the order, oldest first. Those of other charges stand with their charge.
    pub cancels: Vec<CancelView>,
    /// Other money at the PG under this payment's order ids.
    pub duplicates: Vec<DuplicateView>,
}

/// What the PG calls a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PgNames {
    /// The order id that the PG sees.
    pub order_id: Option<PgOrderId>,
    /// The PG's id of the payment.
    pub payment_id: Option<PgPaymentId>,
}

/// Whether money goes back or an unpaid payment is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelType {
    /// Money goes back.
    Cancel,
    /// No money: an unpaid payment is closed.
    Close,
}

impl CancelType {
    /// The word in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Close => "close",
        }
    }
}

/// A cancel or close as merchants see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CancelView {
    /// Our name for it.
    pub id: CancelId,
    /// Which of the two.
    pub kind: CancelType,
    /// Where it stands.
    pub status: CancelStatus,
    /// Who wanted it.
    pub origin: CancelOrigin,
    /// Whether it waits for a person, for example for a refund account.
    pub held: bool,
    /// How much; `None` for a close.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
    /// Why it was refused, or what the PG said before it was held.
    pub failure: Option<Failure>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<&Cancel> for CancelView {
    fn from(cancel: &Cancel) -> Self {
        let refused = cancel.status == CancelStatus::Refused;
        // What is over waits for nobody, whatever it was held for before.
        let held = cancel.held.is_some() && cancel.status.is_unresolved();
        Self {
            id: cancel.id.clone(),
            kind: CancelType::Cancel,
            status: cancel.status,
            origin: cancel.origin,
            held,
            amount: Some(cancel.amount),
            reason: cancel.reason.clone(),
            // A row also keeps what the PG said to a try that was followed by a success. That is no reason of
            // a refusal.
            failure: cancel.failure.clone().filter(|_| refused || held),
            created_at: cancel.created_at,
        }
    }
}

impl From<&Close> for CancelView {
    fn from(close: &Close) -> Self {
        let refused = close.status == CancelStatus::Refused;
        Self {
            id: close.id.clone(),
            kind: CancelType::Close,
            status: close.status,
            origin: close.origin,
            held: false,
            amount: None,
            reason: close.reason.clone(),
            failure: close.failure.clone().filter(|_| refused),
            created_at: close.created_at,
        }
    }
}

/// Money at the PG under one of the payment's order ids that does not pay the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DuplicateView {
    /// Our name for the charge.
    pub charge: ChargeId,
    /// The PG's name.
    pub pg_payment_id: Option<PgPaymentId>,
    /// What it is to the payment.
    pub role: ChargeRole,
    /// What came in.
    pub amount: Money,
    /// What went back or is to go back.
    pub cancels: Vec<CancelView>,
}
