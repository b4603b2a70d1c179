//! Instant discounts of card companies.

use serde_json::{Value, json};

use super::bench::{Bench, failure, imp_uid, success};
use crate::{ActionOptions, ControlErrorCode, PayMethod, PayOutcome, PayRequest};

fn off(discount: u64) -> ActionOptions {
    ActionOptions { discount: Some(discount), ..ActionOptions::default() }
}

#[tokio::test]
async fn a_discount_is_shown_beside_the_whole_amount() {
    let bench = Bench::start().await;
    let request = PayRequest::new("order-1", PayOutcome::Approve, 10_000);
    let row = bench.payment(&imp_uid(&bench.control.with(off(3_000)).pay(&request).unwrap())).await;
    assert_eq!((&row["amount"], &row["promotion"]["discount"]), (&json!(10_000), &json!(3_000)));
    let id = row["promotion"]["id"].as_str().unwrap();
    assert!(id.starts_with("promotion-id-") && id.len() == 49, "{id}");
    assert_eq!(bench.control.payments()[0]["taken"], 10_000);

    let sdk = json!({ "promotion_id": "promotion-id-1" }).as_object().unwrap().clone();
    let request = PayRequest { sdk, ..PayRequest::new("order-2", PayOutcome::Approve, 10_000) };
    let row = bench.payment(&imp_uid(&bench.control.with(off(3_000)).pay(&request).unwrap())).await;
    assert_eq!(row["promotion"], json!({ "discount": 3_000, "id": "promotion-id-1" }));
    assert_eq!(bench.payment(&bench.paid("order-3", 1_000)).await["promotion"], Value::Null);
}

#[tokio::test]
async fn cancels_are_of_the_whole_amount() {
    let bench = Bench::start().await;
    let request = PayRequest::new("order-1", PayOutcome::Approve, 10_000);
    let imp_uid = imp_uid(&bench.control.with(off(3_000)).pay(&request).unwrap());
    let net = json!({ "imp_uid": imp_uid, "amount": 1_000, "checksum": 7_000 });
    assert_eq!(failure(&bench.post("/payments/cancel", net).await).1, 1, "the balance is gross");
    let part = json!({ "imp_uid": imp_uid, "amount": 8_000, "checksum": 10_000, "retain_promotion": true });
    let row = success(bench.post("/payments/cancel", part).await);
    assert_eq!((&row["status"], &row["cancel_amount"]), (&json!("paid"), &json!(8_000)));
    let row = success(bench.post("/payments/cancel", json!({ "imp_uid": imp_uid, "checksum": 2_000 })).await);
    assert_eq!((&row["status"], &row["cancel_amount"]), (&json!("cancelled"), &json!(10_000)));
    assert_eq!(row["promotion"]["discount"], 3_000);
}

#[tokio::test]
async fn a_discount_that_cannot_be_leaves_no_row() {
    let bench = Bench::start().await;
    let wrong = ControlErrorCode::InvalidRequest;
    for (outcome, method, discount, code) in [
        (PayOutcome::Approve, PayMethod::Card, 0, wrong),
        (PayOutcome::Approve, PayMethod::Card, 1_000, wrong),
        (PayOutcome::Decline, PayMethod::Card, 100, wrong),
        (PayOutcome::Approve, PayMethod::EasyPay, 100, ControlErrorCode::Unsupported),
        (PayOutcome::Approve, PayMethod::VirtualAccount, 100, ControlErrorCode::Unsupported),
    ] {
        let request = PayRequest { method: Some(method), ..PayRequest::new("order-1", outcome, 1_000) };
        let refused = bench.control.with(off(discount)).pay(&request).unwrap_err();
        assert_eq!(refused.code, code, "{outcome:?} {method:?} {discount}");
    }
    assert!(bench.control.payments().is_empty());
}
