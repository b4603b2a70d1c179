//! What a configuration makes of an account.

use std::time::Duration;

use gateway_core::{Method, Mode, MoneyMoves, PaymentProvider};
use provider_toss::{ConfigError, Toss, TossConfig};

use crate::stub::toss_at;

fn refusal(change: impl FnOnce(&mut TossConfig)) -> ConfigError {
    let mut config = TossConfig::new("test_ck_client", "test_sk_canary");
    change(&mut config);
    Toss::new(&config).unwrap_err()
}

#[tokio::test]
async fn an_account_says_how_toss_behaves() {
    let toss = toss_at("http://127.0.0.1:9", |_| ());
    let description = toss.describe();
    assert_eq!((description.kind, description.mode), ("toss", Mode::Test));
    assert_eq!(description.pg_merchant, "test_ck_client");
    assert_eq!(description.money_moves, MoneyMoves::OnConfirm { within: Duration::from_secs(600) });
    assert_eq!(description.repeat_safe_for, Some(Duration::from_secs(15 * 86_400)));
    assert_eq!(description.read_timeout, Duration::from_secs(60));
    assert!(description.closes_accounts && toss.paid_list().is_none());
    assert!(!format!("{description:?}").contains("canary"));
}

#[tokio::test]
async fn only_the_configured_methods_are_offered() {
    let toss = toss_at("http://127.0.0.1:9", |config| config.methods = vec![Method::Transfer]);
    assert!(toss.describe().method(Method::Transfer).is_some());
    assert!(toss.describe().method(Method::Card).is_none());
}

#[test]
fn a_configuration_that_cannot_work_is_refused_and_no_key_is_quoted() {
    assert!(matches!(refusal(|config| config.methods.clear()), ConfigError::NothingOffered));
    assert!(matches!(refusal(|config| config.card_currencies.clear()), ConfigError::NothingOffered));
    assert!(matches!(refusal(|config| config.base_url = "toss".into()), ConfigError::Address("base_url")));
    let swapped = refusal(|config| config.client_key = "test_sk_canary".into());
    assert!(matches!(swapped, ConfigError::ClientKey));
    assert!(!format!("{swapped} {swapped:?}").contains("canary"));
}
