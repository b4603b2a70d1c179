//! A scripted PG that keeps books, obeys faults and records what it was asked.
//!
//! It imitates no PG's wire and no buyer's window. Keys are remembered for ever, and `permissive` turns its
//! own guards off, so that no test passes on its kindness.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use super::fake_books::{Books, Op};
use crate::{
    BrowserStep, CancelAmount, CancelOutcome, CancelRequest, Clock, ConfirmRequest, Failure, FailureReason,
    InvalidBrowserResult, ManualClock, Method, MethodTerms, Mode, Money, MoneyMoves, PaidList,
    PaymentProvider, PaymentRef, PaymentRequest, Prepared, Proof, ProviderDescription, ProviderError,
    RawWebhook, ReturnClaim, Secret, Snapshot, WebhookClaim, WebhookRejected, WebhookSubject,
};

/// How long the fake confirms after the buyer agreed.
pub(crate) const CONFIRMS_WITHIN: Duration = Duration::from_secs(600);
/// How long an answer of the fake may take.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(30);

type Error = Box<dyn FnOnce() -> ProviderError + Send>;
type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What goes wrong with one call.
enum Fault {
    /// It is not done, and this is answered.
    Instead(Error),
    /// It is done, and this is answered.
    After(Error),
    /// This happens meanwhile; the answer is what was true before.
    Meanwhile(Hook),
    /// It is not done; this is answered, after something else has happened.
    InsteadLate(Hook, Error),
    /// An answer that was true for nobody.
    Answer(Box<Snapshot>),
}

/// A call the fake received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) op: Op,
    pub(crate) key: Option<String>,
    pub(crate) pg_id: Option<String>,
}

#[derive(Default)]
struct World {
    faults: BTreeMap<Op, VecDeque<Fault>>,
    calls: Vec<Call>,
    looks: AtOnce,
    books: Books,
}

/// How many run, and the most that ever did.
#[derive(Default)]
struct AtOnce {
    now: usize,
    most: usize,
}

/// The PG, seen with one set of credentials. Clones are the same PG.
#[derive(Clone)]
pub(crate) struct FakePg {
    world: Arc<Mutex<World>>,
    pub(crate) clock: ManualClock,
    pub(crate) description: ProviderDescription,
}

impl fmt::Debug for FakePg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakePg")
    }
}

impl FakePg {
    pub(crate) fn new(clock: ManualClock, money_moves: MoneyMoves) -> Self {
        let method = |method| MethodTerms {
            method,
            minimums: vec![Money::krw(100)],
            maximum: Some(Money::krw(10_000_000)),
            refund_needs_account: false,
        };
        let keyed = money_moves != MoneyMoves::BeforeConfirm;
        let description = ProviderDescription {
            kind: "fake",
            mode: Mode::Test,
            pg_merchant: "merchant".to_owned(),
            credential: "first".to_owned(),
            methods: vec![method(Method::Card), method(Method::VirtualAccount)],
            money_moves,
            repeat_safe_for: keyed.then_some(Duration::from_secs(15 * 24 * 60 * 60)),
            read_timeout: READ_TIMEOUT,
            closes_accounts: true,
            api_version: "1".to_owned(),
        };
        Self { world: Arc::default(), clock, description }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The books, to read or to write as the buyer or the PG's own console would.
    pub(crate) fn books<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.world().books)
    }

    fn fault(&self, op: Op, fault: Fault) {
        self.world().faults.entry(op).or_default().push_back(fault);
    }

    /// The next such call is not done.
    pub(crate) fn instead(&self, op: Op, error: impl FnOnce() -> ProviderError + Send + 'static) {
        self.fault(op, Fault::Instead(Box::new(error)));
    }

    /// The next such call is done, but this is answered.
    pub(crate) fn after(&self, op: Op, error: impl FnOnce() -> ProviderError + Send + 'static) {
        self.fault(op, Fault::After(Box::new(error)));
    }

    /// The next such call is not done, and its answer comes after something else has happened.
    pub(crate) fn instead_late<F>(
        &self,
        op: Op,
        hook: impl FnOnce() -> F + Send + 'static,
        error: impl FnOnce() -> ProviderError + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.fault(op, Fault::InsteadLate(Box::new(|| Box::pin(hook())), Box::new(error)));
    }

    /// Something happens while the next such call is on its way back.
    pub(crate) fn meanwhile<F>(&self, op: Op, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.fault(op, Fault::Meanwhile(Box::new(|| Box::pin(hook()))));
    }

    /// The next such call is answered with this.
    pub(crate) fn answer(&self, op: Op, snapshot: Snapshot) {
        self.fault(op, Fault::Answer(Box::new(snapshot)));
    }

    pub(crate) fn forget_faults(&self) {
        self.world().faults.clear();
    }

    pub(crate) fn calls(&self, op: Op) -> Vec<Call> {
        self.world().calls.iter().filter(|call| call.op == op).cloned().collect()
    }

    pub(crate) fn keys(&self, op: Op) -> Vec<String> {
        self.calls(op).into_iter().filter_map(|call| call.key).collect()
    }

    /// The most look-ups that ever ran at the same time.
    pub(crate) fn looks_at_once(&self) -> usize {
        self.world().looks.most
    }

    /// Does a call with its fault.
    async fn call<T>(
        &self,
        call: Call,
        work: impl FnOnce(&mut Books) -> Result<T, ProviderError>,
        other: impl FnOnce(Snapshot) -> T,
    ) -> Result<T, ProviderError> {
        let (op, fault) = {
            let mut world = self.world();
            let op = call.op;
            world.calls.push(call);
            (op, world.faults.get_mut(&op).and_then(VecDeque::pop_front))
        };
        // Others get their turn while a request is on its way, as on a network.
        tokio::task::yield_now().await;
        tracing::trace!(?op, "called");
        match fault {
            Some(Fault::Instead(error)) => Err(error()),
            Some(Fault::After(error)) => {
                let _ = self.books(work);
                Err(error())
            }
            Some(Fault::Meanwhile(hook)) => {
                let done = self.books(work);
                hook().await;
                done
            }
            Some(Fault::InsteadLate(hook, error)) => {
                hook().await;
                Err(error())
            }
            Some(Fault::Answer(snapshot)) => Ok(other(*snapshot)),
            None => self.books(work),
        }
    }
}

#[async_trait]
impl PaymentProvider for FakePg {
    fn describe(&self) -> &ProviderDescription {
        &self.description
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let call = Call { op: Op::Request, key: Some(order.idempotency_key.clone()), pg_id: None };
        let step = BrowserStep::Redirect { url: format!("https://pg.example/{}", order.pg_order_id) };
        self.call(
            call,
            |_| Ok(Prepared { step, pg_id: None, state: None }),
            |_| unreachable!("no snapshot prepares a step"),
        )
        .await
    }

    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
        let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
        let pg_id = text("pg_id").map(|id| id.parse().map_err(|_| InvalidBrowserResult("bad id")));
        let failure = text("failure").map(|failure| match failure.as_str() {
            "closed" => Failure::of(FailureReason::BuyerClosed),
            _ => Failure::of(FailureReason::IssuerDeclined),
        });
        Ok(ReturnClaim {
            pg_id: pg_id.transpose()?,
            pg_order_id: text("order_id"),
            amount: text("amount"),
            failure,
        })
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Snapshot, ProviderError> {
        let call = Call {
            op: Op::Confirm,
            key: Some(request.idempotency_key.clone()),
            pg_id: request.pg_id.as_ref().map(ToString::to_string),
        };
        let (now, by_us) = (self.clock.now(), self.description.money_moves != MoneyMoves::BeforeConfirm);
        self.call(call, |books| books.confirm(request, by_us, now), |snapshot| snapshot).await
    }

    async fn verify(&self, subject: &PaymentRef) -> Result<Vec<Snapshot>, ProviderError> {
        let pg_id = subject.pg_id.as_ref().map(ToString::to_string);
        let call = Call { op: Op::Verify, key: None, pg_id };
        {
            let looks = &mut self.world().looks;
            looks.now += 1;
            looks.most = looks.most.max(looks.now);
        }
        let shown = self.call(call, |books| Ok(books.show(subject)), |snapshot| vec![snapshot]).await;
        self.world().looks.now -= 1;
        shown
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        let key = Some(request.idempotency_key.clone());
        let call = Call { op: Op::Cancel, key, pg_id: Some(request.pg_id.to_string()) };
        let keyed = self.description.repeat_safe_for.is_some();
        assert!(!matches!(request.amount, CancelAmount::Part(part) if part.is_zero()));
        self.call(
            call,
            |books| books.cancel(request, keyed),
            |snapshot| CancelOutcome {
                status: crate::CancelStatus::Done,
                pg_cancel_id: None,
                snapshot: Some(snapshot),
            },
        )
        .await
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        let body: Value = serde_json::from_slice(&delivery.body).map_err(|_| WebhookRejected::Malformed)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let proof = match (text("delivery"), text("secret")) {
            (Some(_), _) => Proof::Signed,
            (None, Some(secret)) => Proof::Secret(Secret::new(secret)),
            (None, None) => Proof::None,
        };
        let subject = match (text("pg_id").and_then(|id| id.parse().ok()), text("order_id")) {
            (Some(pg_id), pg_order_id) => WebhookSubject::Payment { pg_id, pg_order_id },
            (None, Some(pg_order_id)) => WebhookSubject::Order(pg_order_id),
            (None, None) => WebhookSubject::Nothing,
        };
        Ok(WebhookClaim { proof, subject, delivery_id: text("delivery") })
    }

    fn paid_list(&self) -> Option<&dyn PaidList> {
        Some(self)
    }
}

#[async_trait]
impl PaidList for FakePg {
    async fn paid_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Snapshot>, ProviderError> {
        let call = Call { op: Op::List, key: None, pg_id: None };
        let listed = |books: &mut Books| {
            let paid = books.snapshots().into_iter();
            Ok(paid.filter(|s| s.paid_at.is_some_and(|at| from <= at && at <= to)).collect())
        };
        self.call(call, listed, |snapshot| vec![snapshot]).await
    }
}
