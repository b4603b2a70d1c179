//! Following cancels and closes by what the PG shows of them.

use jiff::Timestamp;

use super::{Context, Draft, schedule::CANCEL_ERRORS};
use crate::model::{
    Cancel, CancelOrigin, CancelStatus, ChargeId, Close, Dispatch, Failure, FailureReason, LastResponse,
    Outcome, PgCancelStatus, PgStatus, Snapshot, SnapshotCancel,
};

/// Brings the cancels of a charge to what its snapshot shows.
pub(super) fn follow_cancels(draft: &mut Draft, id: &ChargeId, asked_at: Timestamp, context: &Context<'_>) {
    let Some(charge) = draft.record.charge_mut(id) else { return };
    let Some(snapshot) = charge.snapshot.clone() else { return };
    let theirs = snapshot.cancels.as_deref().unwrap_or_default();
    for ours in &mut charge.cancels {
        // A person may have taken a cancel in the PG's console for ours. Once the PG lists one under our own
        // id there were two, and the one by hand becomes a row of its own.
        let mut own = theirs.iter().filter(|theirs| theirs.id.as_ref() == Some(&ours.id)).peekable();
        if own.peek().is_some() && own.all(|own| own.pg_cancel_id != ours.pg_cancel_id) {
            ours.pg_cancel_id = None;
        }
    }
    for (position, theirs_now) in theirs.iter().enumerate() {
        if theirs_now.amount.is_zero() {
            continue;
        }
        let Some(ours) = charge.cancels.iter_mut().find(|ours| theirs_now.is(ours)) else {
            charge.cancels.push(adopt(&snapshot, theirs_now, context));
            continue;
        };
        // Where a PG has one word for all refunds of a payment, that word is about the newest.
        let is_about_newer = ours.is_failed_refund() && position + 1 != theirs.len();
        // Of several tries of one cancel the one that came through counts.
        let is_failed_try = theirs_now.status == PgCancelStatus::Failed && !snapshot.shows_failed(ours);
        if !is_about_newer && !is_failed_try {
            follow(ours, theirs_now, context.now);
        }
    }
    // No list may show what was done: some answers hold only the sum.
    let sum_is_known = charge.unexplained(&snapshot).is_zero();
    let is_not_done = |cancel: &Cancel, sent: &Dispatch| {
        let is_final = context.is_past_final(sent, asked_at) && !sent.may_follow;
        is_final && !snapshot.shows_cancel(cancel) && sum_is_known
    };
    // Money that is not there any more cannot go back: its compensation ends, once none of its sends can have
    // been done. Money that comes again is judged again.
    let is_moot = |cancel: &&mut Cancel| {
        let is_ours = cancel.held.is_some() || cancel.compensates.is_some();
        let sent = cancel.dispatch.as_ref();
        is_ours && cancel.status.is_unresolved() && sent.is_none_or(|sent| is_not_done(cancel, sent))
    };
    if snapshot.balance().is_zero() {
        for cancel in charge.cancels.iter_mut().filter(is_moot) {
            cancel.refuse(Failure::of(FailureReason::NotCancellable));
        }
    }
    // Answered with errors again and again, and certainly not done: the PG's own words are the answer. Of a
    // compensation that is a review.
    for cancel in charge.cancels.iter_mut().filter(|cancel| cancel.status.is_uncertain()) {
        let Some(sent) = &cancel.dispatch else { continue };
        if !is_not_done(cancel, sent) {
            continue;
        }
        if cancel.held.is_some() {
            // None of its sends was done, and it is not sent again: it waits for a person.
            cancel.status = CancelStatus::Requested;
            continue;
        }
        if is_given_up(sent, asked_at, context) {
            let failure = cancel.failure.take().unwrap_or(Failure::of(FailureReason::NotCancellable));
            if cancel.needs_another_account(&failure) {
                cancel.wait_for_account(failure);
                continue;
            }
            cancel.refuse(failure);
            if let Some(sent) = &mut cancel.dispatch {
                sent.final_at = Some(context.now);
            }
        }
    }
}

/// Brings the closes of a charge's account to what its snapshot shows.
pub(super) fn follow_closes(draft: &mut Draft, id: &ChargeId, asked_at: Timestamp, context: &Context<'_>) {
    let Some(charge) = draft.record.charge_mut(id) else { return };
    let Some(snapshot) = &charge.snapshot else { return };
    let has_money = !snapshot.paid.is_zero();
    let ended = matches!(snapshot.status, PgStatus::Expired | PgStatus::Failed) && !has_money;
    for close in charge.closes.iter_mut().filter(|close| close.status.is_unresolved()) {
        // A request that is unanswered may be executed yet: the deposit has won only when it can no longer be.
        let is_resolved = close.dispatch.as_ref().is_none_or(|sent| {
            sent.last_response != LastResponse::Unanswered || context.is_past_final(sent, asked_at)
        });
        if snapshot.status == PgStatus::Closed && !has_money {
            close.status = CancelStatus::Done;
            close.failure = None;
            end(close, Outcome::Done, context.now);
        } else if (has_money || ended) && is_resolved {
            let failure = Failure::of(FailureReason::NotCancellable);
            close.refuse(failure.clone());
            end(close, Outcome::Declined(failure), context.now);
        } else if close.dispatch.as_ref().is_some_and(|sent| is_given_up(sent, asked_at, context)) {
            let failure = close.failure.take().unwrap_or(Failure::of(FailureReason::NotCancellable));
            close.refuse(failure.clone());
            end(close, Outcome::Declined(failure), context.now);
        }
    }
}

/// Answered with errors again and again, and any send that was done would have to show by now.
fn is_given_up(sent: &Dispatch, asked_at: Timestamp, context: &Context<'_>) -> bool {
    let answered = sent.last_response == LastResponse::Error && sent.error_count >= CANCEL_ERRORS;
    answered && context.is_past_final(sent, asked_at)
}

fn end(close: &mut Close, outcome: Outcome, now: Timestamp) {
    if let Some(sent) = &mut close.dispatch {
        sent.end(outcome, now);
    }
}

/// A cancel that the PG shows becomes what the PG shows.
fn follow(ours: &mut Cancel, theirs: &SnapshotCancel, now: Timestamp) {
    // A PG with one status for all refunds of a payment would take a finished refund back when the next one
    // begins. Only a failure counts after "done": a booked refund may fail to be paid out.
    if ours.status != CancelStatus::Done || theirs.status == PgCancelStatus::Failed {
        ours.status = status_of(theirs.status);
    }
    if ours.amount.currency() == theirs.amount.currency() {
        // Sent without an amount it took what was left, and a part may have been cancelled by hand before.
        ours.amount = theirs.amount;
    }
    if theirs.pg_cancel_id.is_some() {
        ours.pg_cancel_id.clone_from(&theirs.pg_cancel_id);
    }
    ours.held = None;
    // The PG lists it, so it accepted it. A failure after that is a review, never a second cancel.
    let is_failed = ours.status == CancelStatus::Refused;
    ours.failure = is_failed.then_some(Failure::of(FailureReason::RefundFailed));
    ours.failed_at = if is_failed { ours.failed_at.or(Some(now)) } else { None };
    if let Some(sent) = ours.dispatch.as_mut().filter(|sent| sent.outcome().is_none()) {
        sent.end(Outcome::Done, now);
    }
}

/// A cancel that we did not make becomes a row of its own.
fn adopt(snapshot: &Snapshot, theirs: &SnapshotCancel, context: &Context<'_>) -> Cancel {
    let status = status_of(theirs.status);
    Cancel {
        id: context.ids.cancel(context.now),
        origin: if theirs.chargeback { CancelOrigin::Chargeback } else { CancelOrigin::Pg },
        compensates: None,
        status,
        held: None,
        is_whole: theirs.amount == snapshot.paid,
        amount: theirs.amount,
        tax_free_amount: None,
        vat_amount: None,
        cancellable_before: snapshot.paid,
        failed_at: (status == CancelStatus::Refused).then_some(context.now),
        reason: theirs.reason.clone().unwrap_or_default(),
        refund_account: None,
        dispatch: None,
        pg_cancel_id: theirs.pg_cancel_id.clone(),
        failure: (status == CancelStatus::Refused).then_some(Failure::of(FailureReason::RefundFailed)),
        key: None,
        created_at: theirs.at.unwrap_or(context.now),
    }
}

pub(crate) const fn status_of(status: PgCancelStatus) -> CancelStatus {
    match status {
        PgCancelStatus::Done => CancelStatus::Done,
        PgCancelStatus::Pending => CancelStatus::Pending,
        PgCancelStatus::Failed => CancelStatus::Refused,
    }
}
