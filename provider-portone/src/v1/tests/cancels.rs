//! Cancelling and closing, over the wire.

use gateway_core::{
    CancelAmount, CancelRequest, CancelStatus, Money, PaymentProvider as _, PgStatus, RefundAccount, Secret,
};
use serde_json::{Value, json};

use super::{
    IMP_UID, account, cancel_request, config, done, order_id, payment, provider, provider_with, refused,
    stub::{HANG_UP, SILENCE, Stub},
};
use crate::RefundBankCodes;

/// The payment after the cancel, its history holding `reason`.
fn after(reason: &str) -> Value {
    payment(json!({
        "cancel_amount": 5_000.0,
        "cancel_history": [{
            "pg_tid": "t", "amount": 2000, "cancelled_at": 1_772_331_000, "reason": reason,
            "cancellation_id": "cncl-1", "receipt_url": null
        }]
    }))
}

async fn body_of(request: &CancelRequest) -> Value {
    let stub = Stub::start(|_| done(&after(""))).await;
    provider(&stub.url).cancel(request).await.unwrap();
    let calls = stub.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].line, "POST /payments/cancel");
    assert_eq!(calls[0].content_type.as_deref(), Some("application/json"));
    serde_json::from_str(&calls[0].body).unwrap()
}

#[tokio::test]
async fn all_and_part_both_name_their_amount_and_the_balance_before() {
    for (amount, number) in [(CancelAmount::All, 7_000), (CancelAmount::Part(Money::krw(2_000)), 2_000)] {
        let request = cancel_request(amount);
        let reason = format!("[{}] 고객 변심", request.id);
        let body = json!({
            "imp_uid": IMP_UID, "amount": number, "checksum": 7_000, "reason": reason, "enable_webhook": false
        });
        assert_eq!(body_of(&request).await, body);
    }
}

#[tokio::test]
async fn a_refund_account_and_a_tax_free_part_go_along() {
    let request = CancelRequest {
        tax_free_amount: Some(Money::krw(500)),
        refund_account: Some(RefundAccount {
            bank_code: "88".to_owned(),
            account_number: Secret::new("110123456789"),
            holder_name: Secret::new("홍길동"),
        }),
        ..cancel_request(CancelAmount::All)
    };
    let body = body_of(&request).await;
    assert_eq!(body["tax_free"], 500);
    assert_eq!(body["refund_bank"], "088");
    assert_eq!(body["refund_account"], "110123456789");
    assert_eq!(body["refund_holder"], "홍길동");
}

#[tokio::test]
async fn an_amount_that_could_mean_all_is_never_sent() {
    let stub = Stub::start(|_| done(&after(""))).await;
    let provider = provider(&stub.url);
    let nothing_left = CancelRequest { cancellable: Money::krw(0), ..cancel_request(CancelAmount::All) };
    let dollars = Money::new(100, gateway_core::Currency::Usd).unwrap();
    for request in [
        nothing_left,
        cancel_request(CancelAmount::Part(Money::krw(0))),
        cancel_request(CancelAmount::Part(Money::krw(7_001))),
        cancel_request(CancelAmount::Part(dollars)),
        CancelRequest { pg_id: "../x".parse().unwrap(), ..cancel_request(CancelAmount::All) },
        CancelRequest { pg_id: "..".parse().unwrap(), ..cancel_request(CancelAmount::Close) },
    ] {
        assert_eq!(provider.cancel(&request).await.unwrap_err().name(), "invalid", "{request:?}");
    }
    assert_eq!(stub.all(), []);
}

#[tokio::test]
async fn a_bank_the_pg_cannot_write_is_refused_before_anything_is_sent() {
    let stub = Stub::start(|_| done(&after(""))).await;
    let mut config = config(&stub.url);
    config.refund_bank_codes = RefundBankCodes::LastTwoDigits;
    let (account_number, holder_name) = (Secret::new("1"), Secret::new("홍길동"));
    let request = CancelRequest {
        refund_account: Some(RefundAccount { bank_code: "271".to_owned(), account_number, holder_name }),
        ..cancel_request(CancelAmount::All)
    };
    assert_eq!(provider_with(config).cancel(&request).await.unwrap_err().name(), "declined");
    assert_eq!(stub.all(), []);
}

#[tokio::test]
async fn a_cancel_is_done_once_the_history_holds_it() {
    let request = cancel_request(CancelAmount::Part(Money::krw(2_000)));
    for (reason, status, pg_cancel_id) in [
        (request.tagged_reason(100), CancelStatus::Done, Some("cncl-1")),
        ("부분 환불".to_owned(), CancelStatus::Pending, None),
    ] {
        let stub = Stub::start(move |_| done(&after(&reason))).await;
        let outcome = provider(&stub.url).cancel(&request).await.unwrap();
        assert_eq!((outcome.status, outcome.pg_cancel_id.as_deref()), (status, pg_cancel_id));
        let snapshot = outcome.snapshot.unwrap();
        assert_eq!((snapshot.cancelled, snapshot.balance()), (Money::krw(5_000), Money::krw(5_000)));
    }
}

#[tokio::test]
async fn a_cancel_answered_with_another_payment_is_unknown() {
    let stub = Stub::start(|_| done(&payment(json!({"imp_uid": "imp_2"})))).await;
    let error = provider(&stub.url).cancel(&cancel_request(CancelAmount::All)).await.unwrap_err();
    assert_eq!(error.name(), "outcome_unknown");
}

#[tokio::test]
async fn a_cancel_without_a_readable_answer_is_unknown_and_sent_once() {
    let answers = [
        (HANG_UP, String::new()),
        (200, String::new()),
        (200, "<html>".to_owned()),
        (200, r#"{"code":0,"response":null}"#.to_owned()),
        (302, String::new()),
        (502, "bad gateway".to_owned()),
        done(&json!({"imp_uid": IMP_UID})),
        done(&payment(json!({"status": "a_status_of_next_year"}))),
    ];
    for answer in answers {
        let said = answer.clone();
        let stub = Stub::start(move |_| said.clone()).await;
        let error = provider(&stub.url).cancel(&cancel_request(CancelAmount::All)).await.unwrap_err();
        assert_eq!(error.name(), "outcome_unknown", "{answer:?}");
        assert_eq!(stub.calls().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_cancel_that_is_never_answered_is_unknown_when_its_time_is_up() {
    let stub = Stub::start(|_| (SILENCE, String::new())).await;
    let provider = provider(&stub.url);
    let read_timeout = provider.describe().read_timeout;
    let cancel = tokio::spawn(async move { provider.cancel(&cancel_request(CancelAmount::All)).await });
    while stub.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(read_timeout).await;
    assert_eq!(cancel.await.unwrap().unwrap_err().name(), "outcome_unknown");
    assert_eq!(stub.calls().len(), 1);
}

#[tokio::test]
async fn a_login_that_is_never_answered_sends_no_cancel_when_time_is_up() {
    let stub = Stub::bare(|_| (SILENCE, String::new())).await;
    let provider = provider(&stub.url);
    let read_timeout = provider.describe().read_timeout;
    let cancel = tokio::spawn(async move { provider.cancel(&cancel_request(CancelAmount::All)).await });
    while stub.logins() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(read_timeout).await;
    assert_eq!(cancel.await.unwrap().unwrap_err().name(), "not_sent");
    assert_eq!(stub.calls(), []);
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = provider(&url).cancel(&cancel_request(CancelAmount::All)).await.unwrap_err();
    assert_eq!(error.name(), "not_sent");
}

#[tokio::test]
async fn an_unpaid_account_is_closed() {
    let closed = payment(account()).as_object().map(|row| {
        let mut row = row.clone();
        row["status"] = "cancelled".into();
        Value::Object(row)
    });
    let stub = Stub::start(move |_| done(closed.as_ref().unwrap())).await;
    let outcome = provider(&stub.url).cancel(&cancel_request(CancelAmount::Close)).await.unwrap();
    assert_eq!(outcome.status, CancelStatus::Done);
    let snapshot = outcome.snapshot.unwrap();
    assert_eq!((snapshot.status, snapshot.paid.amount()), (PgStatus::Cancelled, 0));
    assert_eq!(snapshot.pg_order_id, order_id().as_str());
    assert_eq!(stub.calls().len(), 1);
    assert_eq!(stub.calls()[0].line, format!("DELETE /vbanks/{IMP_UID}"));
}

#[tokio::test]
async fn a_close_that_came_too_late_is_a_conflict() {
    let stub = Stub::start(|_| refused(400, -1, "")).await;
    let error = provider(&stub.url).cancel(&cancel_request(CancelAmount::Close)).await.unwrap_err();
    assert_eq!(error.name(), "conflict");
}

#[tokio::test]
async fn where_accounts_cannot_be_closed_nothing_is_sent() {
    let stub = Stub::start(|_| done(&payment(account()))).await;
    let mut config = config(&stub.url);
    config.vbank_close_supported = false;
    let provider = provider_with(config);
    assert!(!provider.describe().closes_accounts);
    let error = provider.cancel(&cancel_request(CancelAmount::Close)).await.unwrap_err();
    assert_eq!(error.name(), "unsupported");
    assert_eq!(stub.all(), []);
}
