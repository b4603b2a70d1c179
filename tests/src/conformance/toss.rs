//! Toss Payments.

use std::sync::Once;

use async_trait::async_trait;
use paymux_core::{
    model::{PgOrderId, PgPaymentId},
    provider::{PaymentProvider, RawWebhook},
};
use paymux_sandbox::{
    ForeignPayment, IssueKey, Running, SandboxClock, SandboxConfig,
    toss::{ApiVersion, KeyPair, Toss as Simulator, TossConfig as SimulatorConfig},
};
use paymux_toss::{Checkout, Toss, TossConfig};
use serde_json::{Value, json};

use super::{
    bench::{Bench, Calls, START_MS, Setup},
    inbox::delivery,
};

/// Installs the TLS provider that the HTTP clients want, once in a process.
pub(super) fn install_tls() {
    static TLS: Once = Once::new();
    // An error means that somebody else has installed one.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// A key pair of this account.
pub(super) fn per_api(version: ApiVersion) -> KeyPair {
    KeyPair { api_version: version, ..KeyPair::new("test_ck_public", "test_sk_canary_of_the_api") }
}

pub(super) fn widget() -> KeyPair {
    KeyPair::new("test_gck_public", "test_gsk_canary_of_the_widget")
}

/// Toss Payments, by the SDK, with a per-API key.
#[derive(Debug)]
pub struct TossBench {
    simulator: Running,
    provider: Toss,
    config: TossConfig,
}

impl TossBench {
    /// With a simulator of one's own making. The provider uses its first key pair.
    pub(super) async fn of(simulator: SimulatorConfig, adjust: impl FnOnce(&mut TossConfig)) -> Self {
        install_tls();
        let pair = simulator.keys[0].clone();
        let simulator = Simulator::new(simulator, SandboxClock::frozen_at(START_MS)).unwrap();
        let simulator = paymux_sandbox::start(SandboxConfig::loopback("toss"), simulator).await.unwrap();
        let mut config = TossConfig::new(pair.client_key, pair.secret_key);
        config.base_url = simulator.base_url();
        adjust(&mut config);
        Self { simulator, provider: Toss::new(&config).unwrap(), config }
    }

    pub(super) async fn at(version: ApiVersion) -> Self {
        let simulator = SimulatorConfig { keys: vec![per_api(version)], ..SimulatorConfig::default() };
        Self::of(simulator, |_| ()).await
    }

    pub(super) async fn with_widget() -> Self {
        let simulator = SimulatorConfig { keys: vec![widget()], ..SimulatorConfig::default() };
        Self::of(simulator, |_| ()).await
    }

    pub(super) async fn with_checkout() -> Self {
        let simulator =
            SimulatorConfig { keys: vec![per_api(ApiVersion::default())], ..SimulatorConfig::default() };
        Self::of(simulator, |config| config.checkout = Checkout::Server).await
    }

    /// The payment as the PG shows it in English.
    pub(super) async fn in_english(&self, pg_payment_id: &PgPaymentId) -> Value {
        let url = format!("{}/v1/payments/{pg_payment_id}", self.simulator.base_url());
        let request = reqwest::Client::new().get(url).header("accept-language", "en-US");
        let request = request.basic_auth("test_sk_canary_of_the_api", Some(""));
        request.send().await.unwrap().json().await.unwrap()
    }
}

#[async_trait]
impl Bench for TossBench {
    const CALLS: Calls = Calls {
        confirm: Some("confirm"),
        by_id: "get",
        by_order: "get_by_order",
        cancel: "cancel",
        close: "cancel",
        prepare: None,
        movements: "transactions",
        time: Some("get_by_order"),
    };
    const CANARIES: &'static [&'static str] = &["canary_of_the_api", "dGVzdF9za19jYW5hcnlfb2ZfdGhlX2FwaT"];
    const AMOUNT_FIELDS: &'static [&'static str] = &["totalAmount", "balanceAmount"];
    const STATUS_AND_METHOD: (&'static str, &'static str) = ("status", "method");
    const WINDOW_DECLINE: &'static str = "REJECT_CARD_COMPANY";
    const LISTS_ORDERS: bool = false;
    const TAX_FREE_FIELD: &'static str = "taxFreeAmount";
    const ROWS_PER_PAGE: usize = 500;

    async fn with(setup: Setup) -> Self {
        let simulator = SimulatorConfig {
            keys: vec![per_api(ApiVersion::default())],
            permissive: setup.permissive,
            ..SimulatorConfig::default()
        };
        Self::of(simulator, |config| config.read_timeout_s = setup.read_timeout.as_secs()).await
    }

    fn simulator(&self) -> &Running {
        &self.simulator
    }

    fn provider(&self) -> &dyn PaymentProvider {
        &self.provider
    }

    fn newcomer(&self) -> Box<dyn PaymentProvider> {
        Box::new(Toss::new(&self.config).unwrap())
    }

    fn rotated(&self) -> Box<dyn PaymentProvider> {
        let client_key = Some(self.config.client_key.clone());
        let issued = self.control().issue_key(&IssueKey { client_key, ..IssueKey::default() }).unwrap();
        let config = TossConfig { secret_key: issued.key.into(), ..self.config.clone() };
        Box::new(Toss::new(&config).unwrap())
    }

    fn answer_with(payment: Value) -> Value {
        payment
    }

    fn error_of_next_year() -> Value {
        json!({ "code": "A_CODE_OF_NEXT_YEAR", "message": "새로운 오류" })
    }

    fn forged(order: &PgOrderId, pg_payment_id: &PgPaymentId) -> RawWebhook {
        let data = json!({ "paymentKey": pg_payment_id.as_str(), "orderId": order.as_str(), "status": "DONE",
            "totalAmount": 1, "balanceAmount": 1 });
        let body = json!({ "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-03-14T10:31:02.1", "data": data });
        delivery("application/json", body.to_string())
    }

    fn unknown_id() -> PgPaymentId {
        "tpaym20260314103015Qe7Rd".parse().unwrap()
    }

    fn unreadable_rows() -> Vec<ForeignPayment> {
        foreign_rows([
            json!({ "status": "A_STATUS_OF_NEXT_YEAR" }),
            json!({ "transactionAt": "soon" }),
            json!({ "transactionAt": 1_773_451_862 }),
            json!({ "paymentKey": null, "orderId": 17 }),
        ])
    }

    fn foreign_currency_row() -> ForeignPayment {
        foreign_rows([json!({ "currency": "EUR", "amount": 12.5 })]).remove(0)
    }
}

/// Payments of another system with these fields.
pub(super) fn foreign_rows(rows: impl IntoIterator<Item = Value>) -> Vec<ForeignPayment> {
    rows.into_iter().map(|row| serde_json::from_value(row).unwrap()).collect()
}
