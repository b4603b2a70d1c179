//! What changes the role of a charge after it was judged: the money that paid the order went away, or came again.
//!
//! | what happened | then |
//! |---|---|
//! | it came again, and nothing else pays the order | it pays the order |
//! | it came again, and other money pays, the payment is over or it does not match | a person decides |
//! | it was set aside, went away and came again | a person decides |
//! | it was reversed, and a duplicate beside it was never sent back | the duplicate pays the order |

use super::{Context, Draft, fit, role};
use crate::model::{Charge, ChargeId, CompensationReason, Failure, FailureReason, ReviewReason};

/// Money that paid the order, was gone and is here again. It never goes back by itself; where something else pays the
/// order by now, nothing says which of them was sold.
pub(super) fn judge_what_came_again(draft: &mut Draft, id: &ChargeId, context: &Context<'_>) {
    let had_none = |charge: &Charge| !charge.has_money();
    let came_again = draft.before().charge(id).is_some_and(had_none);
    let Some(charge) = draft.record.charge(id).filter(|_| came_again) else { return };
    let was_judged = charge.timing.is_some() && charge.has_money();
    let Some(snapshot) = charge.snapshot.as_ref().filter(|_| was_judged) else { return };
    if charge.is_set_aside() {
        // A person was asked about it before it went away, and is asked about what is here now.
        return role::set_aside(draft, id, context);
    }
    if charge.misfit.is_some() {
        return;
    }
    // A close that was done while the money was gone counts. After this change it would be overlooked, for
    // the close of an account that is paid closes nothing: so the record before is asked too.
    let is_over = draft.record.takes_no_money() || draft.before().takes_no_money();
    let others = draft.record.charges.iter().filter(|other| other.id != *id);
    let is_beside_money = others.clone().any(|other| other.accepted && other.has_money());
    if is_over || is_beside_money || !fit::fits(&draft.record, snapshot, context) {
        role::set_aside(draft, id, context);
    } else if !charge.accepted {
        role::accept(draft, id, context);
    }
}

/// A duplicate whose money was never sent back pays the order when what paid it has been reversed.
pub(super) fn promote_duplicate(draft: &mut Draft, context: &Context<'_>) {
    let is_unpaid = |accepted: &Charge| !accepted.has_money();
    if draft.record.takes_no_money() || !draft.record.accepted().is_some_and(is_unpaid) {
        return;
    }
    // A compensation that was sent may still give it back.
    let unsent = |charge: &Charge| {
        let row = charge.compensation().filter(|row| row.status.is_unresolved() && row.dispatch.is_none());
        row.filter(|row| row.compensates == Some(CompensationReason::Duplicate)).map(|row| row.id.clone())
    };
    // Nothing of it may be gone: it has to pay the order in full.
    let is_whole = |charge: &&Charge| {
        let shown = charge.snapshot.as_ref().filter(|_| charge.less_seen_at.is_none());
        shown.is_some_and(|snapshot| {
            snapshot.cancelled.is_zero() && fit::fits(&draft.record, snapshot, context)
        })
    };
    let mut whole = draft.record.charges.iter().filter(|charge| charge.has_money()).filter(is_whole);
    let Some((id, row)) = whole.find_map(|charge| Some((charge.id.clone(), unsent(charge)?))) else {
        return;
    };
    // Ended in the same commit, or a worker would refund what pays. Held, so that no review follows.
    if let Some(cancel) = draft.record.cancel_mut(&row) {
        cancel.held = Some(ReviewReason::CompensationHeld);
        cancel.refuse(Failure::of(FailureReason::NotCancellable));
    }
    draft.change(&id, |charge| charge.misfit = None);
    role::accept(draft, &id, context);
}
