//! Serving: books that outlive the process, bodies without end, shutdown.

use std::time::Duration;

use serde_json::json;

use crate::{
    Fault, FaultRule, PayOutcome, PayRequest, Running, SandboxClock, SandboxConfig, start,
    testing::{PATIENCE, client},
    toss::{Toss, TossConfig},
};

async fn running(config: TossConfig) -> Running {
    start(SandboxConfig::loopback("toss"), Toss::new(config, SandboxClock::frozen_at(1_000)).unwrap())
        .await
        .unwrap()
}

fn confirm(running: &Running, key: &str) -> reqwest::RequestBuilder {
    let body = json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000 });
    let request = client().post(format!("{}/v1/payments/confirm", running.base_url())).json(&body);
    request.basic_auth("test_sk_paymux_sandbox", Some("")).header("Idempotency-Key", "k1")
}

fn authenticate(running: &Running) -> String {
    let answer = running.control().pay(&PayRequest::new("order-0001", PayOutcome::Approve, 1_000)).unwrap();
    answer.browser_result["paymentKey"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn books_and_kept_answers_outlive_the_process() {
    let path = std::env::temp_dir().join(format!("sandbox-serving-{}.json", std::process::id()));
    let config = TossConfig { books: Some(path.clone()), ..TossConfig::default() };
    let first = running(config.clone()).await;
    let key = authenticate(&first);
    let answer = confirm(&first, &key).send().await.unwrap().text().await.unwrap();
    let books = first.control().payments();
    first.shutdown().await;
    let second = running(config).await;
    assert_eq!(second.control().payments(), books);
    assert_eq!(confirm(&second, &key).send().await.unwrap().text().await.unwrap(), answer, "replayed");
    assert!(!std::fs::read_to_string(&path).unwrap().contains("test_sk_"), "no secret key in the file");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let running = running(TossConfig::default()).await;
    let url = format!("{}/v1/payments/confirm", running.base_url());
    // The server may close before all of it is sent.
    if let Ok(answer) = client().post(url).body(vec![b' '; 1024 * 1024 + 1]).send().await {
        assert_eq!(answer.status(), 413);
        assert_eq!(answer.headers()["date"], "Thu, 01 Jan 1970 00:00:01 GMT");
    }
    assert!(running.control().calls().is_empty());
}

#[tokio::test]
async fn a_shutdown_ends_those_who_are_kept_waiting() {
    let running = running(TossConfig::default()).await;
    let key = authenticate(&running);
    running.control().add_faults(vec![FaultRule::new("confirm", Fault::TimeoutAfter)]).await.unwrap();
    let (request, control) = (confirm(&running, &key), running.control());
    let waiting = tokio::spawn(async move { request.send().await });
    let taken = async {
        while control.payments()[0]["taken"] != 1_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.unwrap();
    tokio::time::timeout(Duration::from_secs(4), running.shutdown())
        .await
        .expect("at once, not after two minutes");
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn port_set_to_refuse_answers_that_call_first() {
    let running = running(TossConfig::default()).await;
    let url = format!("{}/_sandbox/faults", running.base_url());
    let rules = json!([{ "call": "confirm", "fault": "refuse", "for_ms": 60_000 }]);
    assert_eq!(client().post(&url).json(&rules).send().await.unwrap().status(), 200);
    assert!(client().get(&url).send().await.unwrap_err().is_connect());
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    assert!(other.bind(running.addr()).is_err(), "the port is kept meanwhile");
}

#[tokio::test]
async fn two_simulators_can_share_one_clock() {
    let clock = SandboxClock::frozen_at(1_000);
    let toss = || Toss::new(TossConfig::default(), clock.clone()).unwrap();
    let (one, two) = (
        start(SandboxConfig::loopback("one"), toss()).await.unwrap(),
        start(SandboxConfig::loopback("two"), toss()).await.unwrap(),
    );
    authenticate(&two);
    one.control().advance(Duration::from_secs(600));
    assert_eq!(two.control().payments()[0]["status"], "EXPIRED");
    assert!(one.control().payments().is_empty());
}

#[tokio::test]
async fn every_answer_of_the_pg_has_the_date_of_the_sandbox_clock() {
    let running = running(TossConfig::default()).await;
    let key = authenticate(&running);
    running.control().advance(Duration::from_secs(90));
    let rules = [
        FaultRule { nth: Some(2), ..FaultRule::new("confirm", Fault::ErrorBefore) },
        FaultRule { nth: Some(3), ..FaultRule::new("confirm", Fault::Unauthorized) },
        FaultRule { nth: Some(4), ..FaultRule::new("confirm", Fault::Garbled) },
    ];
    running.control().add_faults(rules.to_vec()).await.unwrap();
    let get = |path: &str| client().get(format!("{}{path}", running.base_url()));
    for (request, status) in [
        (confirm(&running, &key), 200),
        (confirm(&running, &key), 500),
        (confirm(&running, &key), 401),
        (confirm(&running, &key), 200),
        (get("/v1/payments/unknown"), 401),
        (get("/v2/unknown"), 404),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["date"], "Thu, 01 Jan 1970 00:01:31 GMT", "{status}");
    }
}
