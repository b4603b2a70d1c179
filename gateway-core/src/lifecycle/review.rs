//! Opening a review when only a person can decide, and closing it when the PG answers after all.

use jiff::Timestamp;

use super::{Context, Draft, schedule::UNKNOWN_FOR};
use crate::{
    clock::{DAY, later},
    model::{
        Cancel, CancelOrigin, CancelStatus, Charge, ChargeId, Dispatch, Review, ReviewClosing, ReviewOutcome,
        ReviewReason, ReviewSubject,
    },
    store::PaymentRecord,
};

/// Opens the reviews that the record gives reason for, and ends those whose reason is gone.
pub(super) fn update_reviews(draft: &mut Draft, context: &Context<'_>) {
    let now = context.now;
    let standing = standing(&draft.record, context);
    let record = &draft.record;
    let is_gone = |review: &Review| {
        let stands = standing.contains(&(review.reason, review.about.clone()));
        review.is_open() && !stands && ends_by_itself(record, review, context)
    };
    let gone: Vec<bool> = record.payment.reviews.iter().map(is_gone).collect();
    for (review, is_gone) in draft.record.payment.reviews.iter_mut().zip(gone) {
        if is_gone {
            review.closing = Some(ReviewClosing::Resolved { at: now });
        }
    }
    for (reason, about) in standing {
        if contradicts_decision(draft, reason, &about) {
            draft.raise(reason, about, now);
        } else {
            raise_unless_decided(draft, reason, about, now);
        }
    }
}

/// Whether the PG still shows a cancel undone a day after a person closed it as done: they are asked once more. So they are
/// about a cancel that they closed as not done, and that the PG showed since and undid again; and about an order that was
/// reopened since they decided, and is not shown whole after its new deadline either.
fn contradicts_decision(draft: &Draft, reason: ReviewReason, about: &ReviewSubject) -> bool {
    if reason == ReviewReason::OrderNotShown {
        return true;
    }
    let (ReviewReason::UnknownCancel, ReviewSubject::Cancel(id)) = (reason, about) else { return false };
    let newest_first = decisions(draft, reason, about).rev();
    let mut done = newest_first.take_while(|(_, outcome)| *outcome == ReviewOutcome::Done);
    match (done.next(), done.next()) {
        // Nobody has decided, or an operator decided "not done" before the PG showed it done: this is news.
        (None, _) => true,
        // The look-up that the decision owes comes a day later. Only that one can contradict it.
        (Some((decided_at, _)), None) => {
            let asked_at = draft.record.cancel(id).and_then(|(charge, _)| charge.asked_at);
            asked_at.is_some_and(|asked_at| asked_at >= later(decided_at, DAY))
        }
        // Called done twice. The person knows more than the PG's list.
        (Some(_), Some(_)) => false,
    }
}

/// Opens a review, unless one of that kind is open already or was decided: what a person has decided stays decided.
pub(crate) fn raise_unless_decided(
    draft: &mut Draft,
    reason: ReviewReason,
    about: ReviewSubject,
    now: Timestamp,
) {
    let decided =
        |review: &Review| review.reason == reason && review.about == about && review.decision().is_some();
    if !draft.record.payment.reviews.iter().any(decided) {
        draft.raise(reason, about, now);
    }
}

/// The account cannot be asked any more, so no answer can come: every open outcome waits for a person.
pub(crate) fn hand_over(draft: &mut Draft, now: Timestamp) {
    let mut open = Vec::new();
    for charge in &draft.record.charges {
        if charge.is_open_to(false) {
            open.push(ReviewSubject::Charge(charge.id.clone()));
        }
        let cancels = charge.cancels.iter().filter(|cancel| cancel.is_open_to(false));
        open.extend(cancels.map(|cancel| ReviewSubject::Cancel(cancel.id.clone())));
        let closes = charge.closes.iter().filter(|close| close.status.is_unresolved());
        open.extend(closes.map(|close| ReviewSubject::Cancel(close.id.clone())));
    }
    for about in open {
        draft.raise(ReviewReason::AccountRetired, about, now);
    }
}

/// Whether a person has decided a review of this kind about a charge, knowing all that is missing of it now.
pub(super) fn is_decided(draft: &Draft, reason: ReviewReason, id: &ChargeId) -> bool {
    let missing_since = draft.record.charge(id).and_then(|charge| charge.less_seen_at);
    decision(draft, reason, id).is_some_and(|(at, _)| missing_since.is_none_or(|since| since <= at))
}

/// When a person last decided a review of this kind about a charge, and what they found out.
pub(super) fn decision(
    draft: &Draft,
    reason: ReviewReason,
    id: &ChargeId,
) -> Option<(Timestamp, ReviewOutcome)> {
    decisions(draft, reason, &ReviewSubject::Charge(id.clone())).next_back()
}

/// What people decided about this, and when, the oldest first.
fn decisions(
    draft: &Draft,
    reason: ReviewReason,
    about: &ReviewSubject,
) -> impl DoubleEndedIterator<Item = (Timestamp, ReviewOutcome)> {
    let of_it = move |review: &&Review| review.reason == reason && review.about == *about;
    draft.record.payment.reviews.iter().filter(of_it).filter_map(|review| match &review.closing {
        Some(ReviewClosing::Decided { at, outcome, .. }) => Some((*at, *outcome)),
        Some(ReviewClosing::Resolved { .. }) | None => None,
    })
}

/// Whether a review whose reason does not stand any more needs nobody. What happened at one moment is a person's to
/// close, unless the PG shows it again.
fn ends_by_itself(record: &PaymentRecord, review: &Review, context: &Context<'_>) -> bool {
    let about_charge = |holds: fn(&Charge) -> bool| match &review.about {
        ReviewSubject::Charge(id) => record.charge(id).is_some_and(holds),
        _ => false,
    };
    match review.reason {
        // An operator may have acted on what was shown at that moment, whatever is shown now.
        ReviewReason::AcceptedChanged
        | ReviewReason::MismatchNotCancelled
        | ReviewReason::OlderPaymentKept => false,
        ReviewReason::AccountRetired => match &review.about {
            ReviewSubject::Charge(id) => {
                record.charge(id).is_some_and(|charge| !charge.is_open_to(context.can_ask))
            }
            ReviewSubject::Cancel(id) => {
                let is_open = |cancel: &Cancel| {
                    let is_asked_for = review.asked_for.is_some() && cancel.waits_for_account();
                    is_asked_for || cancel.is_open_to(context.can_ask)
                };
                let cancel = record.cancel(id).is_some_and(|(_, cancel)| is_open(cancel));
                let close = record.close(id).is_some_and(|(_, close)| close.status.is_unresolved());
                !cancel && !close
            }
            // The merchant sent the key again once the account was active, and it was done then.
            ReviewSubject::Payment => review.key.as_ref().is_some_and(|key| record.has_key(key)),
            ReviewSubject::Attempt(_) => false,
        },
        // A clock in doubt does not know whether the deadline is a week behind.
        ReviewReason::OrderNotShown if !context.is_clock_trusted => false,
        // These two are opened where an answer is applied: the charge shows whether they still hold.
        ReviewReason::ChargeVanished => about_charge(|charge| charge.less_seen_at.is_none()),
        ReviewReason::TakenNotShown => about_charge(|charge| !charge.is_unresolved()),
        _ => true,
    }
}

/// Everything about a payment that a person has to decide as long as it stands.
fn standing(record: &PaymentRecord, context: &Context<'_>) -> Vec<(ReviewReason, ReviewSubject)> {
    let is_old = |since: Timestamp| later(since, UNKNOWN_FOR) <= context.now;
    // No look-up will say that it is not done, so waiting for a week brings nothing.
    let may_follow = |charge: &Charge, sent: &Dispatch| {
        // Also while the clock is in doubt: a review that is open stays open.
        let is_final = |asked_at| context.final_time(sent.last_sent_at) <= asked_at;
        sent.may_follow && charge.asked_at.is_some_and(is_final)
    };
    let mut found = Vec::new();
    let expires_at = record.payment.expires_at;
    let is_unshown = if context.can_ask {
        // A clock that runs ahead would open a review of every order that waits for its buyer.
        context.has_passed(later(expires_at, UNKNOWN_FOR))
    } else {
        // Nobody can ask the PG any more, so a week of waiting brings no answer.
        context.now > expires_at
    };
    if is_unshown && !record.accepted().is_some_and(Charge::has_money) {
        let unshown = record.attempts.iter().filter(|attempt| !record.was_shown_past_deadline(attempt));
        found.extend(
            unshown.map(|attempt| (ReviewReason::OrderNotShown, ReviewSubject::Attempt(attempt.number))),
        );
    }
    for charge in &record.charges {
        if charge.unknown_since().is_some_and(is_old) {
            found.push((ReviewReason::UnknownConfirm, ReviewSubject::Charge(charge.id.clone())));
        }
        for cancel in &charge.cancels {
            if let Some(reason) = reason_of_cancel(charge, cancel, is_old, may_follow) {
                found.push((reason, ReviewSubject::Cancel(cancel.id.clone())));
            }
        }
        for close in charge.closes.iter().filter(|close| close.status.is_unresolved()) {
            // A week from the first send: from the last, repeats would put the review off for ever.
            let since = close.dispatch.as_ref().map_or(close.created_at, |sent| sent.first_sent_at);
            if is_old(since) || close.dispatch.as_ref().is_some_and(|sent| may_follow(charge, sent)) {
                found.push((ReviewReason::UnknownClose, ReviewSubject::Cancel(close.id.clone())));
            }
        }
    }
    found
}

fn reason_of_cancel(
    charge: &Charge,
    cancel: &Cancel,
    is_old: impl Fn(Timestamp) -> bool,
    may_follow: impl Fn(&Charge, &Dispatch) -> bool,
) -> Option<ReviewReason> {
    let waits_for_person = || cancel.dispatch.as_ref().is_some_and(|sent| may_follow(charge, sent));
    let since = cancel.dispatch.as_ref().map_or(cancel.created_at, |sent| sent.first_sent_at);
    match (cancel.status, cancel.held) {
        (status, Some(held)) if status.is_unresolved() => Some(held),
        (status, None) if status.is_unresolved() => {
            (is_old(since) || waits_for_person()).then_some(ReviewReason::UnknownCancel)
        }
        (CancelStatus::Done, _) => {
            is_answered_and_not_shown(charge, cancel).then_some(ReviewReason::UnknownCancel)
        }
        // A PG may list a refund only when it is paid out.
        (CancelStatus::Pending, _) => (is_old(since) && is_answered_and_not_shown(charge, cancel))
            .then_some(ReviewReason::UnknownCancel),
        (CancelStatus::Refused, _) if cancel.is_failed_refund() => failed_refund(charge, cancel),
        // A row that was held is refused by a person who decided about its money, or because nothing is left.
        (CancelStatus::Refused, None) => refused_compensation(charge, cancel),
        _ => None,
    }
}

/// The PG said that it gave the money back, and what it showed since, twice and in time, holds it nowhere.
fn is_answered_and_not_shown(charge: &Charge, cancel: &Cancel) -> bool {
    // What we did not send, the PG announced by showing it.
    let answered_at = cancel.dispatch.as_ref().map_or(Some(cancel.created_at), |sent| sent.final_at);
    let shown = charge.snapshot.as_ref().filter(|snapshot| !snapshot.shows_cancel(cancel));
    let is_later =
        charge.asked_at.zip(answered_at).is_some_and(|(asked_at, answered_at)| asked_at > answered_at);
    is_later && shown.is_some_and(|snapshot| !charge.answered_and_not_shown(snapshot).is_zero())
}

/// Money must go back and the PG refused: it is still with the merchant.
fn refused_compensation(charge: &Charge, cancel: &Cancel) -> Option<ReviewReason> {
    // Money that came again has a compensation of its own, and that one says what became of it.
    let is_newest = charge.compensation().is_some_and(|newest| newest.id == cancel.id);
    let is_left = charge.snapshot.as_ref().is_some_and(|snapshot| !snapshot.balance().is_zero());
    let is_ours = cancel.origin == CancelOrigin::Compensation;
    (is_ours && is_newest && is_left).then_some(ReviewReason::CompensationRefused)
}

/// The PG could not pay a refund out. What is asked for after that and comes through makes good what failed first; whether it was
/// meant for this one nobody knows: then a person is asked once too often. Once all the money is back nothing is owed: a refund
/// that failed twice and then came through is one refund.
fn failed_refund(charge: &Charge, cancel: &Cancel) -> Option<ReviewReason> {
    let done = charge.cancels.iter().filter(|row| row.status == CancelStatus::Done);
    let whole = charge.snapshot.as_ref().map(|shown| shown.full_cancel().amount());
    if whole.is_some_and(|whole| charge.sum_of(CancelStatus::Done) >= whole) {
        return None;
    }
    let mut failed: Vec<_> = charge.cancels.iter().filter(|row| row.is_failed_refund()).collect();
    failed.sort_by_key(|row| row.failed_at);
    let place = failed.iter().position(|row| row.id == cancel.id)?;
    // The oldest failure is made good first. This one is owed if, counted from any failure before it, less
    // came back than failed. A refund that was asked for before a failure was meant for something else.
    let is_owed = (0..=place).any(|first| {
        let since = failed[first].failed_at;
        let returned = sum(done.clone().filter(|row| Some(row.created_at) >= since));
        returned < sum(failed[first..=place].iter().copied())
    });
    is_owed.then_some(ReviewReason::FailedRefund)
}

fn sum<'a>(rows: impl Iterator<Item = &'a Cancel>) -> u64 {
    rows.fold(0, |sum, row| sum.saturating_add(row.amount.amount()))
}
