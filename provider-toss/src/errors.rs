//! What Toss' error codes mean, per call, as tables (Toss docs, reference/error-codes).
//!
//! The code in the body decides, never the HTTP status alone: `PROVIDER_ERROR` is 400 and
//! temporary, most declines are 403. A code that stands in no table is of unknown outcome.

use paymux_core::{
    model::{Failure, FailureReason, PgMessage},
    provider::{ProviderError, Response},
};

use crate::{client::Answer, wire::error_in};

mod tables;

/// What was asked of Toss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `POST /v1/payments/confirm`: takes money.
    Confirm,
    /// `POST /v1/payments/{paymentKey}/cancel`: returns money.
    Cancel,
    /// `GET /v1/payments/…`.
    LookUp,
    /// `GET /v1/transactions`.
    List,
    /// `POST /v1/payments`: moves nothing.
    Create,
}

impl Call {
    const fn only_reads(self) -> bool {
        matches!(self, Self::LookUp | Self::List)
    }
}

/// What a code means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A definite decline; nothing moved.
    Declined(FailureReason),
    /// Keys or contract.
    Misconfigured,
    /// The request as we wrote it.
    Invalid,
    /// It may have been done, now or before, or the balance is another: look up.
    Unknown,
    /// Not done, and later it may be.
    Later,
    /// The same key is being worked on.
    StillRunning,
    /// Toss knows no such payment.
    NotFound,
}

/// An HTTP answer that is not one of Toss'. Names where it went wrong and quotes nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("HTTP {0} without an error code or a payment")]
    NoCode(u16),
    #[error("the body is longer than any answer")]
    TooLong,
    #[error("the body is not JSON of the documented kind: {0:?} error in line {1}, column {2}")]
    Json(serde_json::error::Category, usize, usize),
    #[error("the answer's {name} {problem}")]
    Field { name: &'static str, problem: &'static str },
    #[error("the answer does not show the cancel that was asked for")]
    NoSuchCancel,
}

impl Unreadable {
    /// A field that is not there, or null.
    pub(crate) const fn missing(name: &'static str) -> Self {
        Self::Field { name, problem: "is missing" }
    }

    /// A field with something else in it than is documented.
    pub(crate) const fn field(name: &'static str, problem: &'static str) -> Self {
        Self::Field { name, problem }
    }
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
        None if answer.status == 429 => Err(later(answer, PgMessage::new("HTTP_429", ""))),
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
        Meaning::Unknown | Meaning::StillRunning | Meaning::NotFound => None,
    }
}

fn refused(call: Call, answer: &Answer, pg: PgMessage) -> ProviderError {
    match tables::meaning(call, &pg.code) {
        Some(Meaning::Declined(reason)) => ProviderError::Declined(Failure::by_pg(reason, pg)),
        Some(Meaning::Misconfigured) => ProviderError::Misconfigured(pg),
        Some(Meaning::Invalid) => ProviderError::Invalid(pg),
        Some(Meaning::Later) => later(answer, pg),
        Some(Meaning::StillRunning) => ProviderError::StillRunning,
        None if answer.status == 429 => later(answer, pg),
        // A failure of a call that moves nothing says nothing about any payment.
        Some(Meaning::Unknown) | None if call.only_reads() && answer.status >= 500 => later(answer, pg),
        Some(Meaning::Unknown | Meaning::NotFound) | None => ProviderError::Unknown(Response::Error(pg)),
    }
}

fn later(answer: &Answer, pg: PgMessage) -> ProviderError {
    ProviderError::later(pg, answer.retry_after)
}

#[cfg(test)]
mod tests;
