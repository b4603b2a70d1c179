//! A request that moves money, as it was committed before its first byte went out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{CancelId, ChargeId, Failure, PaymentId};

/// What a request is for. Each has an idempotency key of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Taking the money of a charge.
    Confirm(ChargeId),
    /// Giving money back.
    Cancel(CancelId),
    /// Closing an unpaid virtual account.
    Close(CancelId),
}

impl Operation {
    /// The key a PG is sent: `{payment}_{operation}_{id}_{seq}`, letters, digits and `_` only.
    ///
    /// At most 78 characters: Toss takes 300, PortOne V2 16 to 256.
    #[must_use]
    pub fn idempotency_key(&self, payment: &PaymentId, key_seq: u32) -> String {
        // Our id and no count: a store that was restored from a copy would count to the same number again,
        // and the PG would answer with what it keeps for the request from before.
        let (operation, id) = match self {
            Self::Confirm(id) => ("confirm", id.as_str()),
            Self::Cancel(id) => ("cancel", id.as_str()),
            Self::Close(id) => ("close", id.as_str()),
        };
        format!("{payment}_{operation}_{id}_{key_seq}")
    }
}

/// The last response to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastResponse {
    /// None that can be read, or "still being processed": a retry goes out with the same key.
    Unanswered,
    /// An error that is not definite: a retry goes out with the next key, because a PG may repeat its answer for the
    /// same one.
    Error,
    /// A definite answer.
    Final(Outcome),
}

/// What a request came to, once that is definite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The PG did it.
    Done,
    /// The PG refused: nothing moved.
    Declined(Failure),
    /// It was not done, and nobody refused it: the window's time was over, or the request was never acceptable.
    NotDone(Failure),
}

/// A request that moves money: a confirm, a cancel or a close.
///
/// It is committed, with everything it is built from, before the first byte goes out. Each field answers a question
/// that a retry or a look-up asks about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// Which key it goes out with, counted from 1.
    pub key_seq: u32,
    /// How often it went out, whatever the key.
    pub send_count: u32,
    /// When it first went out.
    pub first_sent_at: Timestamp,
    /// When the present key first went out: a PG keeps a key for so long from then.
    pub key_sent_at: Timestamp,
    /// When it last went out.
    pub last_sent_at: Timestamp,
    /// The credential it last went out under.
    pub credential: String,
    /// What came back.
    pub last_response: LastResponse,
    /// Whether the last send may have reached the PG. Until an answer says otherwise it may.
    pub may_have_left: bool,
    /// The newest earlier send that may have reached the PG and was never answered: it may be executed yet.
    pub unanswered_at: Option<Timestamp>,
    /// Whether any send was answered with an error that leaves open whether it was done.
    pub had_unknown: bool,
    /// Whether a send was answered as what is done at some later time would be: then no look-up says that it will not be.
    #[serde(default)]
    pub may_follow: bool,
    /// How many sends were answered with an error.
    pub error_count: u32,
    /// When the definite answer came.
    pub final_at: Option<Timestamp>,
}

impl Dispatch {
    /// The first send.
    #[must_use]
    pub fn first(now: Timestamp, credential: &str) -> Self {
        Self {
            key_seq: 1,
            send_count: 1,
            first_sent_at: now,
            key_sent_at: now,
            last_sent_at: now,
            credential: credential.to_owned(),
            last_response: LastResponse::Unanswered,
            // Until an answer says otherwise: after a crash here nobody knows whether the first byte was
            // out.
            may_have_left: true,
            unanswered_at: None,
            had_unknown: false,
            may_follow: false,
            error_count: 0,
            final_at: None,
        }
    }

    /// The next send: with the same key while there was no answer, with the next one after any answered error.
    #[must_use]
    pub fn retry(&self, now: Timestamp, credential: &str) -> Self {
        // A PG may keep an error and repeat it for the same key for days (one does for 15), so an answered
        // error is followed by the next key. Without an answer only the same key is safe: under another one
        // the PG could do it twice.
        let next_key = self.last_response == LastResponse::Error;
        // Carried along, however many later sends are answered: an answer speaks for its own send, and this
        // one may be executed yet.
        let lost = (self.last_response == LastResponse::Unanswered && self.may_have_left)
            .then_some(self.last_sent_at)
            .max(self.unanswered_at);
        Self {
            key_seq: self.key_seq.saturating_add(u32::from(next_key)),
            send_count: self.send_count.saturating_add(1),
            // A PG counts from the first use of a key, not from the last.
            key_sent_at: if next_key { now } else { self.key_sent_at },
            last_sent_at: now,
            credential: credential.to_owned(),
            last_response: LastResponse::Unanswered,
            may_have_left: true,
            unanswered_at: lost,
            ..self.clone()
        }
    }

    /// Whether both are the same send, whatever came back. What one send came to says nothing of a later one.
    #[must_use]
    pub fn is_same_send(&self, other: &Self) -> bool {
        (self.key_seq, self.send_count, self.last_sent_at)
            == (other.key_seq, other.send_count, other.last_sent_at)
    }

    /// The definite answer.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Outcome> {
        match &self.last_response {
            LastResponse::Final(outcome) => Some(outcome),
            LastResponse::Unanswered | LastResponse::Error => None,
        }
    }

    /// Whether a decline of the last send speaks for every send: each earlier one was answered, none of them
    /// with an error that leaves open whether it was done.
    #[must_use]
    pub const fn is_last_word(&self) -> bool {
        // A decline of the third send does not say that the first one took nothing.
        self.unanswered_at.is_none() && !self.had_unknown
    }

    /// Ends it with a definite answer.
    pub fn end(&mut self, outcome: Outcome, now: Timestamp) {
        self.last_response = LastResponse::Final(outcome);
        self.final_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::IdSource;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(second: u64) -> Timestamp {
        START.saturating_add(Duration::from_secs(second)).unwrap()
    }

    #[test]
    fn no_answer_repeats_the_key() {
        let retried = Dispatch::first(START, "a").retry(at(2), "a");
        assert_eq!((retried.key_seq, retried.send_count), (1, 2));
        assert_eq!(retried.key_sent_at, START);
        assert_eq!(retried.unanswered_at, Some(START));
        assert!(!retried.is_last_word());
    }

    #[test]
    fn an_answered_error_takes_the_next_key() {
        let answered = Dispatch { last_response: LastResponse::Error, ..Dispatch::first(START, "a") };
        let retried = answered.retry(at(2), "a");
        assert_eq!((retried.key_seq, retried.key_sent_at), (2, at(2)));
        assert_eq!(retried.unanswered_at, None, "an answered send is not executed later");
        assert!(retried.is_last_word());
    }

    #[test]
    fn what_never_left_leaves_no_doubt() {
        let unsent = Dispatch { may_have_left: false, ..Dispatch::first(START, "a") };
        let retried = unsent.retry(at(2), "a");
        assert_eq!((retried.key_seq, retried.unanswered_at), (1, None));
    }

    #[test]
    fn an_unanswered_send_stays_open_behind_later_answers() {
        let mut second = Dispatch::first(START, "a").retry(at(2), "a");
        second.last_response = LastResponse::Error;
        let third = second.retry(at(7), "a");
        assert_eq!(third.unanswered_at, Some(START));
    }

    #[test]
    fn keys_are_letters_digits_and_underscores() {
        let ids = IdSource::seeded(1);
        let key = Operation::Confirm(ids.charge(START)).idempotency_key(&ids.payment(START), 12);
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{key}");
        assert!((16..=78).contains(&key.len()), "{key}");
    }
}
