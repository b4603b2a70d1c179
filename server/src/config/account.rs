//! `[accounts.NAME]`: an account at a PG.

use gateway_core::{AccountId, MerchantId, Method, Mode};
use secrecy::{ExposeSecret as _, SecretString};

use super::{ConfigError, RunMode, Settings, method::parse_method};

/// Short enough to guess is as good as none.
const MIN_TOKEN_LENGTH: usize = 16;

/// `[accounts.NAME]`.
#[derive(Clone, Debug)]
pub struct AccountConfig {
    /// The name of the account.
    pub id: AccountId,
    /// Which provider serves it. The registry of providers knows the kinds.
    pub kind: String,
    /// The merchant whose account it is.
    pub merchant: MerchantId,
    /// Whether money moves.
    pub mode: Mode,
    /// The methods offered; `None` for all that the provider can.
    pub methods: Option<Vec<Method>>,
    /// The part of `/webhooks/{account}/{token}` that others do not know.
    pub webhook_path_token: SecretString,
    /// Everything else in the table: for the provider of this kind to read, who then calls
    /// [`Settings::deny_rest`].
    pub settings: Settings,
}

impl AccountConfig {
    pub(super) fn read(id: AccountId, mut table: Settings, run: RunMode) -> Result<Self, ConfigError> {
        let kind = table.required_str("kind")?;
        let merchant = table.required("merchant", parse_merchant)?;
        let mode = table.parsed("mode", parse_mode)?.ok_or_else(|| table.missing("mode"))?;
        // Simulated and live money never meet in one process.
        if run == RunMode::Demo && mode == Mode::Live {
            return Err(table.wrong("mode", "must be \"test\" in a demo"));
        }
        let methods = table.list("methods", parse_method)?;
        if methods.as_ref().is_some_and(Vec::is_empty) {
            return Err(table.wrong("methods", "must not be empty; leave it out to offer all"));
        }
        let webhook_path_token = table.required_secret("webhook_path_token")?;
        check_token(webhook_path_token.expose_secret())
            .map_err(|reason| table.wrong("webhook_path_token", reason))?;
        Ok(Self { id, kind, merchant, mode, methods, webhook_path_token, settings: table })
    }
}

fn parse_merchant(text: &str) -> Result<MerchantId, String> {
    text.parse().map_err(|_| "must name one of [merchants.*]".to_owned())
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    match text {
        "test" => Ok(Mode::Test),
        "live" => Ok(Mode::Live),
        _ => Err("must be \"test\" or \"live\"".to_owned()),
    }
}

fn check_token(token: &str) -> Result<(), String> {
    let fits_a_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if token.len() >= MIN_TOKEN_LENGTH && token.bytes().all(fits_a_path) {
        Ok(())
    } else {
        Err(format!("must be at least {MIN_TOKEN_LENGTH} letters, digits, - or _"))
    }
}
