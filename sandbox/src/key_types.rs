//! The words of the control calls about a merchant's API keys.

use serde::{Deserialize, Serialize};

/// `POST /_sandbox/issue-key`: the merchant has another key issued in the PG's console. The older ones go on working.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueKey {
    /// The public key it belongs to, as in [`PayRequest`](crate::PayRequest). Default: the first configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// Toss: the secret key. V1: the `imp_key`. Default: a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// V1: the `imp_secret`. Default: a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IssuedKey {
    /// Toss: the secret key. V1: the `imp_key`.
    pub key: String,
    /// V1: the `imp_secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// `POST /_sandbox/revoke-key`: the merchant revokes a key in the PG's console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Toss: the secret key. V1: the `imp_key`.
    pub key: String,
    /// V1: only this `imp_secret` of the `imp_key`. Default: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl RevokeKey {
    /// All that a key opens.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), secret: None }
    }
}
