//! A gateway over a fake PG, a store in memory and a clock that moves only by hand.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{fake_pg::FakePg, test_store::TestStore};
use crate::{
    account::{Account, AccountLimits},
    clock::{Clock, ManualClock, later},
    gateway::{
        Gateway, GatewayError, InboxOutcome, MerchantPolicy, NewCancel, NewPayment, Registered, RequestKey,
        Verdict,
    },
    lifecycle::tests::sample::{ON_CONFIRM, PRICE, at, terms},
    model::{
        AccountId, CancelId, Device, IdSource, LatePayments, MerchantId, Money, MoneyMoves, PaymentId,
        PaymentStatus, PgPaymentId, RefundAccount, ReviewOutcome, Secret,
    },
    provider::RawWebhook,
    store::{Inbox, MemoryStore, PaymentRecord},
};

/// How long a payment of the bench may be paid.
pub(crate) const PAYABLE_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// From when on "not there" means not done.
pub(crate) const FINAL: Duration = Duration::from_secs(70);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How an account and its merchant are configured.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) late_payments: LatePayments,
    pub(crate) limits: AccountLimits,
    pub(crate) retired: bool,
    pub(crate) has_credentials: bool,
    pub(crate) inbox_capacity: usize,
    seed: u64,
}

pub(crate) struct Bench {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) store: TestStore,
    /// The machine's clock. The PG has its own, which nobody sets.
    pub(crate) clock: ManualClock,
    pub(crate) pg: FakePg,
    pub(crate) merchant: MerchantId,
    settings: Settings,
}

impl Bench {
    /// Over a PG that takes the money when we confirm, with keys.
    pub(crate) fn on_confirm() -> Self {
        Self::over(ON_CONFIRM, |_| ())
    }

    /// Over a PG that takes the money in the window, with nothing but its balance to guard a repeat.
    pub(crate) fn before_confirm() -> Self {
        Self::over(MoneyMoves::BeforeConfirm, |_| ())
    }

    /// One of each kind.
    pub(crate) fn both() -> [Self; 2] {
        [Self::on_confirm(), Self::before_confirm()]
    }

    pub(crate) fn over(money_moves: MoneyMoves, configure: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            late_payments: LatePayments::Keep,
            limits: AccountLimits::default(),
            retired: false,
            has_credentials: true,
            inbox_capacity: 10_000,
            seed: 1,
        };
        configure(&mut settings);
        let clock = ManualClock::at(at(0));
        let pg = FakePg::new(ManualClock::at(at(0)), money_moves);
        let store = TestStore::over(MemoryStore::with_inbox_capacity(settings.inbox_capacity));
        let merchant: MerchantId = "demo".parse().unwrap();
        let gateway = gateway(&store, &clock, &pg, &merchant, &settings);
        Self { gateway, store, clock, pg, merchant, settings }
    }

    /// Another gateway over the same store and PG: another replica, or the same after a restart with another
    /// configuration.
    pub(crate) fn replica(&self, configure: impl FnOnce(&mut Settings, &mut FakePg)) -> Self {
        let (mut settings, mut pg) = (self.settings.clone(), self.pg.clone());
        settings.seed += 1;
        configure(&mut settings, &mut pg);
        let gateway = gateway(&self.store, &self.clock, &pg, &self.merchant, &settings);
        let (store, clock, merchant) = (self.store.clone(), self.clock.clone(), self.merchant.clone());
        Self { gateway, store, clock, pg, merchant, settings }
    }

    pub(crate) async fn try_register(&self, order: &str, amount: u64) -> Result<Registered, GatewayError> {
        let new = NewPayment { order_id: order.parse().unwrap(), terms: terms(amount) };
        self.gateway.register(&self.merchant, new, None).await
    }

    /// A registered payment.
    pub(crate) async fn register(&self) -> PaymentId {
        self.try_register("order-1", PRICE).await.unwrap().record.payment.id
    }

    /// The buyer opens the window: the order id it shows the PG.
    pub(crate) async fn open(&self, id: &PaymentId) -> String {
        let (record, _) = self.try_open(id).await.unwrap();
        record.attempts.last().unwrap().pg_order_id.to_string()
    }

    pub(crate) async fn try_open(
        &self,
        id: &PaymentId,
    ) -> Result<(PaymentRecord, crate::model::BrowserStep), GatewayError> {
        self.gateway.next_action(&self.merchant, id, Device::Desktop, None).await
    }

    /// A payment whose window is open, and its order id.
    pub(crate) async fn opened(&self) -> (PaymentId, String) {
        let id = self.register().await;
        let order = self.open(&id).await;
        (id, order)
    }

    /// A payment whose buyer has agreed and, where money moves before confirm, paid; and the PG's id of it.
    pub(crate) async fn agreed(&self) -> (PaymentId, PgPaymentId) {
        let (id, order) = self.opened().await;
        (id, self.in_window(&order))
    }

    /// The buyer does in a window what makes the payment paid once it is confirmed.
    pub(crate) fn in_window(&self, order: &str) -> PgPaymentId {
        let now = self.pg.clock_now();
        let takes_alone = self.pg.money_moves == MoneyMoves::BeforeConfirm;
        self.pg
            .books(|books| if takes_alone { books.pay(order, PRICE, now) } else { books.agree(order, PRICE) })
    }

    /// A paid payment, and the PG's id of it.
    pub(crate) async fn paid(&self) -> (PaymentId, PgPaymentId) {
        let (id, pg_id) = self.agreed().await;
        let record = self.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::Paid);
        (id, pg_id)
    }

    /// A paid payment under whose order id a second one was paid, which is not known yet; and both ids.
    pub(crate) async fn paid_twice(&self) -> (PaymentId, PgPaymentId, PgPaymentId) {
        let (id, first) = self.paid().await;
        let order = self.order_of(&id).await;
        let second = self.pg.books(|books| books.pay(&order, PRICE, self.pg.clock_now()));
        (id, first, second)
    }

    /// The order id at the PG of a payment's first window.
    pub(crate) async fn order_of(&self, id: &PaymentId) -> String {
        self.read(id).await.attempts[0].pg_order_id.to_string()
    }

    /// What is true is looked up, and again once the PG must show it.
    pub(crate) async fn look_up_until_shown(&self, id: &PaymentId) {
        self.verify(id).await;
        self.run(10 * MINUTE).await;
    }

    /// A payment that waits for a deposit, due so long after now.
    pub(crate) async fn awaiting_deposit(&self, due_in: Duration) -> (PaymentId, PgPaymentId) {
        let (id, order) = self.opened().await;
        let pg_id = self.issued(&order, PRICE, due_in);
        let record = self.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status(), PaymentStatus::AwaitingDeposit);
        (id, pg_id)
    }

    /// The buyer chooses an account in a window, due so long after now: the PG's id of it.
    pub(crate) fn issued(&self, order: &str, amount: u64, due_in: Duration) -> PgPaymentId {
        let due_at = later(self.pg.clock_now(), due_in);
        let takes_alone = self.pg.money_moves == MoneyMoves::BeforeConfirm;
        self.pg.books(|books| {
            let pg_id = books.agree_to_deposit(order, amount, due_at);
            if takes_alone {
                books.change(&pg_id, |shown| shown.status = crate::model::PgStatus::AwaitingDeposit);
            }
            pg_id
        })
    }

    /// Money that was there is gone: the payment failed after all, as V1 shows it now and then.
    pub(crate) fn fails_after_all(&self, pg_id: &PgPaymentId) {
        self.pg.books(|books| {
            books.change(pg_id, |shown| {
                (shown.paid, shown.cancellable) = (Money::krw(0), Money::krw(0));
                (shown.status, shown.paid_at) = (crate::model::PgStatus::Failed, None);
            });
        });
    }

    /// Another payment that waits for a deposit.
    pub(crate) async fn awaiting_other(&self, due_in: Duration) -> (PaymentId, PgPaymentId) {
        let id = self.try_register("order-2", PRICE).await.unwrap().record.payment.id;
        let order = self.open(&id).await;
        let due_at = later(self.pg.clock_now(), due_in);
        let pg_id = self.pg.books(|books| {
            let pg_id = books.agree_to_deposit(&order, PRICE, due_at);
            books.change(&pg_id, |shown| shown.status = crate::model::PgStatus::AwaitingDeposit);
            pg_id
        });
        self.confirm(&id, &pg_id).await.unwrap();
        (id, pg_id)
    }

    pub(crate) async fn confirm(
        &self,
        id: &PaymentId,
        pg_id: &PgPaymentId,
    ) -> Result<PaymentRecord, GatewayError> {
        self.bring(id, json!({ "pg_id": pg_id.as_str() })).await
    }

    /// The browser brings something back.
    pub(crate) async fn bring(&self, id: &PaymentId, result: Value) -> Result<PaymentRecord, GatewayError> {
        self.gateway.confirm(&self.merchant, id, &result, None).await
    }

    /// A cancel; `None` cancels all that is left.
    pub(crate) async fn cancel(
        &self,
        id: &PaymentId,
        amount: Option<u64>,
    ) -> Result<PaymentRecord, GatewayError> {
        self.cancel_with(id, new_cancel(amount), None).await.map(|(record, _)| record)
    }

    pub(crate) async fn cancel_with(
        &self,
        id: &PaymentId,
        new: NewCancel,
        key: Option<&str>,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        let key = key.map(request_key);
        self.gateway.cancel(&self.merchant, id, &new, key.as_ref()).await
    }

    pub(crate) async fn verify(&self, id: &PaymentId) -> PaymentRecord {
        self.gateway.verify(&self.merchant, id).await.unwrap()
    }

    /// Time passes, and nobody works.
    pub(crate) fn advance(&self, time: Duration) {
        self.clock.advance(time);
        self.pg.clock.advance(time);
    }

    /// Time passes, and what is due then is worked on.
    pub(crate) async fn pass(&self, time: Duration) {
        self.advance(time);
        self.resolve_due().await;
    }

    /// Time passes, and a worker does what is due when it is due.
    pub(crate) async fn run(&self, time: Duration) {
        // The clock that the gateway goes by, whatever the machine's was set to.
        let clock = self.gateway.clock();
        let end = later(clock.now(), time);
        for _ in 0..20_000 {
            self.process_inbox().await;
            self.resolve_due().await;
            let now = clock.now();
            if now >= end {
                return;
            }
            let waits = self.store.inbox_length(&account()).await.unwrap() > 0;
            let again = if waits { later(now, MINUTE) } else { end };
            let next = self.gateway.next_work(&account()).await.unwrap().unwrap_or(end);
            let next = next.max(later(now, Duration::from_millis(1))).min(again).min(end);
            self.advance(Duration::try_from(next.duration_since(now)).unwrap());
        }
        panic!("something is due in a loop");
    }

    /// A webhook arrives and is worked on.
    pub(crate) async fn webhook(&self, body: Value) -> Vec<InboxOutcome> {
        self.receive(body).await;
        self.process_inbox().await
    }

    pub(crate) async fn receive(&self, body: Value) {
        self.try_receive(body.to_string().into_bytes()).await.unwrap();
    }

    pub(crate) async fn try_receive(&self, body: Vec<u8>) -> Result<(), GatewayError> {
        let raw = RawWebhook { headers: Vec::new(), body, received_at: self.clock.now() };
        self.gateway.receive(&account(), raw).await
    }

    /// What is in the inbox is worked on.
    pub(crate) async fn process_inbox(&self) -> Vec<InboxOutcome> {
        self.gateway.process_inbox(&account()).await.unwrap()
    }

    /// What is due is worked on; gives how much it was.
    pub(crate) async fn resolve_due(&self) -> usize {
        self.gateway.resolve_due(&account()).await.unwrap()
    }

    pub(crate) async fn sweep(&self) -> usize {
        self.gateway.sweep_due(&account()).await.unwrap()
    }

    /// An operator decides a payment's newest open review.
    pub(crate) async fn decide(
        &self,
        id: &PaymentId,
        outcome: ReviewOutcome,
    ) -> Result<PaymentRecord, GatewayError> {
        let reviews = self.read(id).await.payment.reviews;
        let number = reviews.iter().rfind(|review| review.is_open()).expect("one is open").number;
        let reason = "seen in the console".to_owned();
        let verdict = Verdict { by: "kim".to_owned(), outcome, reason };
        self.gateway.close_review(id, number, &verdict).await
    }
}

pub(crate) fn new_cancel(amount: Option<u64>) -> NewCancel {
    NewCancel {
        reason: "changed my mind".to_owned(),
        amount: amount.map(Money::krw),
        expected_cancellable: None,
        tax_free_amount: None,
        vat_amount: None,
        refund_account: None,
        takes_over: None,
    }
}

pub(crate) fn refund_account() -> RefundAccount {
    RefundAccount::new("088".parse().unwrap(), Secret::new("1100001111"), Secret::new("홍길동"))
}

pub(crate) fn request_key(key: &str) -> RequestKey {
    RequestKey { key: key.to_owned(), digest: "digest".to_owned() }
}

/// The one account of the bench.
pub(crate) fn account() -> AccountId {
    "fake".parse().unwrap()
}

fn gateway(
    store: &TestStore,
    clock: &ManualClock,
    pg: &FakePg,
    merchant: &MerchantId,
    settings: &Settings,
) -> Arc<Gateway> {
    let mut account = Account::new(account(), merchant.clone(), Arc::new(pg.clone()));
    account.simulated = true;
    account.retired = settings.retired;
    account.has_credentials = settings.has_credentials;
    account.limits = settings.limits;
    let mut policy = MerchantPolicy::new(account.id.clone());
    policy.late_payments = settings.late_payments;
    policy.payable_for = PAYABLE_FOR;
    let builder = Gateway::builder(Arc::new(store.clone())).clock(Arc::new(clock.clone()));
    let builder = builder.ids(IdSource::seeded(settings.seed)).account(account);
    Arc::new(builder.merchant(merchant.clone(), policy).build().unwrap())
}

/// A caller who dies while the PG works: its future is dropped at an await.
pub(crate) async fn die<T>(work: impl Future<Output = T>) {
    let mut work = std::pin::pin!(work);
    for _ in 0..40 {
        if futures_util::poll!(work.as_mut()).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// The moment so long after a moment.
pub(crate) fn after(moment: Timestamp, time: Duration) -> Timestamp {
    later(moment, time)
}
