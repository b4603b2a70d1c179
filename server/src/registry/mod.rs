//! The registry of payment providers: the one place where the server names them.

mod connected;
mod portone;
mod silent;
mod toss;

use paymux_core::{account::AccountLimits, model::Mode};

use self::connected::Connected;
use crate::config::{AccountConfig, ConfigError};

/// The provider of an account. Adding a PG is one line here and one crate.
///
/// # Errors
///
/// [`ConfigError`] naming the place of what is wrong with the account's settings.
pub(crate) fn provider(account: &AccountConfig) -> Result<Connected, ConfigError> {
    let connected = match account.kind.as_str() {
        "toss" => toss::provider(account),
        "portone" => portone::provider(account),
        _ => Err(account.settings.wrong("kind", "must be one of \"portone\", \"toss\"")),
    }?;
    check_mode(account, connected.provider.describe().mode)?;
    Ok(connected)
}

/// How much an account may ask of its PG: what is configured, else what the PG documents, else no limit.
pub(crate) fn limits(account: &AccountConfig) -> AccountLimits {
    let documented = match account.kind.as_str() {
        "toss" => toss::requests_per_minute(account),
        _ => None,
    };
    let (configured, usual) = (account.limits, AccountLimits::default());
    AccountLimits {
        max_concurrent_calls: configured.max_concurrent_calls.unwrap_or(usual.max_concurrent_calls),
        requests_per_minute: configured.requests_per_minute.or(documented),
        unverified_webhooks_per_minute: configured
            .unverified_webhooks_per_minute
            .unwrap_or(usual.unverified_webhooks_per_minute),
    }
}

/// A test key in a live account takes no money; a live key in a test account takes real money.
fn check_mode(account: &AccountConfig, mode: Mode) -> Result<(), ConfigError> {
    if mode == account.mode {
        return Ok(());
    }
    let keys = if mode == Mode::Live { "live" } else { "test" };
    Err(account.settings.wrong("mode", format!("does not agree with the keys, which are {keys} keys")))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::config::{Config, RunMode};

    /// The limits of a demo's account before any simulator is started, configured by a variable.
    fn limits_of(account: &str, setting: Option<(&str, &str)>) -> AccountLimits {
        let variable = setting.map(|(key, value)| {
            let name = format!("PAYMUX__ACCOUNTS__{}__{key}", account.to_uppercase());
            (OsString::from(name), OsString::from(value))
        });
        let config = Config::load(RunMode::Demo, None, variable).unwrap();
        limits(&config.accounts[&account.parse().unwrap()])
    }

    #[test]
    fn a_pg_that_documents_a_limit_is_not_asked_more() {
        assert_eq!(limits_of("toss", None).requests_per_minute, Some(100));
        assert_eq!(limits_of("portone", None), AccountLimits::default());
    }

    #[test]
    fn a_documented_limit_is_that_of_the_pgs_own_address() {
        let elsewhere = Some(("BASE_URL", "http://127.0.0.1:9090"));
        assert_eq!(limits_of("toss", elsewhere), AccountLimits::default());
    }

    #[test]
    fn what_is_configured_is_the_limit() {
        assert_eq!(limits_of("toss", Some(("REQUESTS_PER_MINUTE", "7"))).requests_per_minute, Some(7));
        let calls = limits_of("portone", Some(("MAX_CONCURRENT_CALLS", "9")));
        assert_eq!(calls.max_concurrent_calls, 9);
        let webhooks = limits_of("portone", Some(("UNVERIFIED_WEBHOOKS_PER_MINUTE", "5")));
        assert_eq!(webhooks.unverified_webhooks_per_minute, 5);
    }

    /// What the registry makes of a demo's account with these settings, before any simulator is started.
    fn connected(account: &str, settings: &[(&str, &str)]) -> Result<Connected, ConfigError> {
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let variable = |(key, value): &(&str, &str)| {
            let name = format!("PAYMUX__ACCOUNTS__{}__{key}", account.to_uppercase());
            (OsString::from(name), OsString::from(*value))
        };
        // A retired account is nobody's default.
        let other = if account == "toss" { "portone" } else { "toss" };
        let default = ("PAYMUX__MERCHANTS__DEMO__DEFAULT_ACCOUNT".into(), other.into());
        let variables = settings.iter().map(variable).chain([default]);
        let config = Config::load(RunMode::Demo, None, variables).unwrap();
        provider(&config.accounts[&account.parse().unwrap()])
    }

    type Settings = [(&'static str, &'static str)];

    /// What is public of an account, and the first secret that is missing then.
    const PUBLIC: [(&str, &Settings, &str); 3] = [
        ("toss", &[("CLIENT_KEY", "test_ck_a")], "accounts.toss.secret_key is missing"),
        ("toss", &[("CLIENT_KEY", "test_gck_a")], "accounts.toss.secret_key is missing"),
        (
            "portone",
            &[("IMP_CODE", "imp00000000"), ("CHANNEL_KEY", "channel-key-1")],
            "accounts.portone.imp_key is missing",
        ),
    ];

    #[tokio::test]
    async fn retired_account_without_secrets_sends_nothing() {
        for (account, public, _) in PUBLIC {
            let retired = [public, &[("RETIRED", "true")]].concat();
            let connected = connected(account, &retired).unwrap();
            assert!(!connected.has_credentials, "{account}");
            let error = connected.provider.pg_time().await.unwrap_err();
            assert_eq!(error.name(), "unsupported", "{account}");
            assert!(connected.provider.movements().is_none());
            assert_eq!(connected.provider.describe().kind, account);
        }
    }

    #[test]
    fn only_a_retired_account_goes_without_secrets() {
        for (account, public, expected) in PUBLIC {
            let error = connected(account, public).unwrap_err().to_string();
            assert!(error.contains(expected), "{account}: {error}");
        }
        let kept = [("CLIENT_KEY", "test_ck_a"), ("SECRET_KEY", "test_sk_a"), ("RETIRED", "true")];
        assert!(connected("toss", &kept).unwrap().has_credentials);
    }
}
