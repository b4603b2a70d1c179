//! What operators do: reviews and the ledger, by the admin API and by the commands of the real binary.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tests::harness::eventually;
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use super::process::{DEMO_KEY, Process, answer};

const ADMIN_KEY: &str = "kanarienvogel-of-the-operators";

/// After so long an unknown outcome is a review, and how far time is moved at once.
const A_WEEK_S: u64 = 7 * 24 * 60 * 60;
const AN_HOUR_S: u64 = 60 * 60;

/// Where the process takes its operators' calls.
fn admin_url(process: &Process) -> String {
    let log = process.log();
    let ready = log.lines().find(|line| line.contains("paymux is ready")).unwrap();
    let (_, after) = ready.split_once("admin=").unwrap();
    format!("http://{}", after.split(' ').next().unwrap())
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap()
}

fn ask(process: &Process, method: Method, path: &str) -> RequestBuilder {
    http().request(method, format!("{}{path}", admin_url(process)))
}

/// An operator at a terminal.
struct Operator {
    url: String,
    key: Option<&'static str>,
}

/// What a command said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Operator {
    fn of(process: &Process) -> Self {
        Self { url: admin_url(process), key: None }
    }

    /// Runs `paymux` in a folder without any configuration.
    async fn run(&self, arguments: &[&str]) -> Said {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().env("PAYMUX_ADMIN_URL", &self.url).env("LOGNAME", "kim");
        command.envs(self.key.map(|key| ("PAYMUX_ADMIN_KEY", key))).current_dir(folder.path());
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        let Output { status, stdout, stderr } = ran.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }
}

impl Said {
    /// What it said, if it went well.
    #[track_caller]
    fn well(self) -> String {
        assert!(self.code == 0 && self.err.is_empty(), "{}: {}{}", self.code, self.out, self.err);
        self.out
    }

    /// What it complained of.
    #[track_caller]
    fn failed(self) -> String {
        assert!(self.code == 1 && self.out.is_empty(), "{}: {}{}", self.code, self.out, self.err);
        self.err
    }
}

/// The binary that a running [`Process`] has built.
fn binary() -> PathBuf {
    // …/debug/deps/it-0123456789abcdef
    let here = std::env::current_exe().unwrap();
    here.parent().unwrap().parent().unwrap().join("paymux")
}

/// A payment whose confirm never arrived at the payment gateway, which has not answered since.
async fn unknown(process: &Process, order_id: &str) -> String {
    let body = json!({
        "order_id": order_id, "order_name": "T-shirt", "amount": 27_500, "currency": "KRW",
        "method": "card", "return_url": "http://localhost:3000/return",
    });
    let payment = answer(process.post("/v1/payments").json(&body)).await.expect(201, "ready");
    let id = payment["id"].as_str().unwrap().to_owned();
    let paid = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    let confirm = json!({ "browser_result": paid["browser_result"] });
    let confirm = answer(process.post(&format!("/v1/payments/{id}/confirm")).json(&confirm)).await;
    assert!(matches!(confirm.status.as_u16(), 202 | 503), "{}", confirm.text);
    id
}

/// The payment gateway answers nothing from now on.
async fn silence(process: &Process) {
    let silent =
        |call: &str| json!({ "account": "toss", "call": call, "fault": "reset_before", "times": 100_000 });
    let rules = ["confirm", "get", "get_by_order", "webhook"].map(|call| match call {
        "webhook" => json!({ "account": "toss", "call": call, "fault": "drop", "times": 100_000 }),
        call => silent(call),
    });
    process.control("faults", &json!(rules)).await;
}

/// It answers again.
async fn speech(process: &Process) {
    answer(process.request(Method::DELETE, "/_sandbox/faults")).await;
}

/// Lets a week pass, and hours until so many reviews are open; gives them.
async fn a_week_later(process: &Process, reviews: usize) -> Vec<Value> {
    process.control("clock", &json!({ "advance_s": A_WEEK_S })).await;
    let mut looks = 0_u32;
    eventually(async || {
        let list = answer(ask(process, Method::GET, "/reviews")).await.json();
        let open = list["data"].as_array().unwrap().clone();
        if open.len() == reviews {
            return Ok(open);
        }
        looks += 1;
        if looks.is_multiple_of(20) {
            process.control("clock", &json!({ "advance_s": AN_HOUR_S })).await;
        }
        Err(list.to_string())
    })
    .await
}

async fn events_of(process: &Process, payment: &str) -> Vec<String> {
    let events = process.get("/v1/events?limit=100").await;
    let events = events["data"].as_array().unwrap().iter();
    let of_it = events.filter(|event| event["payment_id"] == payment);
    of_it.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn outcome_unknown_for_a_week_is_a_review() {
    let process = Process::start().await;
    let operator = Operator::of(&process);
    silence(&process).await;
    let payment = unknown(&process, "order-1").await;
    assert_eq!(operator.run(&["reviews", "list"]).await.well(), "No open reviews.\n");
    let review = a_week_later(&process, 1).await.remove(0);
    let id = review["id"].as_str().unwrap();
    assert_eq!(id, format!("{payment}.1"));
    assert_eq!((&review["reason"], &review["state"]), (&json!("unknown_confirm"), &json!("open")));
    assert_eq!(review["about"]["attempt"], 1);
    assert!(review["about"]["pg_order_id"].is_string() && review["about"]["pg_payment_id"].is_string());

    let listed = operator.run(&["reviews", "list"]).await.well();
    let row = listed.lines().nth(1).unwrap();
    for part in [id, "unknown_confirm", "toss", "27,500 KRW", "order-1"] {
        assert!(row.contains(part), "{part}: {listed}");
    }
    let shown = operator.run(&["reviews", "show", id]).await.well();
    assert!(shown.contains(review["about"]["pg_payment_id"].as_str().unwrap()), "{shown}");
    assert!(shown.contains(review["advice"].as_str().unwrap()), "{shown}");

    let close = ["reviews", "close", id, "--as", "not-done", "--reason", "the console shows nothing"];
    let closed = operator.run(&close).await.well();
    assert!(closed.contains("closed as not_done by kim"), "{closed}");
    assert_eq!(process.get(&format!("/v1/payments/{payment}")).await["status"], "expired");
    let events = events_of(&process, &payment).await;
    assert!(events.contains(&"payment.review_opened".to_owned()), "{events:?}");
    assert!(events.contains(&"payment.review_closed".to_owned()), "{events:?}");

    let again = operator.run(&close).await.failed();
    assert!(again.contains("review_closed"), "{again}");
    let body = json!({ "outcome": "done", "by": "lee", "reason": "no" });
    let again = answer(ask(&process, Method::POST, &format!("/reviews/{id}/close")).json(&body)).await;
    again.expect(409, "review_closed");
    assert_eq!(operator.run(&["reviews", "list"]).await.well(), "No open reviews.\n");
    let all: Value =
        serde_json::from_str(&operator.run(&["reviews", "list", "--all", "--json"]).await.well()).unwrap();
    let closing = &all["data"][0]["closing"];
    assert_eq!(closing["by"], "kim");
    assert_eq!(closing["reason"], "the console shows nothing");
    assert_eq!(operator.run(&["ledger", "check"]).await.well(), "1 payment checked, 0 differences\n");
    assert!(process.log().contains("an operator closed a review"), "nobody logged it");
}

#[tokio::test]
async fn review_that_the_pg_resolved_cannot_be_closed() {
    let process = Process::start().await;
    let operator = Operator::of(&process);
    silence(&process).await;
    let payment = unknown(&process, "order-1").await;
    let id = a_week_later(&process, 1).await[0]["id"].as_str().unwrap().to_owned();
    speech(&process).await;
    let close = ["reviews", "close", &id, "--as", "done", "--reason", "I believe so"];
    let refused = operator.run(&close).await.failed();
    assert!(refused.contains("review_closed"), "{refused}");
    let shown = operator.run(&["reviews", "show", &id]).await.well();
    assert!(shown.contains("resolved by itself"), "{shown}");
    assert_ne!(process.get(&format!("/v1/payments/{payment}")).await["status"], "paid");
}

#[tokio::test]
async fn reviews_are_listed_page_by_page() {
    let process = Process::start().await;
    silence(&process).await;
    let mut payments = Vec::new();
    for order in ["order-1", "order-2", "order-3"] {
        payments.push(unknown(&process, order).await);
    }
    let all: Vec<_> = a_week_later(&process, 3).await.iter().map(|review| review["id"].clone()).collect();
    let (mut seen, mut path) = (Vec::new(), "/reviews?limit=2".to_owned());
    loop {
        let page = answer(ask(&process, Method::GET, &path)).await.json();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 2, "{page}");
        seen.extend(data.iter().map(|review| review["id"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("/reviews?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, all);
}

#[tokio::test]
async fn the_admin_listener_is_not_for_pages_nor_for_forms() {
    let process = Process::start().await;
    let close = "/reviews/pay_06gzvtcprxw63b4hssbask691c.1/close";
    for path in ["/reviews", "/reviews/pay_06gzvtcprxw63b4hssbask691c.1", "/ledger", "/ledger/check"] {
        for (header, value) in [
            ("Origin", "https://shop.example"),
            ("Origin", "http://localhost:3000"),
            ("Origin", "null"),
            ("Host", "attacker.test"),
            ("Host", "localhost.attacker.test:8081"),
        ] {
            let refused = answer(ask(&process, Method::GET, path).header(header, value)).await;
            refused.expect(403, "forbidden");
            assert!(refused.header("Access-Control-Allow-Origin").is_none() && !refused.quotes("attacker"));
        }
    }
    let form = ask(&process, Method::POST, close).header("Content-Type", "application/x-www-form-urlencoded");
    answer(form.body("outcome=done&by=x&reason=x")).await.expect(415, "unsupported_media_type");
    answer(ask(&process, Method::POST, close).body("{}")).await.expect(415, "unsupported_media_type");
    let preflight = ask(&process, Method::OPTIONS, close).header("Origin", "https://shop.example");
    answer(preflight).await.expect(403, "forbidden");
    // What a supervisor or a load balancer asks is answered to everybody.
    for path in ["/healthz", "/readyz"] {
        answer(ask(&process, Method::GET, path).header("Host", "10.0.0.7")).await.expect(200, "ok");
    }
}

#[tokio::test]
async fn what_is_no_verdict_closes_nothing() {
    let process = Process::start().await;
    silence(&process).await;
    unknown(&process, "order-1").await;
    let id = a_week_later(&process, 1).await[0]["id"].as_str().unwrap().to_owned();
    let long = "x".repeat(501);
    for (body, code) in [
        (json!({}), "invalid_body"),
        (json!({ "outcome": "done", "by": "kim" }), "invalid_body"),
        (json!({ "outcome": "perhaps", "by": "kim", "reason": "r" }), "invalid_body"),
        (json!({ "outcome": "done", "by": 7, "reason": "r" }), "invalid_body"),
        (json!({ "outcome": "done", "by": "kim", "reason": "r", "force": true }), "invalid_body"),
        (json!({ "outcome": "done", "by": "", "reason": "r" }), "invalid_parameter"),
        (json!({ "outcome": "done", "by": "kim\u{1b}[2J", "reason": "r" }), "invalid_parameter"),
        (json!({ "outcome": "done", "by": "kim", "reason": long }), "invalid_parameter"),
    ] {
        let path = format!("/reviews/{id}/close");
        answer(ask(&process, Method::POST, &path).json(&body)).await.expect(400, code);
    }
    let verdict = json!({ "outcome": "done", "by": "kim", "reason": "r" });
    for unknown in
        ["pay_x.1", "pay_06gzvtcprxw63b4hssbask691c.1", &id.replace(".1", ".2"), &id.replace(".1", "")]
    {
        answer(ask(&process, Method::GET, &format!("/reviews/{unknown}"))).await.expect(404, "not_found");
        let close = ask(&process, Method::POST, &format!("/reviews/{unknown}/close")).json(&verdict);
        answer(close).await.expect(404, "not_found");
    }
    for cursor in ["x", "pay_06gzvtcprxw63b4hssbask691c"] {
        let list = answer(ask(&process, Method::GET, &format!("/reviews?cursor={cursor}"))).await;
        assert_eq!(list.expect(400, "invalid_parameter")["param"], "cursor");
    }
    let review = answer(ask(&process, Method::GET, &format!("/reviews/{id}"))).await.json();
    assert_eq!(review["state"], "open", "{review}");
}

#[tokio::test]
async fn only_the_configured_admin_key_opens_the_admin_api() {
    let process = Process::start_with(&[("SERVER__ADMIN_KEY", ADMIN_KEY)]).await;
    for key in
        [None, Some(""), Some("kanarienvogel"), Some(DEMO_KEY), Some("kanarienvogel-of-the-operators2")]
    {
        let request = ask(&process, Method::GET, "/reviews");
        let request = key.into_iter().fold(request, RequestBuilder::bearer_auth);
        let refused = answer(request).await;
        refused.expect(401, "unauthenticated");
        assert!(refused.text.contains("admin key") && !refused.quotes("kanarienvogel"), "{}", refused.text);
    }
    let opened = answer(ask(&process, Method::GET, "/reviews").bearer_auth(ADMIN_KEY)).await;
    assert_eq!(opened.json()["data"], json!([]));
    answer(ask(&process, Method::GET, "/healthz")).await.expect(200, "ok");
    let merchants = answer(process.request(Method::GET, "/v1/payments").bearer_auth(ADMIN_KEY)).await;
    merchants.expect(401, "unauthenticated");

    let without = Operator::of(&process);
    let refused = without.run(&["reviews", "list"]).await.failed();
    assert!(refused.contains("PAYMUX_ADMIN_KEY"), "{refused}");
    let with = Operator { key: Some(ADMIN_KEY), ..Operator::of(&process) };
    assert_eq!(with.run(&["reviews", "list"]).await.well(), "No open reviews.\n");
    let wrong = Operator { key: Some("kanarienvogel-2"), ..Operator::of(&process) };
    let refused = wrong.run(&["ledger", "check"]).await.failed();
    assert!(!refused.contains("kanarienvogel"), "{refused}");
    assert!(!process.log().contains("kanarienvogel"));
}

#[tokio::test]
async fn the_ledger_of_what_was_paid_and_given_back_agrees() {
    let process = Process::start().await;
    let operator = Operator::of(&process);
    assert_eq!(operator.run(&["ledger", "check"]).await.well(), "0 payments checked, 0 differences\n");
    let body = json!({
        "order_id": "order-1", "order_name": "T-shirt", "amount": 27_500, "currency": "KRW",
        "method": "card", "return_url": "http://localhost:3000/return",
    });
    let id = answer(process.post("/v1/payments").json(&body)).await.expect(201, "ready")["id"].clone();
    let path = format!("/v1/payments/{}", id.as_str().unwrap());
    let paid = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    let confirm = json!({ "browser_result": paid["browser_result"] });
    answer(process.post(&format!("{path}/confirm")).json(&confirm)).await.expect(200, "paid");
    let part = json!({ "reason": "sold out", "amount": 7_500 });
    let cancel = process.post(&format!("{path}/cancel")).header("Idempotency-Key", "k").json(&part);
    answer(cancel).await.expect(200, "partially_cancelled");
    assert_eq!(operator.run(&["ledger", "check"]).await.well(), "1 payment checked, 0 differences\n");
    let checked = operator.run(&["ledger", "check", "--json"]).await.well();
    let checked: Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked, json!({ "checked": 1, "differences": [] }));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_with_the_setting() {
    // Builds the binary, and is not asked.
    let _process = Process::start().await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let operator = Operator { url: format!("http://127.0.0.1:{port}"), key: None };
    for command in [&["reviews", "list"][..], &["ledger", "check"]] {
        let said = operator.run(command).await.failed();
        let named = said.contains(&port.to_string()) && said.contains("PAYMUX_ADMIN_URL");
        assert!(named && said.contains("server.admin_listen"), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_not_taken_for_one_that_did_it() {
    let _process = Process::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hangs_up = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // What it was asked is read, or the client would see a reset before it has sent anything.
            let _ = stream.read(&mut [0; 4_096]).await;
        }
    });
    let operator = Operator { url, key: None };
    let id = "pay_06gzvtcprxw63b4hssbask691c.1";
    let said = operator.run(&["reviews", "close", id, "--as", "done", "--reason", "r"]).await.failed();
    assert!(said.contains("see whether it was done"), "{said}");
    hangs_up.abort();
}

#[tokio::test]
async fn the_public_listener_knows_nothing_of_reviews() {
    let process = Process::start().await;
    for path in ["/reviews", "/ledger", "/ledger/check"] {
        answer(process.request(Method::GET, path).bearer_auth(DEMO_KEY)).await.expect(404, "no_such_route");
    }
    let document = process.get("/openapi.json").await.to_string();
    assert!(!document.contains("closeReview") && !document.contains("review_closed\""), "they are published");
    let document = answer(ask(&process, Method::GET, "/openapi.json")).await.json();
    assert!(document["paths"]["/reviews/{id}/close"]["post"].is_object(), "operators have no documentation");
}
