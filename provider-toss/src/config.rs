//! What an account at Toss Payments is configured with, and what can be wrong with it.

use std::time::Duration;

use paymux_core::model::{Currency, Method, Mode};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT_S: u64 = 5;

/// Toss asks for at least this much: some approvals take up to 60 seconds (Toss docs, reference).
const READ_TIMEOUT_S: u64 = 60;

/// One merchant account (MID) at Toss Payments.
///
/// Everything but the two keys has a default.
///
/// ```
/// use paymux_core::model::Method;
/// use paymux_toss::{Checkout, ConfigError, Toss, TossConfig};
///
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// let mut config = TossConfig::new("test_ck_shop", "test_sk_shop");
/// config.methods = vec![Method::Card, Method::Transfer];
/// config.checkout = Checkout::Server;
/// assert!(Toss::new(&config).is_ok());
/// assert!(!format!("{config:?}").contains("test_sk_shop"), "a log shows no secret key");
///
/// // Keys that do not belong together are refused before anything is sent.
/// let mixed = Toss::new(&TossConfig::new("test_ck_shop", "live_sk_shop"));
/// assert!(matches!(mixed, Err(ConfigError::MixedModes)));
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TossConfig {
    /// The client key the payment window is opened with, `test_ck_…` or `test_gck_…`. Public.
    pub client_key: String,
    /// The secret key that belongs to it, `test_sk_…` or `test_gsk_…`.
    pub secret_key: SecretString,
    /// Where the API is; `https://api.tosspayments.com` by default.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Where the browser loads the SDK from; the SDK is `/v2/standard` there. `https://js.tosspayments.com` by default.
    #[serde(default = "default_script_base_url")]
    pub script_base_url: String,
    /// How the buyer gets to the payment window.
    #[serde(default)]
    pub checkout: Checkout,
    /// Which payment UI of the console a widget key shows; the console's first if not given.
    #[serde(default)]
    pub variant_key: Option<String>,
    /// The methods the contract covers, the preferred one first; all by default.
    #[serde(default = "default_methods")]
    pub methods: Vec<Method>,
    /// The currencies cards are charged in. Any but KRW needs a contract of its own. KRW alone by default.
    #[serde(default = "default_card_currencies")]
    pub card_currencies: Vec<Currency>,
    /// Seconds a connection may take to be made; 5 by default.
    #[serde(default = "default_connect_timeout_s")]
    pub connect_timeout_s: u64,
    /// Seconds an answer may take, from the moment the request is begun; 60 by default.
    #[serde(default = "default_read_timeout_s")]
    pub read_timeout_s: u64,
}

/// How the buyer gets to the payment window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checkout {
    /// The browser loads Toss' SDK, which opens the window.
    #[default]
    Sdk,
    /// We create the payment (`POST /v1/payments`) and the browser goes to its `checkout.url`.
    Server,
}

/// What is wrong with a [`TossConfig`]. Quotes no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not a client key; a secret key here would be published.
    #[error("client_key must begin with test_ck_, live_ck_, test_gck_ or live_gck_")]
    ClientKey,
    /// Not a secret key.
    #[error("secret_key must begin with test_sk_, live_sk_, test_gsk_ or live_gsk_")]
    SecretKey,
    /// A widget key with a key that is none: Toss confirms nothing under such a pair.
    #[error("one of client_key and secret_key is a widget key (gck, gsk) and the other is not")]
    MixedKinds,
    /// A test key with a live key.
    #[error("one of client_key and secret_key is a test key and the other a live key")]
    MixedModes,
    /// Not an address one can ask.
    #[error("{0} must be an http or https address")]
    Address(&'static str),
    /// A live key would cross the network unencrypted.
    #[error("{0} must be https with live keys")]
    Insecure(&'static str),
    /// Nothing to pay with.
    #[error("methods must name at least one method, and card_currencies one currency for cards")]
    NothingOffered,
    /// The process has installed no TLS provider.
    #[error(
        "no TLS provider is installed in this process; \
         call rustls::crypto::ring::default_provider().install_default() first"
    )]
    NoTlsProvider,
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// Which of the SDK's two ways a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// API 개별 연동 키: `payment()`, one method chosen by us.
    PerApi,
    /// 결제위젯 연동 키: `widgets()`, the buyer chooses in Toss' UI.
    Widget,
}

/// What a checked pair of keys says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyPair {
    pub(crate) kind: KeyKind,
    pub(crate) mode: Mode,
}

impl TossConfig {
    /// The defaults, with these keys.
    pub fn new(client_key: impl Into<String>, secret_key: impl Into<SecretString>) -> Self {
        Self {
            client_key: client_key.into(),
            secret_key: secret_key.into(),
            base_url: default_base_url(),
            script_base_url: default_script_base_url(),
            checkout: Checkout::default(),
            variant_key: None,
            methods: default_methods(),
            card_currencies: default_card_currencies(),
            connect_timeout_s: CONNECT_TIMEOUT_S,
            read_timeout_s: READ_TIMEOUT_S,
        }
    }

    /// What the keys tell, if they belong together.
    pub(crate) fn key_pair(&self) -> Result<KeyPair, ConfigError> {
        let client = read_key(&self.client_key, "ck_").ok_or(ConfigError::ClientKey)?;
        let secret = read_key(self.secret_key.expose_secret(), "sk_").ok_or(ConfigError::SecretKey)?;
        if client.kind != secret.kind {
            return Err(ConfigError::MixedKinds);
        }
        if client.mode != secret.mode {
            return Err(ConfigError::MixedModes);
        }
        Ok(client)
    }

    /// The API's address.
    pub(crate) fn api(&self, mode: Mode) -> Result<Url, ConfigError> {
        address("base_url", &self.base_url, mode)
    }

    /// The SDK's address.
    pub(crate) fn script_url(&self, mode: Mode) -> Result<String, ConfigError> {
        address("script_base_url", &self.script_base_url, mode)?;
        Ok(format!("{}/v2/standard", self.script_base_url.trim_end_matches('/')))
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_s)
    }

    pub(crate) fn read_timeout(&self) -> Duration {
        Duration::from_secs(self.read_timeout_s)
    }
}

fn read_key(key: &str, letters: &str) -> Option<KeyPair> {
    let (mode, rest) = match key.split_once('_')? {
        ("test", rest) => (Mode::Test, rest),
        ("live", rest) => (Mode::Live, rest),
        _ => return None,
    };
    let (kind, rest) = match rest.strip_prefix('g') {
        Some(rest) => (KeyKind::Widget, rest),
        None => (KeyKind::PerApi, rest),
    };
    let unique = rest.strip_prefix(letters)?;
    let sound = !unique.is_empty() && unique.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then_some(KeyPair { kind, mode })
}

fn address(name: &'static str, text: &str, mode: Mode) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|_| ConfigError::Address(name))?;
    match (url.scheme(), mode) {
        ("https", _) | ("http", Mode::Test) => Ok(url),
        ("http", Mode::Live) => Err(ConfigError::Insecure(name)),
        _ => Err(ConfigError::Address(name)),
    }
}

fn default_base_url() -> String {
    "https://api.tosspayments.com".to_owned()
}

fn default_script_base_url() -> String {
    "https://js.tosspayments.com".to_owned()
}

fn default_methods() -> Vec<Method> {
    Method::ALL.to_vec()
}

fn default_card_currencies() -> Vec<Currency> {
    vec![Currency::Krw]
}

const fn default_connect_timeout_s() -> u64 {
    CONNECT_TIMEOUT_S
}

const fn default_read_timeout_s() -> u64 {
    READ_TIMEOUT_S
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(client: &str, secret: &str) -> Result<(KeyKind, Mode), String> {
        let keys = TossConfig::new(client, secret).key_pair();
        keys.map(|pair| (pair.kind, pair.mode)).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn keys_tell_their_kind_and_mode_and_must_belong_together() {
        for (client, secret, expected) in [
            ("test_ck_a", "test_sk_b", Ok((KeyKind::PerApi, Mode::Test))),
            ("live_ck_a", "live_sk_b", Ok((KeyKind::PerApi, Mode::Live))),
            ("test_gck_a", "test_gsk_b", Ok((KeyKind::Widget, Mode::Test))),
            ("live_gck_a", "live_gsk_b", Ok((KeyKind::Widget, Mode::Live))),
            ("test_gck_docs_a", "test_gsk_docs_b", Ok((KeyKind::Widget, Mode::Test))),
            ("test_gck_a", "test_sk_b", Err("MixedKinds")),
            ("test_ck_a", "test_gsk_b", Err("MixedKinds")),
            ("test_ck_a", "live_sk_b", Err("MixedModes")),
            ("live_ck_a", "test_sk_b", Err("MixedModes")),
            ("test_sk_a", "test_sk_b", Err("ClientKey")),
            ("test_ck_a", "test_ck_b", Err("SecretKey")),
            ("test_ck_", "test_sk_b", Err("ClientKey")),
            ("test_ck_a", "test_sk_b\n", Err("SecretKey")),
            ("test_ck_a", "\u{feff}test_sk_b", Err("SecretKey")),
            ("", "test_sk_b", Err("ClientKey")),
        ] {
            assert_eq!(pair(client, secret), expected.map_err(str::to_owned), "{client} {secret:?}");
        }
    }

    #[test]
    fn a_live_key_never_crosses_the_network_unencrypted() {
        let mut config = TossConfig::new("live_ck_a", "live_sk_b");
        assert!(config.api(Mode::Live).is_ok());
        config.base_url = "http://127.0.0.1:9".to_owned();
        config.script_base_url = "ftp://127.0.0.1".to_owned();
        assert!(matches!(config.api(Mode::Live), Err(ConfigError::Insecure("base_url"))));
        assert!(config.api(Mode::Test).is_ok());
        assert!(matches!(config.script_url(Mode::Test), Err(ConfigError::Address("script_base_url"))));
    }

    #[test]
    fn a_configuration_needs_the_keys_only_and_knows_its_words() {
        let config: TossConfig =
            serde_json::from_str(r#"{"client_key": "test_ck_a", "secret_key": "test_sk_b"}"#).unwrap();
        assert_eq!(config.base_url, "https://api.tosspayments.com");
        assert_eq!(config.script_url(Mode::Test).unwrap(), "https://js.tosspayments.com/v2/standard");
        assert_eq!(config.checkout, Checkout::Sdk);
        assert_eq!(config.methods, Method::ALL);
        let misspelt = r#"{"client_key": "test_ck_a", "secret_key": "test_sk_b", "metods": []}"#;
        assert!(serde_json::from_str::<TossConfig>(misspelt).is_err());
    }

    #[test]
    fn debug_hides_the_secret_key() {
        let shown = format!("{:?}", TossConfig::new("test_ck_a", "test_sk_canary"));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
