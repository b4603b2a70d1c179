//! What the account says of itself.

use std::time::Duration;

use paymux_core::{
    model::Money,
    provider::{ConfirmRequest, Guard, Guards, PaymentProvider as _},
};

use super::{NOWHERE, by_id, config, done, payment, provider, provider_with, stub::Stub};

#[test]
fn guards_are_order_balance_and_charge() {
    let guards = Guards {
        window: vec![Guard::Order],
        confirm: vec![],
        cancel_all: vec![Guard::CopiedBalance],
        cancel_part: vec![Guard::CopiedBalance],
        close: vec![Guard::Charge],
    };
    let provider = provider(NOWHERE);
    let description = provider.describe();
    assert_eq!(description.guards, guards);
    assert!(!description.cancels_by_order && description.shows_whole_orders && description.closes_accounts());
    assert_eq!(description.requests_per_window, 1);
    assert_eq!(description.webhook_reply, "");
    assert_eq!(description.read_timeout, Duration::from_secs(60));
}

#[test]
fn account_without_closing_has_no_guard_for_it() {
    let mut config = config(NOWHERE);
    config.vbank_close_supported = false;
    let provider = provider_with(config);
    assert!(!provider.describe().closes_accounts());
}

#[tokio::test]
async fn confirm_is_unsupported_and_sends_nothing() {
    let stub = Stub::start(|_| done(&payment(serde_json::json!({})))).await;
    let request = ConfirmRequest {
        charge: by_id(),
        amount: Money::krw(10_000),
        state: None,
        idempotency_key: String::new(),
    };
    assert_eq!(provider(&stub.url).confirm(&request).await.unwrap_err().name(), "unsupported");
    assert_eq!(stub.all(), []);
}
