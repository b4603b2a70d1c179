//! What Toss' error codes mean, per call, as tables (Toss docs, reference/error-codes).
//!
//! The code in the body decides, never the HTTP status alone: `PROVIDER_ERROR` is 400 and
//! temporary, most declines are 403. A code that stands in no table is of unknown outcome.

use gateway_core::{Failure, FailureReason, PgMessage, ProviderError, UnknownOutcome};

use crate::{client::Answer, wire::error_in};

mod tables;

/// What was asked of Toss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `POST /v1/payments/confirm`: takes money.
    Confirm,
    /// `POST /v1/payments/{paymentKey}/cancel`: gives money back.
    Cancel,
    /// `GET /v1/payments/…`.
    LookUp,
    /// `POST /v1/payments`: moves nothing.
    Create,
}

/// What a code means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A definite no; nothing moved.
    Declined(FailureReason),
    /// Keys or contract.
    Misconfigured,
    /// The request as we wrote it.
    Invalid,
    /// Done before, or the balance is another: look up.
    Conflict,
    /// It may have been done.
    Unknown,
    /// Not done, and later it may be.
    Later,
    /// The same key is being worked on.
    StillRunning,
    /// Toss knows no such payment.
    NotFound,
}

/// An HTTP answer that is not one of Toss'. Quotes nothing of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("HTTP {0} without an error code or a payment")]
    NoCode(u16),
    #[error("the body is longer than any answer")]
    TooLong,
    #[error("the body is no payment: {0:?} error in line {1}, column {2}")]
    Json(serde_json::error::Category, usize, usize),
    #[error("the payment's {0} cannot be read")]
    Field(&'static str),
    #[error("a payment status newer than this code")]
    Status,
    #[error("the answer does not show the cancel that was asked for")]
    NoSuchCancel,
}

impl From<serde_json::Error> for Unreadable {
    /// Keeps where it went wrong and drops the text, which quotes the body.
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.classify(), error.line(), error.column())
    }
}

impl From<Unreadable> for ProviderError {
    fn from(unreadable: Unreadable) -> Self {
        Self::no_answer(unreadable)
    }
}

/// The body of an answer that is no error.
pub(crate) fn accepted(call: Call, answer: &Answer) -> Result<&[u8], ProviderError> {
    match error_in(&answer.body) {
        Some(pg) => Err(refused(call, answer, pg)),
        None if (200..300).contains(&answer.status) => Ok(&answer.body),
        None if answer.status == 429 => Err(not_processed(answer, PgMessage::new("HTTP_429", ""))),
        // A proxy in between, perhaps: the request may still be on its way.
        None => Err(Unreadable::NoCode(answer.status).into()),
    }
}

/// Whether a look-up was answered "there is none".
pub(crate) fn is_not_found(answer: &Answer) -> bool {
    error_in(&answer.body)
        .is_some_and(|pg| tables::meaning(Call::LookUp, &pg.code) == Some(Meaning::NotFound))
}

/// Our reason for a code in a payment's `failure`, or in what the browser brought back.
pub(crate) fn reason(code: &str) -> Option<FailureReason> {
    match tables::meaning(Call::Confirm, code)? {
        Meaning::Declined(reason) => Some(reason),
        Meaning::Misconfigured | Meaning::Invalid => Some(FailureReason::ProviderMisconfigured),
        Meaning::Later => Some(FailureReason::ProviderUnavailable),
        _ => None,
    }
}

fn refused(call: Call, answer: &Answer, pg: PgMessage) -> ProviderError {
    match tables::meaning(call, &pg.code) {
        Some(Meaning::Declined(reason)) => ProviderError::Declined(Failure::by_pg(reason, pg)),
        Some(Meaning::Misconfigured) => ProviderError::Misconfigured(pg),
        Some(Meaning::Invalid) => ProviderError::Invalid(pg),
        Some(Meaning::Conflict) => ProviderError::Conflict(pg),
        Some(Meaning::Later) => not_processed(answer, pg),
        Some(Meaning::StillRunning) => ProviderError::StillRunning,
        None if answer.status == 429 => not_processed(answer, pg),
        Some(Meaning::Unknown | Meaning::NotFound) | None => {
            ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg))
        }
    }
}

fn not_processed(answer: &Answer, pg: PgMessage) -> ProviderError {
    ProviderError::NotProcessed { retry_after: answer.retry_after, pg }
}

#[cfg(test)]
mod tests;
