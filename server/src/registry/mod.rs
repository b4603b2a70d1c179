//! The registry of payment providers: the one place where the server names them.

mod portone;
mod toss;

use std::sync::Arc;

use gateway_core::{AccountLimits, Mode, PaymentProvider};

use crate::config::{AccountConfig, ConfigError};

/// The provider of an account. Adding a PG is one line here and one crate.
///
/// # Errors
///
/// [`ConfigError`] naming the place of what is wrong with the account's settings.
pub(crate) fn provider(account: &AccountConfig) -> Result<Arc<dyn PaymentProvider>, ConfigError> {
    let provider = match account.kind.as_str() {
        "toss" => toss::provider(account),
        "portone" => portone::provider(account),
        _ => Err(account.settings.wrong("kind", "must be one of \"portone\", \"toss\"")),
    }?;
    check_mode(account, provider.describe().mode)?;
    Ok(provider)
}

/// How much an account may ask of its PG: what is configured, else what the PG documents, else no limit.
pub(crate) fn limits(account: &AccountConfig) -> AccountLimits {
    let documented = match account.kind.as_str() {
        "toss" => toss::requests_per_minute(account),
        _ => None,
    };
    let (configured, usual) = (account.limits, AccountLimits::default());
    AccountLimits {
        calls_at_once: configured.calls_at_once.unwrap_or(usual.calls_at_once),
        requests_per_minute: configured.requests_per_minute.or(documented),
        unproved_hints_per_minute: configured
            .unproved_hints_per_minute
            .unwrap_or(usual.unproved_hints_per_minute),
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
        assert_eq!(limits_of("portone", Some(("CALLS_AT_ONCE", "9"))).calls_at_once, 9);
        let hints = limits_of("portone", Some(("UNPROVED_HINTS_PER_MINUTE", "5")));
        assert_eq!(hints.unproved_hints_per_minute, 5);
    }
}
