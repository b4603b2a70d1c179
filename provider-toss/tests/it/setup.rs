//! What a configuration makes of an account.

use std::time::Duration;

use paymux_core::{
    model::{Method, Mode},
    provider::{Guard, Guards, PaymentProvider},
};
use paymux_toss::{Checkout, ConfigError, Toss, TossConfig};

use crate::stub::toss_at;

fn refusal(change: impl FnOnce(&mut TossConfig)) -> ConfigError {
    let mut config = TossConfig::new("test_ck_client", "test_sk_canary");
    change(&mut config);
    Toss::new(&config).unwrap_err()
}

#[tokio::test]
async fn account_says_how_toss_behaves() {
    let toss = toss_at("http://127.0.0.1:9", |_| ());
    let description = toss.describe();
    assert_eq!((description.kind, description.mode), ("toss", Mode::Test));
    assert_eq!(description.pg_merchant, "test_ck_client");
    assert_eq!(description.read_timeout, Duration::from_secs(60));
    assert_eq!(
        (description.webhook_reply, description.cancels_by_order, description.shows_whole_orders),
        ("", false, false)
    );
    assert!(description.closes_accounts() && toss.movements().unwrap().shows_part_cancels());
    assert!(!format!("{description:?}").contains("canary"));
}

#[tokio::test]
async fn every_operation_has_its_guards() {
    let key = Guard::Key { within: Duration::from_secs(15 * 86_400), per_credential: true };
    let guards = |window: &[Guard]| Guards {
        window: window.to_vec(),
        confirm: vec![key, Guard::Charge],
        cancel_all: vec![key, Guard::Balance],
        cancel_part: vec![key, Guard::Balance],
        close: vec![key, Guard::Charge],
    };
    let sdk = toss_at("http://127.0.0.1:9", |_| ());
    assert_eq!((&sdk.describe().guards, sdk.describe().requests_per_window), (&guards(&[]), 0));
    let server = toss_at("http://127.0.0.1:9", |config| config.checkout = Checkout::Server);
    assert_eq!((&server.describe().guards, server.describe().requests_per_window), (&guards(&[key]), 1));
}

#[tokio::test]
async fn only_the_configured_methods_are_offered() {
    let toss = toss_at("http://127.0.0.1:9", |config| config.methods = vec![Method::Transfer]);
    assert!(toss.describe().method(Method::Transfer).is_some());
    assert!(toss.describe().method(Method::Card).is_none());
}

#[test]
fn impossible_configuration_is_refused_without_its_keys() {
    assert!(matches!(refusal(|config| config.methods.clear()), ConfigError::NothingOffered));
    assert!(matches!(refusal(|config| config.card_currencies.clear()), ConfigError::NothingOffered));
    assert!(matches!(refusal(|config| config.base_url = "toss".into()), ConfigError::Address("base_url")));
    let swapped = refusal(|config| config.client_key = "test_sk_canary".into());
    assert!(matches!(swapped, ConfigError::ClientKey));
    assert!(!format!("{swapped} {swapped:?}").contains("canary"));
}
