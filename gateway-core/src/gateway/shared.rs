//! What every use case begins with: the account of a payment, and a place among those who talk to its PG.

use tokio::sync::SemaphorePermit;

use super::GatewayError;
use crate::{account::ConnectedAccount, dispatch::Committer, store::PaymentRecord};

/// The account that a payment is bound to.
pub(super) fn account_of<'a>(
    core: &'a Committer,
    record: &PaymentRecord,
) -> Result<&'a ConnectedAccount, GatewayError> {
    // The start-up check refuses a configuration without an account whose payments need it.
    core.account_of(record).ok_or(GatewayError::Unsupported("this payment's account any more"))
}

/// A permit for a use case that talks to the PG, kept until it is dropped.
pub(super) fn permit(account: &ConnectedAccount) -> Result<SemaphorePermit<'_>, GatewayError> {
    account.permit().ok_or(GatewayError::busy())
}
