//! A gateway over a fake PG, a store in memory and a clock that stands still.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fake_pg::{CONFIRMS_WITHIN, FakePg, READ_TIMEOUT};
use crate::{
    Account, AccountId, AccountLimits, Clock, Customer, Event, EventKind, Gateway, GatewayError, IdSource,
    LatePayments, ManualClock, MemoryStore, MerchantId, MerchantPolicy, Money, MoneyMoves, NewCancel,
    NewPayment, PaymentId, PaymentRecord, PaymentStatus, PaymentTerms, PgPaymentId, RawWebhook, Registered,
    Store,
};

/// What every payment of the bench costs.
pub(crate) const PRICE: u64 = 10_000;
/// How long a payment of the bench may be paid.
pub(crate) const PAYABLE_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// From when on every answer shows what was true.
pub(crate) const VISIBLE: Duration = READ_TIMEOUT.saturating_add(Duration::from_secs(30));
/// From when on a negative look-up is final: a request sets out within ten seconds.
pub(crate) const SETTLED: Duration = VISIBLE.saturating_add(Duration::from_secs(10));

pub(crate) struct Bench {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) store: MemoryStore,
    pub(crate) clock: ManualClock,
    pub(crate) pg: FakePg,
    pub(crate) merchant: MerchantId,
    late_payments: LatePayments,
}

impl Bench {
    /// Over a PG that takes the money when we confirm.
    pub(crate) fn on_confirm() -> Self {
        Self::over(MoneyMoves::OnConfirm { within: CONFIRMS_WITHIN }, LatePayments::Keep)
    }

    /// Over a PG that takes the money in the window.
    pub(crate) fn before_confirm() -> Self {
        Self::over(MoneyMoves::BeforeConfirm, LatePayments::Keep)
    }

    pub(crate) fn over(money_moves: MoneyMoves, late_payments: LatePayments) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_790_000_000).unwrap());
        let pg = FakePg::new(clock.clone(), money_moves);
        let store = MemoryStore::default();
        let merchant: MerchantId = "demo".parse().unwrap();
        let gateway = gateway(&store, &clock, &pg, &merchant, late_payments, 1, AccountLimits::default());
        Self { gateway, store, clock, pg, merchant, late_payments }
    }

    /// A second gateway over the same store: another replica, or the same after a restart. `configure`
    /// changes how it sees the PG.
    pub(crate) fn replica(&self, configure: impl FnOnce(&mut FakePg)) -> Self {
        let mut pg = self.pg.clone();
        configure(&mut pg);
        Self {
            gateway: self.gateway_with(&pg, AccountLimits::default()),
            store: self.store.clone(),
            clock: self.clock.clone(),
            pg,
            merchant: self.merchant.clone(),
            late_payments: self.late_payments,
        }
    }

    /// The same over an account with these limits.
    pub(crate) fn limited(self, limits: AccountLimits) -> Self {
        Self { gateway: self.gateway_with(&self.pg, limits), ..self }
    }

    fn gateway_with(&self, pg: &FakePg, limits: AccountLimits) -> Arc<Gateway> {
        gateway(&self.store, &self.clock, pg, &self.merchant, self.late_payments, 2, limits)
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
        let (record, _) = self.gateway.next_action(&self.merchant, id, None).await.unwrap();
        record.attempts.last().unwrap().pg_order_id.to_string()
    }

    /// A payment whose buyer has agreed, and the PG's id for it.
    pub(crate) async fn agreed(&self) -> (PaymentId, PgPaymentId) {
        let id = self.register().await;
        let order = self.open(&id).await;
        (id, self.pg.books(|books| books.agree(&order, PRICE)))
    }

    /// A paid payment, and the PG's id for it.
    pub(crate) async fn paid(&self) -> (PaymentId, PgPaymentId) {
        let (id, pg_id) = self.agreed().await;
        if self.pg.description.money_moves == MoneyMoves::BeforeConfirm {
            self.pg.books(|books| books.charge(&pg_id, self.clock.now()));
        }
        let record = self.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status, PaymentStatus::Paid);
        (id, pg_id)
    }

    /// A payment that waits for a deposit, due in three hours.
    pub(crate) async fn awaiting_deposit(&self) -> (PaymentId, PgPaymentId) {
        let id = self.register().await;
        let order = self.open(&id).await;
        let due_at = self.clock.now() + Duration::from_secs(3 * 60 * 60);
        let pg_id = self.pg.books(|books| books.agree_to_deposit(&order, PRICE, due_at));
        let record = self.confirm(&id, &pg_id).await.unwrap();
        assert_eq!(record.payment.status, PaymentStatus::AwaitingDeposit);
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

    /// A cancel that is done or under way; `None` cancels all.
    pub(crate) async fn cancel(
        &self,
        id: &PaymentId,
        amount: Option<u64>,
    ) -> Result<PaymentRecord, GatewayError> {
        let cancelled = self.gateway.cancel(&self.merchant, id, &new_cancel(amount), None).await;
        cancelled.map(|(record, _)| record)
    }

    pub(crate) async fn read(&self, id: &PaymentId) -> PaymentRecord {
        self.gateway.payment(&self.merchant, id).await.unwrap()
    }

    pub(crate) async fn status(&self, id: &PaymentId) -> PaymentStatus {
        self.read(id).await.payment.status
    }

    pub(crate) async fn verify(&self, id: &PaymentId) -> PaymentRecord {
        self.gateway.verify(&self.merchant, id).await.unwrap()
    }

    /// Some time passes, and the resolver works on what is due then.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.resolve_due().await;
    }

    /// Time passes in steps, so that the resolver's ladder is climbed.
    pub(crate) async fn pass_slowly(&self, time: Duration, steps: u32) {
        for _ in 0..steps {
            self.pass(time / steps).await;
        }
    }

    /// A webhook arrives and is worked on.
    pub(crate) async fn webhook(&self, body: Value) -> Vec<crate::InboxOutcome> {
        self.receive(body).await;
        self.process_inbox().await
    }

    /// What is in the inbox is worked on.
    pub(crate) async fn process_inbox(&self) -> Vec<crate::InboxOutcome> {
        self.gateway.process_inbox(&account()).await.unwrap()
    }

    /// What is due is looked at; gives how much it was.
    pub(crate) async fn resolve_due(&self) -> usize {
        self.gateway.resolve_due(&account()).await.unwrap()
    }

    /// How many webhooks wait.
    pub(crate) async fn inbox_length(&self) -> u64 {
        self.store.inbox_length(&account()).await.unwrap()
    }

    pub(crate) async fn receive(&self, body: Value) {
        let raw = RawWebhook {
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        };
        self.gateway.receive(&account(), raw).await.unwrap();
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        self.store.events(&self.merchant, 0, 10_000).await.unwrap()
    }

    pub(crate) async fn count(&self, kind: EventKind) -> usize {
        self.events().await.iter().filter(|event| event.event.kind == kind).count()
    }
}

pub(crate) fn new_cancel(amount: Option<u64>) -> NewCancel {
    NewCancel {
        reason: "changed my mind".to_owned(),
        amount: amount.map(Money::krw),
        expected_cancellable: None,
        tax_free_amount: None,
        refund_account: None,
    }
}

/// The one account of the bench.
pub(crate) fn account() -> AccountId {
    "fake".parse().unwrap()
}

fn gateway(
    store: &MemoryStore,
    clock: &ManualClock,
    pg: &FakePg,
    merchant: &MerchantId,
    late_payments: LatePayments,
    seed: u64,
    limits: AccountLimits,
) -> Arc<Gateway> {
    let account = Account {
        id: account(),
        merchant: merchant.clone(),
        provider: Arc::new(pg.clone()),
        simulated: true,
        limits,
    };
    let policy = MerchantPolicy {
        default_account: account.id.clone(),
        account_by_method: BTreeMap::new(),
        late_payments,
        payable_for: PAYABLE_FOR,
    };
    let merchants = BTreeMap::from([(merchant.clone(), policy)]);
    let ids = IdSource::seeded(seed);
    Arc::new(Gateway::new(Arc::new(store.clone()), Arc::new(clock.clone()), ids, vec![account], merchants))
}

fn terms(amount: u64) -> PaymentTerms {
    PaymentTerms {
        order_name: "a pair of socks".to_owned(),
        amount: Money::krw(amount),
        tax_free_amount: None,
        method: None,
        account: None,
        customer: Customer::default(),
        card_issuer: None,
        installment_months: None,
        easy_pay_provider: None,
        deposit_due_at: None,
        cash_receipt: None,
        locale: None,
        return_url: "https://shop.example/return".to_owned(),
        metadata: BTreeMap::new(),
    }
}
