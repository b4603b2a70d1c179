//! One go of the buyer at a payment window.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{BrowserStep, Failure, PaymentId, PgOrderId, PgPaymentId, Secret};

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Its browser step is being prepared.
    Preparing,
    /// The buyer may be at the window.
    Open,
    /// The PG was asked for the money, or whether it has it.
    Confirming,
    /// The PG issued the account or took the money under it.
    Accepted,
    /// It came to nothing. Its ids stay watched.
    Closed,
}

/// What was last heard of a request that moves money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// No answer, or none that can be read: the same key may be sent again.
    Nothing,
    /// It is still being processed (HTTP 409): the same key may be sent again.
    StillRunning,
    /// An error that does not say whether it was done: only a fresh look-up allows the next key.
    Error,
    /// A definite answer.
    Answer,
}

/// A request that moves money, as it was committed before its first byte went out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Counts the keys used: part of the idempotency key.
    pub send: u32,
    /// Counts how often it went out, whatever the key.
    pub times: u32,
    /// When the first key went out.
    pub first_sent_at: Timestamp,
    /// When it last went out.
    pub sent_at: Timestamp,
    /// The credential it went out under; it is never repeated under another.
    pub credential: String,
    /// What came back.
    pub heard: Heard,
}

impl Sending {
    /// The first send.
    #[must_use]
    pub fn first(now: Timestamp, credential: &str) -> Self {
        Self {
            send: 1,
            times: 1,
            first_sent_at: now,
            sent_at: now,
            credential: credential.to_owned(),
            heard: Heard::Nothing,
        }
    }

    /// The same key once more.
    #[must_use]
    pub fn again(&self, now: Timestamp) -> Self {
        Self { times: self.times.saturating_add(1), sent_at: now, heard: Heard::Nothing, ..self.clone() }
    }

    /// The request afresh, where the PG did certainly not do the last one: the same key if that never
    /// left, the next one if the PG answered it, for an answer may be given again for the same key.
    #[must_use]
    pub fn afresh(&self, now: Timestamp, credential: &str) -> Self {
        let answered = u32::from(self.heard == Heard::Error);
        Self { send: self.send.saturating_add(answered), ..Self::first(now, credential) }
    }

    /// Whether both are one request, whatever came back.
    pub(crate) fn is_same_request(&self, other: &Self) -> bool {
        (self.send, self.times, self.sent_at) == (other.send, other.times, other.sent_at)
    }

    /// The next key: the last one was answered with an error and proved not executed.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Self {
        Self { send: self.send.saturating_add(1), ..self.again(now) }
    }
}

/// The key a PG is sent: `{payment}:{operation}:{operation id}:{send}`.
#[must_use]
pub fn idempotency_key(payment: &PaymentId, operation: &str, id: &str, send: u32) -> String {
    format!("{payment}:{operation}:{id}:{send}")
}

/// One go of the buyer at a payment window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1 within the payment.
    pub number: u16,
    /// What the PG sees as order id.
    pub pg_order_id: PgOrderId,
    /// Where it stands.
    pub status: AttemptStatus,
    /// The PG's id: claimed by the browser until `accepted`.
    pub pg_id: Option<PgPaymentId>,
    /// Whether this is the PG payment our payment accepted.
    pub accepted: bool,
    /// The browser step, to show it again.
    pub step: Option<BrowserStep>,
    /// What the provider wants to see again; its own business.
    pub state: Option<Secret>,
    /// The confirm, from the moment it was to be sent.
    pub confirm: Option<Sending>,
    /// What only the confirm's answer holds: the secret of deposit webhooks.
    pub deposit_secret: Option<Secret>,
    /// The PG's last answer about it, as it came.
    pub raw: Option<Secret>,
    /// Why it came to nothing.
    pub failure: Option<Failure>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Attempt {
    /// A new attempt, to be committed before the PG hears of it.
    #[must_use]
    pub fn new(number: u16, pg_order_id: PgOrderId, now: Timestamp) -> Self {
        Self {
            number,
            pg_order_id,
            status: AttemptStatus::Preparing,
            pg_id: None,
            accepted: false,
            step: None,
            state: None,
            confirm: None,
            deposit_secret: None,
            raw: None,
            failure: None,
            created_at: now,
        }
    }

    /// Whether a confirm went out and no definite answer came back.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        self.status == AttemptStatus::Confirming
    }

    /// Whether the buyer may still be at its window.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status, AttemptStatus::Preparing | AttemptStatus::Open)
    }

    /// Ends the attempt without money.
    pub fn close(&mut self, failure: Failure) {
        self.status = AttemptStatus::Closed;
        self.failure = Some(failure);
    }
}
