//! The idempotency key of a request, and the record that is written with the first row of that request.

use jiff::Timestamp;

use crate::{
    model::{CancelId, MerchantId, PaymentId},
    store::IdempotencyRecord,
};

/// The idempotency key of a request, to be written with the first row the request creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The key, as the merchant sent it.
    pub key: String,
    /// A digest of method, path and body.
    pub digest: String,
}

/// What is kept of a key with the row that its request made: a repeat after a crash attaches to it.
pub(super) fn idempotency(
    key: Option<&RequestKey>,
    merchant: &MerchantId,
    payment: &PaymentId,
    cancel: Option<&CancelId>,
    now: Timestamp,
) -> Option<IdempotencyRecord> {
    key.map(|key| IdempotencyRecord {
        merchant: merchant.clone(),
        key: key.key.clone(),
        digest: key.digest.clone(),
        payment: Some(payment.clone()),
        cancel: cancel.cloned(),
        // A repeat that finds no answer is shown the state of the row, so a crash before the answer makes no
        // second one.
        answer: None,
        created_at: now,
    })
}
