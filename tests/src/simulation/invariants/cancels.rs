//! Invariants 7 and 13: money given back.

use std::collections::BTreeMap;

use gateway_core::{Cancel, CancelOrigin, CancelScope, CancelStatus};

use super::Commit;
use crate::simulation::model_pg::books::{PgCancel, PgPayment, State};

/// 7: what we gave back or are giving back never sums to more than was paid, nor does all that was given
/// back; and an open cancel blocks the next.
pub(super) fn i07_never_more_than_was_paid(commit: &Commit<'_>) {
    let mut open: BTreeMap<_, u32> = BTreeMap::new();
    let mut sums: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for cancel in &commit.after.cancels {
        let Some(pg_id) = cancel.pg_id.as_ref().filter(|pg_id| cancel.takes_from(pg_id)) else { continue };
        let (ours, done) = sums.entry(pg_id).or_default();
        // Somebody at the console does not ask what is in flight; the guard turns that one back.
        if cancel.origin != CancelOrigin::Pg {
            *ours += cancel.amount.amount();
        }
        if !cancel.status.is_unsettled() {
            *done += cancel.amount.amount();
        }
        if matches!(cancel.status, CancelStatus::Sent | CancelStatus::Unknown) {
            *open.entry(pg_id).or_default() += 1;
        }
    }
    for (pg_id, (ours, done)) in sums {
        let most = commit.model.row(pg_id, |row| row.states().map(|state| state.taken).max());
        let most = most.flatten().unwrap_or(0);
        if ours.max(done) > most {
            commit
                .world
                .violated(7, || format!("{pg_id}: {ours} by us and {done} in all is given back of {most}"));
        }
    }
    if let Some((pg_id, _)) = open.into_iter().find(|(_, open)| *open > 1) {
        commit.world.violated(7, || format!("{pg_id}: two cancels are open at once"));
    }
}

/// 13: a refund is done when the PG says so; a close, when the account is closed.
pub(super) fn i13_done_is_done(commit: &Commit<'_>) {
    let done = |cancel: &&Cancel| cancel.status == CancelStatus::Done;
    for cancel in commit.change.cancels.iter().filter(done) {
        let Some(pg_id) = &cancel.pg_id else { continue };
        let Some(payment) = commit.model.row(pg_id, |row| row.now().clone()) else { continue };
        let holds = match cancel.scope {
            CancelScope::Close => payment.state == State::Closed,
            _ => executed(cancel, &payment).is_some_and(|theirs| theirs.status == CancelStatus::Done),
        };
        if !holds {
            commit.world.violated(13, || format!("{} is done, and the PG has not done it", cancel.id));
        }
    }
}

/// The PG's side of a cancel of ours.
pub(super) fn executed<'a>(cancel: &Cancel, payment: &'a PgPayment) -> Option<&'a PgCancel> {
    payment.cancels.iter().find(|theirs| {
        theirs.reason.contains(cancel.id.as_str())
            || cancel.pg_cancel_id.as_ref() == Some(&theirs.pg_cancel_id)
            || (cancel.reason == theirs.reason && cancel.amount.amount() == theirs.amount)
    })
}
