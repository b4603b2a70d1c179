//! A running simulator, a client with a token, and an inbox for webhooks.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{PortoneConfig, PortoneSimulator};
use crate::{
    Control, OrderAction, PayAnswer, PayMethod, PayOutcome, PayRequest, Running, SandboxClock, SandboxConfig,
    start,
    testing::{Inbox, client},
};

/// The instant the frozen clock of every test starts at, in UNIX seconds.
pub(super) const START: u64 = 1_772_327_690;

/// An HTTP status and the envelope.
pub(super) type Reply = (u16, Value);

/// One simulated merchant.
pub(super) struct Bench {
    pub(super) running: Running,
    pub(super) control: Control,
    http: reqwest::Client,
    pub(super) token: String,
}

impl Bench {
    pub(super) async fn start() -> Self {
        Self::with(PortoneConfig::default()).await
    }

    pub(super) async fn with(config: PortoneConfig) -> Self {
        let clock = SandboxClock::frozen_at(START * 1_000);
        let simulator = PortoneSimulator::open(config, clock, None).unwrap();
        let running = start(SandboxConfig::loopback("portone"), simulator).await.unwrap();
        let mut bench = Self { control: running.control(), running, http: client(), token: String::new() };
        let (_, answer) = bench.get_token().await;
        bench.token = answer["response"]["access_token"].as_str().unwrap().to_owned();
        bench
    }

    pub(super) async fn get_token(&self) -> Reply {
        let config = PortoneConfig::default();
        self.token_of(&config.imp_key, &config.imp_secret).await
    }

    /// The token of another API key.
    pub(super) async fn token_of(&self, imp_key: &str, imp_secret: &str) -> Reply {
        let keys = json!({ "imp_key": imp_key, "imp_secret": imp_secret });
        self.send(self.request("POST", "/users/getToken").json(&keys)).await
    }

    /// A request without a token.
    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.running.base_url());
        self.http.request(method.parse().unwrap(), url)
    }

    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send(self.request("GET", path).bearer_auth(&self.token)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.send(self.request("DELETE", path).bearer_auth(&self.token)).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request("POST", path).bearer_auth(&self.token).json(&body)).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(self.request("PUT", path).bearer_auth(&self.token).json(&body)).await
    }

    /// The row of an `imp_uid`, which exists.
    pub(super) async fn payment(&self, imp_uid: &str) -> Value {
        let (status, answer) = self.get(&format!("/payments/{imp_uid}?include_sandbox=true")).await;
        assert_eq!((status, &answer["code"]), (200, &json!(0)), "{answer}");
        answer["response"].clone()
    }

    pub(super) fn visit(&self, order_id: &str, outcome: PayOutcome, amount: u64) -> PayAnswer {
        self.control.pay(&PayRequest::new(order_id, outcome, amount)).unwrap()
    }

    /// A card payment: its `imp_uid`.
    pub(super) fn paid(&self, order_id: &str, amount: u64) -> String {
        imp_uid(&self.visit(order_id, PayOutcome::Approve, amount))
    }

    /// An issued virtual account: its `imp_uid`.
    pub(super) fn account(&self, order_id: &str, amount: u64) -> String {
        let method = Some(PayMethod::VirtualAccount);
        let request = PayRequest { method, ..PayRequest::new(order_id, PayOutcome::Approve, amount) };
        imp_uid(&self.control.pay(&request).unwrap())
    }

    /// A virtual account with its money: its `imp_uid`.
    pub(super) fn deposited(&self, order_id: &str, amount: u64) -> String {
        let imp_uid = self.account(order_id, amount);
        self.control.deposit(&OrderAction::all_of(order_id)).unwrap();
        imp_uid
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.control.advance(Duration::from_secs(seconds));
    }

    /// Registers an inbox for webhooks.
    pub(super) async fn inbox(&self) -> Inbox {
        let inbox = Inbox::open().await;
        self.control.set_webhook_targets(vec![inbox.target()]);
        inbox
    }
}

/// The id the browser brought back.
pub(super) fn imp_uid(answer: &PayAnswer) -> String {
    answer.browser_result["imp_uid"].as_str().unwrap().to_owned()
}

/// The failure of an envelope: HTTP status, code, message. Its response is null.
pub(super) fn failure((status, answer): &Reply) -> (u16, i64, &str) {
    assert_eq!(answer["response"], Value::Null, "{answer}");
    (*status, answer["code"].as_i64().unwrap(), answer["message"].as_str().unwrap())
}

/// The response of an envelope that says 200 and code 0.
pub(super) fn success((status, answer): Reply) -> Value {
    assert_eq!((status, &answer["code"], &answer["message"]), (200, &json!(0), &Value::Null), "{answer}");
    answer["response"].clone()
}
