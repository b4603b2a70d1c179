//! Invariants 3 to 6: what Paymux says comes from what the PG said.

use gateway_core::{
    Attempt, AttemptStatus, CancelScope, CancelStatus, FailureReason, PaymentStatus, PgPaymentId,
    idempotency_key,
};

use super::{Commit, Seen};
use crate::simulation::model_pg::{
    Kind,
    books::{Row, State},
};

impl Commit<'_> {
    fn status_before(&self) -> Option<PaymentStatus> {
        self.before.map(|before| before.payment.status)
    }

    fn any_row(&self, is: impl Fn(&Row) -> bool) -> bool {
        self.model.books(|books| {
            self.after.attempts.iter().any(|attempt| books.of_order(attempt.pg_order_id.as_str()).any(&is))
        })
    }
}

/// 3: a state is one the PG was in, or follows from its definite answer.
pub(super) fn i03_states_come_from_the_pg(seen: &Seen, commit: &Commit<'_>) {
    let payment = &commit.after.payment;
    let (paid, back) = (payment.amount_paid.amount(), payment.amount_cancelled.amount());
    let was = |pg_id: &PgPaymentId, is: &dyn Fn(&Row) -> bool| commit.model.row(pg_id, is).unwrap_or(false);
    let holds = match payment.status {
        _ if paid > 0 => commit.after.accepted().is_some_and(|pg_id| {
            was(pg_id, &|row| row.states().any(|state| state.taken == paid && state.given_back() == back))
        }),
        PaymentStatus::Paid | PaymentStatus::PartiallyCancelled => false,
        PaymentStatus::AwaitingDeposit => commit
            .after
            .accepted()
            .is_some_and(|pg_id| was(pg_id, &|row| row.states().any(|state| state.state == State::Awaiting))),
        PaymentStatus::Failed if commit.status_before() != Some(PaymentStatus::Failed) => {
            any_is_declined(seen, commit)
                || commit.any_row(|row| row.states().any(|s| s.state == State::Failed))
        }
        _ => true,
    };
    if !holds {
        commit.world.violated(3, || {
            format!(
                "{} is {} with {paid} paid and {back} back, which the PG never said",
                payment.id,
                payment.status.name()
            )
        });
    }
}

fn any_is_declined(seen: &Seen, commit: &Commit<'_>) -> bool {
    commit.after.attempts.iter().any(|attempt| is_declined(seen, commit, attempt))
}

fn is_declined(seen: &Seen, commit: &Commit<'_>, attempt: &Attempt) -> bool {
    let sends = 1..=attempt.confirm.as_ref().map_or(0, |sent| sent.send);
    let number = attempt.number.to_string();
    let mut keys = sends.map(|send| idempotency_key(&commit.after.payment.id, "confirm", &number, send));
    keys.any(|key| seen.declined.contains(&key))
}

/// 4: a look-up that was overtaken is dropped: what is committed of a PG payment never goes back.
pub(super) fn i04_no_answer_is_older_than_the_last(seen: &mut Seen, commit: &Commit<'_>) {
    if commit.world.profile.stale_reads {
        return;
    }
    for attempt in &commit.change.attempts {
        let old =
            commit.before.and_then(|before| before.attempts.iter().find(|o| o.number == attempt.number));
        let is_news = old.is_none_or(|old| old.raw != attempt.raw);
        let Some((pg_id, index)) =
            attempt.raw.as_ref().filter(|_| is_news).and_then(|raw| shown(raw.expose()))
        else {
            continue;
        };
        let last = seen.shown.get(&pg_id).copied().unwrap_or(0);
        if index < last {
            commit.world.violated(4, || format!("{pg_id}: state {index} was committed over state {last}"));
        }
        seen.shown.insert(pg_id, index.max(last));
    }
}

/// Which state of which PG payment an answer shows; none if it is a replay.
fn shown(raw: &str) -> Option<(PgPaymentId, usize)> {
    let (pg_id, index) = raw.split_once(':')?;
    Some((pg_id.parse().ok()?, index.parse().ok()?))
}

/// 5: "not there" is not believed before it is final, and never of a cancel that was sent.
pub(super) fn i05_no_early_no(seen: &mut Seen, commit: &Commit<'_>) {
    for cancel in &commit.change.cancels {
        if cancel.status == CancelStatus::Refused {
            seen.cancels_refused.insert(cancel.id.clone());
        } else {
            seen.cancels_refused.remove(&cancel.id);
        }
    }
    for attempt in commit.change.attempts.iter().filter(|attempt| attempt.status == AttemptStatus::Closed) {
        let was_open = commit.before.is_some_and(|before| {
            before.attempts.iter().any(|old| old.number == attempt.number && old.is_uncertain())
        });
        let expired = attempt.failure.as_ref().map(|f| f.reason) == Some(FailureReason::SessionExpired);
        if !was_open || !expired || is_declined(seen, commit, attempt) {
            continue;
        }
        let Some(pg_id) = &attempt.pg_id else { continue };
        let took = commit.model.row(pg_id, |row| matches!(row.now().state, State::Paid | State::Awaiting));
        if took == Some(true) {
            commit
                .world
                .violated(5, || format!("{pg_id} has the money, and its attempt was ended as not taken"));
        }
    }
    let now = commit.world.now();
    for cancel in commit.change.cancels.iter().filter(|cancel| cancel.status == CancelStatus::Refused) {
        let Some(pg_id) = &cancel.pg_id else { continue };
        let executed = commit.model.row(pg_id, |row| {
            let ours = |theirs: &&crate::simulation::model_pg::books::PgCancel| {
                theirs.reason.contains(cancel.id.as_str())
            };
            let kept = row.now().cancels.iter().find(ours).is_some_and(|t| t.status != CancelStatus::Refused);
            kept && row.settled_since() <= now
        });
        if executed == Some(true) {
            commit.world.violated(5, || format!("{} was executed and is refused", cancel.id));
        }
    }
}

/// 6: what is unknown does not become a no because time passes.
pub(super) fn i06_unknown_does_not_become_failed(seen: &Seen, commit: &Commit<'_>) {
    for cancel in commit.change.cancels.iter().filter(|cancel| cancel.status == CancelStatus::Refused) {
        let was = commit.before.and_then(|before| before.cancel(&cancel.id));
        if was.is_none_or(|was| !was.status.is_unsettled()) || cancel.scope == CancelScope::Close {
            continue;
        }
        let sends = 1..=cancel.sending.as_ref().map_or(0, |sent| sent.send);
        let id = &commit.after.payment.id;
        let heard = sends
            .map(|send| idempotency_key(id, "cancel", cancel.id.as_str(), send))
            .any(|key| seen.refused.contains(&key) || seen.not_sent.contains(&key));
        if !heard {
            commit.world.violated(6, || format!("{} was refused and no PG said no", cancel.id));
        }
    }
    if commit.model.kind == Kind::OnConfirm {
        return;
    }
    let fell = commit.after.payment.status == PaymentStatus::Failed
        && commit.status_before().is_some_and(|status| status != PaymentStatus::Failed);
    if fell && !commit.any_row(|row| row.states().any(|state| state.state == State::Failed)) {
        commit.world.violated(6, || format!("{} failed, and no window did", commit.after.payment.id));
    }
}
