//! What happened to a payment, for the merchant's systems.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{CancelId, CancelStatus, ChargeId, Currency, EventId, Misfit, PaymentStatus, PaymentView};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The payment was registered.
    Registered,
    /// The payment moved to the status that the event shows.
    Status(PaymentStatus),
    /// A deposit was reversed: the account waits for its money again.
    DepositReversed,
    /// What came in or went back is another amount, and no other event announces it. The status may be `paid` again,
    /// which was announced before: a refund failed.
    AmountsUpdated,
    /// Money came in that does not pay the order.
    // No `payment.paid`: a shop that ships on that event must not receive it for money that goes back.
    Found(Misfit),
    /// Money that does not pay the order went back.
    Returned(Misfit),
    /// A cancel or close was made or moved on.
    Cancel(CancelStatus),
    /// Something about the payment waits for a person.
    ReviewOpened,
    /// What waited for a person was decided, or the PG answered it after all.
    ReviewClosed,
    /// The buyer disputes the payment at the card company.
    DisputeOpened,
    /// The dispute is over.
    DisputeClosed,
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
            Self::DepositReversed => "payment.deposit_reversed",
            Self::AmountsUpdated => "payment.amounts_updated",
            Self::Found(Misfit::Mismatch) => "payment.mismatch_found",
            Self::Found(Misfit::Duplicate) => "payment.duplicate_found",
            Self::Found(Misfit::Late) => "payment.late_found",
            Self::Returned(Misfit::Mismatch) => "payment.mismatch_cancelled",
            Self::Returned(Misfit::Duplicate) => "payment.duplicate_cancelled",
            Self::Returned(Misfit::Late) => "payment.late_cancelled",
            Self::Cancel(CancelStatus::Requested) => "cancel.requested",
            Self::Cancel(CancelStatus::Sent) => "cancel.sent",
            Self::Cancel(CancelStatus::Done) => "cancel.done",
            Self::Cancel(CancelStatus::Pending) => "cancel.pending",
            Self::Cancel(CancelStatus::Refused) => "cancel.refused",
            Self::Cancel(CancelStatus::Unknown) => "cancel.unknown",
            Self::ReviewOpened => "payment.review_opened",
            Self::ReviewClosed => "payment.review_closed",
            Self::DisputeOpened => "payment.dispute_opened",
            Self::DisputeClosed => "payment.dispute_closed",
        }
    }
}

/// What an event moved: money in or out of one charge, in the minor unit of its currency. Negative where the PG took
/// back what it had said before. The sum over a payment's events is what its charges show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The charge.
    pub charge: ChargeId,
    /// The currency of both amounts.
    pub currency: Currency,
    /// What came in.
    pub paid: i64,
    /// What went back.
    pub cancelled: i64,
}

/// An event as it is committed, together with the change that it announces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Our name for it.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Counts the payment's events from 1.
    // Gaps and repeats in it show that a feed was cut or written twice (`gateway/admin/ledger.rs`).
    pub number: u64,
    /// What it moved. Every won in or out of every charge is in exactly one event.
    pub movement: Option<Movement>,
    /// The cancel or close it is about.
    pub cancel: Option<CancelId>,
    /// When.
    pub created_at: Timestamp,
    /// The payment after the change.
    pub payment: PaymentView,
}

/// An event in the merchant's feed.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let example = shop().await?;
/// # let (payment, order_id, browser_result) = example.agreed().await?;
/// # let Shop { gateway, shop, simulator, .. } = example;
/// # gateway.confirm(&shop, &payment, &browser_result, None).await?;
/// // Kept by the shop, together with what it did for the event.
/// let mut position = 0;
/// let mut seen = Vec::new();
/// for event in gateway.store().events(&shop, position, 100).await? {
///     seen.push(event.event.kind.name());
///     position = event.position;
/// }
/// assert_eq!(seen.first(), Some(&"payment.registered"));
/// assert_eq!(seen.last(), Some(&"payment.paid"));
/// assert!(gateway.store().events(&shop, position, 100).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it stands in the feed: given after the commit, never skipped or repeated.
    pub position: u64,
    /// The event.
    pub event: NewEvent,
}
