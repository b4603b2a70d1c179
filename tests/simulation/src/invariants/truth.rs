//! Invariants 3 to 6, 13 and 17: what Paymux says comes from what the PG said.

use std::sync::Arc;

use paymux_core::model::{
    Cancel, CancelStatus, Charge, Dispatch, Failure, FailureReason, Operation, Outcome, PaymentStatus,
    PgPaymentId, Timing,
};

use super::{Commit, Seen, compensation::is_late, sending::is_answered};
use crate::{
    model_pg::{
        Kind, Model,
        books::{PgCancel, Row, State},
    },
    world::World,
};

impl Commit<'_> {
    fn status_before(&self) -> Option<PaymentStatus> {
        self.before.map(|before| before.payment.status())
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
    let shown = &payment.shown;
    let (paid, back) = (shown.amount_paid.amount(), shown.amount_cancelled.amount());
    let accepted = commit.after.accepted().and_then(|charge| charge.pg_payment_id.as_ref());
    let was = |is: &dyn Fn(&Row) -> bool| {
        accepted.is_some_and(|id: &PgPaymentId| commit.model.row(id, is).unwrap_or(false))
    };
    let holds = match shown.status {
        _ if paid > 0 => {
            was(&|row| row.states().any(|state| state.taken == paid && state.given_back() == back))
        }
        PaymentStatus::Paid | PaymentStatus::PartiallyCancelled => false,
        PaymentStatus::AwaitingDeposit => {
            was(&|row| row.states().any(|state| state.state == State::Awaiting))
        }
        PaymentStatus::Failed if commit.status_before() != Some(PaymentStatus::Failed) => {
            commit.after.charges.iter().any(|charge| is_declined(seen, commit, charge))
                || commit.any_row(|row| row.states().any(|state| state.state == State::Failed))
        }
        _ => true,
    };
    if !holds {
        commit.world.violated(3, || {
            format!(
                "{} is {} with {paid} paid and {back} back, which the PG never said",
                payment.id,
                shown.status.name()
            )
        });
    }
}

/// Whether the PG answered a send of the charge's confirm with a decline.
fn is_declined(seen: &Seen, commit: &Commit<'_>, charge: &Charge) -> bool {
    let sends = 1..=charge.confirm.as_ref().map_or(0, |sent| sent.key_seq);
    let operation = Operation::Confirm(charge.id.clone());
    let mut keys = sends.map(|seq| operation.idempotency_key(&commit.after.payment.id, seq));
    keys.any(|key| seen.declined.contains(&key))
}

/// 4: a look-up that was overtaken is dropped: what is committed of a charge never goes back.
pub(super) fn i04_no_answer_is_older_than_the_last(seen: &mut Seen, commit: &Commit<'_>) {
    if commit.world.profile.stale_reads {
        return;
    }
    for charge in &commit.change.charges {
        let old = commit.before.and_then(|before| before.charge(&charge.id));
        let raw = |charge: &Charge| charge.snapshot.as_ref().map(|shown| shown.raw.expose().to_owned());
        let Some(now) = raw(charge).filter(|now| old.and_then(raw).as_ref() != Some(now)) else { continue };
        let Some((pg_id, index)) = shown(&now) else { continue };
        let last = seen.shown.get(&pg_id).copied().unwrap_or(0);
        if index < last {
            commit.world.violated(4, || format!("{pg_id}: state {index} was committed over state {last}"));
        }
        seen.shown.insert(pg_id, index.max(last));
    }
}

/// Which state of which PG payment an answer shows.
fn shown(raw: &str) -> Option<(PgPaymentId, usize)> {
    let (pg_id, index) = raw.split_once(':')?;
    Some((pg_id.parse().ok()?, index.parse().ok()?))
}

/// 5: "not there" is not believed before it is final, and never of a cancel that was sent.
pub(super) fn i05_no_early_no(seen: &mut Seen, commit: &Commit<'_>) {
    for charge in &commit.change.charges {
        for cancel in &charge.cancels {
            if cancel.status == CancelStatus::Refused {
                seen.cancels_refused.insert(cancel.id.clone());
            } else {
                seen.cancels_refused.remove(&cancel.id);
            }
        }
        i05_not_done_is_not_done(seen, commit, charge);
        for cancel in charge.cancels.iter().filter(|cancel| cancel.status == CancelStatus::Refused) {
            i05_refused_is_not_done(commit, charge, cancel);
        }
    }
}

fn i05_not_done_is_not_done(seen: &Seen, commit: &Commit<'_>, charge: &Charge) {
    let was_open =
        commit.before.and_then(|before| before.charge(&charge.id)).is_some_and(Charge::is_unresolved);
    let expired = |failure: &Failure| failure.reason == FailureReason::SessionExpired;
    let outcome = charge.confirm.as_ref().and_then(Dispatch::outcome);
    let ends = matches!(outcome, Some(Outcome::NotDone(failure)) if expired(failure));
    if !was_open || !ends || is_declined(seen, commit, charge) {
        return;
    }
    let Some(pg_id) = &charge.pg_payment_id else { return };
    let took = commit.model.row(pg_id, |row| matches!(row.now().state, State::Paid | State::Awaiting));
    if took == Some(true) {
        commit.world.violated(5, || format!("{pg_id} has the money, and its confirm was ended as not done"));
    }
}

/// 5: a confirm that was ended as not done is not executed later: the buyer may have paid anew by then.
pub(super) fn i05_what_ended_is_not_executed(
    seen: &Seen,
    world: &World,
    model: &Arc<Model>,
    pg_id: &PgPaymentId,
) {
    let Some(order_id) = model.row(pg_id, |row| row.now().order.clone()) else { return };
    // Another payment may have claimed it as well.
    let owner = seen.records.values().find(|record| record.attempt_of(&order_id).is_some());
    let charge = owner.and_then(|record| record.charge_at_pg(pg_id));
    let outcome = charge.and_then(|charge| charge.confirm.as_ref()).and_then(Dispatch::outcome);
    if matches!(outcome, Some(Outcome::NotDone(_) | Outcome::Declined(_))) {
        world.violated(5, || format!("the confirm of {pg_id} was ended, and is executed now"));
    }
}

fn i05_refused_is_not_done(commit: &Commit<'_>, charge: &Charge, cancel: &Cancel) {
    let Some(pg_id) = &charge.pg_payment_id else { return };
    let now = commit.world.now();
    let executed = commit.model.row(pg_id, |row| {
        let ours = |theirs: &&PgCancel| theirs.reason.contains(cancel.id.as_str());
        let kept = row.now().cancels.iter().find(ours);
        kept.is_some_and(|theirs| theirs.status != paymux_core::model::PgCancelStatus::Failed)
            && row.shown_since() <= now
    });
    if executed == Some(true) {
        commit.world.violated(5, || format!("{} was executed and is refused", cancel.id));
    }
}

/// 6: what is unknown does not become a decline because time passes.
pub(super) fn i06_unknown_does_not_become_failed(seen: &Seen, commit: &Commit<'_>) {
    let id = &commit.after.payment.id;
    let cancels =
        commit.change.charges.iter().flat_map(|charge| charge.cancels.iter().map(move |of| (charge, of)));
    for (charge, cancel) in cancels.filter(|(_, cancel)| cancel.status == CancelStatus::Refused) {
        let was = commit.before.and_then(|before| before.cancel(&cancel.id)).map(|(_, cancel)| cancel.status);
        let Some(sent) = cancel.dispatch.as_ref().filter(|_| was.is_some_and(CancelStatus::is_unresolved))
        else {
            continue;
        };
        let operation = Operation::Cancel(cancel.id.clone());
        let mut keys = (1..=sent.key_seq).map(|seq| operation.idempotency_key(id, seq));
        let is_refused = keys.any(|key| seen.refused.contains(&key)) || is_answered(sent);
        // Money that somebody else gave back cannot go back again.
        let is_gone = cancel.compensates.is_some()
            && charge.snapshot.as_ref().is_some_and(|snapshot| snapshot.balance().is_zero());
        if !is_refused && !is_gone {
            commit.world.violated(6, || format!("{} was refused and no PG refused it", cancel.id));
        }
    }
    if commit.model.kind == Kind::OnConfirm {
        return;
    }
    let fell = commit.after.payment.status() == PaymentStatus::Failed
        && commit.status_before().is_some_and(|status| status != PaymentStatus::Failed);
    if fell && !commit.any_row(|row| row.states().any(|state| state.state == State::Failed)) {
        commit.world.violated(6, || format!("{id} failed, and no window did"));
    }
}

/// 6: a payment of which it is not known whether its money was taken has not ended.
pub(super) fn i06_unknown_is_no_end(commit: &Commit<'_>) {
    let payment = &commit.after.payment;
    if !matches!(payment.status(), PaymentStatus::Failed | PaymentStatus::Expired) {
        return;
    }
    let unknown =
        commit.after.charges.iter().find(|charge| charge.is_unresolved() && charge.misfit.is_none());
    if let Some(charge) = unknown {
        let status = payment.status().name();
        commit.world.violated(6, || format!("{} is {status}, and {} is unknown", payment.id, charge.id));
    }
}

/// 13: what came in time is not called late: against the deadline in force when its money was first seen.
pub(super) fn i13_late_is_late(commit: &Commit<'_>) {
    if commit.world.profile.steps_clock() {
        return;
    }
    for charge in commit.change.charges.iter().filter(|charge| charge.timing == Some(Timing::Late)) {
        let old = commit.before.and_then(|before| before.charge(&charge.id));
        let (Some(pg_id), true) = (&charge.pg_payment_id, old.is_none_or(|old| old.timing.is_none())) else {
            continue;
        };
        let deadline = commit.after.payment.expires_at;
        let late = commit.model.row(pg_id, |row| {
            row.states().any(|state| state.paid_at.is_some_and(|paid_at| is_late(deadline, state, paid_at)))
        });
        if late == Some(false) {
            commit.world.violated(13, || format!("{pg_id} came in time and is called late"));
        }
    }
}

/// 17: while the clock is wrong nothing expires.
pub(super) fn i17_nothing_ends_by_a_wrong_clock(commit: &Commit<'_>) {
    let expired = commit.after.payment.status() == PaymentStatus::Expired
        && commit.status_before() != Some(PaymentStatus::Expired);
    let is_account = commit.after.accepted().is_some();
    // A replica that starts at a wrong hour may not notice it.
    let profile = &commit.world.profile;
    let starts = profile.crashes > 0
        || profile.strikes > 0
        || profile.rotates_at.is_some()
        || profile.retires_at.is_some();
    if expired && !starts && !commit.world.is_clock_right() && !is_account {
        let deadline = commit.after.payment.expires_at;
        if commit.world.now() <= deadline {
            commit
                .world
                .violated(17, || format!("{} expired by a clock that is wrong", commit.after.payment.id));
        }
    }
}
