//! PortOne V1.

use std::time::Duration;

use async_trait::async_trait;
use paymux_core::{
    model::{Mode, PgOrderId, PgPaymentId},
    provider::{PaymentProvider, RawWebhook},
};
use paymux_portone::{Channel, PortOneV1, PortOneV1Config};
use paymux_sandbox::{
    ForeignPayment, IssueKey, Running, SandboxClock, SandboxConfig,
    portone::{PortoneConfig, PortoneSimulator},
};
use serde_json::{Value, json};

use super::{
    bench::{Bench, Calls, START_MS, Setup},
    inbox::delivery,
    toss::{foreign_rows, install_tls},
};

const KEY: &str = "canary_of_the_key";
const SECRET: &str = "canary_of_the_secret";

/// Longer than a token lives.
pub(super) const A_TOKENS_LIFE: Duration = Duration::from_secs(31 * 60);

/// PortOne V1, with a test channel at Toss Payments.
#[derive(Debug)]
pub struct PortOneBench {
    simulator: Running,
    provider: PortOneV1,
    config: PortOneV1Config,
}

impl PortOneBench {
    pub(super) async fn of(
        adjust_simulator: impl FnOnce(&mut PortoneConfig),
        adjust: impl FnOnce(&mut PortOneV1Config),
    ) -> Self {
        install_tls();
        let mut simulator = PortoneConfig {
            imp_key: KEY.to_owned(),
            imp_secret: SECRET.to_owned(),
            pg_provider: "tosspayments".to_owned(),
            ..PortoneConfig::default()
        };
        adjust_simulator(&mut simulator);
        let code = simulator.merchant_code.clone();
        let simulator = PortoneSimulator::open(simulator, SandboxClock::frozen_at(START_MS), None).unwrap();
        let simulator = paymux_sandbox::start(SandboxConfig::loopback("portone"), simulator).await.unwrap();
        let channel = Channel::Key("channel-key-1".to_owned());
        let mut config = PortOneV1Config::new(KEY, SECRET, code, channel, Mode::Test);
        config.base_url = simulator.base_url();
        adjust(&mut config);
        Self { provider: PortOneV1::new(config.clone()).unwrap(), simulator, config }
    }

    /// How often a token was asked for.
    pub(super) fn tokens_fetched(&self) -> usize {
        self.count("get_token")
    }
}

#[async_trait]
impl Bench for PortOneBench {
    const CALLS: Calls = Calls {
        confirm: None,
        by_id: "get",
        by_order: "find_all",
        cancel: "cancel",
        close: "vbank_delete",
        prepare: Some("prepare"),
        movements: "list",
        time: None,
    };
    const CANARIES: &'static [&'static str] = &["canary_of_the_key", "canary_of_the_secret"];
    const AMOUNT_FIELDS: &'static [&'static str] = &["amount", "cancel_amount"];
    const STATUS_AND_METHOD: (&'static str, &'static str) = ("status", "pay_method");
    const WINDOW_DECLINE: &'static str = "F0400";
    const LISTS_ORDERS: bool = true;
    const TAX_FREE_FIELD: &'static str = "tax_free";
    const ROWS_PER_PAGE: usize = 1_000;

    async fn with(setup: Setup) -> Self {
        let permissive = |simulator: &mut PortoneConfig| simulator.permissive = setup.permissive;
        Self::of(permissive, |config| config.read_timeout = setup.read_timeout).await
    }

    fn simulator(&self) -> &Running {
        &self.simulator
    }

    fn provider(&self) -> &dyn PaymentProvider {
        &self.provider
    }

    fn newcomer(&self) -> Box<dyn PaymentProvider> {
        Box::new(PortOneV1::new(self.config.clone()).unwrap())
    }

    fn rotated(&self) -> Box<dyn PaymentProvider> {
        let issued = self.control().issue_key(&IssueKey::default()).unwrap();
        let (imp_key, imp_secret) = (issued.key.into(), issued.secret.unwrap().into());
        Box::new(PortOneV1::new(PortOneV1Config { imp_key, imp_secret, ..self.config.clone() }).unwrap())
    }

    fn answer_with(payment: Value) -> Value {
        json!({ "code": 0, "message": null, "response": payment })
    }

    fn error_of_next_year() -> Value {
        json!({ "code": -99, "message": "새로운 오류", "response": null })
    }

    fn forged(order: &PgOrderId, pg_payment_id: &PgPaymentId) -> RawWebhook {
        let body =
            json!({ "imp_uid": pg_payment_id.as_str(), "merchant_uid": order.as_str(), "status": "paid" });
        delivery("application/json", body.to_string())
    }

    fn unknown_id() -> PgPaymentId {
        "imp_000000000000".parse().unwrap()
    }

    fn unreadable_rows() -> Vec<ForeignPayment> {
        foreign_rows([
            json!({ "paid_at": "2026-03-14 10:31:02" }),
            json!({ "_absent": ["paid_at"] }),
            json!({ "_absent": ["imp_uid", "merchant_uid"] }),
        ])
    }

    fn foreign_currency_row() -> ForeignPayment {
        foreign_rows([json!({ "currency": "EUR", "merchant_uid": 17, "amount": 12.5 })]).remove(0)
    }
}
