//! Money that goes back by itself: why, and whether the reason still holds right before it is sent.

use jiff::Timestamp;

use super::{
    Context, Draft,
    fit::{self, Mismatch},
    role,
};
use crate::{
    model::{
        Cancel, CancelId, CancelOrigin, CancelStatus, Charge, ChargeId, CompensationReason, Failure,
        FailureReason, LatePayments, Method, Misfit, ReviewReason, ReviewSubject, Snapshot, Timing,
    },
    store::PaymentRecord,
};

/// Why a compensation is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// There is nothing left to give back.
    NothingLeft,
    /// Its reason does not hold any more, or what it would give back has changed: a person decides.
    ReasonGone,
}

/// Why the money of a charge must go back by itself, if it must. The first that holds, in this order.
pub(super) fn reason_to_compensate(
    draft: &mut Draft,
    id: &ChargeId,
    timing: Timing,
    context: &Context<'_>,
) -> Option<CompensationReason> {
    let charge = draft.record.charge(id)?;
    let snapshot = charge.snapshot.as_ref()?;
    // First, because it goes back whatever else there is. A duplicate goes back only beside other money.
    if fit::mismatch(&draft.record, snapshot, context) == Some(Mismatch::Amount) {
        return Some(CompensationReason::WrongAmount);
    }
    // Money from before the close, or of a time that the PG does not say, pays: the close is refused.
    let came_after = |closed_at: Timestamp| snapshot.paid_at.is_some_and(|paid_at| paid_at > closed_at);
    if draft.record.closed_by_merchant_at().is_some_and(came_after) {
        return Some(CompensationReason::Closed);
    }
    // What is decided by the order's other payment holds at its version only. If it lost its money in the
    // same moment, this refund would leave the order with none, so the commit compares both versions.
    if draft.record.payment.yielded {
        draft.rests_on_sibling = true;
        if context.sibling.is_some_and(PaymentRecord::has_money) {
            return Some(CompensationReason::Duplicate);
        }
    }
    if draft.record.payment.superseded {
        draft.rests_on_sibling = true;
        if context.sibling.is_some_and(PaymentRecord::may_hold_money) {
            return Some(CompensationReason::Superseded);
        }
    }
    if timing == Timing::Late && context.late_payments == LatePayments::Cancel {
        return Some(CompensationReason::Late);
    }
    // Beside an account without money nothing goes back: the account gives way.
    let other = draft.record.accepted().filter(|other| other.id != *id);
    other.is_some_and(Charge::has_money).then_some(CompensationReason::Duplicate)
}

/// Writes the cancel that gives back what a charge holds.
pub(super) fn compensate(
    draft: &mut Draft,
    id: &ChargeId,
    reason: CompensationReason,
    context: &Context<'_>,
) {
    let Some(charge) = draft.record.charge(id) else { return };
    let Some(snapshot) = &charge.snapshot else { return };
    let amount = snapshot.cancellable;
    // The part free of VAT was registered for this amount. Of another amount nobody knows it.
    let is_whole_order = snapshot.total == draft.record.payment.terms.amount;
    let is_going_back = charge.compensation().is_some_and(|row| row.status.is_unresolved());
    // A refund that is under way leaves too; a PG may count it as gone already.
    let counted = snapshot.cancelled.amount().saturating_sub(charge.sum_of(CancelStatus::Done));
    let under_way = charge.sum_of(CancelStatus::Pending).saturating_sub(counted);
    let leaves = amount.amount().saturating_add(under_way);
    let is_stuck = leaves < snapshot.balance().amount() && !is_going_back;
    let cancel = Cancel {
        id: context.ids.cancel(context.now),
        origin: CancelOrigin::Compensation,
        compensates: Some(reason),
        status: CancelStatus::Requested,
        held: needs_account(snapshot, context).then_some(ReviewReason::CompensationNeedsAccount),
        is_whole: true,
        amount,
        tax_free_amount: draft.record.tax_free_left(charge).filter(|_| is_whole_order),
        vat_amount: None,
        cancellable_before: amount,
        failed_at: None,
        reason: reason.text().to_owned(),
        refund_account: None,
        dispatch: None,
        pg_cancel_id: None,
        failure: None,
        key: None,
        created_at: context.now,
    };
    tracing::warn!(
        payment = %draft.record.payment.id,
        account = %draft.record.payment.account,
        reason = reason.name(),
        "money at the PG does not pay this order and goes back"
    );
    // Where it was an account in the role, its money must not show the order as paid while it goes back.
    role::take_role_away(draft, id);
    draft.change(id, |charge| {
        charge.misfit = Some(misfit_of(reason));
        // A person may have given it back in the PG's console, or a request to do so may still be executed: a
        // second row would give back twice.
        if !amount.is_zero() && !is_going_back {
            charge.cancels.push(cancel);
        }
    });
    if is_stuck {
        // The PG holds it, or a part of it, and lets nobody cancel that.
        draft.raise(ReviewReason::MismatchNotCancelled, ReviewSubject::Charge(id.clone()), context.now);
    }
}

/// Whether a compensation may be sent now, by what the look-ups right before it showed.
///
/// # Errors
///
/// [`Held`].
pub(crate) fn check_compensation(
    draft: &mut Draft,
    id: &CancelId,
    context: &Context<'_>,
) -> Result<(), Held> {
    let Some((charge, cancel)) = draft.record.cancel(id) else { return Err(Held::ReasonGone) };
    let (Some(snapshot), Some(reason)) = (&charge.snapshot, cancel.compensates) else {
        return Err(Held::ReasonGone);
    };
    if snapshot.balance().is_zero() {
        return Err(Held::NothingLeft);
    }
    // If a part was cancelled by hand, or the PG shows less, this is not the refund that was decided.
    let is_as_written = snapshot.cancellable == cancel.cancellable_before && charge.less_seen_at.is_none();
    let (charge, timing) = (charge.id.clone(), charge.timing.unwrap_or(Timing::InTime));
    // Late was decided once, by the deadline of then: reopening the payment does not undo it.
    let is_late = reason == CompensationReason::Late && timing == Timing::Late;
    let holds = reason_to_compensate(draft, &charge, timing, context);
    // Another reason may have become this one: a close that was refused since leaves a duplicate.
    let is_duplicate = [Some(reason), holds].contains(&Some(CompensationReason::Duplicate));
    let is_beside = !is_duplicate || paying_charge_is_intact(draft, context);
    let still_holds = is_late || holds.is_some();
    if is_as_written && still_holds && is_beside { Ok(()) } else { Err(Held::ReasonGone) }
}

/// Whether the money that pays the order is all there: a duplicate goes back only beside it.
fn paying_charge_is_intact(draft: &mut Draft, context: &Context<'_>) -> bool {
    if !draft.record.payment.yielded {
        return draft.record.accepted().is_some_and(is_intact);
    }
    draft.rests_on_sibling = true;
    context.sibling.and_then(PaymentRecord::accepted).is_some_and(is_intact)
}

/// Holds a compensation back: it is not sent until a person decides.
pub(crate) fn hold(draft: &mut Draft, id: &CancelId, why: Held) {
    let Some(cancel) = draft.record.cancel_mut(id) else { return };
    // If it was sent before, it may itself be what left nothing: a later look-up or a person says so.
    if why == Held::NothingLeft && cancel.dispatch.is_none() {
        cancel.refuse(Failure::of(FailureReason::NotCancellable));
    } else {
        cancel.held = Some(ReviewReason::CompensationHeld);
    }
}

const fn misfit_of(reason: CompensationReason) -> Misfit {
    match reason {
        CompensationReason::WrongAmount => Misfit::Mismatch,
        CompensationReason::Duplicate | CompensationReason::Superseded => Misfit::Duplicate,
        CompensationReason::Late | CompensationReason::Closed => Misfit::Late,
    }
}

/// Whether all the money of a charge is there, by everything that was shown.
fn is_intact(charge: &Charge) -> bool {
    let is_whole = |snapshot: &Snapshot| !snapshot.paid.is_zero() && snapshot.cancelled.is_zero();
    charge.snapshot.as_ref().is_some_and(is_whole) && charge.less_seen_at.is_none()
}

/// Whether the PG gives this money back only to an account that the buyer names.
pub(crate) fn needs_account(snapshot: &Snapshot, context: &Context<'_>) -> bool {
    let method = if snapshot.is_deposit() { Some(Method::VirtualAccount) } else { snapshot.method };
    let terms = method.and_then(|method| context.description.method(method));
    terms.is_some_and(|terms| terms.refund_needs_account)
}
