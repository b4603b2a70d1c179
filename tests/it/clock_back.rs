//! The machine's clock is set back by an hour while payments and cancels are under way.

#![expect(clippy::unwrap_used, reason = "a clock that cannot be set is a failed test")]

use std::{
    collections::BTreeMap,
    ffi::OsString,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use paymux_core::clock::Clock;
use paymux_sandbox::{
    Control, Fault, FaultRule, Running, SandboxClock, SandboxConfig, WebhookTarget,
    portone::{PortoneConfig, PortoneSimulator},
    toss::{KeyPair, Toss, TossConfig},
};
use paymux_server::{
    App, Parts,
    config::{Config, RunMode},
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    crash::{
        audit::audit,
        shop::{AMOUNT, Books, MERCHANT_KEY, WEBHOOK_TOKEN, free_port, variables},
    },
    harness::{Client, Reply, eventually},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// How far the clock is set back, and how it moves on from there.
const HOUR: i64 = 60 * 60 * 1_000;
const STEP: Duration = Duration::from_secs(5 * 60);

const PART: u64 = 5_000;

/// The machine's clock, how far a person has set it off, and how long it has been let run ahead.
#[derive(Clone, Debug)]
struct SetClock {
    set: Arc<watch::Sender<(i64, Duration)>>,
    started: Instant,
}

impl SetClock {
    fn new() -> Self {
        Self { set: Arc::new(watch::channel((0, Duration::ZERO)).0), started: Instant::now() }
    }

    /// A person sets the clock. No time passes.
    fn set_by(&self, ms: i64) {
        self.set.send_modify(|(off, _)| *off += ms);
    }

    /// Time passes.
    fn advance(&self, by: Duration) {
        self.set.send_modify(|(_, ahead)| *ahead += by);
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let (off, ahead) = *self.set.borrow();
        Timestamp::now().checked_add(SignedDuration::from_millis(off)).unwrap().checked_add(ahead).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed() + self.set.borrow().1
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut set = self.set.subscribe();
        loop {
            set.mark_unchanged();
            let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            // The sender lives in `self`.
            let _ = timeout(left, set.changed()).await;
        }
    }
}

/// A server whose clock can be set, and a PG that guards against nothing and whose clock is right.
struct World {
    pg: &'static str,
    folder: TempDir,
    port: u16,
    clock: SetClock,
    app: Option<App>,
    running: Running,
    client: Client,
}

impl World {
    async fn open(pg: &'static str) -> Self {
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let running = simulator(pg).await;
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port().unwrap());
        let clock = SetClock::new();
        let mut world = Self { pg, folder, port, clock, app: None, running, client: Client::new() };
        let hook = format!("http://127.0.0.1:{port}/webhooks/{pg}/{WEBHOOK_TOKEN}");
        world.control().set_webhook_targets(vec![WebhookTarget::all_events(hook)]);
        world.start().await;
        world
    }

    async fn start(&mut self) {
        let variables: BTreeMap<String, String> =
            variables(self.folder.path(), self.port, self.pg, &self.running.base_url());
        let variables =
            variables.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let mut config = Config::load(RunMode::Serve, None, variables).unwrap();
        config.server.confirm_wait = Duration::from_millis(500);
        let parts = Parts { clock: Some(Arc::new(self.clock.clone())), ..Parts::default() };
        self.app = Some(App::start_with(config, parts).await.unwrap());
    }

    async fn restart(&mut self) {
        self.app.take().unwrap().stop().await.unwrap();
        self.start().await;
    }

    async fn close(mut self) {
        self.app.take().unwrap().stop().await.unwrap();
        self.running.shutdown().await;
    }

    fn control(&self) -> Control {
        self.running.control()
    }

    async fn send(&self, method: Method, path: &str, key: &str, body: Option<&Value>) -> Reply {
        let key_header = ("idempotency-key", key);
        let bearer = format!("Bearer {MERCHANT_KEY}");
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend((!key.is_empty()).then_some(key_header));
        self.client.send(method, &format!("http://127.0.0.1:{}{path}", self.port), &headers, body).await
    }

    async fn payment(&self, id: &str) -> Value {
        self.send(Method::GET, &format!("/v1/payments/{id}"), "", None).await.body
    }

    /// Registered, and agreed to in the window: the payment's id and what the browser brings back.
    async fn agreed(&self, order: &str) -> (String, Value) {
        let body = json!({
            "order_id": order, "order_name": "티셔츠", "amount": AMOUNT, "currency": "KRW",
            "method": "card", "return_url": "http://localhost:3000/return",
        });
        let id =
            self.send(Method::POST, "/v1/payments", order, Some(&body)).await.expect(201, "ready").text("id");
        let prepared = self.send(Method::POST, &format!("/v1/payments/{id}/next-action"), "", None).await;
        let window = prepared["next_action"]["calls"].as_array().unwrap().last().unwrap()["args"][0].clone();
        let order_id = window.get("orderId").or(window.get("merchant_uid")).unwrap();
        let visit = json!({ "order_id": order_id, "outcome": "approve", "amount": AMOUNT, "method": "card",
            "order_name": "티셔츠", "sdk": window });
        let answer = self.control().pay(&serde_json::from_value(visit).unwrap()).unwrap();
        (id, answer.browser_result.into())
    }

    async fn confirm(&self, id: &str, result: &Value) -> Reply {
        let body = json!({ "browser_result": result });
        self.send(Method::POST, &format!("/v1/payments/{id}/confirm"), &format!("c-{id}"), Some(&body)).await
    }

    async fn cancel(&self, id: &str) -> Reply {
        let body = json!({ "reason": "재고 없음", "amount": PART });
        self.send(Method::POST, &format!("/v1/payments/{id}/cancel"), &format!("k-{id}"), Some(&body)).await
    }

    async fn paid(&self, order: &str) -> String {
        let (id, result) = self.agreed(order).await;
        self.confirm(&id, &result).await.expect(200, "paid");
        id
    }

    /// The next call of this name is done and not answered; nor is any look, until the faults are over.
    async fn lose(&self, call: &str) {
        let looks: &[&str] = if self.pg == "toss" { &["get"] } else { &["get", "find_all", "list"] };
        let fails = |look: &&str| FaultRule {
            status: Some(500),
            times: Some(1_000),
            ..FaultRule::new(*look, Fault::ErrorBefore)
        };
        let mut rules = vec![
            FaultRule { times: Some(1_000), ..FaultRule::new("webhook", Fault::Drop) },
            FaultRule::new(call, Fault::ResetAfter),
        ];
        rules.extend(looks.iter().map(fails));
        self.control().add_faults(rules).await.unwrap();
    }

    /// Five minutes at a time, for us and for the PG, until something is so; at most for so many minutes.
    async fn in_time(&self, minutes: u32, mut look: impl AsyncFnMut() -> Result<(), String>) {
        for _ in 0..=minutes / 5 {
            for _ in 0..10 {
                if look().await.is_ok() {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
            self.clock.advance(STEP);
            self.control().advance(STEP);
            self.app.as_ref().unwrap().gateway().notify_all();
        }
        panic!("not in {minutes} minutes: {}", look().await.unwrap_err());
    }

    async fn books(&self) -> Books {
        let list = async |path: &str| {
            let page = self.send(Method::GET, path, "", None).await;
            page["data"].as_array().unwrap().clone()
        };
        Books {
            payments: list("/v1/payments?limit=100").await,
            events: list("/v1/events?limit=100").await,
            rows: self.control().payments(),
        }
    }
}

async fn simulator(pg: &str) -> Running {
    let (config, clock) = (SandboxConfig::loopback(pg), SandboxClock::system());
    if pg == "toss" {
        let keys = vec![KeyPair::new("test_ck_paymuxdemo", "test_sk_paymuxdemo")];
        let toss = TossConfig { keys, permissive: true, ..TossConfig::default() };
        return paymux_sandbox::start(config, Toss::new(toss, clock).unwrap()).await.unwrap();
    }
    let portone = PortoneConfig {
        imp_key: "paymux_demo_key".to_owned(),
        imp_secret: "paymux_demo_secret".to_owned(),
        merchant_code: "imp00000000".to_owned(),
        permissive: true,
        ..PortoneConfig::default()
    };
    paymux_sandbox::start(config, PortoneSimulator::open(portone, clock, None).unwrap()).await.unwrap()
}

/// A confirm and a cancel of which nobody knows, and a cancel that is done; then the clock goes back. `restarts`: the
/// server starts again on data that are of an hour later.
async fn set_back_by_an_hour(pg: &'static str, restarts: bool) {
    let mut world = World::open(pg).await;
    let cancelled = world.paid("order-1").await;
    world.cancel(&cancelled).await.expect(200, "partially_cancelled");
    let unknown = world.paid("order-2").await;
    world.lose("cancel").await;
    assert_eq!(world.cancel(&unknown).await.status, 202);
    let (confirming, result) = world.agreed("order-3").await;
    if pg == "toss" {
        world.lose("confirm").await;
    }
    assert_eq!(world.confirm(&confirming, &result).await.status, 202);

    world.clock.set_by(-HOUR);
    if restarts {
        world.restart().await;
    }
    // Idempotency keys of the future are known all the same.
    assert!(world.cancel(&cancelled).await.expect(200, "partially_cancelled").is_replayed());
    assert!(matches!(world.cancel(&unknown).await.status, 202 | 409));
    assert!(matches!(world.confirm(&confirming, &result).await.status, 202 | 503));

    world.control().clear_faults();
    let next = world.paid("order-4").await;
    // A caller who verifies is answered at once; background work, when the clock shows again what it showed.
    let verified = world.send(Method::POST, &format!("/v1/payments/{unknown}/verify"), "", None).await;
    assert_eq!(verified["cancels"][0]["status"], "done", "{:#}", verified.body);
    let is_final = async || {
        let (one, other) = (world.payment(&confirming).await, world.payment(&unknown).await);
        let is_so = one["status"] == "paid" && other["cancels"][0]["status"] == "done";
        if is_so { Ok(()) } else { Err(format!("{one:#} {other:#}")) }
    };
    world.in_time(90, is_final).await;
    eventually(async || {
        let books = world.books().await;
        let findings = audit(&books, &[]);
        if findings.is_clean() { Ok(()) } else { Err(format!("{findings:#?}\n{}", books.shown())) }
    })
    .await;
    for (id, gone) in [(&cancelled, PART), (&unknown, PART), (&confirming, 0), (&next, 0)] {
        let payment = world.payment(id).await;
        assert_eq!((&payment["amount_paid"], &payment["amount_cancelled"]), (&json!(AMOUNT), &json!(gone)));
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_back_loses_and_doubles_nothing_at_toss() {
    set_back_by_an_hour("toss", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_back_loses_and_doubles_nothing_at_portone() {
    set_back_by_an_hour("portone", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_started_an_hour_before_its_data_goes_on_at_toss() {
    set_back_by_an_hour("toss", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_started_an_hour_before_its_data_goes_on_at_portone() {
    set_back_by_an_hour("portone", true).await;
}
