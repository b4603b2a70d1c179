//! A simulated Toss Payments: payments created, authenticated, confirmed, looked up and cancelled.
//!
//! Written from the public documentation. What it does not imitate is listed in the crate's README.

mod account;
mod auth;
mod cancel;
mod checkout;
mod config;
mod confirm;
mod create;
mod errors;
mod events;
mod fields;
mod foreign;
mod idempotency;
mod ids;
mod institutions;
mod keys;
mod language;
mod lookup;
mod refunds;
mod render;
mod route;
mod row;
#[cfg(test)]
mod tests;
mod time;
mod transactions;
mod window;

use std::io;

use async_trait::async_trait;
use http::StatusCode;
use serde_json::{Value, json};

pub use config::{ApiVersion, KeyPair, TossConfig};

use self::{
    errors::{FAILED_INTERNAL_SYSTEM_PROCESSING, INVALID_TEST_CODE, NOT_FOUND, Refusal, UNAUTHORIZED_KEY},
    idempotency::{Admission, InFlight},
    keys::SecretKeys,
    language::Language,
    render::View,
    route::Route,
    row::{Row, TossBooks},
};
use crate::{
    ActionOptions, Answer, ApiRequest, Books, ControlError, Execution, ForeignPayment, IssueKey, IssuedKey,
    OrderAction, Outbox, PayAnswer, PayRequest, RevokeKey, SandboxClock, Simulator, WebhookRules,
};

/// Carries the number of a request, for support.
const TRACE_HEADER: &str = "x-tosspayments-trace-id";

/// Where the real API is: what `checkout.url` says where no request names the simulator's own address.
const REAL_BASE_URL: &str = "https://api.tosspayments.com";

/// One simulated merchant's Toss Payments.
#[derive(Debug)]
pub struct Toss {
    config: TossConfig,
    clock: SandboxClock,
    books: Books<TossBooks>,
    keys: SecretKeys,
    in_flight: InFlight,
}

impl Toss {
    /// Opens the books and is ready to be [`start`](crate::start)ed.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself (`InvalidInput`), or the books cannot be read.
    pub fn new(config: TossConfig, clock: SandboxClock) -> io::Result<Self> {
        config.check().map_err(|message| io::Error::new(io::ErrorKind::InvalidInput, message))?;
        let books = Books::open(config.books.clone())?;
        let keys = SecretKeys::of(&config.keys);
        Ok(Self { config, clock, books, keys, in_flight: InFlight::default() })
    }

    /// The merchant's key pair with this client key.
    fn pair_of(&self, client_key: &str) -> Option<&KeyPair> {
        self.config.keys.iter().find(|pair| pair.client_key == client_key)
    }

    /// The way a webhook shows payments of `row`'s key pair.
    fn webhook_view(&self, row: &Row) -> View<'_> {
        View {
            mid: &self.config.mid,
            version: self.pair_of(&row.client_key).map_or(ApiVersion::default(), |pair| pair.api_version),
            language: Language::Korean,
            now_ms: self.clock.now_ms(),
            base_url: REAL_BASE_URL,
            with_secret: false,
        }
    }

    fn tell_of_change(&self, row: &Row, outbox: &mut Outbox) {
        events::status_changed(row, &self.webhook_view(row).payment(row), self.clock.now_ms(), outbox);
    }

    /// Authenticates, honours test code and idempotency key, executes.
    async fn answer_api(
        &self,
        route: &Route,
        request: &ApiRequest,
        how: &Execution,
        outbox: &mut Outbox,
    ) -> Result<Answer, Refusal> {
        let language = Language::of(request);
        let received_ms = self.clock.now_ms();
        let caller = auth::authenticate(&self.config.keys, &self.keys, request, received_ms)?;
        let pair = caller.pair;
        forced_error(pair, request)?;
        // Also when permissive: the key is the contract a gateway may rely on.
        let claim = idempotency::admit(&self.in_flight, &self.books, &caller, request, received_ms)?;
        if let Admission::Replay(answer) = claim {
            return Ok(answer);
        }
        how.work().await;
        // The PG may have worked past a deadline.
        self.tick(outbox);
        let call = Call { toss: self, pair, request, how, language };
        let answer = match call.execute(route, outbox) {
            Ok(found) => Answer::json(StatusCode::OK, &found),
            Err(refusal) => refusal.answer(language),
        };
        let trace_id = ids::trace_id();
        let answer = match claim {
            Admission::First(claim) => claim.store(&self.books, answer, &trace_id, received_ms),
            _ => answer,
        };
        Ok(answer.with_header(TRACE_HEADER, trace_id))
    }
}

/// An admitted request.
#[derive(Debug)]
struct Call<'a> {
    toss: &'a Toss,
    pair: &'a KeyPair,
    request: &'a ApiRequest,
    how: &'a Execution,
    language: Language,
}

impl Call<'_> {
    fn execute(&self, route: &Route, outbox: &mut Outbox) -> Result<Value, Refusal> {
        match route {
            Route::Create => self.create(),
            Route::Confirm => self.confirm(None, outbox),
            Route::LegacyConfirm(payment_key) => self.confirm(Some(payment_key), outbox),
            Route::Get(payment_key) => self.get(payment_key),
            Route::GetByOrder(order_id) => self.get_by_order(order_id),
            Route::Cancel(payment_key) => self.cancel(payment_key, outbox),
            Route::Transactions => self.transactions(),
            Route::Checkout(_) => Err(NOT_FOUND.refuse()),
        }
    }

    /// Shows a payment to the caller.
    fn show(&self, row: &Row, with_secret: bool) -> Value {
        let base_url = self.request.header("host").map(|host| format!("http://{host}"));
        let view = View {
            mid: &self.toss.config.mid,
            version: self.pair.api_version,
            language: self.language,
            now_ms: self.toss.clock.now_ms(),
            base_url: base_url.as_deref().unwrap_or(REAL_BASE_URL),
            with_secret,
        };
        view.payment(row)
    }

    /// Whether a payment is of the caller's key pair.
    fn owns(&self, row: &Row) -> bool {
        row.client_key == self.pair.client_key
    }
}

/// `TossPayments-Test-Code`: answers that error, whatever the rest of the request. Live keys ignore it.
fn forced_error(pair: &KeyPair, request: &ApiRequest) -> Result<(), Refusal> {
    match request.header("tosspayments-test-code") {
        Some(code) if pair.is_test() => Err(errors::find(code).unwrap_or(&INVALID_TEST_CODE).refuse()),
        _ => Ok(()),
    }
}

#[async_trait]
impl Simulator for Toss {
    fn kind(&self) -> &'static str {
        "toss"
    }

    fn clock(&self) -> &SandboxClock {
        &self.clock
    }

    fn calls(&self) -> &'static [&'static str] {
        route::CALLS
    }

    fn call_of(&self, request: &ApiRequest) -> Option<&'static str> {
        Route::of(request).map(|route| route.call())
    }

    async fn answer(&self, request: &ApiRequest, execution: &Execution, outbox: &mut Outbox) -> Answer {
        let answered = match Route::of(request) {
            Some(Route::Checkout(payment_key)) => return self.checkout_page(&payment_key),
            Some(route) => self.answer_api(&route, request, execution, outbox).await,
            None => Err(NOT_FOUND.refuse()),
        };
        answered.unwrap_or_else(|refusal| {
            refusal.answer(Language::of(request)).with_header(TRACE_HEADER, ids::trace_id())
        })
    }

    fn unauthorized(&self) -> Answer {
        UNAUTHORIZED_KEY.refuse().answer(Language::Korean)
    }

    fn internal_error(&self) -> Answer {
        FAILED_INTERNAL_SYSTEM_PROCESSING.refuse().answer(Language::Korean)
    }

    fn webhook_rules(&self) -> WebhookRules {
        events::rules()
    }

    fn pay(
        &self,
        request: &PayRequest,
        options: &ActionOptions,
        _: &mut Outbox,
    ) -> Result<PayAnswer, ControlError> {
        self.open_window(request, options)
    }

    fn deposit(
        &self,
        action: &OrderAction,
        options: &ActionOptions,
        outbox: &mut Outbox,
    ) -> Result<Value, ControlError> {
        self.take_deposit(action, options, outbox)
    }

    fn reverse(&self, action: &OrderAction, outbox: &mut Outbox) -> Result<Value, ControlError> {
        self.reverse_deposit(action, outbox)
    }

    fn cancel(&self, action: &OrderAction, outbox: &mut Outbox) -> Result<Value, ControlError> {
        self.cancel_in_console(action, outbox)
    }

    fn add_foreign_payment(&self, payment: &ForeignPayment) -> Result<Value, ControlError> {
        self.enter_foreign(payment)
    }

    fn issue_key(&self, request: &IssueKey) -> Result<IssuedKey, ControlError> {
        self.issue_secret_key(request)
    }

    fn revoke_key(&self, request: &RevokeKey) -> Result<(), ControlError> {
        self.revoke_secret_key(request)
    }

    fn payments(&self) -> Vec<Value> {
        self.books.read(|books| books.all().map(book_entry).collect())
    }

    fn reset(&self) {
        self.books.write(|books| *books = TossBooks::default());
        self.keys.reset(&self.config.keys);
    }

    fn tick(&self, outbox: &mut Outbox) {
        self.do_what_is_due(outbox);
    }
}

/// A payment as the control API lists it.
fn book_entry(row: &Row) -> Value {
    json!({
        "order_id": row.order_id,
        "pg_id": row.payment_key,
        "client_key": row.client_key,
        "status": row.status.as_str(),
        "method": row.method.map(row::Method::korean),
        "amount": row.total,
        "discount": row.discount,
        "balance": row.balance(),
        "taken": row.taken,
        "given_back": row.given_back,
        "foreign": row.is_foreign(),
        "refund_status": row.virtual_account.as_ref().map(|_| row.refund_status().as_str()),
        "cancels": row.cancels,
        "virtual_account": row.virtual_account,
    })
}
