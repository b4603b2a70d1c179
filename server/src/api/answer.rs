//! What an operation answers, and how the gateway's errors become problems.

use std::time::Duration;

use jiff::Timestamp;
use paymux_core::{
    gateway::{GatewayError, StateProblem},
    model::{BrowserStep, CancelId, CancelStatus, Failure, PaymentStatus, PgMessage, Secret},
    store::{PaymentRecord, StoreError, StoredAnswer},
};
use poem_openapi::{
    ApiResponse,
    payload::Json,
    types::{ParseFromJSON as _, ToJSON as _},
};

use super::{ApiError, PaymentBody, Problem};
use crate::http::ErrorCode;

/// The wait a client is asked for when nobody knows better.
const RETRY_AFTER_SECONDS: u32 = 2;

/// A payment that was registered
#[derive(Debug, ApiResponse)]
pub enum RegisterAnswer {
    /// This order was registered with the same body before: the same payment
    #[oai(status = 200)]
    Known(
        Json<Box<PaymentBody>>,
        /// `true` if this is the stored answer to an earlier request with the same key.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
    /// The payment was registered
    #[oai(status = 201)]
    Created(
        Json<Box<PaymentBody>>,
        /// `true` if this is the stored answer to an earlier request with the same key.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
}

/// A payment after an operation
#[derive(Debug, ApiResponse)]
pub enum PaymentAnswer {
    /// The payment as it is now
    #[oai(status = 200)]
    Known(
        Json<Box<PaymentBody>>,
        /// `true` if this is the stored answer to an earlier request with the same key.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
    /// Not known yet: the payment gateway was asked and has not given a definite answer. Do not pay again; ask later
    #[oai(status = 202)]
    Unknown(
        Json<Box<PaymentBody>>,
        /// Seconds to wait before asking again.
        #[oai(header = "Retry-After")]
        u32,
    ),
}

/// An operation's answer before it is written: status and body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: PaymentBody,
    pub(crate) replayed: bool,
    /// Whether a repeat may be given the same.
    pub(crate) is_final: bool,
}

impl Answer {
    fn new(status: u16, body: PaymentBody) -> Self {
        Self { status, body, replayed: false, is_final: matches!(status, 200 | 201) }
    }

    /// 201 for a new payment, 200 for a known one.
    pub(crate) fn registered(record: &PaymentRecord, created: bool, now: Timestamp) -> Self {
        Self::new(if created { 201 } else { 200 }, PaymentBody::of(record, now))
    }

    /// 200 with the browser step, which was prepared.
    pub(crate) fn prepared(record: &PaymentRecord, step: &BrowserStep) -> Self {
        Self::new(200, PaymentBody::prepared(record, step))
    }

    /// 202 while the payment is being confirmed, else 200.
    pub(crate) fn payment(record: &PaymentRecord, now: Timestamp) -> Self {
        let is_open = record.payment.status() == PaymentStatus::Confirming;
        Self::new(if is_open { 202 } else { 200 }, PaymentBody::of(record, now))
    }

    /// 202 while the outcome of the cancel is open, else 200.
    pub(crate) fn cancel(record: &PaymentRecord, id: &CancelId, now: Timestamp) -> Self {
        let status = record.cancel_view(id).map(|cancel| cancel.status);
        let is_open = status.is_some_and(CancelStatus::is_unresolved);
        let answer = Self::new(if is_open { 202 } else { 200 }, PaymentBody::of(record, now));
        // A refund that is under way may still fail, and a repeat has to be answered that.
        Self { is_final: answer.is_final && status != Some(CancelStatus::Pending), ..answer }
    }

    /// What is kept for a repeat with the same key: final answers only.
    pub(crate) fn stored(&self) -> Option<StoredAnswer> {
        self.is_final
            .then(|| StoredAnswer { status: self.status, body: Secret::new(self.body.to_json_string()) })
    }
}

impl From<Answer> for RegisterAnswer {
    fn from(answer: Answer) -> Self {
        let (body, replayed) = (Json(Box::new(answer.body)), answer.replayed.then_some(true));
        if answer.status == 201 { Self::Created(body, replayed) } else { Self::Known(body, replayed) }
    }
}

impl From<Answer> for PaymentAnswer {
    fn from(answer: Answer) -> Self {
        let body = Json(Box::new(answer.body));
        if answer.status == 202 {
            Self::Unknown(body, RETRY_AFTER_SECONDS)
        } else {
            Self::Known(body, answer.replayed.then_some(true))
        }
    }
}

/// A stored answer, read back: the answer or the problem it was.
pub(crate) fn replay(stored: &StoredAnswer) -> Result<Answer, ApiError> {
    let body = stored.body.expose();
    if stored.status < 400
        && let Ok(body) = PaymentBody::parse_from_json_string(body)
    {
        return Ok(Answer { replayed: true, ..Answer::new(stored.status, body) });
    }
    Err(ApiError::replayed(body).unwrap_or_else(|| ApiError::new(ErrorCode::Internal)))
}

/// A declined payment is a final answer too; every other problem may be another one next time. A refused cancel is answered by
/// its row, which its key finds for ever: a PG may yet show that it was done.
pub(crate) fn stored_problem(error: &GatewayError, answer: &ApiError) -> Option<StoredAnswer> {
    let GatewayError::Declined { .. } = error else { return None };
    let status = ErrorCode::PaymentDeclined.status().as_u16();
    Some(StoredAnswer { status, body: Secret::new(answer.body_json()) })
}

/// The problem a merchant is shown for an error of the gateway.
pub(crate) fn problem_of(error: &GatewayError) -> ApiError {
    match error {
        GatewayError::NotFound => ApiError::new(ErrorCode::NotFound),
        GatewayError::Invalid { param, message } => ApiError::with(ErrorCode::InvalidParameter, |problem| {
            problem.param = Some((*param).to_owned());
            problem.detail = format!("`{param}` {message}.");
        }),
        GatewayError::BrowserResult(_) => ApiError::with(ErrorCode::InvalidParameter, |problem| {
            problem.param = Some("browser_result".to_owned());
            problem.detail = "`browser_result` is not what this payment's window returns.".to_owned();
        }),
        GatewayError::OrderInProgress(id) => ApiError::with(ErrorCode::OrderInProgress, |problem| {
            problem.payment_id = Some(id.to_string());
        }),
        GatewayError::InvalidState { problem, record } => about(code_of(*problem), record),
        GatewayError::Mismatch(record) => about(ErrorCode::PaymentMismatch, record),
        GatewayError::Declined { failure, record } => refused(ErrorCode::PaymentDeclined, record, failure),
        GatewayError::CancelRefused { failure, record } => refused(ErrorCode::CancelRefused, record, failure),
        GatewayError::AccountRetired(record) => about(ErrorCode::AccountRetired, record),
        GatewayError::ProviderUnavailable { retry_after } => {
            ApiError::new(ErrorCode::ProviderUnavailable).retry_after(seconds(*retry_after))
        }
        GatewayError::ProviderMisconfigured(pg) => {
            ApiError::with(ErrorCode::ProviderMisconfigured, |problem| {
                problem.pg = pg.as_ref().map(Into::into);
            })
        }
        GatewayError::Unsupported(what) => ApiError::with(ErrorCode::Unsupported, |problem| {
            problem.detail = format!("Not supported: {what}.");
        }),
        GatewayError::KeyInUse => ApiError::new(ErrorCode::IdempotencyInProgress).retry_after(1),
        GatewayError::Store(StoreError::InboxFull) => {
            ApiError::new(ErrorCode::Overloaded).retry_after(RETRY_AFTER_SECONDS)
        }
        GatewayError::Store(error) => {
            tracing::error!(error = %Chain(error), "the store failed");
            ApiError::new(ErrorCode::StorageUnavailable).retry_after(RETRY_AFTER_SECONDS)
        }
        _ => ApiError::new(ErrorCode::Internal),
    }
}

/// A refusal, with our reason and its texts for the buyer.
fn refused(code: ErrorCode, record: &PaymentRecord, failure: &Failure) -> ApiError {
    ApiError::with(code, |problem| {
        show(problem, record, failure.pg.as_ref());
        problem.reason = Some(failure.reason.name().to_owned());
        problem.message = failure.reason.message().to_owned();
        problem.message_ko = failure.reason.message_ko().to_owned();
    })
}

/// A problem with the payment it is about.
fn about(code: ErrorCode, record: &PaymentRecord) -> ApiError {
    ApiError::with(code, |problem| show(problem, record, None))
}

fn show(problem: &mut Problem, record: &PaymentRecord, pg: Option<&PgMessage>) {
    problem.pg = pg.map(Into::into);
    problem.payment_id = Some(record.payment.id.to_string());
    problem.payment_status = Some(record.payment.status().name().to_owned());
    problem.payment = Some(Box::new((&record.view()).into()));
}

const fn code_of(problem: StateProblem) -> ErrorCode {
    match problem {
        StateProblem::Status | StateProblem::TooManyAttempts => ErrorCode::InvalidState,
        StateProblem::CancelInProgress => ErrorCode::CancelInProgress,
        StateProblem::ReviewClosed => ErrorCode::ReviewClosed,
        StateProblem::RequestUnderWay => ErrorCode::RequestUnderWay,
        StateProblem::CancellableAmountExceeded
        | StateProblem::CancellableAmountChanged
        | StateProblem::FullCloseOnly => ErrorCode::AmountNotCancellable,
    }
}

fn seconds(wait: Option<Duration>) -> u32 {
    wait.map_or(RETRY_AFTER_SECONDS, |wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1))
}

/// An error with everything it was caused by, on one line.
struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'a));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
