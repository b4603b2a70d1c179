//! What is to be looked up and sent next, drawn from a record after every change.
//!
//! | what | owed look-up | from |
//! |---|---|---|
//! | money may have moved unseen | `Uncertain`, on the schedule | the send, the claim |
//! | a request without a definite answer | `FinalTime` | its final time |
//! | a hint | `Hint`, then `Recheck` once the PG can no longer lag | when the throttle admits it |
//! | an order id under which the PG takes money alone | `Deadline` | the deadline, then daily for 7 days and until it was shown whole |
//! | an account that waits | `Deposit` | daily, its due time, an hour later, then daily for 7 days |
//! | what was paid | `Paid` | 1, 7 and 30 days later where the PG's list shows no part cancels; 1 to 3 days for a deposit |
//! | a refund under way, a dispute | `Refund`, on the schedule from an hour on | the answer |
//!
//! While the buyer disputes a charge nothing that gives its money back is planned; it is planned again when the dispute is over.

use jiff::Timestamp;

use super::{
    Answer, Context, Draft,
    draft::{Answered, counted},
    schedule::{
        CHECKED_FOR, DEPOSIT_CHECKS, DEPOSIT_GRACE, PAID_CHECKS, REFUND_STEP, answered_by, jittered, step,
    },
};
use crate::{
    clock::{DAY, MINUTE, SECOND, later},
    model::{Attempt, Cancel, CancelStatus, Charge, LookUpSubject, Operation, PaymentStatus, Snapshot},
    store::{OwedLookUp, PendingOperation, Why},
};

/// Removes the owed look-ups that an answer covers: those of its own subject and, where it is complete for an
/// order id, those of every charge under it.
pub(super) fn clear_answered(draft: &mut Draft, answer: &Answer<'_>, context: &Context<'_>) {
    let decides = answer.decides(context.description);
    let covers = |of: &LookUpSubject| match (answer.subject, of) {
        (asked, of) if asked == of => decides,
        (LookUpSubject::Attempt(asked), LookUpSubject::Charge { attempt, .. }) => {
            answer.look_up.complete && asked == attempt
        }
        _ => false,
    };
    // By a clock that runs ahead, what is owed for later would be over. What is owed for now is, by any answer.
    let ends = |why: Why| context.is_clock_trusted || matches!(why, Why::Hint | Why::Uncertain);
    let is_over = |owed: &OwedLookUp| owed.at <= answer.asked_at && ends(owed.why) && covers(&owed.of);
    let over: Vec<OwedLookUp> = draft.record.checks.owed.extract_if(.., |owed| is_over(owed)).collect();
    for owed in over {
        if owed.why == Why::Hint {
            // A hint may be ahead of what the PG shows. After a storm of hints one more look-up is enough.
            draft.record.checks.owed.retain(|other| other.of != owed.of || other.why != Why::Recheck);
            draft.owe(owed.of.clone(), context.visible_from(answer.asked_at), Why::Recheck);
        }
        draft.answered.push(Answered { of: owed.of, why: owed.why, tries: owed.tries });
    }
    // By this an order expires: only an answer that says all, asked by a clock that can be believed, counts.
    if let LookUpSubject::Attempt(number) = answer.subject
        && context.is_clock_trusted
        && decides
    {
        draft.record.checks.was_asked(*number, answer.asked_at);
    }
}

/// Draws what is to be looked up and sent next.
pub(super) fn plan(draft: &mut Draft, context: &Context<'_>) {
    plan_uncertain(draft, context);
    plan_operations(draft, context);
    plan_deadlines(draft, context);
    plan_deposits(draft, context);
    plan_paid(draft, context);
    plan_refunds(draft, context);
    // In one order always: the record is compared with the one before, and their order is no change.
    draft.record.checks.owed.sort();
    draft.record.checks.owed.dedup();
}

/// How many look-ups for this reason came before, the draft's own included.
fn tries(draft: &Draft, of: &LookUpSubject, why: Why) -> u32 {
    let answered = draft.answered.iter().filter(|answered| answered.of == *of && answered.why == why);
    answered.map(|answered| counted(answered.tries)).max().unwrap_or(0)
}

/// Keeps one look-up of each of these subjects owed for a reason, and none of any other subject.
fn keep_owed(
    draft: &mut Draft,
    why: Why,
    subjects: &[LookUpSubject],
    at: impl Fn(&Draft, &LookUpSubject, u32) -> Timestamp,
) {
    draft.record.checks.owed.retain(|owed| owed.why != why || subjects.contains(&owed.of));
    for subject in subjects {
        // One that is owed keeps its time. Planned again with every change, webhooks would put it off.
        if !draft.owes(subject, why) {
            let tries = tries(draft, subject, why);
            let at = at(draft, subject, tries);
            draft.owe_again(subject.clone(), at, why, tries);
        }
    }
}

fn plan_uncertain(draft: &mut Draft, context: &Context<'_>) {
    let uncertain: Vec<_> =
        draft.record.charges.iter().filter(|charge| charge.is_uncertain()).map(Charge::subject).collect();
    keep_owed(draft, Why::Uncertain, &uncertain, |draft, _, tries| {
        // While a request is on its way its sender waits for the answer.
        let sent = draft.sends.as_ref().and_then(|sends| draft.record.dispatch(sends));
        let in_flight = sent.map(|sent| answered_by(sent.last_sent_at, context.description));
        in_flight.unwrap_or_else(|| later(context.now, step(tries, context.ids)))
    });
}

/// Keeps an entry for each operation that is not over. Its next try is set where it is sent and answered.
fn plan_operations(draft: &mut Draft, context: &Context<'_>) {
    let open = open_operations(&draft.record.charges);
    let pending = &mut draft.record.checks.pending;
    // What is still open keeps its entry and its tries: other changes must not send its schedule back to 2 s.
    pending.retain(|pending| open.contains(&pending.operation));
    for operation in open {
        // Written by this change and sent by nobody yet: a compensation goes out from here.
        if !pending.iter().any(|pending| pending.operation == operation) {
            pending.push(PendingOperation { operation, tries: 0, next_at: Some(context.now) });
        }
    }
    pause_disputed(draft, context);
    if let Some(sent) = draft.sends.take()
        && let Some(sent_at) = draft.record.dispatch(&sent).map(|dispatch| dispatch.last_sent_at)
        && let Some(pending) =
            draft.record.checks.pending.iter_mut().find(|pending| pending.operation == sent)
    {
        // If its sender dies, another process continues when the answer can no longer come.
        pending.next_at = Some(answered_by(sent_at, context.description));
    }
}

/// While a dispute is open the card company may take the same money back.
fn pause_disputed(draft: &mut Draft, context: &Context<'_>) {
    let Draft { before, record, .. } = draft;
    let was_disputed = |operation| before.charge_of(operation).is_some_and(Charge::is_disputed);
    let mut pending = std::mem::take(&mut record.checks.pending);
    for pending in &mut pending {
        if matches!(pending.operation, Operation::Confirm(_)) {
            continue;
        }
        if record.charge_of(&pending.operation).is_some_and(Charge::is_disputed) {
            pending.next_at = None;
        } else if was_disputed(&pending.operation) {
            pending.next_at = pending.next_at.or(Some(context.now));
        }
    }
    record.checks.pending = pending;
}

/// The deadline, and the days after it in which the PG may take money alone.
fn plan_deadlines(draft: &mut Draft, context: &Context<'_>) {
    let (expires_at, status) = (draft.record.payment.expires_at, draft.record.payment.status());
    let waits = status == PaymentStatus::Ready && context.now <= expires_at;
    // Nothing expires by a clock in doubt, so it is asked every minute whether the doubt has ended.
    let doubts = status == PaymentStatus::Ready && !context.is_clock_trusted;
    draft.record.checks.deadline =
        if waits { Some(later(expires_at, SECOND)) } else { doubts.then(|| later(context.now, MINUTE)) };
    // Once the order is paid, what comes in another of its windows is found in the PG's list. Where there is none it is asked
    // about for as long as for an unpaid order, and no longer: nobody could end that.
    let is_paid = draft.record.accepted().is_some_and(Charge::has_money);
    let last = later(expires_at, CHECKED_FOR);
    // A PG that has not shown the whole order is asked until it has: money may lie there unseen.
    let is_over = context.has_passed(last);
    let record = &draft.record;
    let is_checked = |attempt: &&Attempt| {
        attempt.takes_money_before_confirm() && !(is_over && record.was_shown_past_deadline(attempt))
    };
    let is_found_otherwise = context.has_list || !context.can_ask || is_over;
    let subjects: Vec<_> = if is_paid && is_found_otherwise {
        Vec::new()
    } else {
        let attempts = draft.record.attempts.iter().filter(is_checked);
        attempts.map(|attempt| LookUpSubject::Attempt(attempt.number)).collect()
    };
    // At the deadline itself money is still in time, so the PG is asked a second later.
    let past = later(expires_at, SECOND);
    // A deadline that moved takes its look-ups along.
    let is_early = |owed: &OwedLookUp| owed.why == Why::Deadline && owed.at > context.now && owed.at < past;
    draft.record.checks.owed.retain(|owed| !is_early(owed));
    keep_owed(draft, Why::Deadline, &subjects, |_, _, _| {
        if context.now <= expires_at {
            past
        } else {
            let daily = later(context.now, jittered(DAY, context.ids));
            // The last one comes right after the week, so that nothing of its last day is missed.
            if context.now <= last { daily.min(later(last, SECOND)) } else { daily }
        }
    });
}

/// PGs ask merchants not to poll for deposits: once a day, at the due time, and an hour later.
fn plan_deposits(draft: &mut Draft, context: &Context<'_>) {
    let waiting = |charge: &&Charge| {
        let due_at = charge.snapshot.as_ref().and_then(Snapshot::due_at);
        let is_over = due_at.is_some_and(|due_at| context.has_passed(later(due_at, CHECKED_FOR)));
        charge.awaits_deposit() && !is_over
    };
    let subjects: Vec<_> = draft.record.charges.iter().filter(waiting).map(Charge::subject).collect();
    keep_owed(draft, Why::Deposit, &subjects, |draft, subject, _| {
        let daily = later(context.now, jittered(DAY, context.ids));
        let charge = draft.record.charges.iter().find(|charge| charge.subject() == *subject);
        let due_at = charge.and_then(|charge| charge.snapshot.as_ref()?.due_at());
        let moments = due_at.into_iter().flat_map(|due_at| [due_at, later(due_at, DEPOSIT_GRACE)]);
        // A moment that was asked about is over. Owed again it would be due at once, for ever.
        let asked_at = charge.and_then(|charge| charge.asked_at);
        moments.filter(|at| asked_at.is_none_or(|asked_at| *at > asked_at)).fold(daily, Timestamp::min)
    });
}

/// What is paid is still looked up: for what the PG's list cannot show, and for deposits that are reversed.
fn plan_paid(draft: &mut Draft, context: &Context<'_>) {
    // Once, when the money first shows. Drawn with every change, these look-ups would never end.
    let had_money = |charge: &Charge| draft.before().charge(&charge.id).is_some_and(Charge::has_money);
    let paid: Vec<_> =
        draft.record.charges.iter().filter(|charge| charge.has_money()).map(Charge::subject).collect();
    let newly = draft.record.charges.iter().filter(|charge| charge.has_money() && !had_money(charge));
    let newly: Vec<_> = newly
        .map(|charge| (charge.subject(), charge.snapshot.as_ref().is_some_and(Snapshot::is_deposit)))
        .collect();
    draft.record.checks.owed.retain(|owed| owed.why != Why::Paid || paid.contains(&owed.of));
    for (subject, is_deposit) in newly {
        let lists = if context.lists_part_cancels { [].iter() } else { PAID_CHECKS.iter() };
        let deposits = if is_deposit { DEPOSIT_CHECKS.iter() } else { [].iter() };
        for wait in lists.chain(deposits) {
            draft.owe(subject.clone(), later(context.now, *wait), Why::Paid);
        }
    }
}

fn plan_refunds(draft: &mut Draft, context: &Context<'_>) {
    let is_pending = |cancel: &Cancel| cancel.status == CancelStatus::Pending;
    let goes_on = |charge: &&Charge| charge.is_disputed() || charge.cancels.iter().any(is_pending);
    let subjects: Vec<_> = draft.record.charges.iter().filter(goes_on).map(Charge::subject).collect();
    keep_owed(draft, Why::Refund, &subjects, |_, _, tries| {
        later(context.now, step(tries.saturating_add(REFUND_STEP), context.ids))
    });
}

/// The operations whose request is to go out, or may go out again.
fn open_operations(charges: &[Charge]) -> Vec<Operation> {
    let mut open = Vec::new();
    for charge in charges {
        if charge.confirm.as_ref().is_some_and(|confirm| confirm.outcome().is_none()) {
            open.push(Operation::Confirm(charge.id.clone()));
        }
        let cancels =
            // A held cancel waits for a person, and no worker may send it.
            charge.cancels.iter().filter(|cancel| cancel.status.is_unresolved() && cancel.held.is_none());
        open.extend(cancels.map(|cancel| Operation::Cancel(cancel.id.clone())));
        let closes = charge.closes.iter().filter(|close| close.status.is_unresolved());
        open.extend(closes.map(|close| Operation::Close(close.id.clone())));
    }
    open
}
