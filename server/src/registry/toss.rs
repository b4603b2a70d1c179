//! Settings of accounts at Toss Payments.

use paymux_core::model::Mode;
use paymux_toss::{Checkout, Toss, TossConfig};
use secrecy::SecretString;

use super::connected::{Connected, credential};
use crate::config::{AccountConfig, ConfigError};

/// Test keys: "100 requests per minute per API" (Toss docs, reference, 테스트 환경).
const TEST_REQUESTS_PER_MINUTE: u32 = 100;

/// What Toss allows where it says so: with test keys, at its own address. A simulator sets no limit.
pub(super) fn requests_per_minute(account: &AccountConfig) -> Option<u32> {
    let elsewhere = account.settings.clone().optional_str("base_url").is_ok_and(|url| url.is_some());
    (account.mode == Mode::Test && !elsewhere).then_some(TEST_REQUESTS_PER_MINUTE)
}

pub(super) fn provider(account: &AccountConfig) -> Result<Connected, ConfigError> {
    let mut settings = account.settings.clone();
    let client_key = settings.required_str("client_key")?;
    let secret_key = credential(account, &mut settings, "secret_key")?;
    let has_credentials = secret_key.is_some();
    let secret_key = secret_key.unwrap_or_else(|| placeholder(&client_key));
    let mut config = TossConfig::new(client_key, secret_key);
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
    let provider =
        Toss::new(&config).map_err(|error| settings.wrong_as_said(key_of(&error), &error.to_string()))?;
    Ok(Connected::new(provider, has_credentials))
}

/// A secret key that opens nothing, of the kind and mode of the client key: a pair that does not match is refused.
fn placeholder(client_key: &str) -> SecretString {
    let kind = client_key.split_once("ck_").map_or("", |(kind, _)| kind);
    format!("{kind}sk_none").into()
}

/// The key whose place an error is shown at.
fn key_of(error: &paymux_toss::ConfigError) -> &'static str {
    use paymux_toss::ConfigError::{Address, ClientKey, Insecure, NothingOffered};
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
