//! Cancelling and closing, over the wire.

use paymux_core::{
    model::{FailureReason, Money, PgCancelStatus, PgStatus, RefundAccount, Secret},
    provider::{CancelRequest, CancelScope, PaymentProvider as _, ProviderError},
};
use serde_json::{Value, json};

use super::{
    ALL, IMP_UID, account, cancel_request, config, done, order_id, part, payment, provider, provider_with,
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

fn refund_account(bank_code: &str) -> RefundAccount {
    let (account_number, holder_name) = (Secret::new("110123456789"), Secret::new("홍길동"));
    RefundAccount::new(bank_code.parse().unwrap(), account_number, holder_name)
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
async fn cancel_of_all_has_a_checksum_and_no_amount() {
    let request = cancel_request(ALL);
    let reason = format!("[{}] 고객 변심", request.id);
    let body = json!({"imp_uid": IMP_UID, "checksum": 7_000, "reason": reason, "enable_webhook": false});
    assert_eq!(body_of(&request).await, body);
}

#[tokio::test]
async fn cancel_of_a_part_has_amount_and_checksum() {
    let request = cancel_request(part(2_000));
    let reason = format!("[{}] 고객 변심", request.id);
    let body = json!({
        "imp_uid": IMP_UID, "amount": 2_000, "checksum": 7_000, "reason": reason, "enable_webhook": false
    });
    assert_eq!(body_of(&request).await, body);
}

#[tokio::test]
async fn tax_free_part_and_vat_are_sent_where_given() {
    let krw = |amount| Some(Money::krw(amount));
    let of_part = |tax_free, vat| CancelScope::Part { amount: Money::krw(2_000), tax_free, vat };
    for (scope, amount, tax_free, vat) in [
        (CancelScope::All { tax_free: krw(500) }, json!(null), json!(500), json!(null)),
        (CancelScope::All { tax_free: krw(0) }, json!(null), json!(0), json!(null)),
        (of_part(krw(500), krw(136)), json!(2_000), json!(500), json!(136)),
        (of_part(None, krw(0)), json!(2_000), json!(null), json!(0)),
    ] {
        let body = body_of(&cancel_request(scope)).await;
        assert_eq!((&body["amount"], &body["tax_free"], &body["vat_amount"]), (&amount, &tax_free, &vat));
    }
}

#[tokio::test]
async fn refund_account_is_sent_in_the_codes_of_the_pg() {
    let request = CancelRequest { refund_account: Some(refund_account("088")), ..cancel_request(ALL) };
    let body = body_of(&request).await;
    assert_eq!(body["refund_bank"], "088");
    assert_eq!(body["refund_account"], "110123456789");
    assert_eq!(body["refund_holder"], "홍길동");
}

#[tokio::test]
async fn refund_bank_is_written_as_the_pg_of_the_payment_writes_it() {
    // The account has another channel since the payment.
    for (channel_pg, configured, bank, written) in [
        (Some("html5_inicis"), RefundBankCodes::KiwoomPay, "023", "23"),
        (Some("kcp_billing"), RefundBankCodes::Standard, "088", "BK88"),
        (Some("daou"), RefundBankCodes::LastTwoDigits, "011", "08"),
        (Some("nice_v2"), RefundBankCodes::LastTwoDigits, "088", "088"),
        (Some("uplus"), RefundBankCodes::LastTwoDigits, "088", "088"),
        (Some("another"), RefundBankCodes::BkPrefix, "088", "BK88"),
        (None, RefundBankCodes::LastTwoDigits, "088", "88"),
    ] {
        let stub = Stub::start(|_| done(&after(""))).await;
        let mut config = config(&stub.url);
        config.refund_bank_codes = configured;
        let request = CancelRequest {
            refund_account: Some(refund_account(bank)),
            channel_pg: channel_pg.map(str::to_owned),
            ..cancel_request(ALL)
        };
        let _answered = provider_with(config).cancel(&request).await;
        let body: Value = serde_json::from_str(&stub.calls()[0].body).unwrap();
        assert_eq!(body["refund_bank"], written, "{channel_pg:?} {configured:?}");
    }
}

#[tokio::test]
async fn amount_that_could_mean_all_is_never_sent() {
    let stub = Stub::start(|_| done(&after(""))).await;
    let provider = provider(&stub.url);
    let nothing_left = CancelRequest { cancellable: Money::krw(0), ..cancel_request(ALL) };
    let dollars = Money::new(100, paymux_core::model::Currency::Usd).unwrap();
    let of_another_currency = CancelScope::Part { amount: dollars, tax_free: None, vat: None };
    for request in [
        nothing_left,
        cancel_request(part(0)),
        cancel_request(part(7_001)),
        cancel_request(of_another_currency),
        CancelRequest { pg_payment_id: "../x".parse().unwrap(), ..cancel_request(ALL) },
        CancelRequest { pg_payment_id: "..".parse().unwrap(), ..cancel_request(CancelScope::Close) },
    ] {
        assert_eq!(provider.cancel(&request).await.unwrap_err().name(), "invalid", "{request:?}");
    }
    assert_eq!(stub.all(), []);
}

#[tokio::test]
async fn bank_the_pg_has_no_code_for_sends_nothing() {
    let stub = Stub::start(|_| done(&after(""))).await;
    for (bank, style) in [
        ("271", RefundBankCodes::LastTwoDigits),
        ("271", RefundBankCodes::BkPrefix),
        ("092", RefundBankCodes::KiwoomPay),
    ] {
        let mut config = config(&stub.url);
        config.refund_bank_codes = style;
        let request = CancelRequest { refund_account: Some(refund_account(bank)), ..cancel_request(ALL) };
        let refused = provider_with(config).cancel(&request).await.unwrap_err();
        let ProviderError::Declined(failure) = refused else { panic!("{refused:?}") };
        assert_eq!((failure.reason, failure.pg), (FailureReason::InvalidRefundAccount, None));
    }
    assert_eq!(stub.all(), []);
}

#[tokio::test]
async fn cancel_is_done_once_the_history_holds_it() {
    let request = cancel_request(part(2_000));
    for (reason, status, pg_cancel_id) in [
        (request.tagged_reason(100), PgCancelStatus::Done, Some("cncl-1")),
        ("부분 환불".to_owned(), PgCancelStatus::Pending, None),
    ] {
        let stub = Stub::start(move |_| done(&after(&reason))).await;
        let outcome = provider(&stub.url).cancel(&request).await.unwrap();
        assert_eq!((outcome.status, outcome.pg_cancel_id.as_deref()), (status, pg_cancel_id));
        let snapshot = outcome.snapshot.unwrap();
        assert_eq!((snapshot.cancelled, snapshot.balance()), (Money::krw(5_000), Money::krw(5_000)));
    }
}

#[tokio::test]
async fn answer_with_another_payment_is_unknown() {
    for (change, field) in
        [(json!({"imp_uid": "imp_2"}), "imp_uid"), (json!({"merchant_uid": "ord-1"}), "merchant_uid")]
    {
        let stub = Stub::start(move |_| done(&payment(change.clone()))).await;
        for scope in [ALL, CancelScope::Close] {
            let error = provider(&stub.url).cancel(&cancel_request(scope)).await.unwrap_err();
            assert_eq!(error.name(), "unanswered", "{scope:?}");
            assert!(error.detail().contains(field), "{}", error.detail());
        }
    }
}

#[tokio::test]
async fn unreadable_answer_is_unknown_and_sent_once() {
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
        let error = provider(&stub.url).cancel(&cancel_request(ALL)).await.unwrap_err();
        assert_eq!(error.name(), "unanswered", "{answer:?}");
        assert_eq!(stub.calls().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn unanswered_cancel_is_unknown_after_the_timeout() {
    let stub = Stub::start(|_| (SILENCE, String::new())).await;
    let provider = provider(&stub.url);
    let read_timeout = provider.describe().read_timeout;
    let cancel = tokio::spawn(async move { provider.cancel(&cancel_request(ALL)).await });
    while stub.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(read_timeout).await;
    assert_eq!(cancel.await.unwrap().unwrap_err().name(), "unanswered");
    assert_eq!(stub.calls().len(), 1);
}

#[tokio::test]
async fn unanswered_login_sends_no_cancel() {
    let stub = Stub::bare(|_| (SILENCE, String::new())).await;
    let provider = provider(&stub.url);
    let read_timeout = provider.describe().read_timeout;
    let cancel = tokio::spawn(async move { provider.cancel(&cancel_request(ALL)).await });
    while stub.logins() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(read_timeout).await;
    assert_eq!(cancel.await.unwrap().unwrap_err().name(), "not_sent");
    assert_eq!(stub.calls(), []);
}

#[tokio::test]
async fn absent_server_is_not_sent_anything() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = provider(&url).cancel(&cancel_request(ALL)).await.unwrap_err();
    assert_eq!(error.name(), "not_sent");
}

#[tokio::test]
async fn unpaid_account_is_closed() {
    let closed = payment(account()).as_object().map(|row| {
        let mut row = row.clone();
        row["status"] = "cancelled".into();
        Value::Object(row)
    });
    let stub = Stub::start(move |_| done(closed.as_ref().unwrap())).await;
    let outcome = provider(&stub.url).cancel(&cancel_request(CancelScope::Close)).await.unwrap();
    assert_eq!(outcome.status, PgCancelStatus::Done);
    let snapshot = outcome.snapshot.unwrap();
    assert_eq!((snapshot.status, snapshot.paid.amount()), (PgStatus::Closed, 0));
    assert_eq!(snapshot.order_id, order_id().as_str());
    assert_eq!(stub.calls().len(), 1);
    assert_eq!(stub.calls()[0].line, format!("DELETE /vbanks/{IMP_UID}"));
}

#[tokio::test]
async fn unreadable_answer_to_a_close_is_done() {
    let stub = Stub::start(|_| done(&payment(json!({"status": "closed"})))).await;
    let outcome = provider(&stub.url).cancel(&cancel_request(CancelScope::Close)).await.unwrap();
    assert_eq!((outcome.status, outcome.snapshot), (PgCancelStatus::Done, None));
}

#[tokio::test]
async fn close_answered_with_a_paid_account_is_unknown() {
    let paid = |mut row: Value| {
        row["status"] = "paid".into();
        row["paid_at"] = 1_772_400_000.into();
        row
    };
    let stub = Stub::start(move |_| done(&paid(payment(account())))).await;
    let error = provider(&stub.url).cancel(&cancel_request(CancelScope::Close)).await.unwrap_err();
    assert_eq!(error.name(), "unanswered");
}

#[tokio::test]
async fn unsupported_close_sends_nothing() {
    let stub = Stub::start(|_| done(&payment(account()))).await;
    let mut config = config(&stub.url);
    config.vbank_close_supported = false;
    let provider = provider_with(config);
    let error = provider.cancel(&cancel_request(CancelScope::Close)).await.unwrap_err();
    assert_eq!(error.name(), "unsupported");
    assert_eq!(stub.all(), []);
}
