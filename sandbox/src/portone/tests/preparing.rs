//! `/payments/prepare`, and the windows it keeps shut.

use serde_json::{Value, json};

use super::bench::{Bench, failure, success};
use crate::{PayOutcome, PayRequest};

#[tokio::test]
async fn a_registration_is_made_once_read_and_changed() {
    let bench = Bench::start().await;
    let order = json!({ "merchant_uid": "order-1", "amount": 1_000 });
    assert_eq!(bench.put("/payments/prepare", order.clone()).await.0, 404, "not registered yet");
    assert_eq!(bench.get("/payments/prepare/order-1").await.0, 404);

    let shown = json!({ "amount": 1_000, "currency": null, "merchant_uid": "order-1" });
    assert_eq!(success(bench.post("/payments/prepare", order.clone()).await), shown);
    let again = bench.post("/payments/prepare", order).await;
    let message = "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다).";
    assert_eq!(failure(&again), (200, 1, message));

    let change = json!({ "merchant_uid": "order-1", "amount": 2_000, "currency": "KRW" });
    let shown = json!({ "amount": 2_000, "currency": "KRW", "merchant_uid": "order-1" });
    assert_eq!(success(bench.put("/payments/prepare", change).await), shown);
    assert_eq!(success(bench.get("/payments/prepare/order-1").await), shown);

    let long = json!({ "merchant_uid": "x".repeat(41), "amount": 1_000 });
    assert_eq!(bench.post("/payments/prepare", long).await.0, 400);
}

#[tokio::test]
async fn window_does_not_open_for_another_amount() {
    let bench = Bench::start().await;
    bench.post("/payments/prepare", json!({ "merchant_uid": "order-1", "amount": 10_000 })).await;

    let tampered = PayRequest::new("order-1", PayOutcome::Approve, 100);
    let refused = bench.control.pay(&tampered).unwrap().browser_result;
    assert_eq!(refused["imp_uid"], Value::Null);
    assert!(refused["error_code"].is_string(), "{refused:?}");
    assert_eq!(bench.control.payments(), [] as [Value; 0], "no row comes of it");

    let bypassing = PayRequest { bypass_prepare: true, ..tampered };
    let imp_uid = super::bench::imp_uid(&bench.control.pay(&bypassing).unwrap());
    let payment = bench.payment(&imp_uid).await;
    assert_eq!((&payment["status"], &payment["amount"]), (&json!("paid"), &json!(100)));
}

#[tokio::test]
async fn the_registered_amount_is_what_a_window_asks_for_by_itself() {
    let bench = Bench::start().await;
    let request = PayRequest { amount: None, ..PayRequest::new("order-1", PayOutcome::Approve, 0) };
    assert!(bench.control.pay(&request).is_err(), "nothing is registered");
    bench.post("/payments/prepare", json!({ "merchant_uid": "order-1", "amount": 10_000 })).await;
    let imp_uid = super::bench::imp_uid(&bench.control.pay(&request).unwrap());
    assert_eq!(bench.payment(&imp_uid).await["amount"], 10_000);
}
