//! Giving a charge the order, and taking it away. What loses the role, and closes that have come too late, are seen to here.

use super::{Context, Draft};
use crate::{
    model::{
        CancelOrigin, CancelStatus, Charge, ChargeId, Failure, FailureReason, Misfit, ReviewReason,
        ReviewSubject, Timing,
    },
    store::PaymentRecord,
};

/// Money takes the role away from an account without paying the order. If the merchant had closed it, the payment stays closed.
pub(super) fn take_role_away(draft: &mut Draft, id: &ChargeId) {
    let PaymentRecord { payment, charges, .. } = &mut draft.record;
    let Some(charge) = charges.iter_mut().find(|charge| charge.id == *id && charge.accepted) else {
        return;
    };
    charge.accepted = false;
    // The merchant closed the order by closing this account. Lost with the role, the order would be open.
    payment.closes.extend(charge.closes.extract_if(.., |close| close.is_done_by_merchant()));
}

/// Money that a person has to decide about.
pub(super) fn set_aside(draft: &mut Draft, id: &ChargeId, context: &Context<'_>) {
    take_role_away(draft, id);
    draft.change(id, |charge| {
        // Judged, so that no later look-up gives this money back by itself.
        charge.timing = Some(Timing::InTime);
        charge.misfit = Some(Misfit::Mismatch);
    });
    draft.raise(ReviewReason::MismatchNotCancelled, ReviewSubject::Charge(id.clone()), context.now);
}

/// This charge is the accepted one: what shows nothing paid yields.
pub(super) fn give_role(draft: &mut Draft, id: &ChargeId) {
    // All charges in one go: two accepted ones would count the order as paid twice.
    for charge in &mut draft.record.charges {
        charge.accepted = charge.id == *id;
    }
}

/// The money of this charge pays the order.
pub(super) fn accept(draft: &mut Draft, id: &ChargeId, context: &Context<'_>) {
    give_role(draft, id);
    // The order was registered again, and that payment holds nothing. This one is kept, and in the same
    // commit the other is closed, so that no buyer pays there.
    if draft.record.payment.superseded {
        draft.record.payment.superseded = false;
        draft.sibling_yields = true;
        draft.raise(ReviewReason::OlderPaymentKept, ReviewSubject::Payment, context.now);
    }
    refuse_moot_closes(draft);
}

/// Closes of a paid order have come too late, whatever the PG said to them: the money came first. That of an account which
/// lost to other money closed the account and not the order; our own of such an account did what it was for.
pub(super) fn refuse_moot_closes(draft: &mut Draft) {
    // An account without money pays nothing, so the closes of its order stand.
    if !draft.record.accepted().is_some_and(Charge::is_judged) {
        return;
    }
    let PaymentRecord { payment, charges, .. } = &mut draft.record;
    let of_charges = charges.iter_mut().flat_map(|charge| {
        // Of an account that lost, only the merchant's close meant the order.
        let is_paid = charge.accepted;
        charge.closes.iter_mut().filter(move |close| is_paid || close.origin == CancelOrigin::Merchant)
    });
    let closes = of_charges.chain(&mut payment.closes);
    for close in closes.filter(|close| close.status == CancelStatus::Done) {
        close.refuse(Failure::of(FailureReason::NotCancellable));
    }
}
