//! Logging in, over the wire.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use gateway_core::{CancelAmount, PaymentProvider as _, PaymentRef};
use serde_json::json;

use super::{
    IMP_UID, cancel_request, config, done, order_id, payment, provider, provider_with, refused,
    stub::{HANG_UP, Stub},
};
use crate::AuthorizationForm;

fn subject() -> PaymentRef {
    PaymentRef { pg_order_id: order_id(), pg_id: Some(IMP_UID.parse().unwrap()), state: None }
}

fn unauthorized() -> (u16, String) {
    refused(401, -1, "Unauthorized")
}

#[tokio::test]
async fn key_and_secret_buy_a_token_that_every_call_shows() {
    let stub = Stub::start(|_| done(&payment(json!({})))).await;
    let provider = provider(&stub.url);
    provider.verify(&subject()).await.unwrap();
    provider.verify(&subject()).await.unwrap();
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
async fn the_token_is_sent_bare_where_that_is_configured() {
    let stub = Stub::start(|_| done(&payment(json!({})))).await;
    let mut config = config(&stub.url);
    config.authorization = AuthorizationForm::Bare;
    provider_with(config).verify(&subject()).await.unwrap();
    assert_eq!(stub.calls()[0].authorization.as_deref(), Some("abc"));
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_call_sent_once_more_the_same() {
    let asked = AtomicUsize::new(0);
    let stub = Stub::start(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 { unauthorized() } else { done(&payment(json!({}))) }
    })
    .await;
    provider(&stub.url).cancel(&cancel_request(CancelAmount::All)).await.unwrap();
    let calls = stub.calls();
    assert_eq!((calls.len(), stub.logins()), (2, 2));
    assert_eq!(calls[0], calls[1]);
}

#[tokio::test]
async fn a_call_refused_twice_is_a_misconfiguration() {
    let stub = Stub::start(|_| unauthorized()).await;
    let error = provider(&stub.url).cancel(&cancel_request(CancelAmount::All)).await.unwrap_err();
    assert_eq!(error.name(), "misconfigured");
    assert_eq!((stub.calls().len(), stub.logins()), (2, 2));
}

#[tokio::test]
async fn many_calls_refused_at_once_log_in_once_more() {
    const CALLS: usize = 100;
    // Every token is another, and the first is refused: as if it had died in flight.
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
            tokio::spawn(async move { provider.verify(&subject()).await.map(|found| found.len()) })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 1);
    }
    assert_eq!(stub.logins(), 2);
}

#[tokio::test]
async fn refused_credentials_are_a_misconfiguration_asked_once() {
    for status in [401, 400] {
        let text = "인증에 실패하였습니다. API키와 secret을 확인하세요.";
        let stub = Stub::bare(move |_| refused(status, -1, text)).await;
        let error = provider(&stub.url).cancel(&cancel_request(CancelAmount::All)).await.unwrap_err();
        assert_eq!(error.name(), "misconfigured", "{status}");
        assert_eq!(error.pg().unwrap().message, text);
        assert_eq!(stub.all().len(), 1);
    }
}

#[tokio::test]
async fn without_a_token_nothing_was_sent() {
    let answers =
        [(500, String::new()), (200, "{}".to_owned()), refused(200, -1, "?"), (HANG_UP, String::new())];
    for answer in answers {
        let said = answer.clone();
        let stub = Stub::bare(move |_| said.clone()).await;
        let error = provider(&stub.url).cancel(&cancel_request(CancelAmount::All)).await.unwrap_err();
        assert_eq!(error.name(), "not_sent", "{answer:?}");
        assert_eq!(stub.calls().len(), 0);
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let stub = Stub::bare(|_| refused(401, -1, "no")).await;
    let provider = provider(&stub.url);
    let error = provider.verify(&subject()).await.unwrap_err();
    let shown = format!("{provider:?} {error:?} {:?}", provider.describe());
    assert!(!shown.contains("canary"), "{shown}");
}
