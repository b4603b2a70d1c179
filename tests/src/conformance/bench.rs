//! A provider pointed at the simulator of its PG.

use std::time::Duration;

use async_trait::async_trait;
use gateway_core::{
    BrowserStep, CancelAmount, CancelRequest, ConfirmRequest, Customer, IdSource, Method, Money,
    PaymentProvider, PaymentRef, PaymentRequest, PgOrderId, PgPaymentId, RawWebhook, RefundAccount,
    ReturnClaim, Secret, Snapshot,
};
use jiff::Timestamp;
use sandbox::{Control, FaultRule, OrderAction, PayMethod, PayOutcome, PayRequest, Running};
use serde_json::Value;

use super::inbox::Inbox;

/// What every order of a bench costs, unless a rule says otherwise.
pub const AMOUNT: u64 = 27_500;

/// 2026-03-14 10:31:02 in Seoul: where the simulators' frozen clocks begin.
pub(super) const START_MS: u64 = 1_773_451_862_000;

/// What a rule may want to be otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The PG's guards of state are off.
    pub permissive: bool,
    /// How long the provider waits for an answer.
    pub read_timeout: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self { permissive: false, read_timeout: Duration::from_secs(30) }
    }
}

/// The PG's calls, as the fault script names them.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    pub confirm: &'static str,
    pub by_id: &'static str,
    pub by_order: &'static str,
    pub cancel: &'static str,
    pub close: &'static str,
}

/// A provider, pointed at its simulator: in process, on a port of its own, with a frozen clock.
///
/// It does not imitate the browser: the parameters of the browser step are handed to the simulated window as they are.
#[async_trait]
pub trait Bench: Sized + Send + Sync {
    /// The PG's calls.
    const CALLS: Calls;
    /// Texts that stand in the credentials and must be seen nowhere.
    const CANARIES: &'static [&'static str];
    /// The fields of a payment object that hold its total and the rest.
    const AMOUNT_FIELDS: &'static [&'static str];
    /// The fields of a payment object that say its status and its method.
    const STATUS_AND_METHOD: (&'static str, &'static str);
    /// A reason the window itself declines with.
    const WINDOW_DECLINE: &'static str;

    async fn with(setup: Setup) -> Self;

    fn simulator(&self) -> &Running;

    fn provider(&self) -> &dyn PaymentProvider;

    /// Another provider of the same account, which has made no connection yet.
    fn newcomer(&self) -> Box<dyn PaymentProvider>;

    /// The PG's answer to a look-up by id with this payment object.
    fn answer_with(payment: Value) -> Value;

    /// An error with a code nobody knows.
    fn error_of_next_year() -> Value;

    /// A webhook that anybody could have written.
    fn forged(order: &PgOrderId, pg_id: &PgPaymentId) -> RawWebhook;

    /// A well-formed id the PG never gave out.
    fn unknown_id() -> PgPaymentId;

    async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    fn control(&self) -> Control {
        self.simulator().control()
    }

    /// Puts a fault in force.
    async fn fault(&self, rule: FaultRule) {
        self.control().add_faults(vec![rule]).await.unwrap();
    }

    /// Registers an inbox for webhooks.
    async fn inbox(&self) -> Inbox {
        let inbox = Inbox::open().await;
        self.control().set_webhook_targets(vec![inbox.target()]);
        inbox
    }

    /// The buyer goes through the window that the browser step opens.
    async fn visit(&self, request: &PaymentRequest, outcome: PayOutcome) -> ReturnClaim {
        let decline_code = (outcome == PayOutcome::Decline).then_some(Self::WINDOW_DECLINE.to_owned());
        let window = PayRequest { decline_code, ..self.window(request, outcome).await };
        self.return_from(&window)
    }

    /// The window that the browser step opens.
    async fn window(&self, request: &PaymentRequest, outcome: PayOutcome) -> PayRequest {
        let prepared = self.provider().request(request).await.unwrap();
        window_of(&prepared.step, request, outcome)
    }

    fn return_from(&self, window: &PayRequest) -> ReturnClaim {
        let answer = self.control().pay(window).unwrap();
        self.provider().read_return(&Value::Object(answer.browser_result)).unwrap()
    }

    /// The buyer agrees.
    async fn authenticated(&self, order: &PgOrderId, method: Method) -> ConfirmRequest {
        let request = payment_request(order, method);
        let claim = self.visit(&request, PayOutcome::Approve).await;
        assert_eq!(claim.failure, None);
        confirm_request(order, claim.pg_id)
    }

    /// Paid, or with an account issued.
    async fn confirmed(&self, order: &PgOrderId, method: Method) -> Snapshot {
        let request = self.authenticated(order, method).await;
        self.provider().confirm(&request).await.unwrap()
    }

    /// A paid card.
    async fn paid(&self, order: &PgOrderId) -> Snapshot {
        self.confirmed(order, Method::Card).await
    }

    /// An account that has its deposit. Answers the snapshot before it.
    async fn deposited(&self, order: &PgOrderId) -> Snapshot {
        let issued = self.confirmed(order, Method::VirtualAccount).await;
        self.control().deposit(&OrderAction::all_of(order.as_str())).unwrap();
        issued
    }

    /// What the PG says now of a payment it knows.
    async fn look(&self, known: &Snapshot) -> Snapshot {
        let order = known.pg_order_id.parse().unwrap();
        let found = self.provider().verify(&by_id(&order, &known.pg_id)).await.unwrap();
        let [snapshot] = <[Snapshot; 1]>::try_from(found).unwrap();
        snapshot
    }

    /// Money in and money back of an order in the PG's own books, all its payments together.
    fn money(&self, order: &PgOrderId) -> (u64, u64) {
        let rows = self.control().payments();
        let sum = |name: &str| {
            let of_order = rows.iter().filter(|row| row["order_id"] == order.as_str());
            of_order.map(|row| row[name].as_u64().unwrap()).sum()
        };
        (sum("taken"), sum("given_back"))
    }

    fn advance(&self, by: Duration) {
        self.control().advance(by);
    }

    /// Now, on the simulator's clock.
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(i64::try_from(self.control().clock().now_ms()).unwrap()).unwrap()
    }
}

/// The `n`th order.
#[must_use]
pub fn order(n: u64) -> PgOrderId {
    PgOrderId::of(&IdSource::seeded(n).payment(Timestamp::UNIX_EPOCH), 1).unwrap()
}

pub(super) fn krw(amount: u64) -> Money {
    Money::krw(amount)
}

pub(super) fn payment_request(order: &PgOrderId, method: Method) -> PaymentRequest {
    PaymentRequest {
        pg_order_id: order.clone(),
        order_name: "원두 500g 외 1건".to_owned(),
        amount: krw(AMOUNT),
        tax_free_amount: None,
        method,
        customer: Customer { name: Some("김하늘".to_owned()), ..Customer::default() },
        card_issuer: None,
        installment_months: None,
        easy_pay_provider: None,
        deposit_due_at: None,
        cash_receipt: None,
        locale: None,
        return_url: "http://localhost:8080/return".to_owned(),
        idempotency_key: format!("{order}:request"),
    }
}

/// What a page does with a browser step: it passes the parameters on as they are.
pub(super) fn window_of(step: &BrowserStep, request: &PaymentRequest, outcome: PayOutcome) -> PayRequest {
    let method = Some(match request.method {
        Method::Card => PayMethod::Card,
        Method::EasyPay => PayMethod::EasyPay,
        Method::Transfer => PayMethod::Transfer,
        Method::VirtualAccount => PayMethod::VirtualAccount,
        Method::MobilePhone => PayMethod::MobilePhone,
    });
    let blank =
        PayRequest { method, amount: None, ..PayRequest::new(request.pg_order_id.as_str(), outcome, 0) };
    let BrowserStep::Script { calls, .. } = step else { return blank };
    let sdk = calls.last().unwrap().args[0].as_object().unwrap().clone();
    let order_id = ["orderId", "merchant_uid"].iter().find_map(|name| sdk.get(*name)?.as_str()).unwrap();
    let client_key = calls[0].args[0].as_str().map(str::to_owned);
    PayRequest { order_id: order_id.to_owned(), client_key, sdk, ..blank }
}

pub(super) fn confirm_request(order: &PgOrderId, pg_id: Option<PgPaymentId>) -> ConfirmRequest {
    ConfirmRequest {
        pg_order_id: order.clone(),
        pg_id,
        amount: krw(AMOUNT),
        idempotency_key: format!("{order}:confirm:1"),
        state: None,
    }
}

pub(super) fn by_id(order: &PgOrderId, pg_id: &PgPaymentId) -> PaymentRef {
    PaymentRef { pg_order_id: order.clone(), pg_id: Some(pg_id.clone()), state: None }
}

pub(super) fn by_order(order: &PgOrderId) -> PaymentRef {
    PaymentRef { pg_order_id: order.clone(), pg_id: None, state: None }
}

/// A cancel of `amount`, the `n`th, when `cancellable` is left.
pub(super) fn cancel_request(
    pg_id: &PgPaymentId,
    n: u64,
    amount: CancelAmount,
    cancellable: u64,
) -> CancelRequest {
    let id = IdSource::seeded(n).cancel(Timestamp::UNIX_EPOCH);
    CancelRequest {
        idempotency_key: format!("{id}:1"),
        id,
        pg_id: pg_id.clone(),
        amount,
        tax_free_amount: None,
        cancellable: krw(cancellable),
        reason: "부분 품절".to_owned(),
        refund_account: None,
        state: None,
    }
}

/// A cancel of all that is left.
#[must_use]
pub fn all_of(pg_id: &PgPaymentId, n: u64, cancellable: u64) -> CancelRequest {
    cancel_request(pg_id, n, CancelAmount::All, cancellable)
}

/// A cancel of a part.
#[must_use]
pub fn part_of(pg_id: &PgPaymentId, n: u64, part: u64, cancellable: u64) -> CancelRequest {
    cancel_request(pg_id, n, CancelAmount::Part(krw(part)), cancellable)
}

/// The closing of an account.
pub(super) fn close_of(pg_id: &PgPaymentId, n: u64) -> CancelRequest {
    cancel_request(pg_id, n, CancelAmount::Close, AMOUNT)
}

/// With an account that a refund reaches.
pub(super) fn to_account(request: CancelRequest) -> CancelRequest {
    to(request, "88", "110234567890")
}

pub(super) fn to(request: CancelRequest, bank: &str, number: &str) -> CancelRequest {
    let refund_account = Some(RefundAccount {
        bank_code: bank.to_owned(),
        account_number: Secret::new(number),
        holder_name: Secret::new("박서준"),
    });
    CancelRequest { refund_account, ..request }
}
