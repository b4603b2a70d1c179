//! Whether the money of a charge is what was registered, and whether it came in time.

use super::{
    Context,
    schedule::{DEPOSIT_GRACE, LATE_MARGIN},
};
use crate::{
    clock::later,
    model::{Attempt, Charge, Snapshot},
    store::PaymentRecord,
};

/// How money differs from what was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// Another amount: it goes back.
    Amount,
    /// A discount, another mode or another currency: a person decides.
    Other,
}

/// Whether a snapshot is what was registered. The order id was compared before; the store refuses a PG id that
/// another payment accepted.
pub(super) fn fits(record: &PaymentRecord, snapshot: &Snapshot, context: &Context<'_>) -> bool {
    mismatch(record, snapshot, context).is_none()
}

pub(super) fn mismatch(
    record: &PaymentRecord,
    snapshot: &Snapshot,
    context: &Context<'_>,
) -> Option<Mismatch> {
    let expected = record.payment.terms.amount;
    let other_currency = snapshot.total.currency() != expected.currency();
    // A PG that does not show the mode of a payment is believed to use the account's.
    let other_mode = snapshot.mode.is_some_and(|mode| mode != context.description.mode);
    let paid = snapshot.paid;
    // An account that waits has nothing paid yet: only its total can be compared.
    let adds_up = paid.is_zero() || paid.checked_add(snapshot.discount) == Ok(snapshot.total);
    let same_amount = snapshot.total.amount() == expected.amount() && adds_up;
    match (same_amount, other_currency || other_mode) {
        (true, false) => None,
        (true, true) => Some(Mismatch::Other),
        // The numbers may differ because of a discount that we do not know of, and amounts of two
        // currencies cannot be compared. Neither may refund a sale by itself.
        (false, _) if other_currency || !snapshot.discount.is_zero() => Some(Mismatch::Other),
        (false, _) => Some(Mismatch::Amount),
    }
}

/// Whether money came after the deadline in force. A missing time is never late.
pub(super) fn is_late(record: &PaymentRecord, charge: &Charge, snapshot: &Snapshot) -> bool {
    let Some(paid_at) = snapshot.paid_at else { return false };
    // By when it was paid, not by when we learned of it: the webhook may be lost and the look-up hours later.
    if snapshot.is_deposit() {
        return snapshot.due_at().is_some_and(|due_at| paid_at > later(due_at, DEPOSIT_GRACE));
    }
    // Where we take the money nothing is late: a claim that comes too late is not sent.
    let is_taken_alone = record.attempt(charge.attempt).is_some_and(Attempt::takes_money_before_confirm);
    is_taken_alone && charge.confirm.is_none() && paid_at > later(record.payment.expires_at, LATE_MARGIN)
}
