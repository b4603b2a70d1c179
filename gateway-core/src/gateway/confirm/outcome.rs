//! How a payment answers a confirm: by what is known of the charge, and never by the browser's words alone.

use crate::{
    gateway::{GatewayError, StateProblem},
    lifecycle::failure_of,
    model::{Charge, ChargeId, Dispatch, Failure, FailureReason, Misfit, Outcome, PaymentStatus},
    store::PaymentRecord,
};

/// How a payment answers the confirm of one of its charges.
pub(super) fn outcome(record: PaymentRecord, id: &ChargeId) -> Result<PaymentRecord, GatewayError> {
    let Some(charge) = record.charge(id) else { return outcome_of_payment(record) };
    match charge.misfit {
        Some(Misfit::Mismatch) => return Err(GatewayError::Mismatch(Box::new(record))),
        // What goes back must not be taken for paid.
        Some(Misfit::Late) => return Err(GatewayError::state(StateProblem::Status, record)),
        Some(Misfit::Duplicate) | None => {}
    }
    // Paid by this charge or another: a buyer who has paid must not be answered with the decline of another
    // tab.
    if record.payment.status().has_money() {
        return Ok(record);
    }
    if charge.awaits_deposit() && is_of_another_amount(charge, &record) {
        // An account was issued, and a deposit into it would not pay the order.
        return Err(GatewayError::Mismatch(Box::new(record)));
    }
    let failure = match charge.confirm.as_ref().and_then(Dispatch::outcome) {
        Some(Outcome::NotDone(failure)) => failure.clone(),
        None if charge.is_declined() && is_unpaid(&record) => {
            let failure = failure_of(charge);
            return if is_refusal(&failure) {
                outcome_of(record, Some(failure))
            } else {
                came_to_nothing(record, failure)
            };
        }
        // A decline of one charge is the payment's answer only if the payment says so: another charge may be
        // unresolved, and could still take the money.
        Some(Outcome::Declined(failure)) => {
            let failure = failure.clone();
            let is_of_account = failure.reason == FailureReason::ProviderMisconfigured;
            return if is_of_account && is_unpaid(&record) {
                came_to_nothing(record, failure)
            } else {
                outcome_of(record, Some(failure))
            };
        }
        Some(Outcome::Done) | None => return outcome_of(record, None),
    };
    // Another tab may have been paid, so nothing may be answered that says "no money moved".
    if matches!(record.payment.status(), PaymentStatus::Confirming | PaymentStatus::AwaitingDeposit) {
        return outcome_of(record, None);
    }
    match failure.reason {
        FailureReason::Mismatch => Err(GatewayError::Mismatch(Box::new(record))),
        FailureReason::ProviderMisconfigured => Err(GatewayError::ProviderMisconfigured(failure.pg)),
        FailureReason::Unsupported => Err(GatewayError::Unsupported("confirming on this account")),
        _ => outcome_of_payment(record),
    }
}

fn is_of_another_amount(charge: &Charge, record: &PaymentRecord) -> bool {
    charge.snapshot.as_ref().is_some_and(|shown| shown.total != record.payment.terms.amount)
}

/// Whether it can be paid: nothing is open, and nothing came in.
pub(super) const fn is_unpaid(record: &PaymentRecord) -> bool {
    matches!(record.payment.status(), PaymentStatus::Ready | PaymentStatus::Failed)
}

/// Whether the buyer was refused: they did not leave by themselves, and the account is as it should be.
const fn is_refusal(failure: &Failure) -> bool {
    !matches!(failure.reason, FailureReason::BuyerClosed | FailureReason::ProviderMisconfigured)
}

/// How an unpaid payment answers for a window that came to nothing: a buyer who closed it has been refused nothing, and what
/// is wrong with the account is not the buyer's.
pub(super) fn came_to_nothing(
    record: PaymentRecord,
    failure: Failure,
) -> Result<PaymentRecord, GatewayError> {
    match failure.reason {
        FailureReason::BuyerClosed => Ok(record),
        FailureReason::ProviderMisconfigured => Err(GatewayError::ProviderMisconfigured(failure.pg)),
        _ => Err(GatewayError::Declined { failure, record: Box::new(record) }),
    }
}

/// How a payment answers where no charge of it is meant.
pub(super) fn outcome_of_payment(record: PaymentRecord) -> Result<PaymentRecord, GatewayError> {
    outcome_of(record, None)
}

/// How a payment answers for one of its charges, and why that one came to nothing, if it did: another may have failed for
/// another reason since.
fn outcome_of(record: PaymentRecord, failure: Option<Failure>) -> Result<PaymentRecord, GatewayError> {
    match record.payment.status() {
        PaymentStatus::Failed => {
            let failure = failure.or_else(|| record.payment.shown.failure.clone());
            let failure = failure.unwrap_or(Failure::of(FailureReason::Other));
            Err(GatewayError::Declined { failure, record: Box::new(record) })
        }
        PaymentStatus::Expired | PaymentStatus::Cancelled => {
            Err(GatewayError::state(StateProblem::Status, record))
        }
        _ => Ok(record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lifecycle::tests::sample::{HOUR, PRICE, World},
        model::PgStatus,
    };

    #[test]
    fn account_of_another_amount_is_a_mismatch() {
        for (amount, is_mismatch) in [(PRICE, false), (PRICE / 10, true)] {
            let mut world = World::before_confirm();
            let account = world.shown("i1", PgStatus::Open).with_account(HOUR).with_total(amount);
            world.see(&account);
            let id = world.charge("i1").id.clone();
            let answered = outcome(world.record, &id);
            assert_eq!(matches!(answered, Err(GatewayError::Mismatch(_))), is_mismatch, "{amount}");
        }
    }
}
