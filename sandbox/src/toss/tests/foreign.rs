//! Rows of another system in the list of transactions.

use serde_json::{Value, json};

use super::bench::{Bench, WIDGET_CLIENT_KEY, text};
use crate::{ControlErrorCode, ForeignPayment, PayMethod};

const ALL_DAY: &str = "/v1/transactions?startDate=2026-03-14&endDate=2026-03-15";

fn foreign(fields: Value) -> ForeignPayment {
    serde_json::from_value(fields).unwrap()
}

fn enter(bench: &Bench, fields: Value) -> Value {
    bench.control.add_foreign_payment(&foreign(fields)).unwrap()
}

#[tokio::test]
async fn a_plain_foreign_payment_looks_like_any_other() {
    let bench = Bench::start().await;
    let row = enter(&bench, json!({}));
    assert_eq!(bench.get(ALL_DAY).await.1, json!([row]));
    assert_eq!(
        (&row["status"], &row["amount"], &row["method"]),
        (&json!("DONE"), &json!(10_000), &json!("카드"))
    );
    let (_, payment) = bench.get(&format!("/v1/payments/orders/{}", text(&row, "orderId"))).await;
    assert_eq!(
        (&payment["paymentKey"], &payment["lastTransactionKey"]),
        (&row["paymentKey"], &row["transactionKey"])
    );
    let books = bench.control.payments();
    assert_eq!((&books[0]["foreign"], &books[0]["taken"]), (&json!(true), &json!(10_000)));
    bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    let own = bench.control.payments().into_iter().find(|row| row["order_id"] == "order-0001").unwrap();
    assert_eq!(own["foreign"], false);
    let later = enter(&bench, json!({}));
    let (_, rows) = bench.get(ALL_DAY).await;
    assert_eq!((&rows[0], &rows[2]), (&row, &later), "of one instant in the order they came");
    bench.control.reset();
    assert_eq!(bench.get(ALL_DAY).await.1, json!([]));
}

#[tokio::test]
async fn a_row_shows_what_is_laid_over_it_and_lacks_what_is_left_out() {
    let bench = Bench::start().await;
    let fields = json!({
        "orderId": 17, "currency": null, "amount": "10,000", "transactionAt": "yesterday", "status": "SETTLED",
        "surprise": [1], "_absent": ["mId", "paymentKey"],
    });
    let url = "/_sandbox/foreign-payments";
    let (status, row) = bench.send(bench.request("POST", url).json(&fields)).await;
    assert_eq!(status, 200);
    for name in ["orderId", "currency", "amount", "transactionAt", "status", "surprise"] {
        assert_eq!(row[name], fields[name], "{name}");
    }
    assert!(row.get("mId").is_none() && row.get("paymentKey").is_none() && row.get("_absent").is_none());
    assert_eq!(row["useEscrow"], false);
    assert_eq!(bench.get(ALL_DAY).await.1, json!([row]), "listed now, as its own time says nothing");
    let books = bench.control.payments();
    assert_eq!((&books[0]["amount"], &books[0]["status"]), (&json!(10_000), &json!("DONE")));
}

#[tokio::test]
async fn readable_fields_decide_where_a_row_is_found() {
    let bench = Bench::start().await;
    let row = enter(
        &bench,
        json!({
            "transactionAt": "2026-03-13T09:00:00+09:00", "transactionKey": "txrd_foreign", "orderId": "order-0001",
            "paymentKey": "foreign-key", "amount": 500,
        }),
    );
    bench.confirmed("order-0002", PayMethod::Card, 1_000).await;
    assert_eq!(bench.get(ALL_DAY).await.1.as_array().unwrap().len(), 1);
    let two_days = "/v1/transactions?startDate=2026-03-13&endDate=2026-03-15";
    assert_eq!(bench.get(two_days).await.1[0], row);
    let rest = bench.get(&format!("{two_days}&startingAfter=txrd_foreign")).await.1;
    assert_eq!((rest.as_array().unwrap().len(), &rest[0]["orderId"]), (1, &json!("order-0002")));
    let (_, payment) = bench.get("/v1/payments/foreign-key").await;
    assert_eq!((&payment["orderId"], &payment["totalAmount"]), (&json!("order-0001"), &json!(500)));
    bench.cancel(&payment, json!({ "cancelReason": "변심" })).await;
    assert_eq!(bench.money("order-0001"), (500, 500), "a cancel of it shows in the books");
}

#[tokio::test]
async fn a_foreign_payment_may_be_of_another_key_pair() {
    let bench = Bench::start().await;
    let client_key = Some(WIDGET_CLIENT_KEY.to_owned());
    bench.control.add_foreign_payment(&ForeignPayment { client_key, ..ForeignPayment::default() }).unwrap();
    assert_eq!(bench.get(ALL_DAY).await.1, json!([]));
    assert_eq!(bench.control.payments()[0]["client_key"], WIDGET_CLIENT_KEY);
}

#[tokio::test]
async fn names_that_do_not_exist_and_taken_keys_are_refused() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    for (fields, code) in [
        (json!({ "_absnt": ["mId"] }), ControlErrorCode::InvalidRequest),
        (json!({ "_absent": ["imp_uid"] }), ControlErrorCode::InvalidRequest),
        (json!({ "_client_key": "test_ck_unknown" }), ControlErrorCode::InvalidRequest),
        (json!({ "paymentKey": payment["paymentKey"] }), ControlErrorCode::InvalidState),
    ] {
        let refused = bench.control.add_foreign_payment(&foreign(fields.clone())).unwrap_err();
        assert_eq!(refused.code, code, "{fields}");
    }
    assert_eq!(bench.control.payments().len(), 1);
}
