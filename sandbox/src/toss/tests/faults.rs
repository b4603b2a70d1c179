//! The fault script, seen by a merchant's server.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bench::{Bench, refusal, refused};
use crate::{Fault, FaultRule, PayMethod, PayOutcome, PayRequest, testing::PATIENCE};

/// Waits in real time for what the simulator does on its own tasks.
pub(super) async fn wait_until(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    is_so()
}

async fn confirm_with(bench: &Bench, rule: FaultRule) -> Result<(u16, String), reqwest::Error> {
    let key = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    bench.control.add_faults(vec![rule]).await.unwrap();
    let body = json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000 });
    let answer = bench.request("POST", "/v1/payments/confirm").json(&body).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

#[tokio::test]
async fn before_and_after_tell_whether_the_money_moved() {
    let cases = [
        (Fault::ResetBefore, false),
        (Fault::ResetAfter, true),
        (Fault::TimeoutBefore, false),
        (Fault::TimeoutAfter, true),
        (Fault::ErrorBefore, false),
        (Fault::ErrorAfter, true),
        (Fault::Unauthorized, false),
        (Fault::Garbled, true),
    ];
    for (fault, moved) in cases {
        let bench = Bench::start().await;
        let outcome =
            confirm_with(&bench, FaultRule { for_ms: Some(50), ..FaultRule::new("confirm", fault) }).await;
        let status = outcome.as_ref().ok().map(|(status, _)| *status);
        let expected = match fault {
            Fault::ErrorBefore | Fault::ErrorAfter => Some(500),
            Fault::Unauthorized => Some(401),
            Fault::Garbled => Some(200),
            _ => None,
        };
        assert_eq!(status, expected, "{fault:?}");
        if fault == Fault::Garbled {
            let (_, body) = outcome.unwrap();
            assert!(serde_json::from_str::<Value>(&body).is_err(), "{body}");
        }
        assert_eq!(bench.money("order-0001"), (if moved { 1_000 } else { 0 }, 0), "{fault:?}");
        let calls = bench.control.calls();
        let call = calls.last().unwrap();
        assert_eq!((call.call, call.fault, call.answer_status), (Some("confirm"), Some(fault), expected));
    }
}

#[tokio::test]
async fn a_client_that_gave_up_stops_neither_the_pg_nor_its_webhook() {
    let mut bench = Bench::start().await;
    let key = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    let slow = FaultRule { for_ms: Some(200), ..FaultRule::new("confirm", Fault::Slow) };
    bench.control.add_faults(vec![slow]).await.unwrap();
    let body = json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000 });
    let request =
        bench.request("POST", "/v1/payments/confirm").json(&body).timeout(Duration::from_millis(50));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(bench.money("order-0001"), (0, 0), "still working");
    assert!(wait_until(|| bench.money("order-0001") == (1_000, 0)).await);
    assert_eq!(bench.inbox.next().await.body["data"]["status"], "DONE");
}

#[tokio::test]
async fn what_executes_later_is_not_there_at_first() {
    let bench = Bench::start().await;
    let outcome = confirm_with(&bench, FaultRule::new("confirm", Fault::ExecutesLater)).await;
    assert!(outcome.is_err());
    assert_eq!(bench.get("/v1/payments/orders/order-0001").await.1["status"], "IN_PROGRESS");
    bench.control.advance(Duration::from_secs(5));
    assert!(wait_until(|| bench.money("order-0001") == (1_000, 0)).await);
}

#[tokio::test]
async fn a_refused_port_opens_again() {
    let bench = Bench::start().await;
    let outcome =
        confirm_with(&bench, FaultRule { for_ms: Some(100), ..FaultRule::new("confirm", Fault::Refuse) })
            .await;
    assert!(outcome.unwrap_err().is_connect());
    assert!(bench.control.calls().is_empty(), "nothing arrived");
    let opened = Instant::now() + PATIENCE;
    while bench.request("GET", "/v1/payments/orders/order-0001").send().await.is_err() {
        assert!(Instant::now() < opened, "the port stays closed");
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.money("order-0001"), (0, 0));
}

#[tokio::test]
async fn refusing_can_wait_for_a_later_call() {
    let bench = Bench::start().await;
    let second =
        FaultRule { nth: Some(2), for_ms: Some(60_000), ..FaultRule::new("get_by_order", Fault::Refuse) };
    bench.control.add_faults(vec![second]).await.unwrap();
    assert_eq!(bench.get("/v1/payments/orders/order-0001").await.0, 404);
    let closed = Instant::now() + PATIENCE;
    let error = loop {
        match bench.request("GET", "/v1/payments/orders/order-0001").send().await {
            Err(error) => break error,
            Ok(_) => assert!(Instant::now() < closed, "the port stays open"),
        }
    };
    assert!(error.is_connect() || error.is_request());
    tokio::time::timeout(PATIENCE, bench.running.shutdown())
        .await
        .expect("a shutdown does not wait for the port");
}

#[tokio::test]
async fn a_stale_read_shows_what_was_before_the_last_change() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    let stale = FaultRule { times: Some(2), ..FaultRule::new("get", Fault::StaleRead) };
    bench.control.add_faults(vec![stale]).await.unwrap();
    assert_eq!(bench.look_up(&payment).await["status"], "IN_PROGRESS");
    bench.cancel(&payment, json!({ "cancelReason": "변심" })).await;
    assert_eq!(bench.look_up(&payment).await["status"], "DONE");
    assert_eq!(bench.look_up(&payment).await["status"], "CANCELED");
}

#[tokio::test]
async fn a_look_up_by_order_may_show_another_attempt() {
    let bench = Bench::start().await;
    bench.control.pay(&PayRequest::new("order-0001", PayOutcome::Close, 1_000)).unwrap();
    let paid = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    bench.control.add_faults(vec![FaultRule::new("get_by_order", Fault::OtherAttemptByOrder)]).await.unwrap();
    let (_, other) = bench.get("/v1/payments/orders/order-0001").await;
    assert_eq!(other["status"], "READY");
    assert_ne!(other["paymentKey"], paid["paymentKey"]);
    assert_eq!(bench.get("/v1/payments/orders/order-0001").await.1["paymentKey"], paid["paymentKey"]);
}

#[tokio::test]
async fn a_scripted_error_is_answered_as_it_is_written() {
    let bench = Bench::start().await;
    let body = Some(json!({ "code": "PROVIDER_ERROR", "message": "…" }));
    let rule = FaultRule { status: Some(400), body, ..FaultRule::new("get_by_order", Fault::ErrorBefore) };
    let page = FaultRule { status: Some(502), body: Some("<html>".into()), nth: Some(2), ..rule.clone() };
    bench.control.add_faults(vec![rule, page]).await.unwrap();
    assert_eq!(refusal(bench.get("/v1/payments/orders/order-0001").await), refused(400, "PROVIDER_ERROR"));
    let answer = bench.request("GET", "/v1/payments/orders/order-0001").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (502, "<html>"));
}

#[tokio::test]
async fn rules_that_cannot_mean_anything_are_refused() {
    let bench = Bench::start().await;
    let rules = [
        FaultRule::new("find", Fault::Slow),
        FaultRule::new("confirm", Fault::Drop),
        FaultRule::new("webhook", Fault::ResetAfter),
        FaultRule { account: Some("portone".to_owned()), ..FaultRule::new("confirm", Fault::Slow) },
        FaultRule { nth: Some(0), ..FaultRule::new("confirm", Fault::Slow) },
        FaultRule { status: Some(99), ..FaultRule::new("confirm", Fault::ErrorBefore) },
    ];
    for rule in rules {
        let refused = bench.control.add_faults(vec![FaultRule::new("get", Fault::Slow), rule.clone()]).await;
        assert_eq!(refused.unwrap_err().code, crate::ControlErrorCode::InvalidRequest, "{rule:?}");
    }
    assert!(bench.control.faults().is_empty(), "all or none");
}
