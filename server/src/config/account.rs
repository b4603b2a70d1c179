//! `[accounts.NAME]`: an account at a PG.

use paymux_core::model::{AccountId, MerchantId, Method, Mode};
use secrecy::{ExposeSecret as _, SecretString};

use super::{ConfigError, RunMode, Settings, method::parse_method};

/// Short enough to guess is as good as none.
const MIN_TOKEN_LENGTH: usize = 16;

/// More than these are as good as no limit.
const MOST_CONCURRENT: u32 = 100_000;
const MOST_PER_MINUTE: u32 = 1_000_000;

/// With fewer, look-ups would have no share beside the money.
const FEWEST_REQUESTS: u32 = 4;

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
    /// Whether it takes no new payment and sends nothing. Its credentials may be left out then.
    pub retired: bool,
    /// The methods offered; `None` for all that the provider can.
    pub methods: Option<Vec<Method>>,
    /// How much it may ask of the PG.
    pub limits: LimitsConfig,
    /// The part of `/webhooks/{account}/{token}` that others do not know.
    pub webhook_path_token: SecretString,
    /// Everything else in the table: for the provider of this kind to read, who then calls
    /// [`Settings::deny_rest`].
    pub settings: Settings,
}

/// How much an account may ask of its PG; what is left out has a default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Use cases that talk to the PG at the same time.
    pub max_concurrent_calls: Option<u32>,
    /// Look-ups per minute that unverified webhooks may cause.
    pub unverified_webhooks_per_minute: Option<u32>,
    /// Requests per minute.
    pub requests_per_minute: Option<u32>,
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
        let retired = table.boolean("retired")?.unwrap_or(false);
        let methods = table.list("methods", parse_method)?;
        if methods.as_ref().is_some_and(Vec::is_empty) {
            return Err(table.wrong("methods", "must not be empty; leave it out to offer all"));
        }
        let limits = LimitsConfig::read(&mut table)?;
        let webhook_path_token = table.required_secret("webhook_path_token")?;
        check_token(webhook_path_token.expose_secret())
            .map_err(|reason| table.wrong("webhook_path_token", reason))?;
        Ok(Self { id, kind, merchant, mode, retired, methods, limits, webhook_path_token, settings: table })
    }
}

impl LimitsConfig {
    fn read(table: &mut Settings) -> Result<Self, ConfigError> {
        const UNVERIFIED: &str = "unverified_webhooks_per_minute";
        table.deny_renamed("calls_at_once", "max_concurrent_calls")?;
        table.deny_renamed("unproved_hints_per_minute", UNVERIFIED)?;
        Ok(Self {
            max_concurrent_calls: table.integer("max_concurrent_calls", 1..=MOST_CONCURRENT)?,
            unverified_webhooks_per_minute: table.integer(UNVERIFIED, 1..=MOST_PER_MINUTE)?,
            requests_per_minute: table.integer("requests_per_minute", FEWEST_REQUESTS..=MOST_PER_MINUTE)?,
        })
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
