//! How the simulated Toss Payments is set up: what a merchant would arrange by contract and in the dashboard.

use std::{path::PathBuf, time::Duration};

/// A simulated merchant at Toss Payments.
#[derive(Clone, Debug)]
pub struct TossConfig {
    /// The merchant id (상점아이디), at most 14 characters.
    pub mid: String,
    /// The key pairs. Each is a world of its own: what one opened, no other can see.
    pub keys: Vec<KeyPair>,
    /// Where the books are kept; `None` keeps them in memory.
    pub books: Option<PathBuf>,
    /// Turns off the PG's own guards of state against doing a thing twice: `ALREADY_PROCESSED_PAYMENT`,
    /// `DUPLICATED_ORDER_ID`, `ALREADY_CANCELED_PAYMENT`, `ALREADY_REFUNDING_PAYMENT`, `NOT_CANCELABLE_AMOUNT` and
    /// `refundableAmount`. A gateway that relies on them shows up as doubled money in the books. Idempotency keys are
    /// kept all the same: they are the contract, and the one thing a gateway may rely on.
    pub permissive: bool,
    /// How long the refund of a deposit takes; zero completes it at once. Default: two days, as documented.
    pub refund_takes: Duration,
    /// Whether a deposit's refund is refused (`ALREADY_REFUNDING_PAYMENT`) while another of the payment is under way.
    /// The code is in Toss' global list and not in that of the cancel; default yes.
    pub one_refund_at_a_time: bool,
    /// Whether a deposit's refund that failed comes back to `balanceAmount`, so that it can be cancelled again, to another
    /// account; otherwise the merchant has to bring it back by himself. Not documented; default yes.
    pub failed_refund_returns: bool,
    /// What a confirm with another order id is answered. Not documented for certain; default `FORBIDDEN_REQUEST`.
    pub wrong_order_code: String,
    /// What a confirm with another amount is answered. Not documented; default `INVALID_REQUEST`.
    pub wrong_amount_code: String,
    /// What a list of transactions is answered after a key that is none. Default `INVALID_TRANSACTION_KEY`, which a
    /// merchant was answered in 2025; the list of error codes names `INVALID_PAGING_KEY`.
    pub wrong_paging_key_code: String,
}

/// A client key, its secret key, and the API version chosen for both in the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// What the page opens the window with: `test_ck_…`, or `test_gck_…` for the widget.
    pub client_key: String,
    /// What the server authenticates with: `test_sk_…` or `test_gsk_…`.
    pub secret_key: String,
    /// The version of the answers.
    pub api_version: ApiVersion,
}

/// The versions of the API, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiVersion {
    /// `1.3`
    V1_3,
    /// `1.4`
    V1_4,
    /// `2022-06-08`
    V2022June,
    /// `2022-07-27`
    V2022July,
    /// `2022-11-16`, by far the most common
    #[default]
    V2022November,
    /// `2024-06-01`
    V2024June,
}

impl ApiVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 6] =
        [Self::V1_3, Self::V1_4, Self::V2022June, Self::V2022July, Self::V2022November, Self::V2024June];

    /// As in `Payment.version`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
            Self::V2022June => "2022-06-08",
            Self::V2022July => "2022-07-27",
            Self::V2022November => "2022-11-16",
            Self::V2024June => "2024-06-01",
        }
    }

    /// Reads `Payment.version`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }
}

impl KeyPair {
    /// A pair at the default API version.
    #[must_use]
    pub fn new(client_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self {
            client_key: client_key.into(),
            secret_key: secret_key.into(),
            api_version: ApiVersion::default(),
        }
    }

    /// Whether it is a pair of the payment widget.
    #[must_use]
    pub fn is_widget(&self) -> bool {
        self.client_key.contains("_gck_")
    }

    /// What its secret keys start with: `test_sk_`.
    pub(crate) fn prefix(&self) -> &str {
        let end = self.secret_key.find("sk_").map_or(0, |start| start.saturating_add("sk_".len()));
        self.secret_key.get(..end).unwrap_or_default()
    }

    /// Whether it is a test pair.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.secret_key.starts_with("test_")
    }
}

impl Default for TossConfig {
    fn default() -> Self {
        Self {
            mid: "tpaymuxsandbox".to_owned(),
            keys: vec![
                KeyPair::new("test_ck_paymux_sandbox", "test_sk_paymux_sandbox"),
                KeyPair::new("test_gck_paymux_sandbox", "test_gsk_paymux_sandbox"),
            ],
            books: None,
            permissive: false,
            refund_takes: Duration::from_secs(2 * 24 * 60 * 60),
            one_refund_at_a_time: true,
            failed_refund_returns: true,
            wrong_order_code: "FORBIDDEN_REQUEST".to_owned(),
            wrong_amount_code: "INVALID_REQUEST".to_owned(),
            wrong_paging_key_code: "INVALID_TRANSACTION_KEY".to_owned(),
        }
    }
}

impl TossConfig {
    /// Why this cannot be, if it cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.keys.is_empty() {
            return Err("at least one key pair is needed".to_owned());
        }
        if self.mid.is_empty() || self.mid.len() > 14 {
            return Err("a merchant id has 1 to 14 characters".to_owned());
        }
        for code in [&self.wrong_order_code, &self.wrong_amount_code, &self.wrong_paging_key_code] {
            if super::errors::find(code).is_none() {
                return Err(format!("{code} is not an error code of Toss Payments"));
            }
        }
        self.keys.iter().try_for_each(KeyPair::check)
    }
}

impl KeyPair {
    fn check(&self) -> Result<(), String> {
        let kinds = [("ck_", "sk_"), ("gck_", "gsk_")];
        let belong = kinds.iter().any(|(client, secret)| {
            ["test_", "live_"].iter().any(|mode| {
                self.client_key.starts_with(&format!("{mode}{client}"))
                    && self.secret_key.starts_with(&format!("{mode}{secret}"))
            })
        });
        if !belong {
            return Err(format!(
                "client key {:?} and its secret key are not of one kind and mode",
                self.client_key
            ));
        }
        if self.is_widget() && self.api_version != ApiVersion::V2022November {
            return Err("widget keys are pinned to API version 2022-11-16".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_cannot_be_are_refused() {
        let version = ApiVersion::V1_4;
        let cases = [
            (KeyPair::new("test_ck_a", "test_sk_a"), true),
            (KeyPair { api_version: version, ..KeyPair::new("live_ck_a", "live_sk_a") }, true),
            (KeyPair::new("test_ck_a", "live_sk_a"), false),
            (KeyPair::new("test_gck_a", "test_sk_a"), false),
            (KeyPair::new("test_sk_a", "test_ck_a"), false),
            (KeyPair { api_version: version, ..KeyPair::new("test_gck_a", "test_gsk_a") }, false),
        ];
        for (pair, fine) in cases {
            assert_eq!(pair.check().is_ok(), fine, "{pair:?}");
        }
    }
}
