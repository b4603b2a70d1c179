//! Why a provider call did not give what was asked, by what may happen next.

use std::time::Duration;

use crate::{Failure, PgMessage};

/// An error of any library, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a provider call did not give what was asked. Each variant answers: what may happen next?
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The request never left: asking again is safe.
    #[error("the request did not reach the PG")]
    NotSent(#[source] BoxError),
    /// The PG answered that it did not do it, for now: too many requests, bank closed, maintenance.
    #[error("the PG did not process the request for now")]
    NotProcessed {
        /// How long the PG asks to wait.
        retry_after: Option<Duration>,
        /// Its words.
        pg: PgMessage,
    },
    /// The same request is being processed (HTTP 409): ask again with the same key.
    #[error("the PG is still processing the same request")]
    StillRunning,
    /// A definite no. No money moved; asking again will not help.
    #[error("the PG declined")]
    Declined(Failure),
    /// The request was sent and no definite answer came back: **money may have moved**.
    /// Look the payment up before doing anything else.
    #[error("the PG gave no definite answer")]
    OutcomeUnknown(#[source] UnknownOutcome),
    /// The PG says it is done already: look up.
    #[error("the PG says it was already done")]
    Conflict(PgMessage),
    /// Keys or contract are wrong. Page an operator; never blame the card. No money moved.
    #[error("the account is misconfigured")]
    Misconfigured(PgMessage),
    /// The PG did not accept the request as we wrote it. No money moved.
    #[error("the PG refused the request as invalid")]
    Invalid(PgMessage),
    /// This PG cannot do that; nothing was sent.
    #[error("this PG does not support {0}")]
    Unsupported(&'static str),
}

/// What came back instead of a definite answer.
#[derive(Debug, thiserror::Error)]
pub enum UnknownOutcome {
    /// Nothing that can be read: the connection broke, time ran out, the body is no answer of this PG.
    #[error("no readable answer")]
    NoAnswer(#[source] BoxError),
    /// An error that does not say whether it was done. The PG has finished with the request.
    #[error("an error of unknown meaning")]
    Error(PgMessage),
}

impl ProviderError {
    /// No readable answer came, because of `source`.
    pub fn no_answer(source: impl Into<BoxError>) -> Self {
        Self::OutcomeUnknown(UnknownOutcome::NoAnswer(source.into()))
    }

    /// The PG's words, if it said something.
    #[must_use]
    pub const fn pg(&self) -> Option<&PgMessage> {
        match self {
            Self::NotProcessed { pg, .. }
            | Self::Conflict(pg)
            | Self::Misconfigured(pg)
            | Self::Invalid(pg)
            | Self::OutcomeUnknown(UnknownOutcome::Error(pg)) => Some(pg),
            Self::Declined(failure) => failure.pg.as_ref(),
            _ => None,
        }
    }

    /// A short word for logs and metrics: `outcome_unknown`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotSent(_) => "not_sent",
            Self::NotProcessed { .. } => "not_processed",
            Self::StillRunning => "still_running",
            Self::Declined(_) => "declined",
            Self::OutcomeUnknown(_) => "outcome_unknown",
            Self::Conflict(_) => "conflict",
            Self::Misconfigured(_) => "misconfigured",
            Self::Invalid(_) => "invalid",
            Self::Unsupported(_) => "unsupported",
        }
    }
}
