//! A caller that stops waiting before its cancel has begun.

use serde_json::json;
use tests::harness::eventually;

use super::{
    locked::Place,
    process::{Answer, Process, answer},
};

async fn cancel(process: &Process, id: &str) -> Answer {
    let request = process.post(&format!("/v1/payments/{id}/cancel")).header("Idempotency-Key", "k");
    answer(request.json(&json!({ "reason": "out of stock" }))).await
}

/// 200 says that the cancel is done; one whose row waits for the store is not.
#[tokio::test]
async fn cancel_that_is_not_stored_is_not_answered_200() {
    let place = Place::new();
    let settings = [("DATABASE__URL", place.url()), ("SERVER__CONFIRM_WAIT", "300ms".to_owned())];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let process = Process::start_with(&settings).await;
    let order = json!({
        "order_id": "order-1", "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "account": "toss", "method": "card", "return_url": "http://localhost:3000/return",
    });
    let registered = answer(process.post("/v1/payments").json(&order)).await.expect(201, "ready");
    let id = registered["id"].as_str().unwrap();
    let result = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    let confirm = process.post(&format!("/v1/payments/{id}/confirm"));
    answer(confirm.json(&json!({ "browser_result": result["browser_result"] }))).await;
    eventually(async || match process.get(&format!("/v1/payments/{id}")).await {
        payment if payment["status"] == "paid" => Ok(()),
        payment => Err(format!("{payment:#}")),
    })
    .await;

    let other = place.lock("BEGIN IMMEDIATE");
    let waited = cancel(&process, id).await;
    assert!(matches!(waited.status.as_u16(), 202 | 503), "answered {} {}", waited.status, waited.text);
    drop(other);
    eventually(async || {
        let answer = cancel(&process, id).await;
        if answer.status == 200 { Ok(answer.expect(200, "cancelled")) } else { Err(answer.text) }
    })
    .await;
}
