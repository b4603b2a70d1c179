//! One intent, one outcome: what a repeat under the same key gets.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::harness::eventually;

use super::process::{Answer, Process, answer};

fn order(order_id: &str) -> Value {
    json!({
        "order_id": order_id, "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "account": "toss", "method": "card", "return_url": "http://localhost:3000/return",
    })
}

async fn post(process: &Process, path: &str, key: &str, body: &Value) -> Answer {
    answer(process.post(path).header("Idempotency-Key", key).json(body)).await
}

async fn register(process: &Process, order_id: &str) -> String {
    let answer = answer(process.post("/v1/payments").json(&order(order_id))).await;
    answer.expect(201, "ready")["id"].as_str().unwrap().to_owned()
}

/// The buyer goes through the window: the body of the confirm that follows.
async fn authenticated(process: &Process, id: &str) -> Value {
    let paid = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    json!({ "browser_result": paid["browser_result"] })
}

async fn paid(process: &Process, order_id: &str) -> String {
    let id = register(process, order_id).await;
    let result = authenticated(process, &id).await;
    post(process, &format!("/v1/payments/{id}/confirm"), &format!("confirm-{id}"), &result)
        .await
        .expect(200, "paid");
    id
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("Idempotent-Replayed") == Some("true")
}

/// How often a payment gateway received a call.
async fn calls(process: &Process, call: &str) -> usize {
    let calls = process.get("/_sandbox/calls").await;
    calls["toss"].as_array().unwrap().iter().filter(|seen| seen["call"] == call).count()
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_marked_as_one() {
    let process = Process::start().await;
    let first = post(&process, "/v1/payments", "k", &order("order-1")).await;
    first.expect(201, "ready");
    assert!(!is_replayed(&first));
    let id = first.json()["id"].as_str().unwrap().to_owned();
    authenticated(&process, &id).await;
    let again = post(&process, "/v1/payments", "k", &order("order-1")).await;
    assert!(is_replayed(&again));
    assert_eq!((again.status, again.json()), (first.status, first.json()), "the answer as it was given");
}

#[tokio::test]
async fn a_body_written_differently_is_the_same_body() {
    let process = Process::start().await;
    post(&process, "/v1/payments", "k", &order("order-1")).await.expect(201, "ready");
    let spaced = serde_json::to_string_pretty(&order("order-1")).unwrap();
    let request = process.post("/v1/payments").header("Idempotency-Key", "k");
    assert!(is_replayed(&answer(request.header("Content-Type", "application/json").body(spaced)).await));
}

#[tokio::test]
async fn another_body_or_address_under_the_same_key_is_refused() {
    let process = Process::start().await;
    let id = register(&process, "order-1").await;
    post(&process, "/v1/payments", "k", &order("order-2")).await.expect(201, "ready");
    post(&process, "/v1/payments", "k", &order("order-3")).await.expect(422, "idempotency_key_reused");
    let verify = process.post(&format!("/v1/payments/{id}/verify")).header("Idempotency-Key", "k");
    answer(verify).await.expect(422, "idempotency_key_reused");
    let cancel = post(&process, &format!("/v1/payments/{id}/cancel"), "k", &json!({ "reason": "r" })).await;
    cancel.expect(422, "idempotency_key_reused");
    assert_eq!(process.get("/v1/payments").await["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_hundred_at_once_register_one_payment() {
    let process = Process::start().await;
    let body = order("order-1");
    let once = async || {
        eventually(async || {
            let answer = post(&process, "/v1/payments", "k", &body).await;
            match answer.status.as_u16() {
                409 => {
                    answer.expect(409, "idempotency_in_progress");
                    assert!(answer.header("Retry-After").is_some());
                    Err(answer.text)
                }
                _ => Ok(answer.expect(201, "ready")),
            }
        })
        .await
    };
    let answers = join_all((0..100).map(|_| once())).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "two different answers under one key");
    let payments = process.get("/v1/payments").await;
    assert_eq!(payments["data"].as_array().unwrap().len(), 1);
    assert_eq!(process.get("/v1/events").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_request_that_is_still_running_is_not_run_again() {
    let process = Process::start_with(&[("SERVER__CONFIRM_WAIT", "100ms")]).await;
    let id = register(&process, "order-1").await;
    let result = authenticated(&process, &id).await;
    process
        .control(
            "faults",
            &json!([{ "account": "toss", "call": "confirm", "fault": "slow", "for_ms": 1500 }]),
        )
        .await;
    let path = format!("/v1/payments/{id}/confirm");
    let first = post(&process, &path, "k", &result).await;
    first.expect(202, "confirming");
    assert!(first.header("Retry-After").is_some() && first.json()["poll_after_ms"].is_u64());
    let second = post(&process, &path, "k", &result).await;
    second.expect(409, "idempotency_in_progress");
    assert!(second.header("Retry-After").is_some());
    // Neither was final: as soon as it is paid, a repeat says so.
    eventually(async || {
        let answer = post(&process, &path, "k", &result).await;
        if answer.status == 200 { Ok(answer.expect(200, "paid")) } else { Err(answer.text) }
    })
    .await;
    assert_eq!(calls(&process, "confirm").await, 1);
}

#[tokio::test]
async fn a_conflict_is_not_final() {
    let process = Process::start().await;
    let id = register(&process, "order-1").await;
    let mut other = order("order-1");
    other["amount"] = json!(20_000);
    let refused = post(&process, "/v1/payments", "k", &other).await;
    assert_eq!(refused.expect(409, "order_in_progress")["payment_id"], id);
    let cancel =
        post(&process, &format!("/v1/payments/{id}/cancel"), "c", &json!({ "reason": "another amount" }))
            .await;
    cancel.expect(200, "cancelled");
    let done = post(&process, "/v1/payments", "k", &other).await;
    assert_eq!(done.expect(201, "ready")["amount"], 20_000);
}

#[tokio::test]
async fn a_gateway_that_could_not_be_reached_is_not_final() {
    let process = Process::start().await;
    let id = register(&process, "order-1").await;
    let result = authenticated(&process, &id).await;
    process
        .control(
            "faults",
            &json!([{ "account": "toss", "call": "confirm", "fault": "refuse", "for_ms": 300 }]),
        )
        .await;
    let path = format!("/v1/payments/{id}/confirm");
    let first = post(&process, &path, "k", &result).await;
    assert!(matches!(first.status.as_u16(), 202 | 503), "{}", first.text);
    eventually(async || {
        process.control("clock", &json!({ "advance_s": 2 })).await;
        let answer = post(&process, &path, "k", &result).await;
        if answer.status == 200 { Ok(answer.expect(200, "paid")) } else { Err(answer.text) }
    })
    .await;
    assert_eq!(process.get("/_sandbox/payments").await["toss"][0]["taken"], 15_000);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let process = Process::start().await;
    let mut wrong = order("order-1");
    wrong["amount"] = json!(99);
    post(&process, "/v1/payments", "k", &wrong).await.expect(400, "invalid_parameter");
    post(&process, "/v1/payments", "k", &order("order-1")).await.expect(201, "ready");
}

#[tokio::test]
async fn a_repeated_cancel_gives_back_once() {
    let process = Process::start().await;
    let id = paid(&process, "order-1").await;
    let path = format!("/v1/payments/{id}/cancel");
    let part = json!({ "reason": "one of three returned", "amount": 5_000 });
    let first = post(&process, &path, "k", &part).await;
    first.expect(200, "partially_cancelled");
    for _ in 0..3 {
        let again = post(&process, &path, "k", &part).await;
        assert!(is_replayed(&again));
        assert_eq!(again.json(), first.json());
    }
    // Another key is another intent.
    let second = post(&process, &path, "k2", &part).await;
    assert_eq!(second.expect(200, "partially_cancelled")["amount_cancelled"], 10_000);
    assert_eq!(process.get("/_sandbox/payments").await["toss"][0]["given_back"], 10_000);
    assert_eq!(calls(&process, "cancel").await, 2);
}

#[tokio::test]
async fn cancels_at_once_under_one_key_give_back_once() {
    let process = Process::start().await;
    let id = paid(&process, "order-1").await;
    let path = format!("/v1/payments/{id}/cancel");
    let part = json!({ "reason": "one of three returned", "amount": 5_000 });
    for answer in join_all((0..20).map(|_| post(&process, &path, "k", &part))).await {
        assert!(matches!(answer.status.as_u16(), 200 | 409), "{}", answer.text);
    }
    let payment = process.get(&format!("/v1/payments/{id}")).await;
    assert_eq!(
        (&payment["amount_cancelled"], payment["cancels"].as_array().unwrap().len()),
        (&json!(5_000), 1)
    );
    assert_eq!(process.get("/_sandbox/payments").await["toss"][0]["given_back"], 5_000);
}

#[tokio::test]
async fn a_repeat_after_a_crash_finds_what_was_made() {
    let mut process = Process::start().await;
    let first = post(&process, "/v1/payments", "k", &order("order-1")).await.expect(201, "ready");
    process.crash().await;
    let again = post(&process, "/v1/payments", "k", &order("order-1")).await.expect(201, "ready");
    assert_eq!(again["id"], first["id"]);
    post(&process, "/v1/payments", "k", &order("order-2")).await.expect(422, "idempotency_key_reused");
    assert_eq!(process.get("/v1/payments").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cancel_repeated_after_a_crash_is_the_same_cancel() {
    let mut process = Process::start_with(&[("SERVER__CONFIRM_WAIT", "2s")]).await;
    let id = paid(&process, "order-1").await;
    let path = format!("/v1/payments/{id}/cancel");
    let part = json!({ "reason": "one of three returned", "amount": 5_000 });
    let faults = json!([
        { "account": "toss", "call": "cancel", "fault": "timeout_after", "for_ms": 60_000 },
        { "account": "toss", "call": "webhook", "fault": "drop", "times": 9 },
    ]);
    process.control("faults", &faults).await;
    // It is sent and carried out, and the answer never comes. A look-up may have shown it by now.
    let unanswered = post(&process, &path, "k", &part).await;
    assert!(matches!(unanswered.status.as_u16(), 200 | 202), "{}", unanswered.text);
    eventually(async || match process.get("/_sandbox/payments").await["toss"][0]["given_back"].as_u64() {
        Some(5_000) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    process.crash().await;
    let done = eventually(async || {
        process.control("clock", &json!({ "advance_s": 120 })).await;
        let answer = post(&process, &path, "k", &part).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(answer.text) }
    })
    .await;
    assert_eq!((&done["amount_cancelled"], done["cancels"].as_array().unwrap().len()), (&json!(5_000), 1));
    assert_eq!(process.get("/_sandbox/payments").await["toss"][0]["given_back"], 5_000);
}
