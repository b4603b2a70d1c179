//! `POST /v1/payments/{paymentKey}/cancel`.

use jiff::Timestamp;
use paymux_core::{
    model::{CancelId, Currency, IdSource, Money, PgCancelStatus, PgStatus, RefundAccount, Secret},
    provider::{CancelRequest, CancelScope, PaymentProvider, ProviderError, Response},
};
use serde_json::{Value, json};

use crate::stub::{ACCOUNT_KEY, CARD_KEY, Reply, Stub, account, card, order_id};

pub(crate) const ALL: CancelScope = CancelScope::All { tax_free: None };

fn id() -> CancelId {
    IdSource::seeded(2).cancel(Timestamp::UNIX_EPOCH)
}

fn part(amount: Money) -> CancelScope {
    CancelScope::Part { amount, tax_free: None, vat: None }
}

pub(crate) fn request(scope: CancelScope) -> CancelRequest {
    CancelRequest {
        id: id(),
        order_id: order_id(),
        pg_payment_id: CARD_KEY.parse().unwrap(),
        scope,
        cancellable: Money::krw(27_500),
        reason: "고객 변심".to_owned(),
        refund_account: None,
        channel_pg: None,
        idempotency_key: "pay_1_cancel_can_1_1".to_owned(),
    }
}

/// The same, of the account.
fn of_account(scope: CancelScope) -> CancelRequest {
    CancelRequest { pg_payment_id: ACCOUNT_KEY.parse().unwrap(), ..request(scope) }
}

/// `body` with the cancel in it that `request` asks for.
pub(crate) fn cancelled(body: &str, changes: Value) -> String {
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
    let stub = Stub::replying([Reply::Json(200, cancelled(&card(), json!({})))]).await;
    let outcome = stub.toss().cancel(&request(ALL)).await.unwrap();
    assert_eq!(outcome.status, PgCancelStatus::Done);
    assert_eq!(outcome.pg_cancel_id.as_deref(), Some("txrd_1"));
    assert_eq!(outcome.snapshot.unwrap().cancelled, Money::krw(27_500));

    let sent = stub.only();
    assert_eq!(sent.line, "POST /v1/payments/tshop20260314103015Qe7Rd/cancel");
    assert_eq!(sent.header("idempotency-key"), Some("pay_1_cancel_can_1_1"));
    let reason = format!("[{}] 고객 변심", id());
    assert_eq!(sent.json(), json!({"cancelReason": reason, "refundableAmount": 27500}));
}

#[tokio::test]
async fn cancelling_all_names_the_tax_free_part() {
    let stub = Stub::replying([Reply::Json(200, cancelled(&card(), json!({})))]).await;
    let scope = CancelScope::All { tax_free: Some(Money::krw(3_000)) };
    stub.toss().cancel(&request(scope)).await.unwrap();
    assert_eq!(
        stub.only().json(),
        json!({
            "cancelReason": format!("[{}] 고객 변심", id()), "refundableAmount": 27500, "taxFreeAmount": 3000,
        })
    );
}

pub(crate) fn refund_account(bank: &str) -> RefundAccount {
    RefundAccount::new(bank.parse().unwrap(), Secret::new("110234567890"), Secret::new("박서준"))
}

#[tokio::test]
async fn cancelling_a_part_names_all_that_goes_with_it() {
    let stub = Stub::replying([Reply::Json(200, cancelled(&card(), json!({})))]).await;
    // Toss works the VAT out and takes none.
    let scope = CancelScope::Part {
        amount: Money::krw(7_500),
        tax_free: Some(Money::krw(1_000)),
        vat: Some(Money::krw(590)),
    };
    let request = CancelRequest { refund_account: Some(refund_account("088")), ..request(scope) };
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
    let stub = Stub::replying([Reply::Json(200, cancelled(&card(), json!({"currency": "USD"})))]).await;
    let dollars = |cents| Money::new(cents, Currency::Usd).unwrap();
    let request = CancelRequest { cancellable: dollars(18_156), ..request(part(dollars(10_050))) };
    stub.toss().cancel(&request).await.unwrap();
    let body = stub.only().body;
    for part in [r#""cancelAmount":100.50"#, r#""refundableAmount":181.56"#, r#""currency":"USD""#] {
        assert!(body.contains(part), "{body}");
    }
}

#[tokio::test]
async fn closing_an_account_guards_no_balance() {
    let body = cancelled(&account(), json!({}));
    let stub = Stub::replying([Reply::Json(200, body)]).await;
    let outcome = stub.toss().cancel(&of_account(CancelScope::Close)).await.unwrap();
    assert_eq!(outcome.status, PgCancelStatus::Done);
    assert_eq!(outcome.snapshot.unwrap().status, PgStatus::Closed);
    assert_eq!(stub.only().json(), json!({"cancelReason": format!("[{}] 고객 변심", id())}));

    let stub = Stub::replying([Reply::Json(200, cancelled(&account(), json!({"cancels": null})))]).await;
    let outcome = stub.toss().cancel(&of_account(CancelScope::Close)).await.unwrap();
    assert_eq!((outcome.status, outcome.pg_cancel_id), (PgCancelStatus::Done, None));
}

#[tokio::test]
async fn deposit_is_pending_until_its_refund_completed() {
    for (refund, status) in [
        ("PENDING", PgCancelStatus::Pending),
        ("NONE", PgCancelStatus::Pending),
        ("COMPLETED", PgCancelStatus::Done),
        ("FAILED", PgCancelStatus::Failed),
    ] {
        let mut body: Value = serde_json::from_str(&account()).unwrap();
        body["virtualAccount"]["refundStatus"] = json!(refund);
        body["approvedAt"] = json!("2026-03-14T10:31:02+09:00");
        let stub = Stub::replying([Reply::Json(200, cancelled(&body.to_string(), json!({})))]).await;
        let outcome = stub.toss().cancel(&of_account(ALL)).await.unwrap();
        assert_eq!(outcome.status, status, "{refund}");
    }
}

#[tokio::test]
async fn cancel_of_our_amount_without_our_id_is_not_ours() {
    let other = json!([{"cancelAmount": 27500, "cancelReason": "콘솔에서", "transactionKey": "txrd_9"}]);
    // The last is a deposit that turned out bad: nobody cancelled it.
    for (request, body, cancels) in [
        (request(ALL), card(), other),
        (request(ALL), card(), json!(null)),
        (of_account(ALL), account(), json!(null)),
    ] {
        let stub = Stub::replying([Reply::Json(200, cancelled(&body, json!({"cancels": cancels})))]).await;
        let error = stub.toss().cancel(&request).await.unwrap_err();
        assert!(matches!(error, ProviderError::Unknown(Response::Unanswered(_))), "{error:?}");
        assert_eq!(error.detail(), "the answer does not show the cancel that was asked for");
    }
}

#[tokio::test]
async fn cancel_of_another_payment_or_order_is_unknown() {
    for (name, other) in [("paymentKey", ACCOUNT_KEY), ("orderId", "ORD-20260314-8F21C0")] {
        let stub = Stub::replying([Reply::Json(200, cancelled(&card(), json!({ name: other })))]).await;
        let error = stub.toss().cancel(&request(ALL)).await.unwrap_err();
        assert!(matches!(error, ProviderError::Unknown(Response::Unanswered(_))), "{error:?}");
        assert_eq!(error.detail(), format!("the answer's {name} is not the one that was asked about"));
    }
}

#[tokio::test]
async fn newest_cancel_with_our_id_is_the_outcome() {
    let entry = |key: &str, status: &str| {
        json!({"cancelAmount": 27500, "cancelReason": format!("[{}]", id()), "transactionKey": key,
            "cancelStatus": status})
    };
    let cancels = json!([entry("txrd_1", "ABORTED"), entry("txrd_2", "DONE")]);
    let stub = Stub::replying([Reply::Json(200, cancelled(&card(), json!({"cancels": cancels})))]).await;
    let outcome = stub.toss().cancel(&request(ALL)).await.unwrap();
    assert_eq!((outcome.status, outcome.pg_cancel_id.as_deref()), (PgCancelStatus::Done, Some("txrd_2")));
}

#[tokio::test]
async fn part_of_zero_is_not_sent() {
    let stub = Stub::replying([]).await;
    let error = stub.toss().cancel(&request(part(Money::krw(0)))).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unsupported(_)), "{error:?}");
    assert_eq!(stub.count(), 0);
}

#[tokio::test]
async fn payment_key_never_leaves_its_place_in_the_path() {
    let body = cancelled(&card(), json!({"paymentKey": "a/../b+c="}));
    let stub = Stub::replying([Reply::Json(200, body)]).await;
    let request = |key: &str| CancelRequest { pg_payment_id: key.parse().unwrap(), ..request(ALL) };
    stub.toss().cancel(&request("a/../b+c=")).await.unwrap();
    assert_eq!(stub.only().line, "POST /v1/payments/a%2F..%2Fb+c=/cancel");
    let error = stub.toss().cancel(&request("..")).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unsupported(_)), "{error:?}");
    assert_eq!(stub.count(), 1);
}
