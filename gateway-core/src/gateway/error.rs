//! Why a use case did not do what was asked.

use std::time::Duration;

use crate::{
    account::WHEN_BUSY,
    clock::SECOND,
    dispatch::LookUpError,
    model::{Failure, PaymentId, PgMessage},
    provider::{InvalidBrowserResult, ProviderError, Response},
    store::{PaymentRecord, StoreError},
};
use jiff::Timestamp;

/// Why a use case did not do what was asked, by what the merchant may do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The merchant has no such payment.
    #[error("no such payment")]
    NotFound,
    /// A value was not acceptable. Nothing was stored, no PG was called.
    #[error("`{param}` {message}")]
    Invalid {
        /// The field of the request.
        param: &'static str,
        /// The rule it broke. Quotes no input.
        message: String,
    },
    /// The browser result is not one of this PG's.
    #[error(transparent)]
    BrowserResult(#[from] InvalidBrowserResult),
    /// The order has an open or paid payment with other terms.
    #[error("the order has another open or paid payment")]
    OrderInProgress(PaymentId),
    /// The payment is in a state in which this cannot be done.
    #[error("the payment's state does not allow this: {}", problem.name())]
    InvalidState {
        /// What is in the way.
        problem: StateProblem,
        /// The payment.
        record: Box<PaymentRecord>,
    },
    /// What the browser or the PG showed does not belong to this payment.
    #[error("the payment does not match")]
    Mismatch(Box<PaymentRecord>),
    /// The PG declined. No money moved.
    #[error("the payment was declined")]
    Declined {
        /// Why: what was asked about, which the payment may have left behind.
        failure: Failure,
        /// The payment.
        record: Box<PaymentRecord>,
    },
    /// The PG refused the cancel. No money moved.
    #[error("the cancel was refused")]
    CancelRefused {
        /// Why.
        failure: Failure,
        /// The payment.
        record: Box<PaymentRecord>,
    },
    /// The account is retired: it takes no payment and sends nothing. A review was opened.
    #[error("the account is retired")]
    AccountRetired(Box<PaymentRecord>),
    /// The PG could not be reached or has no room. The same request with the same key may follow.
    #[error("the PG cannot be reached")]
    ProviderUnavailable {
        /// How long to wait.
        retry_after: Option<Duration>,
    },
    /// The account's keys or contract are wrong. Nothing can have moved.
    #[error("the account is misconfigured")]
    ProviderMisconfigured(Option<PgMessage>),
    /// The account cannot do that.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// The idempotency key is being used by a request that is still running.
    #[error("the idempotency key is in use")]
    KeyInUse,
    /// The store did not do it.
    #[error(transparent)]
    Store(StoreError),
}

/// What about a payment's state is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateProblem {
    /// Its status.
    Status,
    /// A cancel whose outcome is open, or a dispute at the card company.
    CancelInProgress,
    /// Less is left than was to be cancelled.
    CancellableAmountExceeded,
    /// Another amount is left than the merchant expected.
    CancellableAmountChanged,
    /// Only all of it can be cancelled before the deposit.
    FullCloseOnly,
    /// The payment has had as many attempts as it can have, or as many confirms that came to nothing as it can have in a day.
    TooManyAttempts,
    /// The review is closed.
    ReviewClosed,
    /// What the review is about was sent a moment ago, and may be executed yet.
    RequestUnderWay,
}

impl StateProblem {
    /// The stable error code: `invalid_state`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "invalid_state",
            Self::CancelInProgress => "cancel_in_progress",
            Self::CancellableAmountExceeded => "cancellable_amount_exceeded",
            Self::CancellableAmountChanged => "cancellable_amount_changed",
            Self::FullCloseOnly => "full_close_only",
            Self::TooManyAttempts => "too_many_attempts",
            Self::ReviewClosed => "review_closed",
            Self::RequestUnderWay => "request_under_way",
        }
    }
}

impl GatewayError {
    pub(crate) fn state(problem: StateProblem, record: PaymentRecord) -> Self {
        Self::InvalidState { problem, record: Box::new(record) }
    }

    pub(crate) fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { param, message: message.into() }
    }

    /// What a caller is answered who would have to wait until `from`.
    pub(crate) fn busy_until(from: Timestamp, now: Timestamp) -> Self {
        // At least a second: a `Retry-After` of 0 would have the caller come back at once.
        let wait = Duration::try_from(from.duration_since(now)).unwrap_or(SECOND);
        Self::ProviderUnavailable { retry_after: Some(wait.max(SECOND)) }
    }

    /// What a merchant is answered for a look-up that came to nothing.
    pub(crate) fn not_looked_up(error: LookUpError, now: Timestamp) -> Self {
        match error {
            LookUpError::Store(error) => error.into(),
            LookUpError::Busy(until) => Self::busy_until(until, now),
            LookUpError::NoCredentials => Self::Unsupported("look-ups on an account without credentials"),
            LookUpError::Provider(ProviderError::Misconfigured(pg) | ProviderError::Invalid(pg)) => {
                Self::ProviderMisconfigured(Some(pg))
            }
            LookUpError::Provider(ProviderError::NotDone { retry_after, response: Response::Error(_) }) => {
                Self::ProviderUnavailable { retry_after }
            }
            // A look-up declines no buyer: whatever else came back, the PG gave no answer.
            LookUpError::Provider(_) => Self::ProviderUnavailable { retry_after: None },
        }
    }

    /// Too many talk to the PG already.
    pub(crate) const fn busy() -> Self {
        Self::ProviderUnavailable { retry_after: Some(WHEN_BUSY) }
    }
}

impl From<StoreError> for GatewayError {
    fn from(error: StoreError) -> Self {
        match error {
            // Another request with this key committed first. Its row is what a repeat attaches to.
            StoreError::KeyTaken => Self::KeyInUse,
            error => Self::Store(error),
        }
    }
}
