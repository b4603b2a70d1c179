//! What a PG answers, kept so that it can be answered again.

use std::time::Duration;

use paymux_core::{
    model::{Failure, FailureReason, PgMessage},
    provider::{CancelOutcome, ProviderError, Response, Taken},
};

use crate::rng::Rng;

/// How long a busy PG asks to be left alone.
const BUSY_FOR: Duration = Duration::from_secs(20);

/// An error a PG answers, by what may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Later,
    StillRunning,
    Declined(FailureReason),
    UnknownError,
    Garbled,
    AlreadyDone,
    /// Perhaps it is done later.
    MayFollow,
    Misconfigured,
    Invalid,
    Unsupported,
}

impl Refusal {
    /// One of those that say nothing of the payment.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        [
            Self::Later,
            Self::Later,
            Self::StillRunning,
            Self::UnknownError,
            Self::UnknownError,
            Self::Garbled,
            Self::AlreadyDone,
            Self::Misconfigured,
            Self::Invalid,
            Self::Unsupported,
        ][rng.index(10)]
    }

    /// Whether the PG has worked on the request: then it may give the same answer for the same key.
    pub(crate) fn is_kept(self) -> bool {
        matches!(
            self,
            Self::Later | Self::UnknownError | Self::AlreadyDone | Self::Invalid | Self::Declined(_)
        )
    }
}

impl From<Refusal> for ProviderError {
    fn from(refusal: Refusal) -> Self {
        let pg = |code: &str| PgMessage::new(code, "text of the PG");
        match refusal {
            Refusal::Later => Self::later(pg("BUSY"), Some(BUSY_FOR)),
            Refusal::StillRunning => Self::StillRunning,
            Refusal::Declined(reason) => Self::Declined(Failure::by_pg(reason, pg("DECLINED"))),
            Refusal::UnknownError => Self::Unknown(Response::Error(pg("PROVIDER_ERROR"))),
            Refusal::Garbled => Self::no_answer("half a body"),
            Refusal::AlreadyDone => Self::Unknown(Response::Error(pg("ALREADY_PROCESSED"))),
            Refusal::MayFollow => Self::MayFollow(pg("RECEIVED")),
            Refusal::Misconfigured => Self::Misconfigured(pg("UNAUTHORIZED_KEY")),
            Refusal::Invalid => Self::Invalid(pg("INVALID_REQUEST")),
            Refusal::Unsupported => Self::Unsupported("this, today"),
        }
    }
}

/// What a key was answered.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Confirmed(Box<Taken>),
    Cancelled(Box<CancelOutcome>),
    Refused(Refusal),
}
