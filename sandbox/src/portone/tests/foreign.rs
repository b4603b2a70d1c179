//! Rows of another system in the lists.

use serde_json::{Value, json};

use super::bench::{Bench, START, failure, success};
use crate::{ControlErrorCode, ForeignPayment, PayOutcome};

fn foreign(fields: Value) -> ForeignPayment {
    serde_json::from_value(fields).unwrap()
}

fn enter(bench: &Bench, fields: Value) -> Value {
    bench.control.add_foreign_payment(&foreign(fields)).unwrap()
}

async fn list(bench: &Bench, query: &str) -> Value {
    success(bench.get(&format!("/payments/status/{query}")).await)["list"].clone()
}

#[tokio::test]
async fn a_plain_foreign_payment_looks_like_any_other() {
    let bench = Bench::start().await;
    let row = enter(&bench, json!({}));
    assert_eq!(
        (&row["status"], &row["amount"], &row["paid_at"]),
        (&json!("paid"), &json!(10_000), &json!(START))
    );
    assert_eq!(list(&bench, "paid").await, json!([row]));
    assert_eq!(bench.payment(row["imp_uid"].as_str().unwrap()).await, row);
    let order = row["merchant_uid"].as_str().unwrap();
    assert_eq!(success(bench.get(&format!("/payments/find/{order}")).await), row);

    bench.paid("order-1", 1_000);
    let books = bench.control.payments();
    assert_eq!((&books[0]["foreign"], &books[1]["foreign"]), (&json!(true), &json!(false)));
    bench.control.reset();
    assert!(bench.control.payments().is_empty());
}

#[tokio::test]
async fn a_row_shows_what_is_laid_over_it_and_lacks_what_is_left_out() {
    let bench = Bench::start().await;
    let own = bench.paid("order-1", 1_000);
    let fields = json!({
        "merchant_uid": 17, "currency": null, "paid_at": "2026-03-01 10:14:50", "amount": "10,000", "status": "settled",
        "surprise": {}, "_absent": ["cancel_amount", "imp_uid"],
    });
    let (status, row) = bench.send(bench.request("POST", "/_sandbox/foreign-payments").json(&fields)).await;
    assert_eq!(status, 200);
    for name in ["merchant_uid", "currency", "paid_at", "amount", "status", "surprise"] {
        assert_eq!(row[name], fields[name], "{name}");
    }
    for name in ["cancel_amount", "imp_uid", "_absent"] {
        assert!(row.get(name).is_none(), "{name}");
    }
    for query in ["paid", "all", "paid?sorting=-updated"] {
        let page = list(&bench, query).await;
        assert_eq!((&page[0], &page[1]["imp_uid"]), (&row, &json!(own)), "{query}");
    }
    let nulled = enter(&bench, json!({ "merchant_uid": null, "pay_method": null, "currency": "XTS" }));
    assert_eq!(list(&bench, "paid").await[0], nulled);
    assert!(
        bench.control.payments().iter().all(|row| row["order_id"].is_string() && row["pg_id"].is_string())
    );
}

#[tokio::test]
async fn readable_fields_decide_where_a_row_is_found() {
    let bench = Bench::start().await;
    let fields = json!({
        "imp_uid": "imp_foreign", "merchant_uid": "order-1", "amount": 500, "started_at": START - 60,
        "paid_at": START - 50, "custom_data": 3,
    });
    let row = enter(&bench, fields);
    assert_eq!(row["custom_data"], 3);
    let window = |from: u64, to: u64| format!("paid?from={from}&to={to}");
    assert_eq!(list(&bench, &window(START - 50, START - 50)).await, json!([row]));
    assert_eq!(list(&bench, &window(START - 49, START)).await, json!([]));
    assert_eq!(bench.payment("imp_foreign").await, row);
    let refused = bench.visit("order-1", PayOutcome::Approve, 500);
    assert_eq!(refused.browser_result["error_code"], "F1002", "the order is paid");

    let cancelled = success(bench.post("/payments/cancel", json!({ "imp_uid": "imp_foreign" })).await);
    assert_eq!((&cancelled["status"], &cancelled["custom_data"]), (&json!("cancelled"), &json!(3)));
    assert_eq!(bench.control.payments()[0]["given_back"], 500, "a cancel of it shows in the books");

    let old = json!({ "status": "cancelled", "cancelled_at": START - 10, "cancel_amount": 10_000 });
    let old = enter(&bench, old);
    assert_eq!(list(&bench, &format!("cancelled?to={}", START - 10)).await, json!([old]));
}

#[tokio::test]
async fn names_that_do_not_exist_and_taken_ids_are_refused() {
    let bench = Bench::start().await;
    let taken = bench.paid("order-1", 1_000);
    for (fields, code) in [
        (json!({ "_absnt": ["imp_uid"] }), ControlErrorCode::InvalidRequest),
        (json!({ "_absent": ["paymentKey"] }), ControlErrorCode::InvalidRequest),
        (json!({ "_client_key": "imp99999999" }), ControlErrorCode::InvalidRequest),
        (json!({ "imp_uid": taken }), ControlErrorCode::InvalidState),
    ] {
        let refused = bench.control.add_foreign_payment(&foreign(fields.clone())).unwrap_err();
        assert_eq!(refused.code, code, "{fields}");
    }
    assert_eq!(bench.control.payments().len(), 1);
    assert_eq!(failure(&bench.get("/payments/find/foreign").await).0, 404);
}
