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
        }
    }
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
