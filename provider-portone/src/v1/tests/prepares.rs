//! Registering the amount, over the wire.

use paymux_core::{
    model::{BrowserStep, Currency, FailureReason, Method, Money, MoneyMoves},
    provider::{PaymentProvider as _, PaymentRequest, ProviderError},
};
use serde_json::{Value, json};

use super::{
    done, order_id, payment_request, provider, refused,
    stub::{Seen, Stub},
};

const REGISTERED: &str = "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다).";

fn lines(stub: &Stub) -> Vec<String> {
    stub.calls().into_iter().map(|call| call.line).collect()
}

fn registered(seen: &Seen, registration: &Value) -> (u16, String) {
    match seen.line.split(' ').next() {
        Some("POST") => refused(200, 1, REGISTERED),
        _ => done(registration),
    }
}

#[tokio::test]
async fn amount_is_registered_before_the_window() {
    let stub = Stub::start(|_| done(&json!({}))).await;
    let prepared = provider(&stub.url).request(&payment_request(Method::Card)).await.unwrap();
    assert!(matches!(prepared.step, BrowserStep::Script { .. }));
    assert_eq!((prepared.pg_payment_id, prepared.money_moves), (None, MoneyMoves::BeforeConfirm));
    let calls = stub.calls();
    assert_eq!(lines(&stub), ["POST /payments/prepare"]);
    let body: Value = serde_json::from_str(&calls[0].body).unwrap();
    assert_eq!(body, json!({"merchant_uid": order_id(), "amount": 27_500, "currency": "KRW"}));
}

#[tokio::test]
async fn dollars_are_registered_in_the_major_unit() {
    let stub = Stub::start(|_| done(&json!({}))).await;
    let amount = Money::new(18_156, Currency::Usd).unwrap();
    let request = PaymentRequest { amount, ..payment_request(Method::Card) };
    provider(&stub.url).request(&request).await.unwrap();
    assert!(stub.calls()[0].body.contains(r#""amount":181.56,"currency":"USD""#));
}

#[tokio::test]
async fn earlier_registration_is_changed_only_if_it_differs() {
    let get = format!("GET /payments/prepare/{}", order_id());
    for (registration, changed) in [
        (json!({"amount": 27_500, "currency": "KRW"}), false),
        (json!({"amount": 27_500.0, "currency": "KRW"}), false),
        (json!({"amount": 27_501, "currency": "KRW"}), true),
        (json!({"amount": 27_500, "currency": null}), true),
        (json!({"amount": 27_500, "currency": "USD"}), true),
    ] {
        let said = registration.clone();
        let stub = Stub::start(move |seen| registered(seen, &said)).await;
        provider(&stub.url).request(&payment_request(Method::Card)).await.unwrap();
        let mut expected = vec!["POST /payments/prepare".to_owned(), get.clone()];
        if changed {
            expected.push("PUT /payments/prepare".to_owned());
            assert_eq!(stub.calls()[0].body, stub.calls()[2].body);
        }
        assert_eq!(lines(&stub), expected, "{registration}");
    }
}

#[tokio::test]
async fn refused_registration_is_invalid_with_its_text() {
    let stub = Stub::start(|seen| {
        if seen.line.starts_with("POST") {
            refused(200, 1, "금액 오류")
        } else {
            refused(404, -1, "없음")
        }
    })
    .await;
    let error = provider(&stub.url).request(&payment_request(Method::Card)).await.unwrap_err();
    assert_eq!(error.name(), "invalid");
    assert_eq!(error.pg().unwrap().message, "금액 오류");
}

#[tokio::test]
async fn option_the_window_lacks_registers_nothing() {
    let stub = Stub::start(|_| done(&json!({}))).await;
    let request = PaymentRequest {
        easy_pay_provider: Some("a wallet of next year".to_owned()),
        ..payment_request(Method::EasyPay)
    };
    assert_eq!(provider(&stub.url).request(&request).await.unwrap_err().name(), "unsupported");
    assert_eq!(stub.all(), []);
}

#[tokio::test]
async fn order_id_that_was_paid_is_declined_at_once() {
    let text = "이미 결제가 이루어진 거래건입니다.";
    let stub = Stub::start(move |_| refused(200, 1, text)).await;
    let error = provider(&stub.url).request(&payment_request(Method::Card)).await.unwrap_err();
    let ProviderError::Declined(failure) = &error else { panic!("{error:?}") };
    assert_eq!(failure.reason, FailureReason::Other);
    assert_eq!(error.pg().unwrap().message, text);
    assert_eq!(lines(&stub), ["POST /payments/prepare"]);
}

#[tokio::test]
async fn failing_server_leaves_a_registration_unknown() {
    let stub = Stub::start(|_| refused(500, -1, "")).await;
    let error = provider(&stub.url).request(&payment_request(Method::Card)).await.unwrap_err();
    assert_eq!(error.name(), "unknown");
}
