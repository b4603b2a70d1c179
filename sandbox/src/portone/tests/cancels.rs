//! `POST /payments/cancel`.

use serde_json::{Value, json};

use super::super::PortoneConfig;
use super::bench::{Bench, START, failure, imp_uid, success};
use crate::PayOutcome;

const ALREADY: (u16, i64, &str) = (200, 1, "이미 전액취소된 주문입니다.");
const NOTHING: (u16, i64, &str) = (200, 1, "취소할 결제건이 존재하지 않습니다.");

#[tokio::test]
async fn a_partial_cancel_keeps_the_payment_paid() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 10_000);
    bench.advance(60);
    let part = json!({ "imp_uid": imp_uid, "amount": 3_000, "checksum": 10_000, "reason": "변심" });
    let payment = success(bench.post("/payments/cancel", part).await);
    assert_eq!(payment["status"], "paid");
    assert_eq!((&payment["amount"], &payment["cancel_amount"]), (&json!(10_000), &json!(3_000)));
    assert_eq!((&payment["cancel_reason"], &payment["cancelled_at"]), (&json!("변심"), &json!(START + 60)));
    let history = payment["cancel_history"].as_array().unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!((&history[0]["amount"], &history[0]["reason"]), (&json!(3_000), &json!("변심")));
    for key in ["cancellation_id", "pg_tid", "receipt_url"] {
        assert!(history[0][key].is_string(), "{key}");
    }

    let rest = success(bench.post("/payments/cancel", json!({ "imp_uid": imp_uid })).await);
    assert_eq!((&rest["status"], &rest["cancel_amount"]), (&json!("cancelled"), &json!(10_000)));
    let history = rest["cancel_history"].as_array().unwrap();
    assert_eq!(history[1]["amount"], 7_000, "a missing amount is all that is left");
    assert_ne!(history[0]["cancellation_id"], history[1]["cancellation_id"]);
}

#[tokio::test]
async fn amount_zero_means_all_that_is_left_in_json_and_in_a_form() {
    let bench = Bench::start().await;
    let first = bench.paid("order-1", 10_000);
    let whole = success(bench.post("/payments/cancel", json!({ "imp_uid": first, "amount": 0 })).await);
    assert_eq!((&whole["status"], &whole["cancel_amount"]), (&json!("cancelled"), &json!(10_000)));

    bench.paid("order-2", 10_000);
    let form = [("merchant_uid", "order-2"), ("amount", "0"), ("extra[requester]", "customer")];
    let request = bench.request("POST", "/payments/cancel").bearer_auth(&bench.token).form(&form);
    assert_eq!(success(bench.send(request).await)["status"], "cancelled");
}

#[tokio::test]
async fn a_cancel_names_a_payment_and_imp_uid_wins() {
    let bench = Bench::start().await;
    let first = bench.paid("order-1", 1_000);
    let second = bench.paid("order-2", 1_000);
    let both = json!({ "imp_uid": first, "merchant_uid": "order-2" });
    assert_eq!(success(bench.post("/payments/cancel", both).await)["imp_uid"], first.as_str());

    let wrong = json!({ "imp_uid": "imp_none", "merchant_uid": "order-2" });
    assert_eq!(failure(&bench.post("/payments/cancel", wrong).await), NOTHING);
    assert_eq!(failure(&bench.post("/payments/cancel", json!({ "merchant_uid": "order-3" })).await), NOTHING);
    assert_eq!(failure(&bench.post("/payments/cancel", json!({})).await), NOTHING);
    assert_eq!(bench.payment(&second).await["cancel_amount"], 0);
}

#[tokio::test]
async fn what_a_cancel_must_not_do_is_refused_under_200() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 10_000);
    let cancel = async |body: Value| {
        let mut whole = json!({ "imp_uid": imp_uid });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        bench.post("/payments/cancel", whole).await
    };
    for refused in [
        json!({ "amount": 10_001 }),
        json!({ "amount": 3_000, "checksum": 9_999 }),
        json!({ "checksum": 0 }),
        json!({ "amount": 3_000, "tax_free": 3_001 }),
    ] {
        let reply = cancel(refused.clone()).await;
        assert_eq!((failure(&reply).0, failure(&reply).1), (200, 1), "{refused}");
    }
    for unreadable in [
        json!({ "amount": "3000" }),
        json!({ "amount": 0.5 }),
        json!({ "amout": 3_000 }),
        json!({ "extra": { "requester": "operator" } }),
    ] {
        assert_eq!(failure(&cancel(unreadable.clone()).await).0, 400, "{unreadable}");
    }
    assert_eq!(bench.payment(&imp_uid).await["cancel_amount"], 0);

    success(cancel(json!({})).await);
    assert_eq!(failure(&cancel(json!({})).await), ALREADY);
    assert_eq!(failure(&cancel(json!({ "amount": 1 })).await), ALREADY);
}

#[tokio::test]
async fn only_a_payment_that_took_money_can_be_cancelled() {
    let bench = Bench::start().await;
    for outcome in [PayOutcome::Close, PayOutcome::Decline] {
        let imp_uid = imp_uid(&bench.visit("order-1", outcome, 10_000));
        let reply = bench.post("/payments/cancel", json!({ "imp_uid": imp_uid })).await;
        assert_eq!((failure(&reply).0, failure(&reply).1), (200, 1), "{outcome:?}");
        assert_eq!(bench.payment(&imp_uid).await["cancel_amount"], 0, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_repeated_partial_cancel_is_stopped_by_its_checksum_alone() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 10_000);
    let guarded = json!({ "imp_uid": imp_uid, "amount": 3_000, "checksum": 10_000 });
    success(bench.post("/payments/cancel", guarded.clone()).await);
    assert_eq!(failure(&bench.post("/payments/cancel", guarded).await).0, 200);
    assert_eq!(bench.payment(&imp_uid).await["cancel_amount"], 3_000);

    let unguarded = json!({ "imp_uid": imp_uid, "amount": 3_000 });
    success(bench.post("/payments/cancel", unguarded.clone()).await);
    success(bench.post("/payments/cancel", unguarded).await);
    assert_eq!(bench.payment(&imp_uid).await["cancel_amount"], 9_000);
}

#[tokio::test]
async fn a_permissive_portone_shows_doubled_money() {
    let bench = Bench::with(PortoneConfig { permissive: true, ..PortoneConfig::default() }).await;
    let imp_uid = bench.paid("order-1", 10_000);
    let whole = json!({ "imp_uid": imp_uid, "checksum": 10_000 });
    success(bench.post("/payments/cancel", whole.clone()).await);
    let twice = success(bench.post("/payments/cancel", whole).await);
    assert_eq!((&twice["status"], &twice["cancel_amount"]), (&json!("cancelled"), &json!(20_000)));

    bench.paid("order-2", 10_000);
    bench.paid("order-2", 10_000);
    let of_order = |row: &&Value| row["order_id"] == "order-2";
    let taken: u64 =
        bench.control.payments().iter().filter(of_order).map(|row| row["taken"].as_u64().unwrap()).sum();
    assert_eq!(taken, 20_000, "a second window opens for a paid order");
}
