//! A scripted PG of either kind that keeps books, obeys faults and records what it was asked.
//!
//! It imitates no PG's wire and no buyer's window. Keys are remembered for ever, answers do not lag unless a test says
//! so, and `permissive` turns its own guards off, so that no test passes on its kindness.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

pub(crate) use super::calls::{Call, Op};
use super::{fake_books::Books, texts};
use crate::{
    clock::{Clock, ManualClock},
    lifecycle::tests::sample::description,
    model::{BrowserStep, MoneyMoves, Snapshot},
    provider::{
        CancelOutcome, CancelRequest, ChargeRef, ConfirmRequest, InvalidBrowserResult, LookUp, Movements,
        Page, PaymentProvider, PaymentRequest, PgMovement, Prepared, ProviderDescription, ProviderError,
        RawWebhook, ReturnClaim, Taken, WebhookClaim, WebhookRejected,
    },
};

/// More calls than any test needs: what loops for ever fails instead of hanging.
const MOST_CALLS: usize = 50_000;

type Error = Box<dyn FnOnce() -> ProviderError + Send>;
type StandingError = Arc<dyn Fn() -> ProviderError + Send + Sync>;
type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;
type Late = Box<dyn FnOnce(&mut Books) + Send>;

/// What goes wrong with one call.
enum Fault {
    /// It is not done, and this is answered.
    Instead(Error),
    /// It is done, and this is answered.
    After(Error),
    /// Nothing is answered; it is done when the test says so.
    Later,
    /// Something happens on its way there.
    Before(Hook),
    /// Something happens on its way back.
    Meanwhile(Hook),
    /// It is not done; this is answered, after something else has happened.
    InsteadLate(Hook, Error),
    /// A confirm or cancel is answered as if it were of this payment.
    Answer(Box<Snapshot>),
}

#[derive(Default)]
struct World {
    faults: BTreeMap<Op, VecDeque<Fault>>,
    standing: BTreeMap<Op, StandingError>,
    shown: VecDeque<LookUp>,
    late: Vec<Late>,
    calls: Vec<Call>,
    books: Books,
    page_size: usize,
    unreadable: usize,
}

/// The PG, seen with one set of credentials. Clones are the same PG.
#[derive(Clone)]
pub(crate) struct FakePg {
    world: Arc<Mutex<World>>,
    pub(crate) clock: ManualClock,
    pub(crate) money_moves: MoneyMoves,
    pub(crate) description: ProviderDescription,
    pub(crate) has_list: bool,
    pub(crate) names_early: bool,
}

impl fmt::Debug for FakePg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakePg")
    }
}

impl FakePg {
    pub(crate) fn new(clock: ManualClock, money_moves: MoneyMoves) -> Self {
        let keyed = money_moves != MoneyMoves::BeforeConfirm;
        let world = World { books: Books::of(keyed), page_size: 100, ..World::default() };
        Self {
            world: Arc::new(Mutex::new(world)),
            clock,
            money_moves,
            description: description(money_moves),
            has_list: true,
            names_early: false,
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The books, to read or to write as the buyer or the PG's own console would.
    pub(crate) fn books<T>(&self, read: impl FnOnce(&mut Books) -> T) -> T {
        read(&mut self.world().books)
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

    /// The next such call is not answered, and is done when [`execute_late`](Self::execute_late) is called.
    pub(crate) fn later(&self, op: Op) {
        self.fault(op, Fault::Later);
    }

    /// Requests that nobody waits for any more are executed.
    pub(crate) fn execute_late(&self) {
        let late = std::mem::take(&mut self.world().late);
        self.books(|books| late.into_iter().for_each(|work| work(books)));
    }

    /// Something happens while the next such call is on its way there.
    pub(crate) fn before<F>(&self, op: Op, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.fault(op, Fault::Before(Box::new(|| Box::pin(hook()))));
    }

    /// Something happens while the next such call is on its way back.
    pub(crate) fn meanwhile<F>(&self, op: Op, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.fault(op, Fault::Meanwhile(Box::new(|| Box::pin(hook()))));
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

    /// The next look-up is answered with this.
    pub(crate) fn show(&self, charges: Vec<Snapshot>, complete: bool) {
        self.world().shown.push_back(LookUp { charges, complete });
    }

    /// The next such call is done, and answered as if it were of this payment.
    pub(crate) fn answer(&self, op: Op, snapshot: Snapshot) {
        self.fault(op, Fault::Answer(Box::new(snapshot)));
    }

    /// From now on every such call fails.
    pub(crate) fn fails(&self, op: Op, error: impl Fn() -> ProviderError + Send + Sync + 'static) {
        self.world().standing.insert(op, Arc::new(error));
    }

    /// Nothing is answered any more.
    pub(crate) fn goes_down(&self) {
        for op in [Op::Request, Op::Confirm, Op::Verify, Op::Cancel, Op::Page, Op::Time] {
            self.fails(op, || ProviderError::no_answer("down"));
        }
    }

    /// Everything works again.
    pub(crate) fn heal(&self) {
        let mut world = self.world();
        world.faults.clear();
        world.standing.clear();
        world.shown.clear();
    }

    /// How many rows a page of the list has, and how many of each cannot be read.
    pub(crate) fn list(&self, page_size: usize, unreadable: usize) {
        let mut world = self.world();
        (world.page_size, world.unreadable) = (page_size, unreadable);
    }

    /// What time it is at the PG.
    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn calls(&self, op: Op) -> Vec<Call> {
        self.world().calls.iter().filter(|call| call.op == op).cloned().collect()
    }

    pub(crate) fn all_calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    pub(crate) fn count(&self, op: Op) -> usize {
        self.calls(op).len()
    }

    pub(crate) fn keys(&self, op: Op) -> Vec<String> {
        self.calls(op).into_iter().filter_map(|call| call.key).collect()
    }

    /// A call to be recorded.
    fn asked(&self, op: Op) -> Call {
        let (at, credential) = (self.clock.now(), self.description.credential.clone());
        Call { op, at, credential, key: None, order_id: None, pg_id: None, scope: None }
    }

    /// Does a call with its fault.
    async fn call<T: 'static>(
        &self,
        call: Call,
        work: impl FnOnce(&mut Books) -> Result<T, ProviderError> + Send + 'static,
        other: impl FnOnce(Snapshot) -> T,
    ) -> Result<T, ProviderError> {
        let (fault, standing) = {
            let mut world = self.world();
            let op = call.op;
            world.calls.push(call);
            assert!(world.calls.len() < MOST_CALLS, "something is due in a loop");
            (world.faults.get_mut(&op).and_then(VecDeque::pop_front), world.standing.get(&op).cloned())
        };
        // Others run while a request is on its way, as on a network.
        tokio::task::yield_now().await;
        match (fault, standing) {
            (Some(Fault::Instead(error)), _) => Err(error()),
            (Some(Fault::After(error)), _) => {
                let _ = self.books(work);
                Err(error())
            }
            (Some(Fault::Later), _) => {
                self.world().late.push(Box::new(|books| drop(work(books))));
                Err(ProviderError::no_answer("time ran out"))
            }
            (Some(Fault::Before(hook)), _) => {
                hook().await;
                self.books(work)
            }
            (Some(Fault::Meanwhile(hook)), _) => {
                let done = self.books(work);
                hook().await;
                done
            }
            (Some(Fault::InsteadLate(hook, error)), _) => {
                hook().await;
                Err(error())
            }
            (Some(Fault::Answer(snapshot)), _) => self.books(work).map(|_| other(*snapshot)),
            (None, Some(error)) => Err(error()),
            (None, None) => self.books(work),
        }
    }
}

#[async_trait]
impl PaymentProvider for FakePg {
    fn describe(&self) -> &ProviderDescription {
        &self.description
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let call = Call {
            key: Some(order.idempotency_key.clone()),
            order_id: Some(order.order_id.to_string()),
            ..self.asked(Op::Request)
        };
        let step =
            BrowserStep::Redirect { url: format!("https://pg.example/{:?}", order.method), form: None };
        let (money_moves, names_early, order_id, amount) =
            (self.money_moves, self.names_early, order.order_id.to_string(), order.amount.amount());
        let prepare = move |books: &mut Books| {
            let pg_payment_id = names_early.then(|| books.agree(&order_id, amount));
            Ok(Prepared { step, pg_payment_id, money_moves })
        };
        self.call(call, prepare, |_| unreachable!("no snapshot prepares a step")).await
    }

    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
        texts::read_return(result, self.money_moves)
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Taken, ProviderError> {
        let call = Call {
            key: Some(request.idempotency_key.clone()),
            order_id: Some(request.charge.order_id.to_string()),
            pg_id: request.charge.pg_payment_id.as_ref().map(ToString::to_string),
            ..self.asked(Op::Confirm)
        };
        let (now, request) = (self.clock.now(), request.clone());
        let other = |snapshot| Taken { snapshot: Some(snapshot), webhook_secret: None };
        self.call(call, move |books| books.confirm(&request, now), other).await
    }

    async fn verify(&self, subject: &ChargeRef) -> Result<LookUp, ProviderError> {
        let call = Call {
            order_id: Some(subject.order_id.to_string()),
            pg_id: subject.pg_payment_id.as_ref().map(ToString::to_string),
            ..self.asked(Op::Verify)
        };
        let shown = {
            let mut world = self.world();
            let down = world.standing.contains_key(&Op::Verify);
            if down { None } else { world.shown.pop_front() }
        };
        if let Some(look_up) = shown {
            self.world().calls.push(call);
            tokio::task::yield_now().await;
            return Ok(look_up);
        }
        let (order_id, id) = (subject.order_id.to_string(), subject.pg_payment_id.clone());
        let look_up = move |books: &mut Books| Ok(books.look_up(&order_id, id.as_ref()));
        self.call(call, look_up, |snapshot| LookUp { charges: vec![snapshot], complete: true }).await
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        let call = Call {
            key: Some(request.idempotency_key.clone()),
            order_id: Some(request.order_id.to_string()),
            pg_id: Some(request.pg_payment_id.to_string()),
            scope: Some(request.scope),
            ..self.asked(Op::Cancel)
        };
        let (now, request) = (self.clock.now(), request.clone());
        let other = |snapshot| CancelOutcome {
            status: crate::model::PgCancelStatus::Done,
            pg_cancel_id: None,
            snapshot: Some(snapshot),
        };
        self.call(call, move |books| books.cancel(&request, now), other).await
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        texts::read_webhook(&delivery.body)
    }

    async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        let now = self.clock.now();
        self.call(self.asked(Op::Time), move |_| Ok(now), |_| unreachable!("no snapshot has the time")).await
    }

    fn movements(&self) -> Option<&dyn Movements> {
        self.has_list.then_some(self)
    }
}

#[async_trait]
impl Movements for FakePg {
    fn shows_part_cancels(&self) -> bool {
        self.money_moves != MoneyMoves::BeforeConfirm
    }

    async fn page(
        &self,
        from: Timestamp,
        to: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page<PgMovement>, ProviderError> {
        let start: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let (size, unreadable) = {
            let world = self.world();
            (world.page_size, world.unreadable)
        };
        let page = move |books: &mut Books| {
            let all = books.movements(from, to);
            let next = (start + size < all.len()).then(|| (start + size).to_string());
            Ok(Page { rows: all.into_iter().skip(start).take(size).collect(), unreadable, next })
        };
        self.call(self.asked(Op::Page), page, |_| unreachable!("no snapshot is a page")).await
    }
}
