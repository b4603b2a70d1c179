//! A shop: a merchant's server that does what the guide says, and its buyer.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Client, Demo, Reply, permissive::Permissive};

/// What things cost here, in won.
pub const AMOUNT: u64 = 15_000;

/// How long a condition may take to become true, and how often it is looked at.
const DEADLINE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often it is looked between two steps of time.
const LOOKS_PER_STEP: u32 = 6;

const KEY: (&str, &str) = ("authorization", "Bearer sk_test_demo");

/// A shop with a server of its own.
#[derive(Debug)]
pub struct Shop {
    /// The server.
    pub demo: Demo,
    /// What the shop sends; the controls of the simulators go another way.
    pub client: Client,
    /// The account that takes the payments.
    pub account: String,
    /// How they are paid.
    pub method: String,
    pub(super) controls: Client,
    pub(super) permissive: Option<Permissive>,
}

impl Shop {
    /// A shop whose payments go to an account, paid by a method.
    pub async fn open(account: &str, method: &str) -> Self {
        Self::open_with(account, method, &[]).await
    }

    /// The same, configured further.
    pub async fn open_with(account: &str, method: &str, variables: &[(&str, &str)]) -> Self {
        let mut all = vec![("MERCHANTS__DEMO__DEFAULT_ACCOUNT", account)];
        all.extend_from_slice(variables);
        let demo = Demo::start(&all).await;
        Self {
            demo,
            client: Client::new(),
            account: account.to_owned(),
            method: method.to_owned(),
            controls: Client::new(),
            permissive: None,
        }
    }

    /// A shop at a PG that guards against nothing.
    pub async fn open_permissive(account: &str, method: &str) -> Self {
        Self::open_permissive_with(account, method, &[]).await
    }

    /// The same, configured further.
    pub async fn open_permissive_with(account: &str, method: &str, variables: &[(&str, &str)]) -> Self {
        let (permissive, settings) = Permissive::start(account).await;
        let mut settings: Vec<_> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        settings.extend_from_slice(variables);
        let mut shop = Self::open_with(account, method, &settings).await;
        permissive.set_webhook_target(&shop.demo.url(), account);
        shop.permissive = Some(permissive);
        shop
    }

    /// Whether money moves when we confirm, not in the browser.
    #[must_use]
    pub fn confirms(&self) -> bool {
        self.account == "toss"
    }

    /// Whether the buyer deposits into an account.
    #[must_use]
    pub fn deposits(&self) -> bool {
        self.method == "virtual_account"
    }

    /// Registers an order; gives the payment's id.
    pub async fn register(&self, order_id: &str) -> String {
        self.try_register(order_id).await.expect(201, "ready").text("id")
    }

    /// Registers an order; gives the answer.
    pub async fn try_register(&self, order_id: &str) -> Reply {
        self.register_with(order_id, json!({})).await
    }

    /// The same with other or further fields; a null leaves one out.
    pub async fn register_with(&self, order_id: &str, fields: Value) -> Reply {
        let mut body = json!({
            "order_id": order_id,
            "order_name": "티셔츠",
            "amount": AMOUNT,
            "currency": "KRW",
            "method": self.method,
            "return_url": "http://localhost:3000/return",
        });
        for (name, value) in fields.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.merchant(Method::POST, "/v1/payments", &[], Some(&body)).await
    }

    /// Prepares the browser step.
    pub async fn next_action(&self, id: &str) -> Reply {
        self.merchant(Method::POST, &format!("/v1/payments/{id}/next-action"), &[], None).await
    }

    /// Hands over what the browser brought back.
    pub async fn confirm(&self, id: &str, browser_result: &Value) -> Reply {
        self.confirm_as(id, browser_result, &[]).await
    }

    /// The same under an idempotency key.
    pub async fn confirm_with_key(&self, id: &str, browser_result: &Value, key: &str) -> Reply {
        self.confirm_as(id, browser_result, &[("idempotency-key", key)]).await
    }

    async fn confirm_as(&self, id: &str, browser_result: &Value, headers: &[(&str, &str)]) -> Reply {
        let body = json!({ "browser_result": browser_result });
        self.merchant(Method::POST, &format!("/v1/payments/{id}/confirm"), headers, Some(&body)).await
    }

    /// Has the PG asked.
    pub async fn verify(&self, id: &str) -> Reply {
        self.merchant(Method::POST, &format!("/v1/payments/{id}/verify"), &[], None).await
    }

    /// Cancels; `None` is all that is left.
    pub async fn cancel(&self, id: &str, key: &str, amount: Option<u64>) -> Reply {
        self.cancel_as(id, amount, &[("idempotency-key", key)]).await
    }

    /// Cancels under whatever headers.
    pub async fn cancel_as(&self, id: &str, amount: Option<u64>, headers: &[(&str, &str)]) -> Reply {
        let mut body = json!({ "reason": "재고 없음" });
        if let Some(amount) = amount {
            body["amount"] = amount.into();
        }
        if self.deposits() {
            body["refund_account"] =
                json!({ "bank_code": "088", "account_number": "110123456789", "holder_name": "홍길동" });
        }
        self.merchant(Method::POST, &format!("/v1/payments/{id}/cancel"), headers, Some(&body)).await
    }

    /// Cancels with a body of the test's own.
    pub async fn cancel_with(&self, id: &str, key: &str, body: &Value) -> Reply {
        let path = format!("/v1/payments/{id}/cancel");
        self.merchant(Method::POST, &path, &[("idempotency-key", key)], Some(body)).await
    }

    /// Reads a payment.
    pub async fn payment(&self, id: &str) -> Value {
        let reply = self.merchant(Method::GET, &format!("/v1/payments/{id}"), &[], None).await;
        assert_eq!(reply.status, 200, "{:#}", reply.body);
        reply.body
    }

    /// Every payment there is.
    pub async fn payments(&self) -> Vec<Value> {
        self.pages("/v1/payments?limit=100").await
    }

    /// Every event there is, oldest first.
    pub async fn events(&self) -> Vec<Value> {
        self.pages("/v1/events?limit=100").await
    }

    /// The events after a place in the feed, which moves on; empty is the beginning.
    pub async fn events_after(&self, cursor: &mut String) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let place = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
            let path = format!("/v1/events?limit=100{place}");
            let page = self.merchant(Method::GET, &path, &[], None).await;
            let data = page["data"].as_array().unwrap();
            if let Some(next) = page["next_cursor"].as_str() {
                next.clone_into(cursor);
            }
            events.extend(data.iter().cloned());
            if data.is_empty() || page["next_cursor"].is_null() {
                return events;
            }
        }
    }

    /// The names of a payment's events, oldest first.
    pub async fn events_of(&self, id: &str) -> Vec<String> {
        let events = self.events().await;
        let of_it = events.iter().filter(|event| event["payment_id"] == id);
        of_it.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    async fn pages(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.merchant(Method::GET, &format!("{path}{cursor}"), &[], None).await;
            let data = page["data"].as_array().unwrap();
            all.extend(data.iter().cloned());
            match page["next_cursor"].as_str().filter(|_| !data.is_empty()) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Waits until a payment is as it should be, and gives it. Seconds pass meanwhile: a hint that proves nothing waits ten
    /// of them after the last look-up of its payment.
    pub async fn wait_until(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.until_stepping(id, Duration::from_secs(1), is_so).await
    }

    /// Lets half minutes pass, one at a time, until a payment is as it should be, and gives it.
    pub async fn until_in_time(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.until_stepping(id, Duration::from_secs(30), is_so).await
    }

    async fn until_stepping(&self, id: &str, step: Duration, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut looks = 0_u32;
        eventually(async || {
            let payment = self.payment(id).await;
            if is_so(&payment) {
                return Ok(payment);
            }
            looks += 1;
            // What a step sets off is given the time to happen.
            if looks.is_multiple_of(LOOKS_PER_STEP) {
                self.advance(step).await;
            }
            Err(format!("{payment:#}"))
        })
        .await
    }

    /// Waits until a payment has a status, and gives it.
    pub async fn until_status(&self, id: &str, status: &str) -> Value {
        self.wait_until(id, |payment| payment["status"] == status).await
    }

    /// What an operator asks on the admin listener.
    pub async fn operator(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let url = format!("http://{}{path}", self.demo.app().admin_address());
        self.controls.send(method, &url, &[], body).await
    }

    /// The reviews of a payment that wait for an operator.
    pub async fn open_reviews(&self, id: &str) -> Vec<Value> {
        let page = self.operator(Method::GET, "/reviews?limit=100", None).await;
        let reviews = page["data"].as_array().unwrap().iter();
        reviews.filter(|review| review["payment_id"] == id).cloned().collect()
    }

    /// Waits until nothing of a payment waits for an operator.
    pub async fn no_open_reviews(&self, id: &str) {
        eventually(async || {
            let reviews = self.open_reviews(id).await;
            if reviews.is_empty() { Ok(()) } else { Err(format!("{reviews:#?}")) }
        })
        .await;
    }

    /// An operator closes a review.
    pub async fn close_review(&self, review: &Value, outcome: &str) {
        let path = format!("/reviews/{}/close", review["id"].as_str().unwrap());
        let verdict = json!({ "outcome": outcome, "by": "kim", "reason": "it says so in the console" });
        let closed = self.operator(Method::POST, &path, Some(&verdict)).await;
        assert_eq!(closed.status, 200, "{:#}", closed.body);
    }

    /// What the merchant's server asks, under whatever headers.
    pub async fn merchant(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let mut all = vec![KEY];
        all.extend_from_slice(headers);
        self.client.send(method, &format!("{}{path}", self.demo.url()), &all, body).await
    }

    /// The buyer agrees in the window and the shop confirms; where there is an account to deposit
    /// into, the buyer does. Gives the paid payment.
    pub async fn pay(&self, id: &str) -> Value {
        let result = self.buyer(id, "approve").await;
        if !self.deposits() {
            return self.confirm(id, &result).await.expect(200, "paid").body;
        }
        self.confirm(id, &result).await.expect(200, "awaiting_deposit");
        self.control("deposit", json!({ "payment_id": id })).await;
        self.until_status(id, "paid").await
    }

    /// A registered order, paid: its payment's id.
    pub async fn paid(&self, order_id: &str) -> String {
        let id = self.register(order_id).await;
        self.pay(&id).await;
        id
    }
}

/// Looks until something is so, and gives what it found.
///
/// # Panics
///
/// When it takes too long, with the last thing seen.
pub async fn eventually<T>(mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < deadline, "it never happened; last seen: {seen}"),
        }
        sleep(LOOK_EVERY).await;
    }
}
