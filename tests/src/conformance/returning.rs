//! What the browser brings back.

use gateway_core::{FailureReason, Method};
use sandbox::PayOutcome;
use serde_json::{Value, json};

use super::bench::{Bench, order, payment_request};

pub async fn a_success_names_the_payment_and_its_order<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let claim = bench.visit(&payment_request(&order, Method::Card), PayOutcome::Approve).await;
    assert_eq!((claim.pg_order_id.as_deref(), claim.failure), (Some(order.as_str()), None));
    let rows = bench.control().payments();
    assert_eq!(claim.pg_id.unwrap().as_str(), rows[0]["pg_id"].as_str().unwrap());
}

pub async fn a_decline_in_the_window_says_why<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let claim = bench.visit(&payment_request(&order, Method::Card), PayOutcome::Decline).await;
    let failure = claim.failure.unwrap();
    assert_eq!(failure.reason, FailureReason::IssuerDeclined);
    assert_eq!(failure.pg.unwrap().code, B::WINDOW_DECLINE);
    assert!(claim.pg_order_id.is_none_or(|named| named == order.as_str()));
    assert_eq!(bench.money(&order), (0, 0));
}

pub async fn a_closed_window_is_told_as_closed<B: Bench>() {
    let bench = B::start().await;
    let claim = bench.visit(&payment_request(&order(1), Method::Card), PayOutcome::Close).await;
    assert_eq!(claim.failure.unwrap().reason, FailureReason::BuyerClosed);
}

pub async fn anything_else_is_no_browser_result<B: Bench>() {
    let bench = B::start().await;
    let deep = (0..100).fold(json!({}), |inner, _| json!({ "paymentKey": inner, "imp_uid": [] }));
    let garbage = [
        Value::Null,
        json!(true),
        json!(7),
        json!("paymentKey=1"),
        json!([]),
        json!([{ "paymentKey": "k" }]),
        json!({}),
        json!({ "status": "paid", "amount": 1 }),
        json!({ "paymentKey": 7, "orderId": 8, "imp_uid": 9, "merchant_uid": 10 }),
        json!({ "paymentKey": "../../cancel", "orderId": "o-1", "imp_uid": "../cancel" }),
        json!({ "paymentKey": "", "orderId": "", "imp_uid": "", "merchant_uid": "" }),
        json!({ "paymentKey": "k".repeat(100_000), "imp_uid": "imp_".repeat(100_000), "orderId": "o" }),
        deep,
    ];
    for result in garbage {
        let shown: String = result.to_string().chars().take(100).collect();
        assert!(bench.provider().read_return(&result).is_err(), "{shown}");
    }
    assert!(bench.control().calls().is_empty(), "nobody is asked");
}
