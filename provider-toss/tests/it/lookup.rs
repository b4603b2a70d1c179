//! `GET /v1/payments/{paymentKey}` and `GET /v1/payments/orders/{orderId}`.

use gateway_core::{PaymentProvider, PaymentRef, PgStatus};

use crate::stub::{CARD, Reply, Stub, order_id};

pub(crate) fn subject(key: Option<&str>) -> PaymentRef {
    PaymentRef { pg_order_id: order_id(), pg_id: key.map(|key| key.parse().unwrap()), state: None }
}

#[tokio::test]
async fn a_known_payment_is_looked_up_by_its_key() {
    let stub = Stub::replying([Reply::Json(200, CARD.to_owned())]).await;
    let found = stub.toss().verify(&subject(Some("tshop20260314103015Qe7Rd"))).await.unwrap();
    assert_eq!(found.iter().map(|snapshot| snapshot.status).collect::<Vec<_>>(), [PgStatus::Paid]);
    let sent = stub.only();
    assert_eq!(sent.line, "GET /v1/payments/tshop20260314103015Qe7Rd");
    assert_eq!(sent.header("authorization"), Some("Basic dGVzdF9za19jYW5hcnk6"));
    assert_eq!((sent.header("idempotency-key"), sent.header("accept-language")), (None, None));
    assert_eq!(sent.body, "");
}

#[tokio::test]
async fn an_unknown_payment_is_looked_up_by_its_order() {
    let stub = Stub::replying([Reply::Json(200, CARD.to_owned())]).await;
    stub.toss().verify(&subject(None)).await.unwrap();
    assert_eq!(stub.only().line, format!("GET /v1/payments/orders/{}", order_id()));
}

#[tokio::test]
async fn a_base_address_may_have_a_path() {
    let stub = Stub::replying([Reply::Json(200, CARD.to_owned())]).await;
    let toss = stub.toss_with(|config| config.base_url.push_str("/toss/"));
    toss.verify(&subject(Some("k-1"))).await.unwrap();
    assert_eq!(stub.only().line, "GET /toss/v1/payments/k-1");
}

#[tokio::test]
async fn a_payment_nobody_knows_is_none_and_any_other_error_says_nothing() {
    let none = r#"{"code": "NOT_FOUND_PAYMENT", "message": "존재하지 않는 결제 정보 입니다."}"#;
    let stub = Stub::replying([
        Reply::Json(404, none.to_owned()),
        Reply::Json(404, r#"{"code": "NOT_FOUND", "message": "x"}"#.to_owned()),
        Reply::Json(404, "<html>".to_owned()),
        Reply::Json(403, r#"{"code": "REJECT_CARD_COMPANY", "message": "x"}"#.to_owned()),
    ])
    .await;
    let toss = stub.toss();
    assert!(toss.verify(&subject(None)).await.unwrap().is_empty());
    for name in ["misconfigured", "outcome_unknown", "outcome_unknown"] {
        assert_eq!(toss.verify(&subject(None)).await.unwrap_err().name(), name);
    }
}
