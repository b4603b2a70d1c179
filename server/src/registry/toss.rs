//! Settings of accounts at Toss Payments.

use std::sync::Arc;

use gateway_core::{Mode, PaymentProvider};
use provider_toss::{Checkout, Toss, TossConfig};

use crate::config::{AccountConfig, ConfigError};

/// Test keys: "100 requests per minute per API" (Toss docs, reference, 테스트 환경).
const TEST_REQUESTS_PER_MINUTE: u32 = 100;

/// What Toss allows where it says so: with test keys, at its own address. A simulator sets no limit.
pub(super) fn requests_per_minute(account: &AccountConfig) -> Option<u32> {
    let elsewhere = account.settings.clone().optional_str("base_url").is_ok_and(|url| url.is_some());
    (account.mode == Mode::Test && !elsewhere).then_some(TEST_REQUESTS_PER_MINUTE)
}

pub(super) fn provider(account: &AccountConfig) -> Result<Arc<dyn PaymentProvider>, ConfigError> {
    let mut settings = account.settings.clone();
    let client_key = settings.required_str("client_key")?;
    let mut config = TossConfig::new(client_key, settings.required_secret("secret_key")?);
    if let Some(url) = settings.optional_str("base_url")? {
        config.base_url = url;
    }
    if let Some(url) = settings.optional_str("script_base_url")? {
        config.script_base_url = url;
    }
    if let Some(checkout) = settings.parsed("checkout", parse_checkout)? {
        config.checkout = checkout;
    }
    config.variant_key = settings.optional_str("variant_key")?;
    if let Some(timeout) = settings.duration("read_timeout")? {
        config.read_timeout_s = timeout.as_secs();
    }
    settings.deny_rest()?;
    if let Some(methods) = &account.methods {
        config.methods.clone_from(methods);
    }
    let provider = Toss::new(&config).map_err(|error| settings.wrong(key_of(&error), error.to_string()))?;
    Ok(Arc::new(provider))
}

/// The key whose place an error is shown at.
fn key_of(error: &provider_toss::ConfigError) -> &'static str {
    use provider_toss::ConfigError::{Address, ClientKey, Insecure, NothingOffered};
    match error {
        ClientKey => "client_key",
        Address(key) | Insecure(key) => key,
        NothingOffered => "methods",
        _ => "secret_key",
    }
}

fn parse_checkout(text: &str) -> Result<Checkout, String> {
    match text {
        "sdk" => Ok(Checkout::Sdk),
        "server" => Ok(Checkout::Server),
        _ => Err("must be \"sdk\" or \"server\"".to_owned()),
    }
}
