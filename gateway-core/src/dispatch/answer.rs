//! What the answer to a request does to its row. Pure.

use std::time::Duration;

use super::guards::repeat_from;
use crate::{
    clock::{MINUTE, later},
    lifecycle::{
        Context, Draft, acceptance,
        schedule::{CANCEL_ERRORS, step},
    },
    model::{
        CancelStatus, Charge, Dispatch, Failure, FailureReason, LastResponse, Operation, Outcome, PgMessage,
    },
    store::{PendingOperation, Why},
};

/// What came back to a request that moves money, apart from a success.
#[derive(Clone, Debug)]
pub(super) enum Setback {
    /// It never left.
    NotSent,
    /// The PG answered that it did not do it, for now.
    Later(PgMessage),
    /// Nothing that can be read, or "still being processed".
    Unanswered,
    /// An error that leaves open whether it was done.
    Unknown(PgMessage),
    /// A definite decline of this send.
    Declined(Failure),
    /// A decline that a look-up contradicts, or that none could check: nothing is sent again, and what later look-ups show
    /// decides.
    Doubted(Failure),
    /// It may be done any time later: nothing is sent again, and if look-ups do not show it, a person decides.
    MayFollow(Failure),
    /// Keys, contract or request are wrong: this send did nothing, and the next one will do nothing.
    Refused(Failure),
}

/// Commits what came back to the send `sent` of an operation. What a look-up or a later send has decided meanwhile stays.
pub(super) fn answered(
    draft: &mut Draft,
    operation: &Operation,
    sent: &Dispatch,
    setback: &Setback,
    context: &Context<'_>,
) {
    if !draft.awaits_answer_to(operation, sent) {
        // As a success, this counts whenever it comes: the send that was answered so may be done any time.
        if matches!(setback, Setback::MayFollow(_))
            && let Some(Some(kept)) = draft.record.dispatch_mut(operation)
        {
            kept.may_follow |= kept.outcome().is_none();
            plan_retry(draft, operation, context);
        }
        return;
    }
    // "Declined" to a repeat may mean "done before": it counts only if every earlier send was answered.
    let speaks_for_all = sent.is_last_word();
    match setback {
        // It never reached the PG: the same key goes out again, and no guard has to wait for its final time.
        Setback::NotSent => not_done(draft, operation, context, |sent| sent.may_have_left = false),
        // Answered, so the next key: a PG may repeat its answer for the same one for days.
        Setback::Later(pg) => {
            say(draft, operation, pg);
            not_done(draft, operation, context, |sent| sent.last_response = LastResponse::Error);
        }
        Setback::Unanswered => unknown(draft, operation, context, |_| ()),
        Setback::Unknown(pg) => {
            say(draft, operation, pg);
            unknown(draft, operation, context, |sent| {
                sent.last_response = LastResponse::Error;
                // From now on a decline of a later send proves nothing: this one may have been done.
                sent.had_unknown = true;
                sent.error_count = sent.error_count.saturating_add(1);
            });
        }
        Setback::Doubted(failure) => {
            draft.set_failure(operation, Some(failure.clone()));
            unknown(draft, operation, context, |sent| {
                sent.last_response = LastResponse::Error;
                sent.had_unknown = true;
                sent.error_count = CANCEL_ERRORS;
            });
        }
        Setback::MayFollow(failure) => {
            draft.set_failure(operation, Some(failure.clone()));
            unknown(draft, operation, context, |sent| {
                sent.last_response = LastResponse::Error;
                sent.had_unknown = true;
                sent.may_follow = true;
            });
        }
        // A typo in an account must not end money that has to go back.
        Setback::Declined(failure) if speaks_for_all && needs_another_account(draft, operation, failure) => {
            wait_for_account(draft, operation, failure);
        }
        Setback::Declined(failure) if speaks_for_all => {
            end(draft, operation, Outcome::Declined(failure.clone()), failure.clone(), context);
        }
        Setback::Refused(failure) if speaks_for_all && !is_compensation(draft, operation) => {
            end(draft, operation, Outcome::NotDone(failure.clone()), failure.clone(), context);
        }
        // Money that must go back waits for the operator: it goes out when keys or contract are right.
        Setback::Refused(failure) if speaks_for_all => {
            draft.set_failure(operation, Some(failure.clone()));
            not_done(draft, operation, context, |sent| sent.last_response = LastResponse::Error);
        }
        // An earlier send may have been done: a reason to look up, nothing more.
        Setback::Declined(failure) | Setback::Refused(failure) => {
            draft.set_failure(operation, Some(failure.clone()));
            unknown(draft, operation, context, |sent| {
                sent.last_response = LastResponse::Error;
                sent.error_count = sent.error_count.saturating_add(1);
            });
        }
    }
}

/// A success counts whenever it comes. What the PG shows with it, or later, says the rest.
pub(super) fn succeeded(
    draft: &mut Draft,
    operation: &Operation,
    status: CancelStatus,
    context: &Context<'_>,
) {
    // A look-up may have shown it done already, or a refund that failed since: this answer is older.
    let is_done_already = match operation {
        Operation::Confirm(_) => false,
        Operation::Cancel(id) => {
            let cancel = draft.record.cancel(id).map(|(_, cancel)| cancel);
            cancel.is_none_or(|cancel| cancel.status == CancelStatus::Done || cancel.is_failed_refund())
        }
        Operation::Close(id) => {
            draft.record.close(id).is_none_or(|(_, close)| close.status == CancelStatus::Done)
        }
    };
    if is_done_already {
        return;
    }
    let speaks_for_all = draft.record.dispatch(operation).is_some_and(Dispatch::is_last_word);
    draft.set_status(operation, status);
    draft.set_failure(operation, None);
    if let Some(Some(sent)) = draft.record.dispatch_mut(operation) {
        sent.end(Outcome::Done, context.now);
    }
    // An earlier send without an answer may be executed as well. The look-up at the final time would show it.
    if speaks_for_all {
        owe_no_final_look_up(draft, operation);
    }
    let Some(charge) = draft.record.charge_of(operation).map(|charge| charge.id.clone()) else { return };
    if let Some(charge) = draft.record.charge_mut(&charge) {
        // This is more than was known before: what did not show that much yet says nothing of this.
        charge.less_seen_at = None;
        if matches!(operation, Operation::Confirm(_)) {
            charge.ended_at = None;
        }
    }
    if matches!(operation, Operation::Close(_)) {
        // If a deposit came first the payment is paid, and the close refused although the PG answered "done".
        acceptance::judge(draft, context);
    }
}

fn end(draft: &mut Draft, operation: &Operation, outcome: Outcome, failure: Failure, context: &Context<'_>) {
    draft.set_status(operation, CancelStatus::Refused);
    draft.set_failure(operation, Some(failure));
    if let Some(Some(sent)) = draft.record.dispatch_mut(operation) {
        sent.end(outcome, context.now);
    }
    if let Operation::Confirm(id) = operation
        && let Some(charge) = draft.record.charge_mut(id)
    {
        charge.ended_at = Some(context.now);
    }
    owe_no_final_look_up(draft, operation);
    if let Some(subject) = draft.record.charge_of(operation).map(Charge::subject)
        && !matches!(operation, Operation::Confirm(_))
    {
        // The usual reason: money came, or a part of it was cancelled by hand.
        draft.owe(subject, context.now, Why::Hint);
    }
}

/// Nothing is in doubt, so nothing has to be looked up at the final time.
fn owe_no_final_look_up(draft: &mut Draft, operation: &Operation) {
    if let Some(subject) = draft.record.charge_of(operation).map(Charge::subject) {
        draft.record.checks.owed.retain(|owed| owed.of != subject || owed.why != Why::FinalTime);
    }
}

/// This send did nothing: it goes out again on the schedule.
fn not_done(
    draft: &mut Draft,
    operation: &Operation,
    context: &Context<'_>,
    change: impl FnOnce(&mut Dispatch),
) {
    // This send did nothing. That leaves open what became of an earlier one without an answer.
    let in_doubt = draft.record.dispatch(operation).is_some_and(|sent| !sent.is_last_word());
    draft.set_status(operation, if in_doubt { CancelStatus::Unknown } else { CancelStatus::Requested });
    if let Some(Some(sent)) = draft.record.dispatch_mut(operation) {
        change(sent);
    }
    if let Some(subject) = draft.record.charge_of(operation).map(Charge::subject) {
        draft.record.checks.owed.retain(|owed| owed.of != subject || owed.why != Why::Uncertain);
    }
    plan_retry(draft, operation, context);
}

/// It may have been done: it is looked up now, and goes out again on the schedule if a guard makes that safe.
fn unknown(
    draft: &mut Draft,
    operation: &Operation,
    context: &Context<'_>,
    change: impl FnOnce(&mut Dispatch),
) {
    draft.set_status(operation, CancelStatus::Unknown);
    if let Some(Some(sent)) = draft.record.dispatch_mut(operation) {
        change(sent);
    }
    if let Some(subject) = draft.record.charge_of(operation).map(Charge::subject) {
        draft.owe_uncertain_now(&subject, context.now);
    }
    plan_retry(draft, operation, context);
}

/// Whether an operation that is due may go out now: for the first time, or because a guard holds at this moment, and no
/// dispute is open. What may not is planned again.
pub(super) fn may_go_out(draft: &mut Draft, operation: &Operation, context: &Context<'_>) -> bool {
    let is_cancel = !matches!(operation, Operation::Confirm(_));
    // The card company may take the same money back, and it would be given back twice.
    if is_cancel && draft.record.charge_of(operation).is_some_and(Charge::is_disputed) {
        return false;
    }
    let Some(sent) = draft.record.dispatch(operation) else { return true };
    let is_due = |pending: &PendingOperation| {
        pending.operation == *operation && pending.next_at.is_some_and(|at| at <= context.now)
    };
    if !draft.record.checks.pending.iter().any(is_due) {
        // Another process has just sent it. With a repeat beside that send, a decline of either would prove
        // nothing of the other.
        return false;
    }
    // A clock in doubt knows no final times, so guards that go by them get another minute.
    let earliest = if context.is_clock_trusted { context.now } else { later(context.now, MINUTE) };
    let next_at = repeat_from(&draft.record, operation, sent, context.description, earliest);
    if next_at.is_some_and(|next_at| next_at <= context.now) {
        return true;
    }
    let mut pending = draft.record.checks.pending.iter_mut();
    if let Some(pending) = pending.find(|pending| pending.operation == *operation) {
        pending.next_at = next_at;
    }
    false
}

/// A confirm that is due, when other money pays the order by now or the payment is over, asks for no more. If a send of it
/// may have been done, look-ups say so.
pub(super) fn asks_for_no_more(draft: &mut Draft, operation: &Operation, context: &Context<'_>) -> bool {
    let Operation::Confirm(id) = operation else { return false };
    let is_over = draft.record.takes_no_money();
    let is_paid = draft.record.accepted().is_some_and(|other| other.id != *id && other.has_money());
    let Some(sent) = draft.record.dispatch(operation).filter(|_| is_over || is_paid) else { return false };
    // Every send of it was answered or never left, so it ends here. Else only look-ups can end it.
    let did_nothing = sent.last_response == LastResponse::Error || !sent.may_have_left;
    if did_nothing && sent.is_last_word() {
        let failure = Failure::of(FailureReason::SessionExpired);
        end(draft, operation, Outcome::NotDone(failure.clone()), failure, context);
    } else if let Some(pending) =
        draft.record.checks.pending.iter_mut().find(|pending| pending.operation == *operation)
    {
        pending.next_at = None;
    }
    true
}

/// What could not be sent this time is tried again on the schedule, after at most `longest`.
pub(crate) fn put_off(draft: &mut Draft, operation: &Operation, longest: Duration, context: &Context<'_>) {
    let tries = draft.record.checks.tries(operation);
    let mut pending = draft.record.checks.pending.iter_mut();
    if let Some(pending) = pending.find(|pending| pending.operation == *operation) {
        pending.tries = tries.saturating_add(1);
        pending.next_at = Some(later(context.now, step(tries, context.ids).min(longest)));
    }
}

fn plan_retry(draft: &mut Draft, operation: &Operation, context: &Context<'_>) {
    let tries = draft.record.checks.tries(operation);
    // Each operation counts its own tries: another one that changes the payment must not set them back.
    let earliest = later(context.now, step(tries, context.ids));
    let Some(sent) = draft.record.dispatch(operation) else { return };
    let next_at = repeat_from(&draft.record, operation, sent, context.description, earliest);
    let mut pending = draft.record.checks.pending.iter_mut();
    if let Some(pending) = pending.find(|pending| pending.operation == *operation) {
        pending.tries = tries.saturating_add(1);
        pending.next_at = next_at;
    }
}

/// Keeps what the PG said: the reason to show if it was not done.
fn say(draft: &mut Draft, operation: &Operation, pg: &PgMessage) {
    draft.set_failure(operation, Some(Failure::by_pg(FailureReason::NotCancellable, pg.clone())));
}

fn needs_another_account(draft: &Draft, operation: &Operation, failure: &Failure) -> bool {
    let Operation::Cancel(id) = operation else { return false };
    draft.record.cancel(id).is_some_and(|(_, cancel)| cancel.needs_another_account(failure))
}

/// A compensation waits for an account again.
fn wait_for_account(draft: &mut Draft, operation: &Operation, failure: &Failure) {
    let Operation::Cancel(id) = operation else { return };
    let Some(cancel) = draft.record.cancel_mut(id) else { return };
    cancel.wait_for_account(failure.clone());
    owe_no_final_look_up(draft, operation);
}

fn is_compensation(draft: &Draft, operation: &Operation) -> bool {
    let Operation::Cancel(id) = operation else { return false };
    draft.record.cancel(id).is_some_and(|(_, cancel)| cancel.compensates.is_some())
}
