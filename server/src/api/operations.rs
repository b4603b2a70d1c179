//! Running an operation: apart from its caller, and once per idempotency key.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use data_encoding::HEXLOWER;
use paymux_core::{
    gateway::{Gateway, GatewayError, RequestKey},
    model::{CancelId, CancelStatus, Charge, MerchantId, PaymentId, PaymentStatus},
    store::{IdempotencyRecord, StoreError, StoredAnswer},
};
use sha2::{Digest as _, Sha256};
use tokio_util::task::TaskTracker;

use super::{
    ApiError,
    answer::{Answer, problem_of, replay, stored_problem},
    parameter::wrong,
};
use crate::http::ErrorCode;

/// Who asks for what, under which key.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) merchant: MerchantId,
    /// The idempotency key with the digest of the request, if one was sent.
    pub(crate) key: Option<RequestKey>,
}

impl Asked {
    /// A request by its merchant, key, path and body.
    pub(crate) fn new(
        merchant: MerchantId,
        key: Option<String>,
        path: &str,
        body: &str,
    ) -> Result<Self, ApiError> {
        let key = key.map(|key| {
            let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
            if !fits {
                return Err(wrong("Idempotency-Key", "must be 1 to 255 visible ASCII characters"));
            }
            let digest = Sha256::new().chain_update(path).chain_update([0]).chain_update(body).finalize();
            Ok(RequestKey { key, digest: HEXLOWER.encode(&digest) })
        });
        Ok(Self { merchant, key: key.transpose()? })
    }
}

/// What an earlier request with the same key left behind.
#[derive(Clone, Debug)]
pub(crate) enum Earlier {
    /// Nothing: this is the first.
    None,
    /// A row, and no final answer: this one attaches to it.
    Row(Box<IdempotencyRecord>),
}

impl Earlier {
    /// The payment it made.
    pub(crate) fn payment(&self) -> Option<&PaymentId> {
        self.row()?.payment.as_ref()
    }

    /// The cancel it made.
    pub(crate) fn cancel(&self) -> Option<&CancelId> {
        self.row()?.cancel.as_ref()
    }

    fn row(&self) -> Option<&IdempotencyRecord> {
        match self {
            Self::None => None,
            Self::Row(row) => Some(row),
        }
    }
}

/// Runs operations.
#[derive(Clone, Debug)]
pub(crate) struct Operations {
    pub(crate) gateway: Arc<Gateway>,
    /// How long a caller waits before it is answered with the current state.
    pub(crate) wait: Duration,
    /// Where operations run, so that a server that stops can wait for them.
    tasks: TaskTracker,
    running: Arc<Mutex<HashSet<(MerchantId, String)>>>,
}

impl Operations {
    pub(crate) fn new(gateway: Arc<Gateway>, tasks: TaskTracker, wait: Duration) -> Self {
        Self { gateway, wait, tasks, running: Arc::default() }
    }

    /// Runs `operation` in a task of its own, so that a caller who hangs up, or a server that
    /// stops, only ends the wait. Its final answer is kept under the key before it is given.
    ///
    /// `about`: what to show when the caller's wait is over and the operation is not.
    pub(crate) async fn run<F>(
        &self,
        asked: Asked,
        about: About,
        operation: impl FnOnce(Arc<Gateway>, Option<RequestKey>, Earlier) -> F + Send + 'static,
    ) -> Result<Answer, ApiError>
    where
        F: Future<Output = Result<Answer, OperationError>> + Send + 'static,
    {
        let (earlier, guard) = match self.begin(&asked).await? {
            Begun::Answered(stored) => return replay(&stored),
            Begun::Run(earlier, guard) => (earlier, guard),
        };
        let (gateway, asker) = (Arc::clone(&self.gateway), asked.clone());
        let task = self.tasks.spawn(async move {
            let _guard = guard;
            // A key that already has its row is not written again.
            let key = asked.key.clone().filter(|_| matches!(earlier, Earlier::None));
            let repeats_cancel = earlier.cancel().is_some();
            let result = operation(Arc::clone(&gateway), key, earlier).await;
            let is_refused =
                matches!(&result, Err(OperationError::Gateway(GatewayError::CancelRefused { .. })));
            let answered = answer(&gateway, asked, result).await;
            // Not kept as an answer: a PG may yet show that it was done. Its row says the same again until then.
            answered.map_err(|problem| match ApiError::replayed(&problem.body_json()) {
                Some(replayed) if repeats_cancel && is_refused => replayed,
                _ => problem,
            })
        });
        match tokio::time::timeout(self.wait, task).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => Err(ApiError::new(ErrorCode::Internal)),
            Err(_elapsed) => self.show(&asker, about).await,
        }
    }

    async fn begin(&self, asked: &Asked) -> Result<Begun, ApiError> {
        let Some(key) = &asked.key else { return Ok(Begun::Run(Earlier::None, None)) };
        let record = self.gateway.store().idempotency(&asked.merchant, &key.key).await;
        let record = record.map_err(|error| problem_of(&error.into()))?;
        if record.as_ref().is_some_and(|record| record.digest != key.digest) {
            return Err(ApiError::new(ErrorCode::IdempotencyKeyReused));
        }
        let guard = Guard::take(&self.running, (asked.merchant.clone(), key.key.clone()));
        let guard = guard.ok_or_else(|| ApiError::new(ErrorCode::IdempotencyInProgress).retry_after(1))?;
        // Read again: whoever held the key until now has left an answer or a row.
        let record = self.gateway.store().idempotency(&asked.merchant, &key.key).await;
        match record.map_err(|error| problem_of(&error.into()))? {
            Some(record) if record.digest != key.digest => {
                Err(ApiError::new(ErrorCode::IdempotencyKeyReused))
            }
            Some(IdempotencyRecord { answer: Some(stored), .. }) => Ok(Begun::Answered(stored)),
            Some(record) => Ok(Begun::Run(Earlier::Row(Box::new(record)), Some(guard))),
            None => Ok(Begun::Run(Earlier::None, Some(guard))),
        }
    }

    /// The caller has waited long enough: the payment as it is, while the operation goes on. Of what is not
    /// stored yet nothing is said but that the same request may be repeated.
    async fn show(&self, asked: &Asked, about: About) -> Result<Answer, ApiError> {
        let not_yet = || ApiError::new(ErrorCode::TimedOut);
        let (id, cancel) = match about {
            About::NewPayment => return Err(not_yet()),
            About::Payment(id) => (id, None),
            About::Cancel(id) => (id, Some(self.cancel_of(asked).await?.ok_or_else(not_yet)?)),
        };
        let record = self.gateway.payment(&asked.merchant, &id).await.map_err(|error| problem_of(&error))?;
        let is_known = match cancel.and_then(|cancel| record.cancel_view(&cancel)) {
            Some(cancel) if cancel.status == CancelStatus::Refused => return Err(not_yet()),
            Some(cancel) => !cancel.status.is_unresolved(),
            // That money came in needs no waiting for, unless it is being given back.
            None => {
                let is_cancelled = record.accepted().and_then(Charge::unresolved_cancel).is_some();
                record.payment.status().has_money() && !is_cancelled
            }
        };
        if matches!(record.payment.status(), PaymentStatus::Ready | PaymentStatus::Failed) {
            return Err(not_yet());
        }
        let answer = Answer::payment(&record, self.gateway.clock().now());
        Ok(Answer { status: if is_known { 200 } else { 202 }, ..answer })
    }

    /// The cancel that a request has made so far.
    async fn cancel_of(&self, asked: &Asked) -> Result<Option<CancelId>, ApiError> {
        let Some(key) = &asked.key else { return Ok(None) };
        let record = self.gateway.store().idempotency(&asked.merchant, &key.key).await;
        Ok(record.map_err(|error| problem_of(&error.into()))?.and_then(|record| record.cancel))
    }
}

/// Why an operation came to nothing.
#[derive(Debug)]
pub(crate) enum OperationError {
    /// The request cannot be what it says. Found only by the first of its key: a repeat is answered by what the first one
    /// left, also where the rules are other ones by now.
    Request(Box<ApiError>),
    Gateway(GatewayError),
}

impl From<ApiError> for OperationError {
    fn from(error: ApiError) -> Self {
        Self::Request(Box::new(error))
    }
}

impl From<GatewayError> for OperationError {
    fn from(error: GatewayError) -> Self {
        Self::Gateway(error)
    }
}

/// What an operation is about.
#[derive(Clone, Debug)]
pub(crate) enum About {
    /// A payment that it makes.
    NewPayment,
    /// A payment there is.
    Payment(PaymentId),
    /// A cancel that it makes of this payment.
    Cancel(PaymentId),
}

enum Begun {
    Answered(StoredAnswer),
    Run(Earlier, Option<Guard>),
}

async fn answer(
    gateway: &Gateway,
    asked: Asked,
    result: Result<Answer, OperationError>,
) -> Result<Answer, ApiError> {
    let (stored, payment, answer) = match result {
        Ok(answer) => (answer.stored(), answer.body.id.parse().ok(), Ok(answer)),
        Err(OperationError::Request(problem)) => (None, None, Err(*problem)),
        Err(OperationError::Gateway(error)) => {
            let problem = problem_of(&error);
            let stored = stored_problem(&error, &problem);
            let payment = match &error {
                GatewayError::Declined { record, .. } => Some(record.payment.id.clone()),
                _ => None,
            };
            (stored, payment, Err(problem))
        }
    };
    if let (Some(stored), Some(key)) = (stored, asked.key) {
        let record = IdempotencyRecord {
            merchant: asked.merchant,
            key: key.key,
            digest: key.digest,
            payment,
            cancel: None,
            answer: Some(stored),
            created_at: gateway.clock().now(),
        };
        // The operation is done and durable; a repeat that does not find this answer finds its row.
        if let Err(error) = gateway.store().save_idempotent_answer(record).await
            && !matches!(error, StoreError::KeyTaken)
        {
            tracing::warn!(error = %error, "the answer could not be stored for its idempotency key");
        }
    }
    answer
}

/// Holds a key while its request runs.
#[derive(Debug)]
struct Guard {
    running: Arc<Mutex<HashSet<(MerchantId, String)>>>,
    key: (MerchantId, String),
}

impl Guard {
    fn take(running: &Arc<Mutex<HashSet<(MerchantId, String)>>>, key: (MerchantId, String)) -> Option<Self> {
        let fresh = running.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        fresh.then(|| Self { running: Arc::clone(running), key })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
