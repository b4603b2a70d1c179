//! `POST /users/getToken`.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Unreadable;

/// What logs in.
#[derive(Serialize)]
pub(crate) struct Credentials<'a> {
    pub(crate) imp_key: &'a str,
    pub(crate) imp_secret: &'a str,
}

/// What comes back.
#[derive(Debug, Deserialize)]
pub(crate) struct Token {
    pub(crate) access_token: SecretString,
    /// PortOne's clock, UNIX seconds.
    pub(crate) now: i64,
    /// When the token dies, by the same clock.
    pub(crate) expired_at: i64,
}

impl Token {
    pub(crate) fn read(response: &RawValue) -> Result<Self, Unreadable> {
        serde_json::from_str(response.get()).map_err(|_| Unreadable("a token"))
    }
}
