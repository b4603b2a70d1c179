//! Refunds of deposits: bank transfers that take their time and may fail.

use super::row::{Refund, Row, Status};

/// What `virtualAccount.refundStatus` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundStatus {
    None,
    Pending,
    Failed,
    PartialFailed,
    Completed,
}

/// The refunds that its one status sums up: all but those whose money came back and was asked for again.
fn refunds_in_status(row: &Row) -> impl Iterator<Item = Refund> {
    let refunds = || row.cancels.iter().filter_map(|cancel| Some((cancel.at_ms, cancel.refund?)));
    let newest = refunds().next_back().map(|(at_ms, _)| at_ms);
    let last = refunds().count().saturating_sub(1);
    refunds().enumerate().filter_map(move |(position, (_, refund))| {
        let asked_again = position != last && newest.is_some_and(|at_ms| refund.ends_at_ms <= at_ms);
        (!refund.came_back || !asked_again).then_some(refund)
    })
}

/// The one status of its refunds together. That it sums them up is inferred: the payment has one field for any
/// number of refunds, and that field knows `PARTIAL_FAILED`.
pub(crate) fn refund_status(row: &Row) -> RefundStatus {
    let failed = refunds_in_status(row).filter(|refund| refund.fails).count();
    match refunds_in_status(row).count() {
        0 => RefundStatus::None,
        _ if row.refunds().any(|refund| !refund.ended) => RefundStatus::Pending,
        _ if failed == 0 => RefundStatus::Completed,
        all if failed == all => RefundStatus::Failed,
        _ => RefundStatus::PartialFailed,
    }
}

/// Ends the refunds whose time has come. The money of those that fail comes back, if `returns`.
pub(crate) fn end_refunds(row: &mut Row, now_ms: u64, returns: bool) {
    let mut came_back = 0_u64;
    for cancel in &mut row.cancels {
        let due = |refund: &&mut Refund| !refund.ended && refund.ends_at_ms <= now_ms;
        let Some(refund) = cancel.refund.as_mut().filter(due) else { continue };
        refund.ended = true;
        refund.came_back = refund.fails && returns;
        if refund.came_back {
            came_back = came_back.saturating_add(cancel.amount);
        }
    }
    row.given_back = row.given_back.saturating_sub(came_back);
    // No transaction: the cancel was one already, and nothing says that Toss lists how its refund ends.
    if came_back > 0 {
        let nothing_stands = row.standing().next().is_none();
        row.status = if nothing_stands { Status::Done } else { Status::PartialCanceled };
    }
}

impl RefundStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Pending => "PENDING",
            Self::Failed => "FAILED",
            Self::PartialFailed => "PARTIAL_FAILED",
            Self::Completed => "COMPLETED",
        }
    }
}
