//! Which charge pays the order, and why others do not.
//!
//! Each charge is judged once: in the commit that first sees its money, against what holds then. An unpaid account may be
//! accepted before; it yields to a charge that took matching money. What changes a role later is [`reversals`](super::reversals).

use super::{
    Context, Draft, compensation,
    fit::{self, Mismatch},
    reversals, role,
    schedule::DEPOSIT_GRACE,
    status,
};
use crate::{
    clock::{MINUTE, later},
    model::{
        CancelOrigin, CancelStatus, Charge, ChargeId, Close, CompensationReason, Dispatch, Outcome,
        ReviewReason, ReviewSubject, Timing,
    },
    store::Why,
};

/// Gives every charge its role, and writes what follows: cancels of our own, closes of accounts, reviews.
pub(crate) fn judge(draft: &mut Draft, context: &Context<'_>) {
    // Of several that are seen at once, one whose money is still there pays the order. One that was given
    // back in the meantime would make it a duplicate, and the order would end with no money at all.
    let mut charges = draft.charge_ids();
    charges.sort_by_key(|id| {
        let shown = draft.record.charge(id).and_then(|charge| charge.snapshot.as_ref());
        shown.is_none_or(|snapshot| snapshot.balance().is_zero())
    });
    for id in charges {
        // A charge that was judged once is passed over below, so money that comes again is judged here.
        reversals::judge_what_came_again(draft, &id, context);
        let Some(charge) = draft.record.charge(&id).filter(|charge| charge.timing.is_none()) else {
            continue;
        };
        if charge.has_money() {
            judge_money(draft, &id, context);
        } else if may_accept_account(draft, charge, context) {
            role::give_role(draft, &id);
        }
    }
    reversals::promote_duplicate(draft, context);
    role::refuse_moot_closes(draft);
    close_stale_accounts(draft, context);
}

fn judge_money(draft: &mut Draft, id: &ChargeId, context: &Context<'_>) {
    let Some(charge) = draft.record.charge(id) else { return };
    let Some(snapshot) = &charge.snapshot else { return };
    match fit::mismatch(&draft.record, snapshot, context) {
        // A discount, another mode or another currency: the sale may be good all the same and our
        // configuration wrong, so a refund is never decided here.
        Some(Mismatch::Other) => return role::set_aside(draft, id, context),
        // The account was accepted before its deposit came, with another amount. What was accepted once is
        // never refunded by itself.
        Some(Mismatch::Amount) if charge.accepted => return role::set_aside(draft, id, context),
        Some(Mismatch::Amount) | None => {}
    }
    let is_late = fit::is_late(&draft.record, charge, snapshot);
    if is_late && !context.is_clock_trusted {
        // The money seems late, or our clock is wrong. Lateness is decided once, and where late payments are
        // cancelled a wrong decision refunds a good sale. So it waits until the clock can be believed.
        let subject = charge.subject();
        if !draft.owes(&subject, Why::Recheck) {
            draft.owe(subject, later(context.now, MINUTE), Why::Recheck);
        }
        return;
    }
    let timing = if is_late { Timing::Late } else { Timing::InTime };
    // Asked before the timing is written: the merchant's close of this very account counts only while its
    // money is not judged, and money that came after that close must go back.
    let reason = compensation::reason_to_compensate(draft, id, timing, context);
    draft.change(id, |charge| charge.timing = Some(timing));
    match reason {
        Some(reason) => compensation::compensate(draft, id, reason, context),
        None => role::accept(draft, id, context),
    }
}

fn may_accept_account(draft: &Draft, charge: &Charge, context: &Context<'_>) -> bool {
    let record = &draft.record;
    let Some(snapshot) = charge.snapshot.as_ref().filter(|_| charge.awaits_deposit()) else {
        return false;
    };
    // An account that is past due would show the reopened payment of its order as expired at once. It pays
    // the order again when it takes money.
    let is_past = |due_at| context.has_passed(later(due_at, DEPOSIT_GRACE));
    charge.closes.iter().all(leaves_open)
        && record.accepted().is_none_or(gives_way)
        && !record.takes_no_money()
        && !snapshot.due_at().is_some_and(is_past)
        && fit::fits(record, snapshot, context)
}

/// Closes accounts that nobody should pay into any more, where the PG can: once each.
fn close_stale_accounts(draft: &mut Draft, context: &Context<'_>) {
    let is_over = draft.record.takes_no_money();
    let is_paid = draft.record.accepted().is_some_and(Charge::has_money);
    // A refused close counts as well: a PG that refuses it would be sent another one after every look-up.
    let is_stale = |charge: &Charge| {
        charge.awaits_deposit() && charge.closes.is_empty() && (is_over || (is_paid && !charge.accepted))
    };
    // A deposit that comes all the same is judged like any other money, and goes back if it has to.
    if !context.description.closes_accounts() {
        return;
    }
    for charge in draft.record.charges.iter_mut().filter(|charge| is_stale(charge)) {
        charge.closes.push(our_close(CancelStatus::Requested, context));
    }
}

/// Another payment has the order, and this one would hold it too: a person compares them. What its money is to do was
/// decided before, so nothing goes back by itself.
pub(crate) fn give_up_order(draft: &mut Draft, context: &Context<'_>) {
    draft.record.payment.superseded = true;
    draft.raise(ReviewReason::OlderPaymentKept, ReviewSubject::Payment, context.now);
}

/// Gives way to the order's older payment, which was found to be paid: this one holds nothing.
pub(crate) fn yield_to_sibling(draft: &mut Draft, context: &Context<'_>) {
    let payment = &mut draft.record.payment;
    payment.yielded = true;
    // A close that is already there keeps its time.
    if payment.closed_at().is_none() {
        payment.closes.push(our_close(CancelStatus::Done, context));
    }
    // No account under this payment may take money any more: the order is paid.
    judge(draft, context);
}

/// Whether an account may have the role although this close of it exists. A close of our own that is still
/// open would close the account that pays the order. An open one of the merchant closes the order, so the
/// account keeps the role until its outcome.
fn leaves_open(close: &Close) -> bool {
    // A close that came after the money is refused, also one that the PG carried out: its account is closed.
    let was_done = close.dispatch.as_ref().and_then(Dispatch::outcome) == Some(&Outcome::Done);
    let is_merchants = close.origin == CancelOrigin::Merchant && close.status.is_unresolved();
    (close.status == CancelStatus::Refused && !was_done) || is_merchants
}

fn our_close(status: CancelStatus, context: &Context<'_>) -> Close {
    Close {
        id: context.ids.cancel(context.now),
        origin: CancelOrigin::Compensation,
        status,
        reason: CompensationReason::Duplicate.text().to_owned(),
        dispatch: None,
        failure: None,
        key: None,
        created_at: context.now,
    }
}

/// Whether an account may take the role from this one: nothing is paid, nothing will be, and no close of it is open that
/// would then close nothing.
fn gives_way(charge: &Charge) -> bool {
    let is_over = status::was_asked_past_due(charge) && charge.unresolved_close().is_none();
    !charge.has_money() && (charge.ended_at.is_some() || is_over)
}
