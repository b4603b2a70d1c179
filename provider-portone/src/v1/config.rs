//! What has to be known of an account at PortOne V1.

use std::{fmt::Write as _, time::Duration};

use paymux_core::{
    model::{Method, Mode, Money},
    provider::MethodTerms,
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;

/// PortOne's V1 API.
const API: &str = "https://api.iamport.kr";
/// The browser SDK (PortOne docs, V1 JavaScript SDK).
const SCRIPT: &str = "https://cdn.iamport.kr/v1/iamport.js";
/// V1 knows no idempotency key, so a repeated cancel must not meet its own first send while that still runs. 60 s is
/// what PortOne recommends for V2 (PortOne docs, V2 API); for V1 it names no number.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Payments below 100 KRW fail at the PGs behind PortOne, unless a channel says otherwise.
const MINIMUM: Money = Money::krw(100);

/// An account at PortOne V1.
///
/// ```
/// use paymux_core::model::{Method, Mode, Money};
/// use paymux_portone::{Channel, PortOneV1, PortOneV1Config, RefundBankCodes};
///
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// let channel = Channel::Pg("html5_inicis.INIpayTest".to_owned());
/// let mut config = PortOneV1Config::new("imp_key", "imp_secret", "imp00000000", channel, Mode::Test);
/// // What KG Inicis is like behind the channel.
/// config.refund_bank_codes = RefundBankCodes::LastTwoDigits;
/// config.vbank_close_supported = false;
/// config.methods = vec![PortOneV1Config::terms(Method::Card, Money::krw(100))];
/// assert!(PortOneV1::new(config.clone()).is_ok());
///
/// // With live keys the secret never crosses the network unencrypted.
/// config.mode = Mode::Live;
/// config.base_url = "http://api.example".to_owned();
/// let refused = PortOneV1::new(config).map_err(|error| error.to_string());
/// assert!(refused.is_err_and(|error| error.starts_with("base_url must be an https address")));
/// ```
#[derive(Clone, Debug)]
pub struct PortOneV1Config {
    /// Where the API is. Plain HTTP only in test mode, for a simulator, or to this machine.
    pub base_url: String,
    /// The browser SDK.
    pub script_url: String,
    /// REST API key.
    pub imp_key: SecretString,
    /// REST API secret.
    pub imp_secret: SecretString,
    /// 고객사 식별코드, `imp00000000`: public, given to the browser.
    pub imp_code: String,
    /// Which PG the window opens.
    pub channel: Channel,
    /// Test shows payments of test channels in look-ups; live does not, so that none is taken for real.
    pub mode: Mode,
    /// The methods the channel offers, with their minimums.
    pub methods: Vec<MethodTerms>,
    /// Whether the PG behind the channel can close an unpaid virtual account. KG Inicis can only with
    /// a key of its own on the call, which is not sent: `false` there.
    pub vbank_close_supported: bool,
    /// How the PG behind the channel writes the bank of a refund account.
    pub refund_bank_codes: RefundBankCodes,
    /// Whether what is sold is not a thing: PGs of phone bills ask.
    pub digital_goods: bool,
    /// How the token is sent.
    pub authorization: AuthorizationForm,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub read_timeout: Duration,
}

/// Which PG the payment window opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// `channelKey`, from PortOne's console.
    Key(String),
    /// `pg`, the older form: `html5_inicis` or `html5_inicis.MID`.
    Pg(String),
}

/// How a PG writes a bank (PortOne docs, bank codes). The standard code has three digits: 신한 `088`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefundBankCodes {
    /// The standard code: Toss Payments, NICE, KICC, danal, smartro, settle.
    #[default]
    Standard,
    /// Its last two digits: KG Inicis.
    LastTwoDigits,
    /// `BK` and its last two digits: NHN KCP.
    BkPrefix,
    /// A table of its own: 키움페이.
    KiwoomPay,
}

/// How the token is written into `Authorization`. PortOne's documents show both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorizationForm {
    /// `Bearer {token}`.
    #[default]
    Bearer,
    /// The token alone.
    Bare,
}

/// A setting that cannot be used. Quotes no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting breaks its rule.
    #[error("{setting} {rule}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// The process has installed no TLS provider.
    #[error(
        "no TLS provider is installed in this process; \
         call rustls::crypto::ring::default_provider().install_default() first"
    )]
    NoTlsProvider,
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made")]
    HttpClient(#[source] reqwest::Error),
}

impl PortOneV1Config {
    /// An account with PortOne's own addresses, every method from 100 KRW, and usual timeouts.
    pub fn new(
        imp_key: impl Into<SecretString>,
        imp_secret: impl Into<SecretString>,
        imp_code: impl Into<String>,
        channel: Channel,
        mode: Mode,
    ) -> Self {
        Self {
            base_url: API.to_owned(),
            script_url: SCRIPT.to_owned(),
            imp_key: imp_key.into(),
            imp_secret: imp_secret.into(),
            imp_code: imp_code.into(),
            channel,
            mode,
            methods: Method::ALL.into_iter().map(|method| Self::terms(method, MINIMUM)).collect(),
            vbank_close_supported: true,
            refund_bank_codes: RefundBankCodes::default(),
            digital_goods: false,
            authorization: AuthorizationForm::default(),
            connect_timeout: Duration::from_secs(5),
            read_timeout: READ_TIMEOUT,
        }
    }

    /// The terms of a method that takes one currency, from `minimum` on.
    #[must_use]
    pub fn terms(method: Method, minimum: Money) -> MethodTerms {
        let mut terms = MethodTerms::new(method);
        terms.minimums = vec![minimum];
        terms
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let need = |holds: bool, setting, rule| {
            if holds { Ok(()) } else { Err(ConfigError::Setting { setting, rule }) }
        };
        need(!self.imp_key.expose_secret().is_empty(), "imp_key", "must not be empty")?;
        need(!self.imp_secret.expose_secret().is_empty(), "imp_secret", "must not be empty")?;
        need(is_name(&self.imp_code), "imp_code", "must be letters and digits, like imp00000000")?;
        let (Channel::Key(channel) | Channel::Pg(channel)) = &self.channel;
        need(!channel.is_empty(), "channel", "must not be empty")?;
        need(!self.methods.is_empty(), "methods", "must not be empty")?;
        let base = self.base_url()?;
        let plain_http = base.scheme() == "http" && (self.mode == Mode::Test || is_loopback(&base));
        need(
            base.scheme() == "https" || plain_http,
            "base_url",
            "must be an https address (http only in test mode, or to this machine)",
        )
    }

    /// Where the API is.
    pub(crate) fn base_url(&self) -> Result<Url, ConfigError> {
        let wrong = ConfigError::Setting { setting: "base_url", rule: "must be an http or https address" };
        // A name or password in the address would be shown wherever the address is.
        let plain = |url: &Url| url.has_host() && url.username().is_empty() && url.password().is_none();
        Url::parse(&self.base_url).ok().filter(plain).ok_or(wrong)
    }

    /// A digest of key and secret: changes when they do, and reveals nothing of them.
    pub(crate) fn credential(&self) -> String {
        let mut digest = Sha256::new();
        for part in [self.imp_key.expose_secret(), self.imp_secret.expose_secret()] {
            // The length in front keeps ("ab", "c") and ("a", "bc") apart.
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        digest.finalize().iter().take(16).fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes any text");
            hex
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> PortOneV1Config {
        let channel = Channel::Key("channel-key-1".to_owned());
        PortOneV1Config::new("key", "secret", "imp00000000", channel, Mode::Live)
    }

    #[test]
    fn unusable_setting_is_named() {
        type Change = fn(&mut PortOneV1Config);
        let cases: [(Change, Option<&str>); 12] = [
            (|_| {}, None),
            (|c| c.imp_key = "".into(), Some("imp_key")),
            (|c| c.imp_secret = "".into(), Some("imp_secret")),
            (|c| c.imp_code = "imp 1".to_owned(), Some("imp_code")),
            (|c| c.channel = Channel::Pg(String::new()), Some("channel")),
            (|c| c.methods.clear(), Some("methods")),
            (|c| c.base_url = "api.iamport.kr".to_owned(), Some("base_url")),
            (|c| c.base_url = "http://api.iamport.kr".to_owned(), Some("base_url")),
            (|c| c.base_url = "https://a:b@api.iamport.kr".to_owned(), Some("base_url")),
            (|c| c.base_url = "ftp://127.0.0.1".to_owned(), Some("base_url")),
            (|c| c.base_url = "http://127.0.0.1:9".to_owned(), None),
            (|c| (c.base_url, c.mode) = ("http://sandbox:9".to_owned(), Mode::Test), None),
        ];
        for (change, wrong) in cases {
            let mut config = config();
            change(&mut config);
            let setting = config.check().err().map(|error| error.to_string());
            let named = setting.as_deref().and_then(|text| text.split(' ').next());
            assert_eq!(named, wrong, "{}", config.base_url);
        }
    }

    #[test]
    fn credential_changes_with_key_and_secret() {
        let digest = |key: &str, secret: &str| {
            let (imp_key, imp_secret) = (key.into(), secret.into());
            PortOneV1Config { imp_key, imp_secret, ..config() }.credential()
        };
        assert_eq!(digest("ab", "c"), digest("ab", "c"));
        assert_ne!(digest("ab", "c"), digest("a", "bc"));
        assert_ne!(digest("ab", "c"), digest("ab", "d"));
        assert_eq!(digest("ab", "c").len(), 32);
    }
}
