//! `POST /users/getToken`.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Unreadable, lenient, unreadable::read};

/// The request's body.
#[derive(Serialize)]
pub(crate) struct Credentials<'a> {
    pub(crate) imp_key: &'a str,
    pub(crate) imp_secret: &'a str,
}

/// The answer.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) access_token: SecretString,
    /// `expired_at − now`.
    pub(crate) lifetime: Duration,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "lenient::text")]
    access_token: Option<String>,
    /// PortOne's clock, UNIX seconds.
    #[serde(default, deserialize_with = "lenient::number")]
    now: Option<i64>,
    /// When the token expires, by the same clock.
    #[serde(default, deserialize_with = "lenient::number")]
    expired_at: Option<i64>,
}

impl Token {
    pub(crate) fn read(response: &RawValue) -> Result<Self, Unreadable> {
        let fields: Fields = read(response, "response", "is no token")?;
        let token = fields.access_token.ok_or(Unreadable::new("access_token", "is missing or no text"))?;
        let now = fields.now.ok_or(Unreadable::new("now", "is missing or no whole number"))?;
        let expired_at =
            fields.expired_at.ok_or(Unreadable::new("expired_at", "is missing or no whole number"))?;
        let lifetime = u64::try_from(expired_at.saturating_sub(now)).unwrap_or(0);
        Ok(Self { access_token: token.into(), lifetime: Duration::from_secs(lifetime) })
    }
}
