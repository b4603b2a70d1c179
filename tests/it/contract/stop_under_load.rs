//! A supervisor stops the server while many orders are on their way.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    crash::{
        audit::audit,
        process::Simulators,
        shop::{AMOUNT, Books, MERCHANT_KEY, WEBHOOK_TOKEN, free_port, variables},
    },
    harness::eventually,
};

use super::process::{ask_to_stop, binary};

/// How many orders run at once, and after how many steps of theirs the server is stopped.
const ORDERS: usize = 24;
const STEPS: usize = 40;

/// `paymux serve`, whose PG is another process.
struct Served {
    child: Child,
    url: String,
    variables: BTreeMap<String, String>,
    http: reqwest::Client,
    simulators: Simulators,
    pg: &'static str,
    steps: AtomicUsize,
}

/// What an order came to before the server stopped.
#[derive(Default)]
struct Order {
    name: String,
    id: Option<String>,
    result: Option<Value>,
    /// The statuses that an answer said, the last one last.
    said: Vec<String>,
}

impl Served {
    async fn start(folder: &Path, pg: &'static str) -> Self {
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_crash-server"));
        let simulators = Simulators::start(&program, folder).await.unwrap();
        let port = free_port().unwrap();
        let hook = format!("http://127.0.0.1:{port}/webhooks/{pg}/{WEBHOOK_TOKEN}");
        simulators.control(pg, "webhook-targets", json!([{ "url": hook }])).await.unwrap();
        let variables = variables(folder, port, pg, simulators.url(pg));
        let child = serve(&variables);
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let steps = AtomicUsize::new(0);
        let served = Self { child, url, variables, http, simulators, pg, steps };
        served.is_there().await;
        served
    }

    async fn is_there(&self) {
        eventually(async || self.send(Method::GET, "/healthz", "", None).await.map(|_| ())).await;
    }

    /// An answer's status and body; an error if there was none.
    async fn send(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(MERCHANT_KEY);
        let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.map_err(|error| error.to_string())?))
    }

    /// A POST that is final; none if the server is gone.
    async fn post(&self, path: &str, key: &str, body: Option<&Value>) -> Option<Value> {
        loop {
            let (status, answer) = self.send(Method::POST, path, key, body).await.ok()?;
            match status {
                200 | 201 => {
                    self.steps.fetch_add(1, Ordering::SeqCst);
                    return Some(answer);
                }
                202 | 409 | 503 => tokio::task::yield_now().await,
                _ => panic!("{path} was answered {status} {answer:#}"),
            }
        }
    }

    /// Goes on with an order as far as the server lets it: paid, then a third of it given back.
    async fn go_on(&self, order: &mut Order) -> Option<()> {
        if order.id.is_none() {
            let body = json!({
                "order_id": order.name, "order_name": "티셔츠", "amount": AMOUNT, "currency": "KRW",
                "method": "card", "return_url": "http://localhost:3000/return",
            });
            let registered = self.post("/v1/payments", &format!("r-{}", order.name), Some(&body)).await?;
            order.said.push("ready".to_owned());
            order.id = Some(registered["id"].as_str().unwrap().to_owned());
        }
        let id = order.id.clone()?;
        if order.result.is_none() {
            let prepared =
                self.post(&format!("/v1/payments/{id}/next-action"), &format!("n-{id}"), None).await?;
            order.result = Some(self.buyer(&prepared).await);
        }
        let body = json!({ "browser_result": order.result });
        self.post(&format!("/v1/payments/{id}/confirm"), &format!("c-{id}"), Some(&body)).await?;
        order.said.push("paid".to_owned());
        let body = json!({ "reason": "재고 없음", "amount": AMOUNT / 3 });
        self.post(&format!("/v1/payments/{id}/cancel"), &format!("k-{id}"), Some(&body)).await?;
        order.said.push("partially_cancelled".to_owned());
        Some(())
    }

    async fn buyer(&self, prepared: &Value) -> Value {
        let window = &prepared["next_action"]["calls"].as_array().unwrap().last().unwrap()["args"][0];
        let order_id = window.get("orderId").or(window.get("merchant_uid")).unwrap();
        let visit = json!({ "order_id": order_id, "outcome": "approve", "amount": AMOUNT, "method": "card",
            "order_name": "티셔츠", "sdk": window });
        self.simulators.control(self.pg, "pay", visit).await.unwrap()["browser_result"].take()
    }

    /// Tells the server to stop once so much has happened.
    async fn stop_under_way(&self) {
        eventually(async || match self.steps.load(Ordering::SeqCst) {
            done if done >= STEPS => Ok(()),
            done => Err(format!("{done} steps")),
        })
        .await;
        ask_to_stop(&self.child);
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let (_, page) = self.send(Method::GET, &format!("{path}{cursor}"), "", None).await.unwrap();
            let data = page["data"].as_array().unwrap();
            all.extend(data.iter().cloned());
            match page["next_cursor"].as_str().filter(|_| !data.is_empty()) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    async fn books(&self) -> Books {
        Books {
            payments: self.list("/v1/payments?limit=100").await,
            events: self.list("/v1/events?limit=100").await,
            rows: self.simulators.read(self.pg, "payments").await.unwrap(),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself. The simulators end with their standard input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(variables: &BTreeMap<String, String>) -> Child {
    Command::new(binary())
        .arg("serve")
        .env_clear()
        .envs(variables)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn stopped_under_load(pg: &'static str) {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(folder.path(), pg).await;
    let named = |n| Order { name: format!("order-{n}"), ..Order::default() };
    let mut orders: Vec<Order> = (0..ORDERS).map(named).collect();
    let under_way = join_all(orders.iter_mut().map(|order| served.go_on(order)));
    let (ended, ()) = tokio::join!(under_way, served.stop_under_way());
    assert!(ended.iter().any(Option::is_none), "the load was over before the stop");
    let child = &mut served.child;
    let status = eventually(async || child.try_wait().unwrap().ok_or("it still runs".to_owned())).await;
    assert_eq!(status.code(), Some(0), "a stop is no failure");

    served.child = serve(&served.variables);
    served.is_there().await;
    for order in &orders {
        let (Some(id), Some(said)) = (&order.id, order.said.last()) else { continue };
        let (_, payment) = served.send(Method::GET, &format!("/v1/payments/{id}"), "", None).await.unwrap();
        let rank = |status: &str| {
            ["ready", "confirming", "paid", "partially_cancelled"].iter().position(|s| *s == status)
        };
        assert!(rank(payment["status"].as_str().unwrap()) >= rank(said), "{said} was said of {payment:#}");
    }
    let ended = join_all(orders.iter_mut().map(|order| served.go_on(order))).await;
    assert!(ended.iter().all(Option::is_some));
    eventually(async || {
        let books = served.books().await;
        let findings = audit(&books, &[]);
        let all = books.payments.iter().all(|payment| payment["status"] == "partially_cancelled");
        if findings.is_clean() && all && books.payments.len() == ORDERS {
            return Ok(());
        }
        Err(format!("{findings:#?}\n{}", books.shown()))
    })
    .await;
}

#[tokio::test]
async fn a_stop_under_load_keeps_every_answer_at_toss() {
    stopped_under_load("toss").await;
}

#[tokio::test]
async fn a_stop_under_load_keeps_every_answer_at_portone() {
    stopped_under_load("portone").await;
}
