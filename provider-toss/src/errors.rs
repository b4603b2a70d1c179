//! What Toss' error codes mean, per call, as tables (Toss docs, reference/error-codes).
//!
//! The code in the body decides, never the HTTP status alone: `PROVIDER_ERROR` is 400 and
//! temporary, most declines are 403. A code that stands in no table is of unknown outcome.

mod body;
mod tables;

use paymux_core::{
    model::{Failure, FailureReason, PgMessage},
    provider::{ProviderError, Response},
};

pub(crate) use body::message_of;

use self::{body::error_in, tables::Meaning};
use crate::{call::Call, client::Answer, unreadable::Unreadable};

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

/// Our reason for what stands in a payment's `failure`, or for what the browser brought back: the window's own codes, then
/// those of a confirm.
pub(crate) fn reason(pg: &PgMessage) -> FailureReason {
    if let Some(reason) = tables::of_window(&pg.code) {
        return reason;
    }
    // One code for "failed" and for "not in your contract" (Toss docs, reference/error-codes): only the text tells.
    if pg.code == "PAY_PROCESS_ABORTED" && pg.message.contains("계약") {
        return FailureReason::ProviderMisconfigured;
    }
    match tables::meaning(Call::Confirm, &pg.code) {
        Some(Meaning::Declined(reason)) => reason,
        Some(Meaning::Misconfigured | Meaning::Invalid) => FailureReason::ProviderMisconfigured,
        Some(Meaning::Later) => FailureReason::ProviderUnavailable,
        Some(Meaning::Unknown | Meaning::StillRunning | Meaning::NotFound) | None => FailureReason::Other,
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
