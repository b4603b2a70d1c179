//! The control API over HTTP: who may use it, and what it answers.

use serde_json::{Value, json};

use crate::{
    Running, SandboxClock, SandboxConfig, start,
    testing::client,
    toss::{Toss, TossConfig},
};

async fn running(config: SandboxConfig) -> Running {
    start(config, Toss::new(TossConfig::default(), SandboxClock::frozen_at(1_000)).unwrap()).await.unwrap()
}

async fn post(running: &Running, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/_sandbox/{path}", running.base_url());
    let answer = client().post(url).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn get(running: &Running, path: &str) -> Value {
    let url = format!("{}/_sandbox/{path}", running.base_url());
    client().get(url).send().await.unwrap().json().await.unwrap()
}

async fn pay(running: &Running) -> (u16, Value) {
    post(running, "pay", json!({ "order_id": "order-0001", "outcome": "approve", "amount": 1_000 })).await
}

#[tokio::test]
async fn a_buyer_a_clock_and_the_books_are_there() {
    let running = running(SandboxConfig::loopback("toss")).await;
    let (status, answer) = pay(&running).await;
    assert_eq!(status, 200);
    assert_eq!(answer["browser_result"]["amount"], "1000");
    assert_eq!(answer["redirect_url"], Value::Null);
    assert_eq!(get(&running, "payments").await[0]["status"], "IN_PROGRESS");
    assert_eq!(post(&running, "clock", json!({ "advance_s": 600 })).await.1["now_ms"], 601_000);
    assert_eq!(get(&running, "payments").await[0]["status"], "EXPIRED");
    assert_eq!(post(&running, "reset", json!({})).await.0, 200);
    assert_eq!(get(&running, "payments").await, json!([]));
    assert_eq!(get(&running, "clock").await["now_ms"], 601_000, "the clock never goes back");
}

#[tokio::test]
async fn refusals_have_a_code_and_a_status() {
    let running = running(SandboxConfig::loopback("toss")).await;
    pay(&running).await;
    let cases = [
        ("deposit", json!({ "order_id": "order-0002" }), 404, "unknown_order"),
        ("deposit", json!({ "order_id": "order-0001" }), 409, "invalid_state"),
        ("pay", json!({ "order_id": "order-0001", "outcome": "haggle" }), 400, "invalid_request"),
        (
            "pay",
            json!({ "order_id": "order-0001", "outcome": "approve", "amuont": 1 }),
            400,
            "invalid_request",
        ),
        ("clock", json!({ "advance_s": -1 }), 400, "invalid_request"),
        ("faults", json!([{ "call": "confirm", "fault": "explode" }]), 400, "invalid_request"),
        ("nothing", json!({}), 404, "not_found"),
    ];
    for (path, body, status, code) in cases {
        let (answered, error) = post(&running, path, body.clone()).await;
        assert_eq!((answered, &error["code"]), (status, &json!(code)), "{path} {body}");
        assert!(error["message"].is_string());
    }
}

#[tokio::test]
async fn faults_are_given_listed_and_forgotten() {
    let running = running(SandboxConfig::loopback("toss")).await;
    let rules =
        json!([{ "account": "toss", "call": "confirm", "nth": 2, "fault": "error_after", "status": 500 }]);
    assert_eq!(post(&running, "faults", rules.clone()).await, (200, rules.clone()));
    assert_eq!(get(&running, "faults").await, rules);
    let url = format!("{}/_sandbox/faults", running.base_url());
    client().delete(url).send().await.unwrap();
    assert_eq!(get(&running, "faults").await, json!([]));
}

#[tokio::test]
async fn pages_of_other_sites_cannot_use_it() {
    let running = running(SandboxConfig::loopback("toss")).await;
    let url = format!("{}/_sandbox/reset", running.base_url());
    let own = running.base_url();
    let cases = [
        (None, None, "application/json", 200),
        (None, Some(own.as_str()), "application/json; charset=utf-8", 200),
        (None, Some("http://evil.example"), "application/json", 403),
        (None, Some("null"), "application/json", 403),
        (Some("evil.example"), None, "application/json", 403),
        (None, None, "text/plain", 400),
    ];
    for (host, origin, content_type, status) in cases {
        let mut request = client().post(&url).header("content-type", content_type).body("{}");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{host:?} {origin:?} {content_type}");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn a_sandbox_in_the_open_wants_a_key() {
    let toss = || Toss::new(TossConfig::default(), SandboxClock::system()).unwrap();
    let open = || SandboxConfig { listen: ([0, 0, 0, 0], 0).into(), ..SandboxConfig::loopback("toss") };
    let error = start(open(), toss()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let config = SandboxConfig { control_key: Some("let me in".to_owned()), ..open() };
    let running = start(config, toss()).await.unwrap();
    let url = format!("http://127.0.0.1:{}/_sandbox/payments", running.addr().port());
    for (key, status) in [(None, 403), (Some("let me"), 403), (Some("let me in"), 200)] {
        let mut request = client().get(&url);
        if let Some(key) = key {
            request = request.header("X-Sandbox-Key", key);
        }
        assert_eq!(request.send().await.unwrap().status(), status, "{key:?}");
    }
}

#[tokio::test]
async fn received_calls_are_listed_without_their_credentials() {
    let running = running(SandboxConfig::loopback("toss")).await;
    let url = format!("{}/v1/payments/confirm?x=1", running.base_url());
    let body = json!({ "paymentKey": "t1", "orderId": "order-0001", "amount": 5 });
    let request = client().post(url).basic_auth("test_sk_paymux_sandbox", Some("")).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 404);
    let calls = get(&running, "calls").await;
    let call = &calls[0];
    assert_eq!((&call["call"], &call["method"]), (&json!("confirm"), &json!("POST")));
    assert_eq!((&call["path"], &call["body"]), (&json!("/v1/payments/confirm?x=1"), &body));
    assert_eq!(call["answer_status"], 404);
    assert_eq!(call["headers"]["authorization"], "Basic test_sk_…");
}
