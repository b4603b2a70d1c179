//! What happened to a payment, for the merchant's systems.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Cancel, EventId, Payment, PaymentStatus};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The payment was registered.
    Registered,
    /// The payment moved to the status the event shows.
    Status(PaymentStatus),
    /// A cancel was made or moved on.
    CancelUpdated,
    /// Money that carries our id did not match; it is being given back.
    Mismatch,
    /// A second PG payment took money; it is being given back.
    Surplus,
    /// Money came after the payment had ended; it is being given back.
    LateMoney,
    /// What came in or was given back is another amount, and no other event tells it. The status may be `paid` again, which was told
    /// before: a refund failed.
    AmountsChanged,
    /// Something about the payment waits for an operator.
    CaseOpened,
    /// What waited for an operator is settled.
    CaseClosed,
}

impl EventKind {
    /// The word in the API: `payment.paid`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "payment.registered",
            Self::Status(PaymentStatus::Ready) => "payment.ready",
            Self::Status(PaymentStatus::Confirming) => "payment.confirming",
            Self::Status(PaymentStatus::AwaitingDeposit) => "payment.awaiting_deposit",
            Self::Status(PaymentStatus::Paid) => "payment.paid",
            Self::Status(PaymentStatus::PartiallyCancelled) => "payment.partially_cancelled",
            Self::Status(PaymentStatus::Cancelled) => "payment.cancelled",
            Self::Status(PaymentStatus::Failed) => "payment.failed",
            Self::Status(PaymentStatus::Expired) => "payment.expired",
            Self::CancelUpdated => "payment.cancel_updated",
            Self::Mismatch => "payment.mismatch",
            Self::Surplus => "payment.surplus",
            Self::LateMoney => "payment.late_money",
            Self::AmountsChanged => "payment.amounts_changed",
            Self::CaseOpened => "payment.case_opened",
            Self::CaseClosed => "payment.case_closed",
        }
    }
}

/// What an event moved, in the minor unit of the payment's currency. Negative where the PG took back what it
/// had said before. The sum over a payment's events is its balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// What came in.
    pub paid: i64,
    /// What was given back.
    pub cancelled: i64,
}

/// An event as it is committed, together with the change it tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Our name for it.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Counts the payment's events from 1.
    pub number: u64,
    /// What it moved. Of several events in one change, the first moved it all.
    #[serde(default)]
    pub moved: Moved,
    /// When.
    pub created_at: Timestamp,
    /// The payment after the change.
    pub payment: Payment,
    /// Its cancels after the change.
    pub cancels: Vec<Cancel>,
}

/// An event in the merchant's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it stands in the feed: given after the commit, never skipped or repeated.
    pub position: u64,
    /// The event.
    pub event: NewEvent,
}
