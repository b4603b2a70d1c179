//! The errors of a PG, by what may happen next.

use std::time::Duration;

use super::fake_books::pg_message;
use crate::{
    model::{Failure, FailureReason},
    provider::{ProviderError, Response},
};

/// How a call fails.
pub(crate) type Fails = fn() -> ProviderError;

pub(crate) fn not_sent() -> ProviderError {
    ProviderError::not_sent("no route")
}

pub(crate) fn later() -> ProviderError {
    ProviderError::later(pg_message("TOO_MANY_REQUESTS"), None)
}

pub(crate) fn wait(time: Duration) -> ProviderError {
    ProviderError::later(pg_message("TOO_MANY_REQUESTS"), Some(time))
}

pub(crate) fn no_answer() -> ProviderError {
    ProviderError::no_answer("the connection broke")
}

pub(crate) fn still_running() -> ProviderError {
    ProviderError::StillRunning
}

pub(crate) fn unknown() -> ProviderError {
    ProviderError::Unknown(Response::Error(pg_message("PROVIDER_ERROR")))
}

pub(crate) fn may_follow() -> ProviderError {
    ProviderError::MayFollow(pg_message("RECEIVED"))
}

pub(crate) fn declined() -> ProviderError {
    ProviderError::Declined(Failure::by_pg(FailureReason::InsufficientFunds, pg_message("REJECT")))
}

pub(crate) fn refused() -> ProviderError {
    ProviderError::Declined(Failure::by_pg(FailureReason::NotCancellable, pg_message("NOT_CANCELABLE")))
}

pub(crate) fn misconfigured() -> ProviderError {
    ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY"))
}

pub(crate) fn invalid() -> ProviderError {
    ProviderError::Invalid(pg_message("INVALID_REQUEST"))
}

pub(crate) fn unsupported() -> ProviderError {
    ProviderError::Unsupported("this")
}
