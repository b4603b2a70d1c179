//! Connections that are refused, broken and silent.

use paymux_core::{
    model::Money,
    provider::{PaymentProvider, ProviderError, Response},
};
use tokio::net::TcpListener;

use crate::{
    confirm::request,
    lookup::subject,
    stub::{Reply, Stub, card, toss_at},
};

fn is_unanswered(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Unknown(Response::Unanswered(_)))
}

/// The error and everything it came from, as a log would have it.
fn everything_said(error: &ProviderError) -> String {
    let mut said = format!("{error:?}");
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        said.push_str(&error.to_string());
        source = error.source();
    }
    said
}

#[tokio::test]
async fn refused_connection_has_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = toss_at(&address, |_| ()).confirm(&request(Money::krw(27_500))).await.unwrap_err();
    assert!(
        matches!(error, ProviderError::NotDone { response: Response::Unanswered(_), retry_after: None }),
        "{error:?}"
    );
}

#[tokio::test]
async fn broken_connection_leaves_the_outcome_unknown() {
    let card = card();
    let length = card.len();
    let half = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}", &card[..200]);
    for bytes in [Vec::new(), b"HTTP/1.1 200 OK\r\n".to_vec(), b"garbage\r\n\r\n".to_vec(), half.into_bytes()]
    {
        let stub = Stub::replying([Reply::Raw(bytes)]).await;
        let error = stub.toss().confirm(&request(Money::krw(27_500))).await.unwrap_err();
        assert!(is_unanswered(&error), "{error:?}");
        assert_eq!(stub.count(), 1);
    }
}

#[tokio::test]
async fn silence_leaves_the_outcome_unknown() {
    let stub = Stub::replying([Reply::Silence]).await;
    let toss = stub.toss();
    let confirm = tokio::spawn(async move { toss.confirm(&request(Money::krw(27_500))).await });
    stub.arrival().await;
    // From here on only the clock can end it; paused, it runs ahead by itself.
    tokio::time::pause();
    let error = confirm.await.unwrap().unwrap_err();
    assert!(is_unanswered(&error), "{error:?}");
}

#[tokio::test]
async fn error_names_neither_key_nor_address() {
    let stub = Stub::replying([Reply::Raw(Vec::new()), Reply::Raw(Vec::new())]).await;
    let toss = stub.toss();
    for error in [
        toss.confirm(&request(Money::krw(27_500))).await.unwrap_err(),
        toss.verify(&subject(Some("payment-canary"))).await.unwrap_err(),
    ] {
        let said = everything_said(&error);
        assert!(!said.contains("canary") && !said.contains("/v1/payments"), "{said}");
    }
    let shown = format!("{toss:?}");
    assert!(!shown.contains("canary"), "{shown}");
}
