//! What a payment's status is, given what the PG says now.

use jiff::Timestamp;

use crate::{PaymentStatus, PgStatus, Snapshot};

/// The status one PG payment gives, on amounts before labels: Toss leaves `PARTIAL_CANCELED` with
/// nothing left, PortOne V1 leaves a partly cancelled payment `paid`.
///
/// `sent`: whether we asked the PG to take the money and have no definite answer. Only then does
/// an untouched payment mean "confirming".
#[must_use]
pub fn derive(snapshot: &Snapshot, sent: bool, now: Timestamp) -> PaymentStatus {
    if !snapshot.paid.is_zero() {
        return if snapshot.cancelled.is_zero() {
            PaymentStatus::Paid
        } else if snapshot.balance().is_zero() {
            PaymentStatus::Cancelled
        } else {
            PaymentStatus::PartiallyCancelled
        };
    }
    match snapshot.status {
        PgStatus::AwaitingDeposit if is_overdue(snapshot, now) => PaymentStatus::Expired,
        PgStatus::AwaitingDeposit => PaymentStatus::AwaitingDeposit,
        // A PG that says "paid" of no money is not believed: ask again.
        PgStatus::Ready | PgStatus::InProgress | PgStatus::Paid if sent => PaymentStatus::Confirming,
        PgStatus::Ready | PgStatus::InProgress | PgStatus::Paid => PaymentStatus::Ready,
        PgStatus::Cancelled => PaymentStatus::Cancelled,
        PgStatus::Failed => PaymentStatus::Failed,
        PgStatus::Expired => PaymentStatus::Expired,
    }
}

/// Of several PG payments, the one that decides: money first, then an account that waits for it,
/// then a window that is still open; what ended counts only when nothing else is left.
#[must_use]
pub(crate) fn decisive<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Option<&'a Snapshot> {
    snapshots.into_iter().max_by_key(|snapshot| {
        let rank = match snapshot.status {
            _ if !snapshot.balance().is_zero() => 6,
            _ if !snapshot.paid.is_zero() => 5,
            PgStatus::AwaitingDeposit => 4,
            PgStatus::InProgress => 3,
            PgStatus::Ready | PgStatus::Paid => 2,
            PgStatus::Failed => 1,
            PgStatus::Cancelled | PgStatus::Expired => 0,
        };
        // The earlier payment keeps its place against a second one.
        (rank, std::cmp::Reverse(snapshot.paid_at))
    })
}

fn is_overdue(snapshot: &Snapshot, now: Timestamp) -> bool {
    let due_at = snapshot.virtual_account.as_ref().and_then(|account| account.due_at);
    due_at.is_some_and(|due_at| due_at <= now)
}
