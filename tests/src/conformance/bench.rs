//! A provider pointed at the simulator of its PG.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::{BrowserStep, Method, PgOrderId, PgPaymentId, Snapshot},
    provider::{ChargeRef, ClaimOutcome, PaymentProvider, PaymentRequest, RawWebhook, ReturnClaim, Taken},
};
use paymux_sandbox::{
    ActionOptions, Control, FaultRule, ForeignPayment, OrderAction, PayMethod, PayOutcome, PayRequest,
    Running,
};
use serde_json::Value;

use super::{
    inbox::Inbox,
    requests::{AMOUNT, FollowUp, by_id, by_order, payment_request},
};

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
    /// `None` where money moves in the window.
    pub confirm: Option<&'static str>,
    pub by_id: &'static str,
    pub by_order: &'static str,
    pub cancel: &'static str,
    pub close: &'static str,
    /// `None` where the browser step is made without the PG.
    pub prepare: Option<&'static str>,
    pub movements: &'static str,
    /// `None` where it is a call that the simulator does not play.
    pub time: Option<&'static str>,
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
    /// Whether a look-up by order id shows every charge of it.
    const LISTS_ORDERS: bool;
    /// The field of a cancel's body that says how much of it is free of VAT.
    const TAX_FREE_FIELD: &'static str;
    /// The most rows of a page of movements.
    const ROWS_PER_PAGE: usize;

    async fn with(setup: Setup) -> Self;

    fn simulator(&self) -> &Running;

    fn provider(&self) -> &dyn PaymentProvider;

    /// Another provider of the same account, which has made no connection yet.
    fn newcomer(&self) -> Box<dyn PaymentProvider>;

    /// The same account with a credential that was issued now. The old one goes on working.
    fn rotated(&self) -> Box<dyn PaymentProvider>;

    /// The PG's answer to a look-up by id with this payment object.
    fn answer_with(payment: Value) -> Value;

    /// An error with a code nobody knows.
    fn error_of_next_year() -> Value;

    /// A webhook that anybody could have written.
    fn forged(order: &PgOrderId, pg_payment_id: &PgPaymentId) -> RawWebhook;

    /// A well-formed id the PG never gave out.
    fn unknown_id() -> PgPaymentId;

    /// Payments of another system whose rows among the movements cannot be read.
    fn unreadable_rows() -> Vec<ForeignPayment>;

    /// A payment of another system in a currency that no books are kept in.
    fn foreign_currency_row() -> ForeignPayment;

    /// A payment of another system that was made now.
    fn foreign_row() -> ForeignPayment {
        ForeignPayment::default()
    }

    async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// With the PG's guards of state off.
    async fn permissive() -> Self {
        Self::with(Setup { permissive: true, ..Setup::default() }).await
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
        let inbox = Inbox::open(self.control().clock().clone()).await;
        self.control().set_webhook_targets(vec![inbox.target()]);
        inbox
    }

    /// How often the PG was asked so.
    fn count(&self, call: &str) -> usize {
        self.control().calls().iter().filter(|received| received.call == Some(call)).count()
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
        self.return_with(window, ActionOptions::default())
    }

    fn return_with(&self, window: &PayRequest, options: ActionOptions) -> ReturnClaim {
        let answer = self.control().with(options).pay(window).unwrap();
        self.provider().read_return(&Value::Object(answer.browser_result)).unwrap()
    }

    /// The buyer agrees.
    async fn authenticated(&self, order: &PgOrderId, method: Method) -> FollowUp {
        let claim = self.visit(&payment_request(order, method), PayOutcome::Approve).await;
        FollowUp::of(order, &claim).unwrap()
    }

    /// The buyer agrees in a window that was open before the order was paid: a second tab.
    fn authenticated_in(&self, window: &PayRequest) -> FollowUp {
        let options = ActionOptions { already_open: true, ..ActionOptions::default() };
        let (order, claim) = (window.order_id.parse().unwrap(), self.return_with(window, options));
        FollowUp::of(&order, &claim).unwrap().with_key(&format!("{order}_confirm_in_second_tab"))
    }

    /// Paid, or with an account issued: what the last answer shows.
    async fn taken(&self, order: &PgOrderId, method: Method) -> Taken {
        self.authenticated(order, method).await.send(self.provider()).await.unwrap()
    }

    /// Paid, or with an account issued.
    async fn confirmed(&self, order: &PgOrderId, method: Method) -> Snapshot {
        self.taken(order, method).await.snapshot.unwrap()
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
        let found = self.provider().verify(&charge(known)).await.unwrap();
        assert!(found.complete, "a look-up by id answers for that charge");
        let [snapshot] = <[Snapshot; 1]>::try_from(found.charges).unwrap();
        snapshot
    }

    /// What the PG shows by order id.
    async fn look_by_order(&self, order: &PgOrderId) -> Vec<Snapshot> {
        let found = self.provider().verify(&by_order(order)).await.unwrap();
        assert_eq!(found.complete, Self::LISTS_ORDERS, "{found:?}");
        found.charges
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

/// The charge that a snapshot shows.
pub(super) fn charge(known: &Snapshot) -> ChargeRef {
    by_id(&known.order_id.parse().unwrap(), &known.pg_payment_id)
}

/// Why a claim failed; `None` if it did not.
pub(super) fn failure_of(claim: &ReturnClaim) -> Option<&paymux_core::model::Failure> {
    match &claim.outcome {
        ClaimOutcome::Failed(failure) => Some(failure),
        ClaimOutcome::Confirm(_) | ClaimOutcome::Verify => None,
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
        PayRequest { method, amount: None, ..PayRequest::new(request.order_id.as_str(), outcome, AMOUNT) };
    let BrowserStep::Script { calls, .. } = step else { return blank };
    let sdk = calls.last().unwrap().args[0].as_object().unwrap().clone();
    let order_id = ["orderId", "merchant_uid"].iter().find_map(|name| sdk.get(*name)?.as_str()).unwrap();
    let client_key = calls[0].args[0].as_str().map(str::to_owned);
    PayRequest { order_id: order_id.to_owned(), client_key, sdk, ..blank }
}
