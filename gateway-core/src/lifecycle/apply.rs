//! The fold of charges: what follows from what the PG shows.
//!
//! For each snapshot of an answer, in this order:
//!
//! | step | when | then |
//! |---|---|---|
//! | 1 | its order id is none of ours, or another payment accepted its PG id | foreign: nothing follows |
//! | 2 | a charge has its PG id | it is of that charge |
//! | 3 | an unnamed charge of its attempt with an open outcome was sent or claimed before we asked, and this answer has not named it | it names that charge |
//! | 4 | else | it is a new charge |
//! | 5 | it shows less than was shown before | nothing, until an answer asked after the lag shows so again |
//! | 6 | it is of accepted money and does not match any more | nothing is taken over until a person has decided the review |
//! | 7 | else | it is what the charge shows; it ends the charge's confirm, claim, cancels and closes by what it shows |
//!
//! Then, for each charge that a complete answer should hold and does not: nothing before the final time of its requests;
//! after it the confirm was not done; a claim ends after an hour; what showed before is missing (step 5). Then the roles
//! ([`acceptance`](super::acceptance)). Last, the owed look-ups that this answer covers are removed.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Answer, Context, Draft, Foreign, acceptance, cancels, draft::session_expired, fit, plan, review,
    schedule::CLAIM_LIVES,
};
use crate::{
    clock::later,
    model::{
        Cancel, CancelStatus, Charge, ChargeId, Dispatch, Failure, FailureReason, MoneyMoves, Outcome,
        PgPaymentId, PgStatus, ReviewOutcome, ReviewReason, ReviewSubject, Snapshot,
    },
    store::Why,
};

/// Draws every consequence of an answer for the charges and their roles. Foreign payments end the claims that
/// named them, change nothing else, and are handed back.
pub(crate) fn apply(draft: &mut Draft, answer: &Answer<'_>, context: &Context<'_>) -> Vec<Foreign> {
    let mut foreign = Vec::new();
    let mut shown: Vec<ChargeId> = Vec::new();
    for snapshot in &answer.look_up.charges {
        if let Some(id) = charge_shown(draft, snapshot, answer, &shown, context) {
            show(draft, &id, snapshot, answer.asked_at, context);
            shown.push(id);
        } else {
            foreign.push(Foreign {
                pg_payment_id: snapshot.pg_payment_id.clone(),
                order_id: snapshot.order_id.clone(),
                was_claimed: end_wrong_claim(draft, &snapshot.pg_payment_id, answer.asked_at, context),
            });
        }
    }
    // A PG may show only the newest payment of an order: that proves nothing about the others.
    if answer.look_up.complete {
        for id in draft.charge_ids() {
            let in_scope = draft.record.charge(&id).is_some_and(|charge| answer.should_hold(charge));
            if in_scope && !shown.contains(&id) {
                miss(draft, &id, answer.asked_at, context);
            }
        }
    }
    // Last, so that which charge pays the order does not depend on its place in the answer.
    acceptance::judge(draft, context);
    // A PG may answer a repeated request with what it stored for the key, and that is not what is true now.
    if answer.is_look_up {
        plan::clear_answered(draft, answer, context);
    }
    foreign
}

/// The charge that a snapshot is of, named or made if need be; `None` if it is foreign.
fn charge_shown(
    draft: &mut Draft,
    snapshot: &Snapshot,
    answer: &Answer<'_>,
    shown: &[ChargeId],
    context: &Context<'_>,
) -> Option<ChargeId> {
    let attempt = draft.record.attempt_of(&snapshot.order_id)?.number;
    // The store found that another payment has accepted this PG id. One payment at the PG pays one order.
    if context.taken.contains(&snapshot.pg_payment_id) {
        return None;
    }
    if let Some(charge) = draft.record.charge_at_pg(&snapshot.pg_payment_id) {
        let id = charge.id.clone();
        // A browser may have named another of our order ids. The PG's word counts.
        draft.change(&id, |charge| charge.attempt = attempt);
        return Some(id);
    }
    // A claim without a PG id says that the buyer went through the window. What ended without money is an
    // earlier try: taken for the claim it would show a buyer who has paid a declined card.
    let has_ended = matches!(snapshot.status, PgStatus::Failed | PgStatus::Expired | PgStatus::Closed);
    // An answer that was asked before the request left cannot show it, and one answer names an unnamed charge
    // once: the second snapshot is of another tab.
    let waits = |charge: &&Charge| {
        charge.attempt == attempt
            && charge.pg_payment_id.is_none()
            && !shown.contains(&charge.id)
            && (charge.confirm.is_some() || !has_ended)
            && began(charge).is_some_and(|began| answer.asked_at >= began)
    };
    let unnamed = draft.record.charges.iter().find(waits).map(|charge| charge.id.clone());
    let Some(id) = unnamed else {
        // A window that no browser result named. It is saved, for it may take money next to the others.
        return Some(draft.add_charge(attempt, Some(snapshot.pg_payment_id.clone()), context));
    };
    draft.change(&id, |charge| charge.pg_payment_id = Some(snapshot.pg_payment_id.clone()));
    Some(id)
}

/// One snapshot with this charge's id.
fn show(draft: &mut Draft, id: &ChargeId, snapshot: &Snapshot, asked_at: Timestamp, context: &Context<'_>) {
    let Some(charge) = draft.record.charge(id) else { return };
    // A PG's read side may lag behind its own answers for seconds (ADR 7). Believed at once, such an answer
    // would turn a paid payment back to `ready`, and the buyer could pay again.
    let is_less = shows_less(charge, snapshot);
    if is_less && !believes_less(draft, id, asked_at, context) {
        return;
    }
    let Some(charge) = draft.record.charge(id) else { return };
    let (subject, is_claimed) = (charge.subject(), charge.has_open_claim());
    let has_accepted_money = charge.accepted && charge.has_money();
    // What a person accepted as it is does not match, and need not.
    let is_vouched_for = matches!(
        review::decision(draft, ReviewReason::MismatchNotCancelled, id),
        Some((_, ReviewOutcome::Done))
    );
    // Nothing paid is no mismatch: a reversed deposit shows that, and the payment waits for it again.
    let stops_matching = has_accepted_money
        && !is_vouched_for
        && !snapshot.paid.is_zero()
        && !fit::fits(&draft.record, snapshot, context);
    // Once a person has decided, the changed amounts are followed. Else later cancels would never be seen.
    let is_known = stops_matching && review::is_decided(draft, ReviewReason::AcceptedChanged, id);
    // A reversal needs no person, unless only a person's word had said that the money is there.
    let is_gone = is_less
        && has_accepted_money
        && (loses_money(charge, snapshot) || (snapshot.paid.is_zero() && was_reported_by_person(draft, id)));
    if (stops_matching || is_gone) && !is_known {
        draft.raise(ReviewReason::AcceptedChanged, ReviewSubject::Charge(id.clone()), context.now);
    }
    // Sold by the amounts shown before: they stay, and nothing is refunded, until a person has decided.
    if stops_matching && !is_known {
        return;
    }
    if is_claimed && snapshot.status == PgStatus::Open {
        // A browser may be ahead of what the PG shows, as a webhook may. This snapshot ends the claim, so one
        // more look-up is owed for when the PG can no longer lag.
        draft.owe(subject, context.visible_from(asked_at), Why::Recheck);
    }
    let within = confirms_within(draft, id);
    draft.change(id, |charge| {
        take_over(charge, snapshot, asked_at, context);
        end_by_snapshot(charge, asked_at, within, context);
    });
    cancels::follow_cancels(draft, id, asked_at, context);
    cancels::follow_closes(draft, id, asked_at, context);
    if draft.record.charge(id).is_some_and(|charge| is_taken_and_not_shown(charge, asked_at, context)) {
        draft.raise(ReviewReason::TakenNotShown, ReviewSubject::Charge(id.clone()), context.now);
    }
}

/// Whether a person said that the money of a charge is there.
fn was_reported_by_person(draft: &Draft, id: &ChargeId) -> bool {
    use ReviewReason::{AccountRetired, TakenNotShown, UnknownConfirm};
    let said = |reason| matches!(review::decision(draft, reason, id), Some((_, ReviewOutcome::Done)));
    [UnknownConfirm, TakenNotShown, AccountRetired].into_iter().any(said)
}

/// Whether an answer that shows less than was shown before is believed: the second one, asked when the PG can no longer
/// lag behind what it showed.
fn believes_less(draft: &mut Draft, id: &ChargeId, asked_at: Timestamp, context: &Context<'_>) -> bool {
    let Some(charge) = draft.record.charge(id) else { return false };
    let (subject, seen_at) = (charge.subject(), charge.less_seen_at);
    let believed_from = context.visible_from(seen_at.unwrap_or(asked_at));
    if seen_at.is_some() && asked_at >= believed_from && context.is_clock_trusted {
        return true;
    }
    // The wait counts from the first such answer: frequent look-ups would put it off for ever.
    draft.change(id, |charge| charge.less_seen_at = Some(seen_at.unwrap_or(asked_at)));
    // While the clock is in doubt no answer ends this look-up, so every answer would add another one.
    if context.is_clock_trusted || !draft.owes(&subject, Why::Less) {
        draft.owe(subject, believed_from, Why::Less);
    }
    false
}

/// A complete answer does not hold this charge.
fn miss(draft: &mut Draft, id: &ChargeId, asked_at: Timestamp, context: &Context<'_>) {
    let Some(charge) = draft.record.charge(id) else { return };
    if charge.snapshot.as_ref().is_some_and(|snapshot| snapshot.status != PgStatus::Open) {
        // A PG may drop what ended without money, so its absence is no news.
        let is_over = charge.ended_at.is_some();
        let is_known =
            charge.less_seen_at.is_some() && review::is_decided(draft, ReviewReason::ChargeVanished, id);
        if !is_over && believes_less(draft, id, asked_at, context) && !is_known {
            draft.raise(ReviewReason::ChargeVanished, ReviewSubject::Charge(id.clone()), context.now);
        }
        return;
    }
    if is_taken_and_not_shown(charge, asked_at, context) {
        return draft.raise(ReviewReason::TakenNotShown, ReviewSubject::Charge(id.clone()), context.now);
    }
    draft.change(id, |charge| {
        // Until the final time a send may still be executed, and "not there" means "not there yet". Ended too
        // early, the buyer pays with another card and both are charged.
        let is_unanswered = |sent: &&Dispatch| sent.outcome().is_none();
        if charge
            .confirm
            .as_ref()
            .filter(is_unanswered)
            .is_some_and(|sent| context.is_past_final(sent, asked_at))
        {
            end_confirm(charge, Outcome::NotDone(session_expired()), context.now);
        }
        let Some(claim) = charge.claim.as_mut().filter(|claim| claim.is_open) else { return };
        // This clock cannot measure the hour of a claim, and a claim that ends lets the buyer pay again.
        if !context.is_clock_trusted {
            return;
        }
        // A PG may know a payment only some time after the browser came back from its window.
        let since = *charge.not_found_since.get_or_insert(asked_at);
        if asked_at >= later(since, CLAIM_LIVES) {
            claim.is_open = false;
            charge.ended_at = Some(context.now);
        }
    });
}

/// What a claim named is another order's: nothing can come of it, once what was sent for it must show.
/// Whether this is the first answer that says so.
fn end_wrong_claim(
    draft: &mut Draft,
    pg_payment_id: &PgPaymentId,
    asked_at: Timestamp,
    context: &Context<'_>,
) -> bool {
    // What the PG has shown under an order id of ours is no wrong claim, whatever this answer says.
    let Some(charge) = draft.record.charge_at_pg(pg_payment_id).filter(|charge| charge.snapshot.is_none())
    else {
        return false;
    };
    // A browser can bring the same foreign id again and again. It is reported once.
    let (id, is_first) = (charge.id.clone(), charge.not_found_since.is_none());
    draft.change(&id, |charge| {
        charge.not_found_since = charge.not_found_since.or(Some(asked_at));
        if let Some(claim) = &mut charge.claim {
            claim.is_open = false;
        }
        match &charge.confirm {
            Some(sent) if sent.outcome().is_some() => {}
            // It may still be executed, and as long as it may it has to bar other confirms of this payment.
            Some(sent) if !context.is_past_final(sent, asked_at) => {}
            Some(_) => {
                let mismatch = Outcome::NotDone(Failure::of(FailureReason::Mismatch));
                end_confirm(charge, mismatch, context.now);
            }
            None => charge.ended_at = charge.ended_at.or(Some(context.now)),
        }
    });
    is_first
}

/// How long after its claim the PG takes this charge's confirm.
fn confirms_within(draft: &Draft, id: &ChargeId) -> Option<Duration> {
    let attempt = draft.record.attempt(draft.record.charge(id)?.attempt)?;
    match attempt.prepared()?.money_moves {
        MoneyMoves::OnConfirm { within } => Some(within),
        MoneyMoves::BeforeConfirm => None,
    }
}

/// When the PG may first have known of an unnamed charge whose outcome is open.
fn began(charge: &Charge) -> Option<Timestamp> {
    let sent_at = charge.confirm.as_ref().filter(|_| charge.is_unresolved()).map(|sent| sent.first_sent_at);
    sent_at.or_else(|| charge.claim.as_ref().filter(|claim| claim.is_open).map(|claim| claim.at))
}

/// The PG said that it took the money, and by now would have to show it. A success is never refuted by look-ups.
fn is_taken_and_not_shown(charge: &Charge, asked_at: Timestamp, context: &Context<'_>) -> bool {
    let taken = charge.confirm.as_ref().filter(|sent| sent.outcome() == Some(&Outcome::Done));
    let is_missing = charge.is_unresolved() && !charge.is_pending_at_pg();
    is_missing && taken.is_some_and(|sent| context.is_past_final(sent, asked_at))
}

/// Whether a snapshot shows less than was known before: money, a cancel that was taken, an account, an end.
fn shows_less(charge: &Charge, now: &Snapshot) -> bool {
    let Some(before) = &charge.snapshot else { return false };
    // A refund that is under way need not be listed.
    let is_done = |cancel: &&Cancel| cancel.status == CancelStatus::Done;
    // A refund that failed is no cancel less: the PG says what became of it.
    let cancelled = now.cancelled.amount().saturating_add(newly_failed(charge, now));
    // Compared one by one: by the sum, another cancel of the same amount would hide that ours is missing.
    let misses_cancel = match &now.cancels {
        Some(_) => charge.cancels.iter().filter(is_done).any(|cancel| !now.shows_cancel(cancel)),
        None => cancelled < charge.sum_of(CancelStatus::Done),
    };
    let back_to_open = matches!(now.status, PgStatus::Open | PgStatus::Pending)
        && !matches!(before.status, PgStatus::Open | PgStatus::Pending);
    // A window that failed was no end (ADR 5): the buyer continues in it, and money may be on its way.
    let goes_on = now.status == PgStatus::Pending
        && before.status == PgStatus::Failed
        && charge.confirm.is_none()
        && !charge.was_paid();
    now.paid.currency() != before.paid.currency()
        || now.paid.amount() < before.paid.amount()
        || cancelled < before.cancelled.amount()
        || misses_cancel
        || (back_to_open && !goes_on)
}

/// What refunds come to that counted until now and failed.
fn newly_failed(charge: &Charge, now: &Snapshot) -> u64 {
    let counted = charge.cancels.iter().filter(|cancel| cancel.status != CancelStatus::Refused);
    counted.filter(|cancel| now.shows_failed(cancel)).map(|cancel| cancel.amount.amount()).sum()
}

/// Whether money that was there is gone, other than by a deposit's reversal.
fn loses_money(charge: &Charge, now: &Snapshot) -> bool {
    let Some(before) = &charge.snapshot else { return false };
    let is_reversal = now.status == PgStatus::AwaitingDeposit && now.paid.is_zero();
    now.paid.amount() < before.paid.amount() && !is_reversal
}

/// The snapshot is what the charge shows from now on.
fn take_over(charge: &mut Charge, snapshot: &Snapshot, asked_at: Timestamp, context: &Context<'_>) {
    let shown = match &charge.snapshot {
        Some(before) => snapshot.clone().after(before),
        None => snapshot.clone(),
    };
    let is_reversal = shown.status == PgStatus::AwaitingDeposit;
    let went_back = !charge.accepted && charge.misfit.is_some() && !charge.is_set_aside();
    if charge.has_money() && shown.paid.is_zero() && (is_reversal || went_back) {
        // A reversed deposit and money that went back by itself are judged again if they come again. Other
        // money that paid the order keeps its judgement, so that it never goes back by itself.
        charge.timing = None;
        charge.misfit = None;
    }
    charge.snapshot = Some(shown);
    // An answer that was asked while the clock is in doubt counts as asked at no time.
    charge.asked_at = charge.asked_at.max(context.is_clock_trusted.then_some(asked_at));
    // Less is measured against what is shown now, so the next such answer is the first of its kind.
    charge.less_seen_at = None;
    charge.not_found_since = None;
    // An answer that was asked before the browser came back says nothing about what it claims.
    if let Some(claim) = charge.claim.as_mut().filter(|claim| claim.at <= asked_at) {
        claim.is_open = false;
    }
}

/// The PG's own word about a charge ends its confirm. What is untouched ends it only when it can no longer be taken.
fn end_by_snapshot(
    charge: &mut Charge,
    asked_at: Timestamp,
    within: Option<Duration>,
    context: &Context<'_>,
) {
    let Some(snapshot) = &charge.snapshot else { return };
    let failure = snapshot.failure.clone();
    let outcome = match snapshot.status {
        _ if !snapshot.paid.is_zero() => Outcome::Done,
        // `Pending`: the PG has the request and waits itself. A repeat would be answered "already done".
        PgStatus::AwaitingDeposit | PgStatus::Closed | PgStatus::Pending => Outcome::Done,
        PgStatus::Failed => Outcome::Declined(failure.unwrap_or(Failure::of(FailureReason::Other))),
        PgStatus::Expired => Outcome::NotDone(failure.unwrap_or_else(session_expired)),
        PgStatus::Open
            if charge.confirm.as_ref().is_some_and(|sent| is_too_late(sent, asked_at, within, context)) =>
        {
            Outcome::NotDone(session_expired())
        }
        // `Paid` with nothing paid contradicts itself, and ends nothing.
        PgStatus::Open | PgStatus::Paid => return,
    };
    let goes_on = matches!(snapshot.status, PgStatus::AwaitingDeposit | PgStatus::Pending);
    let is_unpaid_end = !goes_on && snapshot.paid.is_zero();
    if charge.confirm.as_ref().is_some_and(|sent| sent.outcome().is_none()) {
        end_confirm(charge, outcome, context.now);
    }
    // A PG may show money for what it called failed a minute before. Money takes the end back.
    charge.ended_at = if is_unpaid_end { charge.ended_at.or(Some(context.now)) } else { None };
}

/// Whether a confirm without an answer can no longer be done: the PG's own time for it is over, and so is its final time.
fn is_too_late(
    sent: &Dispatch,
    asked_at: Timestamp,
    within: Option<Duration>,
    context: &Context<'_>,
) -> bool {
    // The PG counts from the buyer's authentication, so its time ends before what we count here.
    let is_over = within.is_some_and(|within| later(sent.first_sent_at, within) <= asked_at);
    sent.outcome().is_none() && is_over && context.is_past_final(sent, asked_at)
}

fn end_confirm(charge: &mut Charge, outcome: Outcome, now: Timestamp) {
    let ended = !matches!(outcome, Outcome::Done);
    if let Some(confirm) = &mut charge.confirm {
        confirm.end(outcome, now);
    }
    if ended {
        charge.ended_at = charge.ended_at.or(Some(now));
    }
}
