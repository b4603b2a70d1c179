//! The fold of the payment: what is shown of it, read off its charges.
//!
//! The first line that matches decides. Charges whose money does not pay the order (mismatched, duplicate, late) count in
//! none.
//!
//! | line | when | status |
//! |---|---|---|
//! | a | an accepted charge with money | by its amounts: `paid`, `partially_cancelled`, `cancelled` |
//! | a | an accepted account, closed | `cancelled` |
//! | a | an accepted account, issued or reversed | `awaiting_deposit`, until it is over (line d) |
//! | b | closed by the merchant or by us, or the order was registered again | `cancelled` |
//! | c | a confirm without a definite answer; a success that nothing shows yet; a PG's `pending`; a claim that no answered look-up denied; money whose lateness a clock in doubt cannot decide | `confirming` |
//! | d | an accepted account that is over: the PG says so, or a look-up asked an hour or more past due was answered | `expired` |
//! | d | the newest definite answer is a decline; a window that nobody confirmed, or that the buyer closed, is no answer | `failed`, also past the deadline |
//! | e | before the deadline; past it, until the PG was asked where it takes money alone | `ready` |
//! | e | else | `expired` |

use jiff::Timestamp;

use super::{
    Context,
    schedule::{CLAIM_LIVES, DEPOSIT_GRACE},
};
use crate::{
    clock::later,
    model::{
        Attempt, CancelStatus, Charge, Close, Dispatch, Failure, FailureReason, LastAttempt, Outcome,
        PaymentStatus, PgStatus, Shown, Snapshot, Timing,
    },
    store::PaymentRecord,
};

/// Derives what is shown of a payment.
pub(super) fn show(record: &mut PaymentRecord, before: &PaymentRecord, context: &Context<'_>) {
    let (status, failure) = status(record, before, context);
    let last_attempt = last_attempt(record);
    let accepted = record.accepted().and_then(|charge| Some((charge.snapshot.as_ref()?, charge.timing)));
    let shown = match accepted {
        Some((snapshot, timing)) => of_snapshot(snapshot, timing, before, context),
        None => Shown::nothing(record.payment.currency()),
    };
    let method = shown.method.or(record.payment.terms.method);
    record.payment.shown = Shown { status, failure, method, ..shown };
    record.payment.last_attempt = last_attempt;
}

fn of_snapshot(
    snapshot: &Snapshot,
    timing: Option<Timing>,
    before: &PaymentRecord,
    context: &Context<'_>,
) -> Shown {
    // A PG may show no time of payment. Then it is when we first saw the money, and it does not move.
    let paid_at = snapshot.paid_at.or(before.payment.shown.paid_at).or(Some(context.now));
    Shown {
        amount_paid: snapshot.paid,
        amount_discounted: snapshot.discount,
        amount_cancelled: snapshot.cancelled,
        method: snapshot.method,
        method_detail: Some(snapshot.method_detail.clone()),
        virtual_account: snapshot.virtual_account.clone(),
        receipt_url: snapshot.receipt_url.clone(),
        cash_receipt: snapshot.cash_receipt.clone(),
        late: timing == Some(Timing::Late),
        disputed: snapshot.disputed == Some(true),
        paid_at: paid_at.filter(|_| !snapshot.paid.is_zero()),
        ..Shown::nothing(snapshot.paid.currency())
    }
}

fn status(
    record: &PaymentRecord,
    before: &PaymentRecord,
    context: &Context<'_>,
) -> (PaymentStatus, Option<Failure>) {
    let accepted = record.accepted().and_then(|accepted| of_accepted(record, accepted));
    // An account that is over says nothing about other windows. Shown as `expired` at once, a card that was
    // taken without an answer would be paid again.
    let has_expired = accepted == Some(PaymentStatus::Expired);
    if let Some(status) = accepted.filter(|_| !has_expired) {
        return (status, None);
    }
    // Before `confirming`: what a confirm under a closed order still takes goes back, or refuses the close.
    if record.takes_no_money() {
        return (PaymentStatus::Cancelled, None);
    }
    // A duplicate on its way back must neither hold the buyer up nor be answered as a decline.
    let counting = || record.charges.iter().filter(|charge| charge.misfit.is_none());
    // Before any decline: a buyer who sees `failed` pays again, and another tab may have taken the money.
    if counting().any(|charge| is_confirming(charge, context.now)) {
        return (PaymentStatus::Confirming, None);
    }
    if has_expired {
        return (PaymentStatus::Expired, Some(Failure::of(FailureReason::DepositExpired)));
    }
    // A claim that the PG never knew ended without an answer, and must not hide a decline before it.
    let answered = counting()
        .filter(|charge| charge.ended_at.is_some() && charge.is_definite() && is_answer(record, charge));
    let newest = answered.max_by_key(|charge| charge.ended_at);
    if let Some(declined) = newest.filter(|charge| charge.is_declined()) {
        return (PaymentStatus::Failed, Some(failure_of(declined)));
    }
    if is_over(record, before, context) {
        return (PaymentStatus::Expired, Some(Failure::of(FailureReason::SessionExpired)));
    }
    (PaymentStatus::Ready, None)
}

/// Line a; `expired` is that of line d.
fn of_accepted(record: &PaymentRecord, accepted: &Charge) -> Option<PaymentStatus> {
    let snapshot = accepted.snapshot.as_ref()?;
    // It may be found late and go back, so it is not shown as paid yet.
    if accepted.is_undecided() {
        return None;
    }
    if !snapshot.paid.is_zero() {
        // Amounts before labels: a PG may keep the status "paid" after a part was cancelled.
        let status = if snapshot.cancelled.is_zero() {
            PaymentStatus::Paid
        } else if snapshot.is_fully_cancelled() {
            PaymentStatus::Cancelled
        } else {
            PaymentStatus::PartiallyCancelled
        };
        return Some(status);
    }
    let is_closed = |close: &Close| close.status == CancelStatus::Done;
    Some(match snapshot.status {
        PgStatus::Closed => PaymentStatus::Cancelled,
        _ if record.payment.closed_at().is_some() => PaymentStatus::Cancelled,
        // Card money that is gone leaves no account that could wait for more.
        _ if !snapshot.is_deposit() => return None,
        _ if accepted.closes.iter().any(is_closed) => PaymentStatus::Cancelled,
        PgStatus::Failed | PgStatus::Expired => PaymentStatus::Expired,
        _ if was_asked_past_due(accepted) => PaymentStatus::Expired,
        _ => PaymentStatus::AwaitingDeposit,
    })
}

/// Line c.
fn is_confirming(charge: &Charge, now: Timestamp) -> bool {
    let waits = charge.is_unresolved() || charge.is_pending_at_pg() || charge.is_undecided();
    waits || is_believed_claim(charge, now)
}

/// A claim under an hour old, or one about which the PG has answered nothing yet.
fn is_believed_claim(charge: &Charge, now: Timestamp) -> bool {
    let Some(claim) = charge.claim.as_ref().filter(|claim| claim.is_open) else { return false };
    // Without an answer the hour does not count: an outage must not let the buyer pay again.
    now < later(claim.at, CLAIM_LIVES) || charge.not_found_since.is_none()
}

/// Why a charge came to nothing: the answer to its confirm, or what the PG shows.
pub(crate) fn failure_of(charge: &Charge) -> Failure {
    let of_confirm = match charge.confirm.as_ref().and_then(Dispatch::outcome) {
        Some(Outcome::Declined(failure) | Outcome::NotDone(failure)) => Some(failure.clone()),
        Some(Outcome::Done) | None => None,
    };
    let of_snapshot = || charge.snapshot.as_ref().and_then(|snapshot| snapshot.failure.clone());
    let reason = if charge.is_declined() { FailureReason::Other } else { FailureReason::SessionExpired };
    of_confirm.or_else(of_snapshot).unwrap_or(Failure::of(reason))
}

/// Whether what became of a charge answers anything that was asked. Where money moves on confirm, a window that ended before
/// its confirm was sent is one of several tabs, and another may still succeed. A window that the buyer closed is nobody's
/// refusal; most PGs leave such a payment open and some show it as failed, and the outcome is the same.
fn is_answer(record: &PaymentRecord, charge: &Charge) -> bool {
    let attempt = record.attempt(charge.attempt);
    let took_alone = attempt.is_some_and(Attempt::takes_money_before_confirm);
    charge.confirm.is_some() || took_alone && !charge.is_closed_window()
}

/// Line e: the deadline has passed, and where the PG takes money alone it was asked after that. A clock that comes into
/// doubt later takes nothing back.
fn is_over(record: &PaymentRecord, before: &PaymentRecord, context: &Context<'_>) -> bool {
    let expires_at = record.payment.expires_at;
    let was_over = before.payment.status() == PaymentStatus::Expired && context.now > expires_at;
    (was_over || context.has_passed(expires_at))
        // A buyer may have paid in any window at the last moment, and the webhook may be lost.
        && record.attempts.iter().all(|attempt| record.was_shown_past_deadline(attempt))
}

/// What the newest attempt came to, by what the browser said or the PG shows, whichever is newer.
fn last_attempt(record: &PaymentRecord) -> Option<LastAttempt> {
    let kept = record.payment.last_attempt.clone();
    if let Some(accepted) = record.accepted() {
        let at = kept.as_ref().map_or(accepted.created_at, |kept| kept.at);
        return Some(LastAttempt { number: accepted.attempt, at, failure: None });
    }
    let ended = record.charges.iter().filter(|charge| charge.misfit.is_none());
    let newest = ended.filter_map(|charge| Some((charge.ended_at?, charge))).max_by_key(|(at, _)| *at);
    match newest {
        Some((at, charge)) if kept.as_ref().is_none_or(|kept| kept.at <= at) => {
            Some(LastAttempt { number: charge.attempt, at, failure: Some(failure_of(charge)) })
        }
        _ => kept,
    }
}

/// Whether an answered look-up was asked an hour or more after its account was due: what it does not show does not come.
pub(super) fn was_asked_past_due(charge: &Charge) -> bool {
    let due_at = charge.snapshot.as_ref().and_then(Snapshot::due_at);
    let asked = charge.asked_at.zip(due_at);
    asked.is_some_and(|(asked_at, due_at)| asked_at >= later(due_at, DEPOSIT_GRACE))
}
