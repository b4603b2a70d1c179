//! What counts as sent, and how much of an answer is read.

use std::time::Duration;

use paymux_core::provider::{LookUp, PaymentProvider as _, ProviderError};
use reqwest::Method;
use serde_json::json;
use tokio::{net::TcpListener, time::Instant};

use super::{by_id, config, done, payment, provider, stub::Stub};
use crate::v1::{
    transport::{Call, Transport},
    wire::Body,
};

const MEGABYTE: usize = 1024 * 1024;

/// Looks a payment up whose answer has so many bytes.
async fn answered_with(bytes: usize) -> Result<LookUp, ProviderError> {
    let (status, mut body) = done(&payment(json!({})));
    // White space after it belongs to no value, and is read all the same.
    body.push_str(&" ".repeat(bytes - body.len()));
    let stub = Stub::start(move |_| (status, body.clone())).await;
    provider(&stub.url).verify(&by_id()).await
}

#[tokio::test]
async fn page_of_a_thousand_payments_is_read() {
    for bytes in [3 * MEGABYTE, 16 * MEGABYTE] {
        assert_eq!(answered_with(bytes).await.unwrap().charges.len(), 1, "{bytes}");
    }
}

#[tokio::test]
async fn body_longer_than_any_page_is_unanswered() {
    let error = answered_with(16 * MEGABYTE + 1).await.unwrap_err();
    assert_eq!((error.name(), error.pg()), ("unanswered", None));
}

#[tokio::test]
async fn failed_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // Installs what TLS needs.
    drop(provider(&nobody));
    let transport = Transport::new(&config(&nobody)).unwrap();
    let call = Call::new("test", Method::GET, ["payments"]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = transport.send(&call, None, deadline).await.unwrap_err();
    assert_eq!(error.name(), "not_sent");
}

#[test]
fn debug_of_a_body_shows_only_its_length() {
    assert_eq!(format!("{:?}", Body(b"canary".to_vec())), "Body(6 bytes)");
}
