//! Invariants 7 and 14: money given back.

use paymux_core::{
    model::{Cancel, CancelOrigin, CancelStatus, PgCancelStatus},
    provider::CancelRequest,
};

use super::{Commit, Seen};
use crate::{
    model_pg::books::{Books, PgCancel, PgPayment, State},
    world::World,
};

/// 7: what we gave back or are giving back of a charge never sums to more than was paid, nor does all that was given
/// back; and an unresolved cancel blocks the next of its charge.
pub(super) fn i07_never_more_than_was_paid(commit: &Commit<'_>) {
    for charge in &commit.after.charges {
        let Some(pg_id) = &charge.pg_payment_id else { continue };
        let counts = |cancel: &&Cancel| cancel.status != CancelStatus::Refused && cancel.held.is_none();
        // Somebody at the console does not ask what is in flight; the guard refuses that one.
        let ours: u64 = charge
            .cancels
            .iter()
            .filter(counts)
            .filter(|cancel| cancel.origin != CancelOrigin::Pg)
            .map(|cancel| cancel.amount.amount())
            .sum();
        let done: u64 = charge
            .cancels
            .iter()
            .filter(counts)
            .filter(|cancel| !cancel.status.is_unresolved())
            .map(|cancel| cancel.amount.amount())
            .sum();
        let gross = commit.model.kind.counts_gross();
        let whole = |payment: &PgPayment| {
            if gross && payment.taken > 0 { payment.total } else { payment.taken }
        };
        let most = commit.model.row(pg_id, |row| row.states().map(whole).max()).flatten().unwrap_or(0);
        if ours.max(done) > most {
            commit
                .world
                .violated(7, || format!("{pg_id}: {ours} by us and {done} in all is given back of {most}"));
        }
        let open = charge.cancels.iter().filter(|cancel| cancel.status.is_uncertain()).count();
        if open > 1 {
            commit.world.violated(7, || format!("{pg_id}: two cancels are unresolved at once"));
        }
    }
}

/// 7: a cancel of ours is done once, however often it was sent.
pub(super) fn i07_is_executed_once(world: &World, books: &Books, request: &CancelRequest) {
    let counts = |cancel: &&PgCancel| {
        cancel.status != PgCancelStatus::Failed && cancel.reason.contains(request.id.as_str())
    };
    if books.rows[&request.pg_payment_id].now().cancels.iter().any(|cancel| counts(&cancel)) {
        world.violated(7, || format!("{} is executed twice", request.id));
    }
}

/// 7: while a dispute is open nothing of ours is sent for the charge.
pub(super) fn i07_nothing_beside_a_dispute(seen: &Seen, world: &World, request: &CancelRequest) {
    let of_charge =
        |charge: &&paymux_core::model::Charge| charge.pg_payment_id.as_ref() == Some(&request.pg_payment_id);
    let disputed =
        seen.records.values().flat_map(|record| record.charges.iter()).filter(of_charge).any(|charge| {
            let shown = charge.snapshot.as_ref();
            shown.is_some_and(|shown| shown.disputed == Some(true) && !shown.paid.is_zero())
        });
    if disputed {
        world.violated(7, || format!("{} was sent while the payment is disputed", request.idempotency_key));
    }
}

/// 14: a refund is done when the PG says so; a close, when the account is closed.
pub(super) fn i14_done_is_done(commit: &Commit<'_>) {
    for charge in &commit.change.charges {
        let Some(pg_id) = &charge.pg_payment_id else { continue };
        let Some(payment) = commit.model.row(pg_id, |row| row.now().clone()) else { continue };
        let done = |status: CancelStatus| status == CancelStatus::Done;
        for cancel in charge.cancels.iter().filter(|cancel| done(cancel.status)) {
            let is_done = |payment: &PgPayment| {
                executed(cancel, payment).is_some_and(|theirs| theirs.status == PgCancelStatus::Done)
            };
            // It may be undone again before we hear of it.
            let was_done = commit.model.row(pg_id, |row| row.states().any(is_done)) == Some(true);
            if !was_done {
                commit.world.violated(14, || format!("{} is done, and the PG has not done it", cancel.id));
            }
        }
        for close in charge.closes.iter().filter(|close| done(close.status)) {
            if payment.state != State::Closed {
                commit.world.violated(14, || format!("{} is done, and the account is open", close.id));
            }
        }
    }
}

/// The PG's side of a cancel of ours.
pub(super) fn executed<'a>(cancel: &Cancel, payment: &'a PgPayment) -> Option<&'a PgCancel> {
    let is_named = |theirs: &&PgCancel| {
        theirs.reason.contains(cancel.id.as_str())
            || cancel.pg_cancel_id.as_ref() == Some(&theirs.pg_cancel_id)
    };
    // A PG that names none is matched by everything it shows: two in the console may have the same words.
    let is_the_same = |theirs: &&PgCancel| {
        cancel.reason == theirs.reason
            && cancel.amount.amount() == theirs.amount
            && cancel.created_at == theirs.at
    };
    payment.cancels.iter().find(is_named).or_else(|| payment.cancels.iter().find(is_the_same))
}
