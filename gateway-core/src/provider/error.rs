//! Why a call to a PG did not give what was asked, by what may happen next.

use std::time::Duration;

use crate::model::{Failure, PgMessage};

/// An error of any library, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call did not give what was asked. Each variant answers: what may happen next?
///
/// ```
/// use paymux_core::{
///     model::{Failure, FailureReason, PgMessage},
///     provider::{ProviderError, Response},
/// };
///
/// /// What a PG's refusal of a confirm means. What nobody has classified yet may have moved money.
/// fn refused(code: &str) -> ProviderError {
///     let pg = PgMessage::new(code, "text of the PG");
///     match code {
///         "CARD_DECLINED" => ProviderError::Declined(Failure::by_pg(FailureReason::IssuerDeclined, pg)),
///         "BANK_CLOSED" => ProviderError::later(pg, None),
///         "WRONG_KEY" => ProviderError::Misconfigured(pg),
///         _ => ProviderError::Unknown(Response::Error(pg)),
///     }
/// }
///
/// assert_eq!(refused("BANK_CLOSED").name(), "not_done");
/// assert_eq!(refused("A_CODE_OF_NEXT_YEAR").name(), "unknown");
/// // A connection that broke after the request was sent.
/// assert_eq!(ProviderError::no_answer("connection reset").name(), "unanswered");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// Not done: it never left, or the PG answered "later" (too many requests, bank closed, maintenance). Send again.
    #[error("not done")]
    NotDone {
        /// Whether it left.
        response: Response,
        /// How long the PG asks to wait.
        retry_after: Option<Duration>,
    },
    /// The same request is being processed (HTTP 409): the same key again.
    #[error("the PG is still processing the same request")]
    StillRunning,
    /// A definite decline. No money moved; asking again will not help.
    #[error("the PG declined")]
    Declined(Failure),
    /// Sent, and no definite answer; also "already done" and "another balance": **money may have moved**. Look up.
    #[error("no definite answer")]
    Unknown(Response),
    /// An answer that may mean that the PG will do a cancel later. **It is not sent again**, for nothing shows it until it is
    /// done. If a look-up does not, a person decides. Of a confirm it is as [`Unknown`](Self::Unknown).
    #[error("perhaps done later")]
    MayFollow(PgMessage),
    /// Keys or contract. No money moved. Page an operator; never blame the card or the buyer.
    #[error("the account is misconfigured")]
    Misconfigured(PgMessage),
    /// The PG refused the request as we wrote it. No money moved.
    #[error("the PG refused the request as invalid")]
    Invalid(PgMessage),
    /// This PG cannot do that. Nothing was sent.
    #[error("this PG does not support {0}")]
    Unsupported(&'static str),
}

/// What came back. A retry takes the next key only after an error.
#[derive(Debug)]
pub enum Response {
    /// Nothing that can be read: it never left, the connection broke, time ran out, the body is no answer of this PG.
    Unanswered(BoxError),
    /// The PG's own error.
    Error(PgMessage),
}

impl ProviderError {
    /// It was sent and no readable answer came, because of `source`.
    pub fn no_answer(source: impl Into<BoxError>) -> Self {
        Self::Unknown(Response::Unanswered(source.into()))
    }

    /// It never left, because of `source`.
    pub fn not_sent(source: impl Into<BoxError>) -> Self {
        Self::NotDone { response: Response::Unanswered(source.into()), retry_after: None }
    }

    /// The PG answered that it does it later.
    #[must_use]
    pub const fn later(pg: PgMessage, retry_after: Option<Duration>) -> Self {
        Self::NotDone { response: Response::Error(pg), retry_after }
    }

    /// The PG's words, if it said something.
    #[must_use]
    pub const fn pg(&self) -> Option<&PgMessage> {
        match self {
            Self::NotDone { response: Response::Error(pg), .. }
            | Self::Unknown(Response::Error(pg))
            | Self::MayFollow(pg)
            | Self::Misconfigured(pg)
            | Self::Invalid(pg) => Some(pg),
            Self::Declined(failure) => failure.pg.as_ref(),
            Self::NotDone { .. } | Self::Unknown(_) | Self::StillRunning | Self::Unsupported(_) => None,
        }
    }

    /// Whether the PG answered at all. `Unsupported` is our own answer and says nothing of the PG.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        // What broke off or never left says nothing of the PG, and neither does what we answer ourselves.
        !matches!(
            self,
            Self::NotDone { response: Response::Unanswered(_), .. }
                | Self::Unknown(Response::Unanswered(_))
                | Self::Unsupported(_)
        )
    }

    /// A short word for logs and metrics: `unknown`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotDone { response: Response::Unanswered(_), .. } => "not_sent",
            Self::NotDone { response: Response::Error(_), .. } => "not_done",
            Self::StillRunning => "still_running",
            Self::Declined(_) => "declined",
            Self::Unknown(Response::Unanswered(_)) => "unanswered",
            Self::Unknown(Response::Error(_)) => "unknown",
            Self::MayFollow(_) => "may_follow",
            Self::Misconfigured(_) => "misconfigured",
            Self::Invalid(_) => "invalid",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// What went wrong, for the log: the kind of error and where it is in the answer, never a value of it.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NotDone { response: Response::Unanswered(source), .. }
            | Self::Unknown(Response::Unanswered(source)) => {
                // With its sources: the outermost error of an HTTP library rarely says what went wrong.
                let mut text = source.to_string();
                let mut next = source.source();
                while let Some(source) = next {
                    text.push_str(": ");
                    text.push_str(&source.to_string());
                    next = source.source();
                }
                text
            }
            _ => self.pg().map_or_else(|| self.to_string(), |pg| pg.code.clone()),
        }
    }
}
