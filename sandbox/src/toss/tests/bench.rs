//! A running simulator with a frozen clock, and a merchant's server in front of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Toss, TossConfig};
use crate::{
    Control, OrderAction, PayMethod, PayOutcome, PayRequest, Running, SandboxClock, SandboxConfig, start,
    testing::{Inbox, client},
};

/// 2026-03-14 10:31:02 in Seoul.
pub(super) const START_MS: u64 = 1_773_451_862_000;
pub(super) const WIDGET_SECRET_KEY: &str = "test_gsk_paymux_sandbox";
pub(super) const WIDGET_CLIENT_KEY: &str = "test_gck_paymux_sandbox";

/// An account that a refund reaches.
pub(super) fn refund_account() -> Value {
    json!({ "bank": "88", "accountNumber": "110234567890", "holderName": "박서준" })
}

pub(super) struct Bench {
    pub(super) running: Running,
    pub(super) control: Control,
    pub(super) http: reqwest::Client,
    pub(super) inbox: Inbox,
    pub(super) secret_key: String,
}

/// Gives a part of a deposit back.
pub(super) fn refund(amount: u64) -> Value {
    json!({ "cancelReason": "변심", "cancelAmount": amount, "refundReceiveAccount": refund_account() })
}

/// The same, to an account that takes no money.
pub(super) fn refund_that_fails(amount: u64) -> Value {
    let mut body = refund(amount);
    body["refundReceiveAccount"]["accountNumber"] = "999123456789".into();
    body
}

/// A status and a body.
pub(super) type Reply = (u16, Value);

impl Bench {
    pub(super) async fn start() -> Self {
        Self::with(TossConfig::default()).await
    }

    pub(super) async fn with(config: TossConfig) -> Self {
        let secret_key = config.keys[0].secret_key.clone();
        let toss = Toss::new(config, SandboxClock::frozen_at(START_MS)).unwrap();
        let inbox = Inbox::open().await;
        let config =
            SandboxConfig { webhook_targets: vec![inbox.target()], ..SandboxConfig::loopback("toss") };
        let running = start(config, toss).await.unwrap();
        Self { control: running.control(), running, http: client(), inbox, secret_key }
    }

    /// A request of the merchant's server.
    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.running.base_url());
        self.http.request(method.parse().unwrap(), url).basic_auth(&self.secret_key, Some(""))
    }

    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send(self.request("GET", path)).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request("POST", path).json(&body)).await
    }

    /// The buyer authenticates; answers the payment key.
    pub(super) fn authenticate(&self, order_id: &str, method: PayMethod, amount: u64) -> String {
        let request =
            PayRequest { method: Some(method), ..PayRequest::new(order_id, PayOutcome::Approve, amount) };
        self.pay(&request)
    }

    pub(super) fn pay(&self, request: &PayRequest) -> String {
        self.control.pay(request).unwrap().browser_result["paymentKey"].as_str().unwrap().to_owned()
    }

    pub(super) async fn confirm(&self, payment_key: &str, order_id: &str, amount: u64) -> Reply {
        let body = json!({ "paymentKey": payment_key, "orderId": order_id, "amount": amount });
        self.post("/v1/payments/confirm", body).await
    }

    /// A payment that is paid, or whose account is issued.
    pub(super) async fn confirmed(&self, order_id: &str, method: PayMethod, amount: u64) -> Value {
        let payment_key = self.authenticate(order_id, method, amount);
        let (status, payment) = self.confirm(&payment_key, order_id, amount).await;
        assert_eq!(status, 200, "{payment}");
        payment
    }

    /// A virtual account whose deposit has come.
    pub(super) async fn deposited(&self, order_id: &str, amount: u64) -> Value {
        let payment = self.confirmed(order_id, PayMethod::VirtualAccount, amount).await;
        self.control.deposit(&OrderAction::all_of(order_id)).unwrap();
        payment
    }

    pub(super) async fn cancel(&self, payment: &Value, body: Value) -> Reply {
        self.post(&format!("/v1/payments/{}/cancel", text(payment, "paymentKey")), body).await
    }

    pub(super) async fn look_up(&self, payment: &Value) -> Value {
        let (status, payment) = self.get(&format!("/v1/payments/{}", text(payment, "paymentKey"))).await;
        assert_eq!(status, 200, "{payment}");
        payment
    }

    pub(super) fn advance_minutes(&self, minutes: u64) {
        self.control.advance(Duration::from_secs(minutes * 60));
    }

    /// Money in and money back of an order, all its payments together.
    pub(super) fn money(&self, order_id: &str) -> (u64, u64) {
        let rows = self.control.payments();
        let of_order = || rows.iter().filter(|row| row["order_id"] == order_id);
        let sum = |name: &str| of_order().map(|row| row[name].as_u64().unwrap()).sum();
        (sum("taken"), sum("given_back"))
    }
}

/// A text field.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value}"))
}

/// The status and code of a refusal.
pub(super) fn refusal((status, body): Reply) -> (u16, String) {
    (status, text(&body, "code").to_owned())
}

/// What a refusal should be.
pub(super) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
