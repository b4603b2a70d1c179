//! Why a store did not do what it was asked for.

use super::AccountDifference;
use crate::{model::AccountId, provider::BoxError};

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A payment has another version: read it again.
    #[error("the payment was changed by another")]
    Conflict,
    /// The order id has another open or paid payment.
    #[error("the order has another payment")]
    OrderTaken,
    /// The PG id is accepted by another payment.
    #[error("the PG payment belongs to another payment")]
    PgIdTaken,
    /// The idempotency key is in use.
    #[error("the idempotency key is in use")]
    KeyTaken,
    /// Too many webhooks wait.
    #[error("the inbox is full")]
    InboxFull,
    /// An account was changed or removed while money of its payments may still come in or go back.
    #[error(
        "account `{account}` {} while {payments} of its payments can still receive or give back money. \
         Restore the account as it was (`retired = true` stops new payments) and configure the new one under another name",
        difference.what()
    )]
    AccountChanged {
        /// The account.
        account: AccountId,
        /// What is another than before.
        difference: AccountDifference,
        /// How many payments can still receive or give back money.
        payments: u64,
    },
    /// The store cannot be reached or cannot write.
    #[error("the store is not available")]
    Unavailable(#[source] BoxError),
}
