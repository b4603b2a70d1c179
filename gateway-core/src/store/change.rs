//! What is written in one step, and what idempotency keys stand for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Checks, OwedLookUp, PendingOperation};
use crate::model::{Attempt, CancelId, Charge, ChargeId, MerchantId, NewEvent, Payment, PaymentId, Secret};

/// One atomic change: all of it is applied, or nothing. Never of two merchants.
#[derive(Clone, Debug)]
pub struct Change {
    /// When, by the clock of the replica that commits it.
    pub at: Timestamp,
    /// The payments it changes. Several only where a decision about one rests on the others.
    pub payments: Vec<PaymentChange>,
    /// Payments that must still have the version at which they were read, and are not changed.
    pub unchanged: Vec<(PaymentId, u64)>,
    /// An idempotency record to insert.
    pub idempotency: Option<IdempotencyRecord>,
}

/// What changes of one payment.
#[derive(Clone, Debug)]
pub struct PaymentChange {
    /// The version the payment must have; `None` for a new payment. `payment.version` is one more, or 1.
    pub expected: Option<u64>,
    /// The payment after the change.
    pub payment: Payment,
    /// Whether money of it may still come in or go back, so that its account must stay what it is.
    pub is_live: bool,
    /// Attempts to insert or replace.
    pub attempts: Vec<Attempt>,
    /// Charges to insert or replace.
    pub charges: Vec<Charge>,
    /// Events to append.
    pub events: Vec<NewEvent>,
    /// What is to be looked up and sent from now on.
    pub checks: ChecksChange,
}

/// How what is to be looked up and sent changes. Look-ups that others added since the record was read stay owed.
#[derive(Clone, Debug, Default)]
pub struct ChecksChange {
    /// Owed look-ups that were answered or replaced.
    pub answered: Vec<OwedLookUp>,
    /// Owed look-ups that are new.
    pub owed: Vec<OwedLookUp>,
    /// The operations that are not over.
    pub pending: Vec<PendingOperation>,
    /// When time alone changes what is shown.
    pub deadline: Option<Timestamp>,
    /// For each attempt, when the newest answered look-up of its order id was asked.
    pub asked: Vec<(u16, Timestamp)>,
}

impl ChecksChange {
    /// What is to be looked up and sent after this change of `kept`.
    #[must_use]
    pub fn apply(&self, kept: &Checks) -> Checks {
        // Taken out one by one: a hint that came after the record was read is in `kept` only, and must
        // survive this change.
        let still_owed = kept.owed.iter().filter(|owed| !self.answered.contains(owed)).cloned().collect();
        let (pending, deadline, asked) = (self.pending.clone(), self.deadline, self.asked.clone());
        let mut checks = Checks { owed: still_owed, pending, deadline, asked };
        checks.owe(self.owed.iter().cloned());
        checks
    }
}

/// What only a POST's answer holds: written whatever version the payment has by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedAnswer {
    /// The charge it is of.
    pub charge: ChargeId,
    /// What proves the charge's webhooks.
    pub webhook_secret: Secret,
}

/// The final answer to a request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body. It may hold personal data, so it is sealed like a secret.
    pub body: Secret,
}

/// What an idempotency key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose key.
    pub merchant: MerchantId,
    /// The key, as the merchant sent it.
    pub key: String,
    /// A digest of method, path and body.
    pub digest: String,
    /// The payment the request is about.
    pub payment: Option<PaymentId>,
    /// The cancel or close the request made. Such a record never expires: the same key must not refund again.
    pub cancel: Option<CancelId>,
    /// The final answer; `None` while there is none.
    pub answer: Option<StoredAnswer>,
    /// When the key was first used. Kept for 15 days.
    pub created_at: Timestamp,
}
