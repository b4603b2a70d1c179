//! `POST /v1/payments/{paymentKey}/cancel`.

use gateway_core::{
    CancelAmount, CancelId, CancelRequest, CancelStatus, Currency, IdSource, Money, PaymentProvider,
    PgStatus, ProviderError, RefundAccount, Secret, UnknownOutcome,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::stub::{ACCOUNT, CARD, Reply, Stub};

fn id() -> CancelId {
    IdSource::seeded(2).cancel(Timestamp::UNIX_EPOCH)
}

fn request(amount: CancelAmount) -> CancelRequest {
    CancelRequest {
        id: id(),
        pg_id: "tshop20260314103015Qe7Rd".parse().unwrap(),
        amount,
        tax_free_amount: None,
        cancellable: Money::krw(27_500),
        reason: "고객 변심".to_owned(),
        refund_account: None,
        idempotency_key: "pay_1:cancel:can_1:1".to_owned(),
        state: None,
    }
}

/// `body` with the cancel in it that `request` asks for.
fn cancelled(body: &str, changes: Value) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    body["status"] = json!("CANCELED");
    body["balanceAmount"] = json!(0);
    body["cancels"] = json!([{
        "cancelAmount": 27500, "cancelReason": format!("[{}] 고객 변심", id()), "refundableAmount": 0,
        "canceledAt": "2026-03-15T09:00:00+09:00", "transactionKey": "txrd_1", "cancelStatus": "DONE",
    }]);
    for (name, change) in changes.as_object().unwrap() {
        body[name] = change.clone();
    }
    body.to_string()
}

#[tokio::test]
async fn cancelling_all_names_no_amount_and_guards_the_balance() {
    let stub = Stub::replying([Reply::Json(200, cancelled(CARD, json!({})))]).await;
    let outcome = stub.toss().cancel(&request(CancelAmount::All)).await.unwrap();
    assert_eq!(outcome.status, CancelStatus::Done);
    assert_eq!(outcome.pg_cancel_id.as_deref(), Some("txrd_1"));
    assert_eq!(outcome.snapshot.unwrap().cancelled, Money::krw(27_500));

    let sent = stub.only();
    assert_eq!(sent.line, "POST /v1/payments/tshop20260314103015Qe7Rd/cancel");
    assert_eq!(sent.header("idempotency-key"), Some("pay_1:cancel:can_1:1"));
    let reason = format!("[{}] 고객 변심", id());
    assert_eq!(sent.json(), json!({"cancelReason": reason, "refundableAmount": 27500}));
}

#[tokio::test]
async fn cancelling_a_part_names_it_and_everything_that_goes_with_it() {
    let stub = Stub::replying([Reply::Json(200, cancelled(CARD, json!({})))]).await;
    let request = CancelRequest {
        tax_free_amount: Some(Money::krw(1_000)),
        refund_account: Some(RefundAccount {
            bank_code: "088".to_owned(),
            account_number: Secret::new("110234567890"),
            holder_name: Secret::new("박서준"),
        }),
        ..request(CancelAmount::Part(Money::krw(7_500)))
    };
    stub.toss().cancel(&request).await.unwrap();
    assert_eq!(
        stub.only().json(),
        json!({
            "cancelReason": format!("[{}] 고객 변심", id()), "cancelAmount": 7500, "refundableAmount": 27500,
            "taxFreeAmount": 1000,
            "refundReceiveAccount": {"bank": "88", "accountNumber": "110234567890", "holderName": "박서준"},
        })
    );
}

#[tokio::test]
async fn foreign_money_is_cancelled_in_its_currency() {
    let stub = Stub::replying([Reply::Json(200, cancelled(CARD, json!({"currency": "USD"})))]).await;
    let dollars = |cents| Money::new(cents, Currency::Usd).unwrap();
    let request =
        CancelRequest { cancellable: dollars(18_156), ..request(CancelAmount::Part(dollars(10_050))) };
    stub.toss().cancel(&request).await.unwrap();
    let body = stub.only().body;
    for part in [r#""cancelAmount":100.50"#, r#""refundableAmount":181.56"#, r#""currency":"USD""#] {
        assert!(body.contains(part), "{body}");
    }
}

#[tokio::test]
async fn closing_an_account_guards_nothing() {
    let body = cancelled(ACCOUNT, json!({}));
    let stub = Stub::replying([Reply::Json(200, body)]).await;
    let outcome = stub.toss().cancel(&request(CancelAmount::Close)).await.unwrap();
    assert_eq!(outcome.status, CancelStatus::Done);
    assert_eq!(outcome.snapshot.unwrap().status, PgStatus::Cancelled);
    assert_eq!(stub.only().json(), json!({"cancelReason": format!("[{}] 고객 변심", id())}));

    let stub = Stub::replying([Reply::Json(200, cancelled(ACCOUNT, json!({"cancels": null})))]).await;
    let outcome = stub.toss().cancel(&request(CancelAmount::Close)).await.unwrap();
    assert_eq!((outcome.status, outcome.pg_cancel_id), (CancelStatus::Done, None));
}

#[tokio::test]
async fn a_deposit_is_pending_until_its_refund_is_completed() {
    for (refund, status) in [
        ("PENDING", CancelStatus::Pending),
        ("NONE", CancelStatus::Pending),
        ("COMPLETED", CancelStatus::Done),
        ("FAILED", CancelStatus::Refused),
    ] {
        let mut body: Value = serde_json::from_str(ACCOUNT).unwrap();
        body["virtualAccount"]["refundStatus"] = json!(refund);
        body["approvedAt"] = json!("2026-03-14T10:31:02+09:00");
        let stub = Stub::replying([Reply::Json(200, cancelled(&body.to_string(), json!({})))]).await;
        let outcome = stub.toss().cancel(&request(CancelAmount::All)).await.unwrap();
        assert_eq!(outcome.status, status, "{refund}");
    }
}

#[tokio::test]
async fn a_cancel_of_our_amount_without_our_id_is_not_ours() {
    let other = json!([{"cancelAmount": 27500, "cancelReason": "콘솔에서", "transactionKey": "txrd_9"}]);
    // The last is a deposit that turned out bad: nobody cancelled it.
    for (body, cancels) in [(CARD, other), (CARD, json!(null)), (ACCOUNT, json!(null))] {
        let stub = Stub::replying([Reply::Json(200, cancelled(body, json!({"cancels": cancels})))]).await;
        let error = stub.toss().cancel(&request(CancelAmount::All)).await.unwrap_err();
        assert!(matches!(error, ProviderError::OutcomeUnknown(UnknownOutcome::NoAnswer(_))), "{error:?}");
    }
}

#[tokio::test]
async fn nothing_is_never_sent_as_a_part() {
    let stub = Stub::replying([]).await;
    let error = stub.toss().cancel(&request(CancelAmount::Part(Money::krw(0)))).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unsupported(_)), "{error:?}");
    assert_eq!(stub.count(), 0);
}

#[tokio::test]
async fn a_payment_key_never_leaves_its_place_in_the_path() {
    let stub = Stub::replying([Reply::Json(200, cancelled(CARD, json!({})))]).await;
    let request = |key: &str| CancelRequest { pg_id: key.parse().unwrap(), ..request(CancelAmount::All) };
    stub.toss().cancel(&request("a/../b+c=")).await.unwrap();
    assert_eq!(stub.only().line, "POST /v1/payments/a%2F..%2Fb+c=/cancel");
    let error = stub.toss().cancel(&request("..")).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unsupported(_)), "{error:?}");
    assert_eq!(stub.count(), 1);
}
