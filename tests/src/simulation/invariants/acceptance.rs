//! Invariants 8 and 9: which money is ours, and which of it is kept.

use std::sync::Arc;

use gateway_core::CancelRequest;

use super::Commit;
use crate::simulation::{model_pg::Model, world::World};

/// 8: money is accepted only if everything matches.
pub(super) fn i08_only_what_matches_is_accepted(commit: &Commit<'_>) {
    let payment = &commit.after.payment;
    for attempt in commit.after.attempts.iter().filter(|attempt| attempt.accepted) {
        let Some(pg_id) = &attempt.pg_id else {
            commit.world.violated(8, || format!("{} accepted a PG payment without a name", payment.id));
            continue;
        };
        let matches = commit.model.row(pg_id, |row| {
            let theirs = row.now();
            theirs.order == attempt.pg_order_id.as_str() && theirs.total == payment.terms.amount.amount()
        });
        if matches != Some(true) {
            commit.world.violated(8, || format!("{} accepted {pg_id}, which does not match", payment.id));
        }
    }
}

/// 8: money under another order is never cancelled.
pub(super) fn i08_only_our_money_is_cancelled(world: &World, model: &Arc<Model>, request: &CancelRequest) {
    let payment = request.idempotency_key.split(':').next().unwrap_or_default();
    let unique = payment.strip_prefix("pay_").unwrap_or("?");
    let is_ours = model.row(&request.pg_id, |row| row.now().order.starts_with(&format!("pay{unique}")));
    if is_ours != Some(true) {
        world.violated(8, || format!("{payment} cancels {}, which is not its own", request.pg_id));
    }
}

/// 9: one PG payment is accepted per payment.
pub(super) fn i09_one_is_accepted(commit: &Commit<'_>) {
    let accepted = commit.after.attempts.iter().filter(|attempt| attempt.accepted).count();
    if accepted > 1 {
        commit.world.violated(9, || format!("{} accepted {accepted} PG payments", commit.after.payment.id));
    }
}
