//! Access tokens, which V1 shares between all servers of one merchant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::random::{HEX, random_text};

/// How long a new token lives.
const LIFETIME_S: u64 = 30 * 60;

/// A token with less than this left is extended when it is asked for again.
const EXTENDED_BELOW_S: u64 = 60;

/// By how much.
const EXTENSION_S: u64 = 5 * 60;

/// The one token of an API key.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Token {
    text: String,
    expired_at: u64,
}

/// The tokens, by the name of the API key.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Tokens(BTreeMap<String, Token>);

impl Tokens {
    /// `POST /users/getToken`, once the key is found right.
    ///
    /// Asking again gives the same token with the same expiry; in its last
    /// minute the same token, five minutes longer; after its end a new one.
    pub(super) fn issue(&mut self, key_id: String, now: u64) -> Value {
        let token = match self.0.remove(&key_id) {
            Some(token) if token.expired_at > now => token.extended(now),
            _ => Token::new(now),
        };
        let answer = json!({
            "access_token": token.text,
            "expired_at": token.expired_at,
            "now": now,
        });
        self.0.insert(key_id, token);
        answer
    }

    /// The name of the API key whose living token this is.
    pub(super) fn key_of(&self, text: &str, now: u64) -> Option<&str> {
        let mut living = self.0.iter().filter(|(_, token)| token.expired_at > now);
        living.find(|(_, token)| token.text == text).map(|(key_id, _)| key_id.as_str())
    }
}

impl Token {
    /// Forty lower-case hexadecimal digits, as in every captured answer.
    fn new(now: u64) -> Self {
        Self { text: random_text(HEX, 40), expired_at: now.saturating_add(LIFETIME_S) }
    }

    fn extended(mut self, now: u64) -> Self {
        if self.expired_at.saturating_sub(now) < EXTENDED_BELOW_S {
            self.expired_at = self.expired_at.saturating_add(EXTENSION_S);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_extended_in_its_last_minute_and_then_replaced() {
        let mut tokens = Tokens::default();
        let first = tokens.issue("key".to_owned(), 1_000);
        assert_eq!(first["expired_at"], 2_800);
        assert_eq!(first["access_token"].as_str().unwrap().len(), 40);

        for (now, expired_at) in [(1_100, 2_800), (2_740, 2_800), (2_741, 3_100), (3_099, 3_400)] {
            let again = tokens.issue("key".to_owned(), now);
            assert_eq!(again["access_token"], first["access_token"], "at {now}");
            assert_eq!(again["expired_at"], expired_at, "at {now}");
        }

        let first_token = first["access_token"].as_str().unwrap();
        assert_eq!(tokens.key_of(first_token, 3_399), Some("key"));
        assert_eq!(tokens.key_of(first_token, 3_400), None);
        let next = tokens.issue("key".to_owned(), 3_400);
        assert_ne!(next["access_token"], first["access_token"]);
        assert_eq!(next["expired_at"], 5_200);
    }
}
