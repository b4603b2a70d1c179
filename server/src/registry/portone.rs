//! Settings of accounts at PortOne V1.

use paymux_core::model::Money;
use paymux_portone::{AuthorizationForm, Channel, PortOneV1, PortOneV1Config, RefundBankCodes};
use secrecy::SecretString;

use super::connected::{Connected, credential};
use crate::config::{AccountConfig, ConfigError, Settings};

/// The largest `minimum_amount`, in won: more than any PG's minimum.
const MOST_MINIMUM: u32 = 100_000;

pub(super) fn provider(account: &AccountConfig) -> Result<Connected, ConfigError> {
    let mut settings = account.settings.clone();
    let imp_key = credential(account, &mut settings, "imp_key")?;
    let imp_secret = credential(account, &mut settings, "imp_secret")?;
    let has_credentials = imp_key.is_some() && imp_secret.is_some();
    let or_none = |secret: Option<SecretString>| secret.unwrap_or_else(|| "none".into());
    let (imp_key, imp_secret) = (or_none(imp_key), or_none(imp_secret));
    let imp_code = settings.required_str("imp_code")?;
    let channel = channel(&mut settings)?;
    let mut config = PortOneV1Config::new(imp_key, imp_secret, imp_code, channel, account.mode);
    if let Some(url) = settings.optional_str("base_url")? {
        config.base_url = url;
    }
    if let Some(url) = settings.optional_str("script_url")? {
        config.script_url = url;
    }
    if let Some(form) = settings.parsed("authorization", parse_authorization)? {
        config.authorization = form;
    }
    if let Some(codes) = settings.parsed("refund_bank_codes", parse_bank_codes)? {
        config.refund_bank_codes = codes;
    }
    if let Some(closes) = settings.boolean("vbank_close_supported")? {
        config.vbank_close_supported = closes;
    }
    if let Some(digital) = settings.boolean("digital_goods")? {
        config.digital_goods = digital;
    }
    if let Some(timeout) = settings.duration("read_timeout")? {
        config.read_timeout = timeout;
    }
    let minimum = settings.integer("minimum_amount", 1..=MOST_MINIMUM)?;
    settings.deny_rest()?;
    if let Some(minimum) = minimum {
        for terms in &mut config.methods {
            terms.minimums = vec![Money::krw(u64::from(minimum))];
        }
    }
    if let Some(methods) = &account.methods {
        config.methods.retain(|terms| methods.contains(&terms.method));
    }
    let provider =
        PortOneV1::new(config).map_err(|error| settings.wrong_as_said(key_of(&error), &error.to_string()))?;
    Ok(Connected::new(provider, has_credentials))
}

/// The window's channel: a `channel_key` of the console, or the older `pg`.
fn channel(settings: &mut Settings) -> Result<Channel, ConfigError> {
    let pg = settings.optional_str("pg")?;
    match (settings.optional_str("channel_key")?, pg) {
        (Some(_), Some(_)) => {
            Err(settings.wrong("pg", "must not stand beside channel_key: they name the same thing"))
        }
        (Some(key), None) => Ok(Channel::Key(key)),
        (None, Some(pg)) => Ok(Channel::Pg(pg)),
        (None, None) => Err(settings.missing("channel_key")),
    }
}

fn key_of(error: &paymux_portone::ConfigError) -> &'static str {
    match error {
        paymux_portone::ConfigError::Setting { setting: "channel", .. } => "channel_key",
        paymux_portone::ConfigError::Setting { setting, .. } => setting,
        _ => "base_url",
    }
}

fn parse_authorization(text: &str) -> Result<AuthorizationForm, String> {
    match text {
        "bearer" => Ok(AuthorizationForm::Bearer),
        "bare" => Ok(AuthorizationForm::Bare),
        _ => Err("must be \"bearer\" or \"bare\"".to_owned()),
    }
}

fn parse_bank_codes(text: &str) -> Result<RefundBankCodes, String> {
    match text {
        "standard" => Ok(RefundBankCodes::Standard),
        "last_two_digits" => Ok(RefundBankCodes::LastTwoDigits),
        "bk_prefix" => Ok(RefundBankCodes::BkPrefix),
        "kiwoom_pay" => Ok(RefundBankCodes::KiwoomPay),
        _ => Err("must be \"standard\", \"last_two_digits\", \"bk_prefix\" or \"kiwoom_pay\"".to_owned()),
    }
}
