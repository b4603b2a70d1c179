//! Logging in, over the wire.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use paymux_core::{
    model::Method,
    provider::{CancelScope, PaymentProvider, ProviderError},
};
use serde_json::json;

use super::{
    ALL, by_id, by_order, cancel_request, config, done, payment, payment_request, provider, provider_with,
    refused,
    stub::{HANG_UP, Stub},
};
use crate::AuthorizationForm;

fn unauthorized() -> (u16, String) {
    refused(401, -1, "Unauthorized")
}

#[tokio::test]
async fn one_token_serves_every_call() {
    let stub = Stub::start(|_| done(&payment(json!({})))).await;
    let provider = provider(&stub.url);
    provider.verify(&by_id()).await.unwrap();
    provider.verify(&by_id()).await.unwrap();
    let seen = stub.all();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].line, "POST /users/getToken");
    assert_eq!(seen[0].authorization, None);
    assert_eq!(seen[0].content_type.as_deref(), Some("application/json"));
    assert_eq!(seen[0].body, r#"{"imp_key":"canary-key","imp_secret":"canary-secret"}"#);
    for call in &seen[1..] {
        assert_eq!(call.authorization.as_deref(), Some("Bearer abc"));
    }
}

#[tokio::test]
async fn token_is_sent_bare_where_configured() {
    let stub = Stub::start(|_| done(&payment(json!({})))).await;
    let mut config = config(&stub.url);
    config.authorization = AuthorizationForm::Bare;
    provider_with(config).verify(&by_id()).await.unwrap();
    assert_eq!(stub.calls()[0].authorization.as_deref(), Some("abc"));
}

#[tokio::test]
async fn refused_token_is_replaced_and_the_call_repeated() {
    let asked = AtomicUsize::new(0);
    let stub = Stub::start(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 { unauthorized() } else { done(&payment(json!({}))) }
    })
    .await;
    provider(&stub.url).cancel(&cancel_request(ALL)).await.unwrap();
    let calls = stub.calls();
    assert_eq!((calls.len(), stub.logins()), (2, 2));
    assert_eq!(calls[0], calls[1]);
}

#[tokio::test]
async fn call_refused_twice_is_a_misconfiguration() {
    let stub = Stub::start(|_| unauthorized()).await;
    let error = provider(&stub.url).cancel(&cancel_request(ALL)).await.unwrap_err();
    assert_eq!(error.name(), "misconfigured");
    assert_eq!((stub.calls().len(), stub.logins()), (2, 2));
}

#[tokio::test]
async fn many_refused_calls_log_in_once() {
    const CALLS: usize = 100;
    // Every token is another, and the first is refused: as if it had expired in flight.
    let logins = Arc::new(AtomicUsize::new(0));
    let stub = Stub::bare(move |seen| match (seen.line.as_str(), seen.authorization.as_deref()) {
        ("POST /users/getToken", _) => {
            let number = logins.fetch_add(1, Ordering::SeqCst);
            done(&json!({ "access_token": format!("token{number}"), "now": 1000, "expired_at": 2800 }))
        }
        (_, Some("Bearer token0")) => unauthorized(),
        _ => done(&payment(json!({}))),
    })
    .await;
    let provider = Arc::new(provider(&stub.url));
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let provider = provider.clone();
            tokio::spawn(async move { provider.verify(&by_id()).await.map(|found| found.charges.len()) })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 1);
    }
    assert_eq!(stub.logins(), 2);
}

/// What every operation that needs a token comes to.
async fn every_operation(provider: &impl PaymentProvider) -> Vec<(&'static str, ProviderError)> {
    let movements = provider.movements().unwrap();
    let (from, to) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::UNIX_EPOCH);
    vec![
        ("cancel", provider.cancel(&cancel_request(ALL)).await.unwrap_err()),
        ("close", provider.cancel(&cancel_request(CancelScope::Close)).await.unwrap_err()),
        ("verify by id", provider.verify(&by_id()).await.unwrap_err()),
        ("verify by order", provider.verify(&by_order()).await.unwrap_err()),
        ("request", provider.request(&payment_request(Method::Card)).await.unwrap_err()),
        ("movements", movements.page(from, to, None).await.unwrap_err()),
    ]
}

#[tokio::test]
async fn refused_credentials_are_a_misconfiguration() {
    for status in [401, 400] {
        let text = "인증에 실패하였습니다. API키와 secret을 확인하세요.";
        let stub = Stub::bare(move |_| refused(status, -1, text)).await;
        let provider = provider(&stub.url);
        for (operation, error) in every_operation(&provider).await {
            assert_eq!(error.name(), "misconfigured", "{operation} {status}");
            assert_eq!(error.pg().unwrap().message, text);
        }
        assert_eq!((stub.calls().len(), stub.logins()), (0, 6), "each asks once");
    }
}

#[tokio::test]
async fn without_a_token_every_operation_is_not_done() {
    let no_token = json!({"code": 0, "message": null, "response": {"access_token": "canary", "now": 1}});
    let answers = [
        ((500, String::new()), "not_sent"),
        ((200, "{}".to_owned()), "not_sent"),
        ((200, no_token.to_string()), "not_sent"),
        ((HANG_UP, String::new()), "not_sent"),
        (refused(200, -1, "점검 중입니다."), "not_done"),
        (refused(403, -1, "허용되지 않은 IP"), "not_done"),
        (refused(429, -1, ""), "not_done"),
        (refused(500, -1, ""), "not_done"),
    ];
    for (answer, name) in answers {
        let said = answer.clone();
        let stub = Stub::bare(move |_| said.clone()).await;
        let provider = provider(&stub.url);
        for (operation, error) in every_operation(&provider).await {
            assert_eq!(error.name(), name, "{operation} {answer:?}");
            assert!(!error.detail().contains("canary"), "{}", error.detail());
        }
        assert_eq!(stub.calls().len(), 0);
    }
}

#[tokio::test]
async fn unreadable_token_is_named_by_its_field() {
    for (response, field) in [
        (json!({"now": 1, "expired_at": 2}), "access_token"),
        (json!({"access_token": "abc", "now": {}, "expired_at": 2}), "now"),
        (json!({"access_token": "abc", "now": 1, "expired_at": null}), "expired_at"),
    ] {
        let stub = Stub::bare(move |_| done(&response)).await;
        let error = provider(&stub.url).verify(&by_id()).await.unwrap_err();
        assert!(error.detail().contains(field), "{}", error.detail());
    }
}

#[tokio::test]
async fn debug_and_errors_show_no_secret() {
    let stub = Stub::bare(|_| refused(401, -1, "no")).await;
    let provider = provider(&stub.url);
    let error = provider.verify(&by_id()).await.unwrap_err();
    let shown = format!("{provider:?} {error:?} {:?}", provider.describe());
    assert!(!shown.contains("canary"), "{shown}");
}
