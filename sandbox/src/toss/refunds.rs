//! Refunds of deposits: bank transfers that take their time and may fail.

use serde::{Deserialize, Serialize};

use super::row::{Row, Status};

/// A deposit on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) ends_at_ms: u64,
    pub(crate) fails: bool,
    /// Set when its time has come.
    pub(crate) ended: bool,
    /// Set when it failed and its money can be cancelled again.
    #[serde(default)]
    pub(crate) came_back: bool,
}

/// What `virtualAccount.refundStatus` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundStatus {
    None,
    Pending,
    Failed,
    PartialFailed,
    Completed,
}

impl Row {
    /// The refunds of its deposit.
    pub(super) fn refunds(&self) -> impl Iterator<Item = Refund> {
        self.cancels.iter().filter_map(|cancel| cancel.refund)
    }

    /// The refunds that its one status speaks of: all but those whose money came back and was asked for again.
    fn shown_refunds(&self) -> impl Iterator<Item = Refund> {
        let refunds = || self.cancels.iter().filter_map(|cancel| Some((cancel.at_ms, cancel.refund?)));
        let newest = refunds().next_back().map(|(at_ms, _)| at_ms);
        let last = refunds().count().saturating_sub(1);
        refunds().enumerate().filter_map(move |(position, (_, refund))| {
            let asked_again = position != last && newest.is_some_and(|at_ms| refund.ends_at_ms <= at_ms);
            (!refund.came_back || !asked_again).then_some(refund)
        })
    }

    /// The one status of its refunds together. That it sums them up is inferred: the payment has one field for any
    /// number of refunds, and that field knows `PARTIAL_FAILED`.
    pub(crate) fn refund_status(&self) -> RefundStatus {
        let failed = self.shown_refunds().filter(|refund| refund.fails).count();
        match self.shown_refunds().count() {
            0 => RefundStatus::None,
            _ if self.refunds().any(|refund| !refund.ended) => RefundStatus::Pending,
            _ if failed == 0 => RefundStatus::Completed,
            all if failed == all => RefundStatus::Failed,
            _ => RefundStatus::PartialFailed,
        }
    }

    /// Ends the refunds whose time has come. The money of those that fail comes back, if `returns`.
    pub(crate) fn end_refunds(&mut self, now_ms: u64, returns: bool) {
        let mut came_back = 0_u64;
        for cancel in &mut self.cancels {
            let due = |refund: &&mut Refund| !refund.ended && refund.ends_at_ms <= now_ms;
            let Some(refund) = cancel.refund.as_mut().filter(due) else { continue };
            refund.ended = true;
            refund.came_back = refund.fails && returns;
            if refund.came_back {
                came_back = came_back.saturating_add(cancel.amount);
            }
        }
        self.given_back = self.given_back.saturating_sub(came_back);
        // No transaction: the cancel was one already, and nothing says that Toss lists how its refund ends.
        if came_back > 0 {
            let nothing_stands = self.standing().next().is_none();
            self.status = if nothing_stands { Status::Done } else { Status::PartialCanceled };
        }
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
