//! The registry of payment providers: the one place where the server names them.

mod portone;
mod toss;

use std::sync::Arc;

use gateway_core::{Mode, PaymentProvider};

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

/// A test key in a live account takes no money; a live key in a test account takes real money.
fn check_mode(account: &AccountConfig, mode: Mode) -> Result<(), ConfigError> {
    if mode == account.mode {
        return Ok(());
    }
    let keys = if mode == Mode::Live { "live" } else { "test" };
    Err(account.settings.wrong("mode", format!("does not agree with the keys, which are {keys} keys")))
}
