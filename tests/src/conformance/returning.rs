//! What the browser brings back.

use paymux_core::{
    model::{FailureReason, Method},
    provider::ClaimOutcome,
};
use paymux_sandbox::PayOutcome;
use serde_json::{Value, json};

use super::{
    bench::{Bench, failure_of},
    requests::{order, payment_request},
};

pub async fn success_names_the_payment_and_its_order<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let claim = bench.visit(&payment_request(&order, Method::Card), PayOutcome::Approve).await;
    assert_eq!(claim.order_id.as_deref(), Some(order.as_str()));
    let confirms = matches!(claim.outcome, ClaimOutcome::Confirm(_));
    assert_eq!((confirms, failure_of(&claim)), (B::CALLS.confirm.is_some(), None));
    let rows = bench.control().payments();
    assert_eq!(claim.pg_payment_id.unwrap().as_str(), rows[0]["pg_id"].as_str().unwrap());
}

pub async fn decline_in_the_window_says_why<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let claim = bench.visit(&payment_request(&order, Method::Card), PayOutcome::Decline).await;
    let failure = failure_of(&claim).unwrap();
    assert_eq!(failure.reason, FailureReason::IssuerDeclined);
    assert_eq!(failure.pg.as_ref().unwrap().code, B::WINDOW_DECLINE);
    assert!(claim.order_id.is_none_or(|named| named == order.as_str()));
    assert_eq!(bench.money(&order), (0, 0));
}

pub async fn closed_window_is_a_buyer_who_closed_it<B: Bench>() {
    let bench = B::start().await;
    let claim = bench.visit(&payment_request(&order(1), Method::Card), PayOutcome::Close).await;
    assert_eq!(failure_of(&claim).unwrap().reason, FailureReason::BuyerClosed);
}

pub async fn the_same_result_is_always_the_same_claim<B: Bench>() {
    let bench = B::start().await;
    let request = payment_request(&order(1), Method::Card);
    let window = bench.window(&request, PayOutcome::Approve).await;
    let result = Value::Object(bench.control().pay(&window).unwrap().browser_result);
    let before = bench.control().calls().len();
    let first = bench.provider().read_return(&result).unwrap();
    assert_eq!(bench.newcomer().read_return(&result).unwrap(), first);
    assert_eq!(bench.control().calls().len(), before, "nobody is asked");
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
