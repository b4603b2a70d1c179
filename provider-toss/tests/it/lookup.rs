//! `GET /v1/payments/{paymentKey}` and `GET /v1/payments/orders/{orderId}`.

use paymux_core::{
    model::PgStatus,
    provider::{ChargeRef, LookUp, PaymentProvider},
};
use serde_json::{Value, json};

use crate::stub::{ACCOUNT_KEY, CARD_KEY, Reply, Stub, account, card, order_id};

const NONE: &str = r#"{"code": "NOT_FOUND_PAYMENT", "message": "존재하지 않는 결제 정보 입니다."}"#;

pub(crate) fn subject(key: Option<&str>) -> ChargeRef {
    ChargeRef { order_id: order_id(), pg_payment_id: key.map(|key| key.parse().unwrap()) }
}

/// An approved card payment of another order than ours.
fn foreign() -> String {
    let mut foreign: Value = serde_json::from_str(&card()).unwrap();
    foreign["orderId"] = json!("ORD-20260314-8F21C0");
    foreign.to_string()
}

#[tokio::test]
async fn known_payment_is_looked_up_by_its_key() {
    let stub = Stub::replying([Reply::Json(200, card())]).await;
    let found = stub.toss().verify(&subject(Some(CARD_KEY))).await.unwrap();
    assert!(found.complete);
    assert_eq!(found.charges.iter().map(|charge| charge.status).collect::<Vec<_>>(), [PgStatus::Paid]);
    let sent = stub.only();
    assert_eq!(sent.line, "GET /v1/payments/tshop20260314103015Qe7Rd");
    assert_eq!(sent.header("authorization"), Some("Basic dGVzdF9za19jYW5hcnk6"));
    assert_eq!((sent.header("idempotency-key"), sent.header("accept-language")), (None, None));
    assert_eq!(sent.body, "");
}

#[tokio::test]
async fn unknown_payment_is_looked_up_by_its_order() {
    let stub = Stub::replying([Reply::Json(200, card())]).await;
    let found = stub.toss().verify(&subject(None)).await.unwrap();
    assert!(!found.complete, "Toss shows one payment of an order, and there may be others");
    assert_eq!(found.charges[0].pg_payment_id.as_str(), CARD_KEY);
    assert_eq!(stub.only().line, format!("GET /v1/payments/orders/{}", order_id()));
}

#[tokio::test]
async fn base_address_may_have_a_path() {
    let stub = Stub::replying([Reply::Json(200, card())]).await;
    let toss = stub.toss_with(|config| config.base_url.push_str("/toss/"));
    toss.verify(&subject(Some(CARD_KEY))).await.unwrap();
    assert_eq!(stub.only().line, format!("GET /toss/v1/payments/{CARD_KEY}"));
}

#[tokio::test]
async fn not_found_by_key_is_complete_and_by_order_never() {
    let stub = Stub::replying([Reply::Json(404, NONE.to_owned()), Reply::Json(404, NONE.to_owned())]).await;
    let toss = stub.toss();
    let by_key = toss.verify(&subject(Some(CARD_KEY))).await.unwrap();
    assert_eq!(by_key, LookUp { charges: Vec::new(), complete: true });
    let by_order = toss.verify(&subject(None)).await.unwrap();
    assert_eq!(by_order, LookUp { charges: Vec::new(), complete: false });
}

#[tokio::test]
async fn other_errors_of_a_look_up_say_nothing() {
    let stub = Stub::replying([
        Reply::Json(404, r#"{"code": "NOT_FOUND", "message": "x"}"#.to_owned()),
        Reply::Json(404, "<html>".to_owned()),
        Reply::Json(403, r#"{"code": "REJECT_CARD_COMPANY", "message": "x"}"#.to_owned()),
    ])
    .await;
    let toss = stub.toss();
    for name in ["misconfigured", "unanswered", "unknown"] {
        assert_eq!(toss.verify(&subject(None)).await.unwrap_err().name(), name);
    }
}

#[tokio::test]
async fn answer_about_another_payment_is_unknown() {
    let stub = Stub::replying([Reply::Json(200, account()), Reply::Json(200, foreign())]).await;
    let toss = stub.toss();
    let error = toss.verify(&subject(Some(CARD_KEY))).await.unwrap_err();
    assert_eq!(error.detail(), "the answer's paymentKey is not the one that was asked about");
    let error = toss.verify(&subject(None)).await.unwrap_err();
    assert_eq!(error.detail(), "the answer's orderId is not the one that was asked about");
}

#[tokio::test]
async fn claimed_key_of_another_order_is_shown() {
    let stub = Stub::replying([Reply::Json(200, foreign())]).await;
    let found = stub.toss().verify(&subject(Some(CARD_KEY))).await.unwrap();
    assert_eq!(found.charges[0].order_id, "ORD-20260314-8F21C0");
}

#[tokio::test]
async fn looked_up_account_shows_no_secret() {
    let stub = Stub::replying([Reply::Json(200, account())]).await;
    let found = stub.toss().verify(&subject(Some(ACCOUNT_KEY))).await.unwrap();
    assert!(!format!("{found:?}").contains("ps_K3vZp8QmR1xTn6WdYb2LcHf7Jg9S"));
}
