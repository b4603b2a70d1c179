//! `Idempotency-Key`.

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::{Bench, WIDGET_SECRET_KEY, refusal, refused, text};
use crate::{Fault, FaultRule, PayMethod};

async fn cancel_with_key(
    bench: &Bench,
    payment: &Value,
    key: &str,
    body: Value,
) -> (u16, String, Vec<(String, String)>) {
    let path = format!("/v1/payments/{}/cancel", text(payment, "paymentKey"));
    let answer =
        bench.request("POST", &path).header("Idempotency-Key", key).json(&body).send().await.unwrap();
    let headers = answer.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status().as_u16(), answer.text().await.unwrap(), headers)
}

fn part(amount: u64) -> Value {
    json!({ "cancelReason": "변심", "cancelAmount": amount })
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

#[tokio::test]
async fn the_same_key_gets_the_same_bytes_whatever_the_body() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let first = cancel_with_key(&bench, &payment, "k1", part(1_000)).await;
    let second = cancel_with_key(&bench, &payment, "k1", part(9_000)).await;
    assert_eq!((first.0, &first.1), (second.0, &second.1));
    assert_eq!(bench.money("order-0001"), (10_000, 1_000));
    let original = header(&first.2, "x-tosspayments-trace-id");
    assert_eq!(original.len(), 32);
    assert!(header(&second.2, "x-tosspayments-trace-id").ends_with(&format!(", {original}")));
    assert_eq!(header(&first.2, "idempotency-key"), "k1", "echoed from the first use on");
}

#[tokio::test]
async fn a_refusal_is_replayed_even_to_a_better_request() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let too_much = cancel_with_key(&bench, &payment, "k1", part(10_001)).await;
    let fine = cancel_with_key(&bench, &payment, "k1", part(1_000)).await;
    assert_eq!((too_much.0, fine.0), (403, 403));
    assert_eq!(too_much.1, fine.1);
    assert_eq!(cancel_with_key(&bench, &payment, "k2", part(1_000)).await.0, 200);
}

#[tokio::test]
async fn a_refusal_is_replayed_for_fifteen_days() {
    let bench = Bench::start().await;
    let wrong = json!({ "paymentKey": "tunknown", "orderId": "order-0001", "amount": 1_000 });
    let (ok, no) = ("http://localhost/ok", "http://localhost/no");
    let made = |amount: Value| {
        json!({
            "method": "CARD", "amount": amount, "orderId": "order-0001", "orderName": "원두",
            "successUrl": ok, "failUrl": no,
        })
    };
    let confirm = |key: &str| json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000 });
    let send = async |path: &str, body: Value| {
        bench.send(bench.request("POST", path).header("Idempotency-Key", "k1").json(&body)).await
    };
    let first = [send("/v1/payments/confirm", wrong).await, send("/v1/payments", made("1000".into())).await];
    assert_eq!([first[0].0, first[1].0], [404, 400]);
    bench.advance_minutes(15 * 24 * 60 - 1);
    let paid = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    let replayed =
        [send("/v1/payments/confirm", confirm(&paid)).await, send("/v1/payments", made(1_000.into())).await];
    assert_eq!(replayed, first);
    bench.advance_minutes(1);
    assert_eq!(send("/v1/payments", made(1_000.into())).await.0, 200);
    assert_eq!(send("/v1/payments/confirm", confirm(&paid)).await.0, 200);
}

#[tokio::test]
async fn key_is_another_at_another_url_or_secret_key() {
    let mut bench = Bench::start().await;
    let one = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let two = bench.confirmed("order-0002", PayMethod::Card, 10_000).await;
    assert_eq!(cancel_with_key(&bench, &one, "k1", part(1_000)).await.0, 200);
    assert_eq!(cancel_with_key(&bench, &two, "k1", part(2_000)).await.0, 200);
    assert_eq!(bench.money("order-0002"), (10_000, 2_000));
    bench.secret_key = WIDGET_SECRET_KEY.to_owned();
    assert_eq!(cancel_with_key(&bench, &one, "k1", part(1_000)).await.0, 404, "executed, not replayed");
}

#[tokio::test]
async fn a_key_is_forgotten_after_fifteen_days() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    cancel_with_key(&bench, &payment, "k1", part(1_000)).await;
    bench.advance_minutes(15 * 24 * 60 - 1);
    cancel_with_key(&bench, &payment, "k1", part(1_000)).await;
    assert_eq!(bench.money("order-0001"), (10_000, 1_000));
    bench.advance_minutes(1);
    cancel_with_key(&bench, &payment, "k1", part(1_000)).await;
    assert_eq!(bench.money("order-0001"), (10_000, 2_000));
}

#[tokio::test]
async fn a_key_that_is_still_running_is_a_conflict() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let later = FaultRule { status: Some(500), ..FaultRule::new("cancel", Fault::ExecutesLater) };
    bench.control.add_faults(vec![later]).await.unwrap();
    assert_eq!(cancel_with_key(&bench, &payment, "k1", part(1_000)).await.0, 500);
    let (status, body, _) = cancel_with_key(&bench, &payment, "k1", part(1_000)).await;
    let running = (status, serde_json::from_str(&body).unwrap());
    assert_eq!(refusal(running), refused(409, "IDEMPOTENT_REQUEST_PROCESSING"));
    assert_eq!(bench.money("order-0001"), (10_000, 0));
    bench.control.advance(Duration::from_secs(5));
    let done = super::faults::wait_until(|| bench.money("order-0001") == (10_000, 1_000)).await;
    assert!(done, "{:?}", bench.money("order-0001"));
    assert_eq!(cancel_with_key(&bench, &payment, "k1", part(1_000)).await.0, 200);
    assert_eq!(bench.money("order-0001"), (10_000, 1_000));
}

#[tokio::test]
async fn a_key_is_at_most_300_characters_and_nothing_to_a_look_up() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let (status, body, _) = cancel_with_key(&bench, &payment, &"k".repeat(301), part(1_000)).await;
    assert_eq!(
        refusal((status, serde_json::from_str(&body).unwrap())),
        refused(400, "INVALID_IDEMPOTENCY_KEY")
    );
    assert_eq!(cancel_with_key(&bench, &payment, &"k".repeat(300), part(1_000)).await.0, 200);
    let path = "/v1/payments/orders/order-0001";
    let before = bench.send(bench.request("GET", path).header("Idempotency-Key", "g1")).await.1;
    cancel_with_key(&bench, &payment, "k3", part(1_000)).await;
    let after = bench.send(bench.request("GET", path).header("Idempotency-Key", "g1")).await.1;
    assert_eq!((&before["balanceAmount"], &after["balanceAmount"]), (&json!(9_000), &json!(8_000)));
}
