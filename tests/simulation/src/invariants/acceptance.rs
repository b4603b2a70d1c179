//! Invariants 8 and 9: which money is ours, and which of it is kept.

use std::sync::Arc;

use paymux_core::{
    model::{ReviewOutcome, ReviewReason, ReviewSubject},
    provider::CancelRequest,
};

use super::Commit;
use crate::{model_pg::Model, world::World};

/// 8: a charge is accepted only if everything matches.
pub(super) fn i08_only_what_matches_is_accepted(commit: &Commit<'_>) {
    let payment = &commit.after.payment;
    let amount = payment.terms.amount.amount();
    for charge in commit.after.charges.iter().filter(|charge| charge.accepted) {
        let decided = payment.reviews.iter().any(|review| {
            review.about == ReviewSubject::Charge(charge.id.clone())
                && review.reason == ReviewReason::MismatchNotCancelled
                && review.decision() == Some(ReviewOutcome::Done)
        });
        let Some(pg_id) = &charge.pg_payment_id else {
            commit.world.violated(8, || format!("{} accepted a PG payment without a name", payment.id));
            continue;
        };
        let order = commit.after.attempt(charge.attempt).map(|attempt| attempt.pg_order_id.to_string());
        let matches = commit.model.row(pg_id, |row| {
            let theirs = row.now();
            let adds_up = theirs.taken == 0 || theirs.taken + theirs.discount == theirs.total;
            Some(&theirs.order) == order.as_ref() && theirs.total == amount && adds_up && !theirs.wrong_mode
        });
        if matches != Some(true) && !decided {
            commit.world.violated(8, || format!("{} accepted {pg_id}, which does not match", payment.id));
        }
    }
}

/// 8: money under another order is never cancelled.
pub(super) fn i08_only_our_money_is_cancelled(world: &World, model: &Arc<Model>, request: &CancelRequest) {
    let unique = request.idempotency_key.strip_prefix("pay_").and_then(|key| key.get(..26)).unwrap_or("?");
    let is_ours =
        model.row(&request.pg_payment_id, |row| row.now().order.starts_with(&format!("pay{unique}")));
    if is_ours != Some(true) {
        world.violated(8, || {
            format!("{} cancels {}, which is not its own", request.idempotency_key, request.pg_payment_id)
        });
    }
}

/// 9: one charge is accepted per payment.
pub(super) fn i09_one_is_accepted(commit: &Commit<'_>) {
    let accepted = commit.after.charges.iter().filter(|charge| charge.accepted).count();
    if accepted > 1 {
        commit.world.violated(9, || format!("{} accepted {accepted} charges", commit.after.payment.id));
    }
}
