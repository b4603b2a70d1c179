//! What a person's decision about a review does to a payment.

use super::{Context, Draft, acceptance, role};
use crate::{
    clock::{DAY, later},
    model::{
        Cancel, CancelId, CancelOrigin, CancelStatus, Charge, ChargeId, Failure, FailureReason, Money,
        Outcome, PgPaymentId, PgStatus, ReviewClosing, ReviewOutcome, ReviewReason, ReviewSubject, Snapshot,
    },
    store::Why,
};

/// A person decided a review. What the PG shows later is believed again.
pub(crate) fn decide(
    draft: &mut Draft,
    number: u16,
    outcome: ReviewOutcome,
    by: &str,
    reason: &str,
    context: &Context<'_>,
) {
    let mut open = draft.record.payment.reviews.iter_mut().filter(|review| review.is_open());
    let Some(review) = open.find(|review| review.number == number) else { return };
    let (by, text) = (by.to_owned(), reason.to_owned());
    review.closing = Some(ReviewClosing::Decided { at: context.now, by, outcome, reason: text });
    let (kind, about) = (review.reason, review.about.clone());
    match (kind, &about) {
        (ReviewReason::UnknownConfirm | ReviewReason::TakenNotShown, ReviewSubject::Charge(id)) => {
            decide_confirm(draft, id, outcome, context);
        }
        // A decision about a retired account ends what was asked for: it is never sent, active again or not.
        (ReviewReason::AccountRetired, ReviewSubject::Charge(id))
            if draft.record.charge(id).is_some_and(|charge| charge.is_open_to(context.can_ask)) =>
        {
            decide_confirm(draft, id, outcome, context);
        }
        (ReviewReason::AccountRetired, ReviewSubject::Cancel(id)) => {
            decide_request(draft, id, outcome, context);
        }
        (ReviewReason::UnknownCancel, ReviewSubject::Cancel(id)) => {
            decide_cancel(draft, id, outcome, context)
        }
        (ReviewReason::UnknownClose, ReviewSubject::Cancel(id)) => {
            decide_close(draft, id, outcome, context);
        }
        (ReviewReason::OrderNotShown, ReviewSubject::Attempt(number)) => {
            // A person searched the PG's console in its stead and found no money.
            draft.record.checks.was_asked(*number, context.now);
        }
        // Either outcome ends it: the buyer has the money already, or it is kept.
        (
            ReviewReason::CompensationNeedsAccount | ReviewReason::CompensationHeld,
            ReviewSubject::Cancel(id),
        ) => give_up(draft, id),
        (ReviewReason::MismatchNotCancelled, ReviewSubject::Charge(id))
            // Beside other money that pays the order, a person's word would make two accepted charges.
            if outcome == ReviewOutcome::Done && draft.record.may_pay(id) =>
        {
            keep(draft, id);
            role::accept(draft, id, context);
        }
        // Of the other reasons the decision is only kept: the same is not asked again (`raise_unless_decided`).
        _ => {}
    }
    check_later(draft, &about, context);
}

/// Owes one more look-up a day later: the person may be mistaken, and the PG may show more by then.
fn check_later(draft: &mut Draft, about: &ReviewSubject, context: &Context<'_>) {
    let charge = match about {
        ReviewSubject::Charge(id) => draft.record.charge(id),
        ReviewSubject::Cancel(id) => {
            let of_cancel = draft.record.cancel(id).map(|(charge, _)| charge);
            of_cancel.or_else(|| draft.record.close(id).map(|(charge, _)| charge))
        }
        ReviewSubject::Attempt(_) | ReviewSubject::Payment => None,
    };
    if let Some(subject) = charge.map(Charge::subject) {
        draft.owe(subject, later(context.now, DAY), Why::Decision);
    }
}

fn decide_confirm(draft: &mut Draft, id: &ChargeId, outcome: ReviewOutcome, context: &Context<'_>) {
    let amount = draft.record.payment.terms.amount;
    let attempt = draft.record.charge(id).and_then(|charge| draft.record.attempt(charge.attempt));
    let Some(order_id) = attempt.map(|attempt| attempt.pg_order_id.to_string()) else { return };
    let is_done = outcome == ReviewOutcome::Done;
    let was_closed = draft.record.is_closed();
    draft.change(id, |charge| {
        // Money without a PG id could never be given back, so it is not taken for paid.
        let done = charge.pg_payment_id.clone().filter(|_| is_done);
        let failure = Failure::of(FailureReason::Other);
        if let Some(confirm) = &mut charge.confirm {
            let ended = if done.is_some() { Outcome::Done } else { Outcome::NotDone(failure) };
            confirm.end(ended, context.now);
        }
        if let Some(claim) = &mut charge.claim {
            claim.is_open = false;
        }
        match done {
            Some(pg) => charge.snapshot = Some(reported_by_person(charge, pg, order_id, amount)),
            None => {
                charge.ended_at = Some(context.now);
                // No answer of the PG can end its `Pending` here: it would be `confirming` for ever.
                if !context.can_ask
                    && let Some(snapshot) = &mut charge.snapshot
                {
                    snapshot.status = PgStatus::Expired;
                }
            }
        }
    });
    if is_done && was_closed {
        // Nobody knows whether the money came before the close. Accepting it is a decision of its own.
        role::set_aside(draft, id, context);
    }
    acceptance::judge(draft, context);
}

/// A cancel or close that a retired account did not send, or whose outcome it never learned.
fn decide_request(draft: &mut Draft, id: &CancelId, outcome: ReviewOutcome, context: &Context<'_>) {
    let Some((charge, cancel)) = draft.record.cancel(id) else {
        return decide_close(draft, id, outcome, context);
    };
    // A merchant named an account, the retired PG account could not send it, and a person paid it out.
    if cancel.waits_for_account() && outcome == ReviewOutcome::Done {
        return give_up(draft, id);
    }
    if !cancel.is_open_to(context.can_ask) {
        return;
    }
    let is_listed = charge.snapshot.as_ref().is_some_and(|snapshot| snapshot.shows_cancel(cancel));
    // "Done" says of a compensation that the buyer has the money. That our own request did it only follows
    // where the PG had accepted it; else the person did it beside the PG, and the row sends nothing any more.
    let is_taken = cancel.status == CancelStatus::Pending || is_listed;
    let arrived = is_taken && outcome == ReviewOutcome::Done;
    let is_given_up = cancel.origin == CancelOrigin::Compensation && !arrived;
    if !is_given_up || outcome == ReviewOutcome::NotDone {
        decide_cancel(draft, id, outcome, context);
    }
    if is_given_up {
        give_up(draft, id);
    }
}

/// A compensation whose money a person saw to: what they did beside the PG is in the review, and this row sends nothing any
/// more.
fn give_up(draft: &mut Draft, id: &CancelId) {
    if let Some(cancel) = draft.record.cancel_mut(id) {
        cancel.held = Some(ReviewReason::CompensationHeld);
        cancel.refuse(Failure::of(FailureReason::DecidedByOperator));
    }
}

/// Money that pays the order as it is: nothing of it goes back by itself.
fn keep(draft: &mut Draft, id: &ChargeId) {
    draft.change(id, |charge| charge.misfit = None);
    let row = draft.record.charge(id).and_then(Charge::compensation).filter(|row| row.status.is_unresolved());
    if let Some(row) = row.map(|row| row.id.clone()) {
        give_up(draft, &row);
    }
}

fn decide_cancel(draft: &mut Draft, id: &CancelId, outcome: ReviewOutcome, context: &Context<'_>) {
    let Some(charge) = draft.record.cancel(id).map(|(charge, _)| charge.id.clone()) else { return };
    draft.change(&charge, |charge| match outcome {
        ReviewOutcome::Done => gave_back(charge, id, context),
        ReviewOutcome::NotDone => gave_nothing_back(charge, id, context),
    });
}

fn decide_close(draft: &mut Draft, id: &CancelId, outcome: ReviewOutcome, context: &Context<'_>) {
    let Some(close) = draft.record.close_mut(id).filter(|close| close.status.is_unresolved()) else {
        return;
    };
    match outcome {
        ReviewOutcome::Done => close.status = CancelStatus::Done,
        ReviewOutcome::NotDone => close.refuse(Failure::of(FailureReason::DecidedByOperator)),
    }
    // A payment that was paid in the meantime is not closed by a person's word.
    acceptance::judge(draft, context);
}

/// A person says that the money of a cancel went back.
fn gave_back(charge: &mut Charge, id: &CancelId, context: &Context<'_>) {
    // The PG was asked right before, so its list holds what the person did. Without that, what it listed
    // earlier is another cancel.
    if context.can_ask {
        unite_with_one_by_hand(charge, id);
    }
    // A PG that shows only the sum may have it in there already.
    let unexplained = charge.snapshot.as_ref().map(|snapshot| charge.unexplained(snapshot));
    let Some(cancel) = charge.cancels.iter_mut().find(|cancel| cancel.id == *id) else { return };
    cancel.status = CancelStatus::Done;
    cancel.failure = None;
    if let Some(sent) = &mut cancel.dispatch {
        // Dated by the snapshot that counts it from now on: only later look-ups contradict it.
        sent.end(Outcome::Done, charge.asked_at.unwrap_or(context.now));
    }
    // What the PG shows in its list is in its amounts already.
    if let Some(snapshot) = charge.snapshot.as_mut().filter(|snapshot| !snapshot.shows_cancel(cancel)) {
        // No more than is left: a part of it may have been cancelled by hand since.
        let missing = unexplained.map_or(cancel.amount, |counted| cancel.amount.saturating_sub(counted));
        let left = snapshot.cancellable.saturating_sub(missing);
        let taken = snapshot.cancellable.saturating_sub(left);
        snapshot.cancelled = snapshot.cancelled.checked_add(taken).unwrap_or(snapshot.cancelled);
        snapshot.cancellable = left;
    }
}

/// A person did it in the PG's console, where it stands as a cancel that is not ours: the two are one, or the money would
/// count twice. If the PG shows ours as well some day, there were two.
fn unite_with_one_by_hand(charge: &mut Charge, id: &CancelId) {
    let is_shown = |ours: &&Cancel| charge.snapshot.as_ref().is_some_and(|shown| shown.shows_cancel(ours));
    let is_ours = |row: &&Cancel| !matches!(row.origin, CancelOrigin::Pg | CancelOrigin::Chargeback);
    let Some(ours) = charge.cancel(id).filter(is_ours).filter(|ours| !is_shown(ours)) else { return };
    let is_by_hand = |row: &Cancel| {
        let is_theirs = row.origin == CancelOrigin::Pg && row.pg_cancel_id.is_some();
        // One that was made before ours was asked for is another one.
        let is_same = row.amount == ours.amount && row.created_at >= ours.created_at;
        is_theirs && is_same && row.status != CancelStatus::Refused
    };
    let Some(position) = charge.cancels.iter().position(is_by_hand) else { return };
    let theirs = charge.cancels.remove(position);
    if let Some(ours) = charge.cancels.iter_mut().find(|cancel| cancel.id == *id) {
        ours.pg_cancel_id = theirs.pg_cancel_id;
    }
}

/// A person says that the money of a cancel did not go back. Where nobody can ask the PG, what it listed of one that was under
/// way counts no more.
fn gave_nothing_back(charge: &mut Charge, id: &CancelId, context: &Context<'_>) {
    let Some(cancel) = charge.cancels.iter_mut().find(|cancel| cancel.id == *id) else { return };
    let was_under_way = cancel.status == CancelStatus::Pending;
    cancel.refuse(Failure::of(FailureReason::DecidedByOperator));
    let listed = charge.snapshot.as_mut().filter(|snapshot| snapshot.shows_cancel(cancel));
    if let Some(snapshot) = listed.filter(|_| was_under_way && !context.can_ask) {
        let left = snapshot.cancelled.saturating_sub(cancel.amount);
        let returned = snapshot.cancelled.saturating_sub(left);
        snapshot.cancellable = snapshot.cancellable.checked_add(returned).unwrap_or(snapshot.cancellable);
        snapshot.cancelled = left;
    }
}

/// A charge as a person found it in the PG's console: paid, with what the PG showed of it before. When it
/// was paid nobody knows.
fn reported_by_person(
    charge: &Charge,
    pg_payment_id: PgPaymentId,
    order_id: String,
    amount: Money,
) -> Snapshot {
    let before = charge.snapshot.clone().unwrap_or_else(|| Snapshot::open(pg_payment_id, order_id, amount));
    let paid = before.total.saturating_sub(before.discount);
    Snapshot {
        status: PgStatus::Paid,
        raw_status: "reported by a person".to_owned(),
        paid,
        cancellable: paid,
        failure: None,
        ..before
    }
}
