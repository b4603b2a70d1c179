//! The secret keys in force, as the dashboard issues and revokes them (Toss docs, reference/using-api/api-keys).

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{KeyPair, Toss};
use crate::{
    ControlError, ControlErrorCode, IssueKey, IssuedKey, RevokeKey,
    random::{MIXED, random_text},
};

/// How long an older secret key still works once a newer one was issued.
const OLDER_WORKS_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// How many secret keys of a client key work at once.
const MAX_IN_FORCE: usize = 2;

/// All secret keys of the merchant. In memory only: no file holds them, and a restart is back at the configured ones.
#[derive(Debug)]
pub(crate) struct SecretKeys(Mutex<Vec<SecretKey>>);

#[derive(Debug)]
struct SecretKey {
    client_key: String,
    text: String,
    /// When it stops to work; `None` for the newest of its client key.
    until_ms: Option<u64>,
}

impl SecretKeys {
    /// The configured ones.
    pub(crate) fn of(pairs: &[KeyPair]) -> Self {
        Self(Mutex::new(configured(pairs)))
    }

    /// The client key that a secret key belongs to, if that is in force.
    pub(crate) fn client_key_of(&self, secret_key: &str, now_ms: u64) -> Option<String> {
        let keys = self.lock();
        let key = keys.iter().find(|key| key.text == secret_key && key.is_in_force(now_ms))?;
        Some(key.client_key.clone())
    }

    /// Back to the configured ones.
    pub(crate) fn reset(&self, pairs: &[KeyPair]) {
        *self.lock() = configured(pairs);
    }

    fn issue(&self, client_key: &str, text: &str, now_ms: u64) -> Result<(), ControlError> {
        let mut keys = self.lock();
        keys.retain(|key| key.is_in_force(now_ms));
        if keys.iter().any(|key| key.text == text) {
            return Err(ControlError::invalid_state("this key is in force already"));
        }
        let siblings = || keys.iter().filter(|key| key.client_key == client_key);
        if siblings().count() >= MAX_IN_FORCE {
            let message = "two secret keys of this client key are in force, and Toss issues no third";
            return Err(ControlError::invalid_state(message));
        }
        for older in keys.iter_mut().filter(|key| key.client_key == client_key) {
            older.until_ms.get_or_insert(now_ms.saturating_add(OLDER_WORKS_MS));
        }
        keys.push(SecretKey { client_key: client_key.to_owned(), text: text.to_owned(), until_ms: None });
        Ok(())
    }

    fn revoke(&self, text: &str, now_ms: u64) -> Result<(), ControlError> {
        let mut keys = self.lock();
        keys.retain(|key| key.is_in_force(now_ms));
        let before = keys.len();
        keys.retain(|key| key.text != text);
        if keys.len() == before {
            Err(ControlError::invalid_state("no such key is in force"))
        } else {
            Ok(())
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SecretKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretKey {
    fn is_in_force(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}

fn configured(pairs: &[KeyPair]) -> Vec<SecretKey> {
    let key = |pair: &KeyPair| SecretKey {
        client_key: pair.client_key.clone(),
        text: pair.secret_key.clone(),
        until_ms: None,
    };
    pairs.iter().map(key).collect()
}

impl Toss {
    /// Issues a secret key for a client key, which itself is never issued anew.
    pub(super) fn issue_secret_key(&self, request: &IssueKey) -> Result<IssuedKey, ControlError> {
        refuse_secret(request.secret.as_deref())?;
        let pair = self.pair_or_first(request.client_key.as_deref())?;
        let key =
            request.key.clone().unwrap_or_else(|| format!("{}{}", pair.prefix(), random_text(MIXED, 32)));
        if key.strip_prefix(pair.prefix()).is_none_or(str::is_empty) {
            return Err(invalid(format!("key: it starts with {} and goes on", pair.prefix())));
        }
        self.keys.issue(&pair.client_key, &key, self.clock.now_ms())?;
        Ok(IssuedKey { key, secret: None })
    }

    pub(super) fn revoke_secret_key(&self, request: &RevokeKey) -> Result<(), ControlError> {
        refuse_secret(request.secret.as_deref())?;
        self.keys.revoke(&request.key, self.clock.now_ms())
    }
}

fn refuse_secret(secret: Option<&str>) -> Result<(), ControlError> {
    match secret {
        Some(_) => Err(invalid("secret: a key of Toss is one text")),
        None => Ok(()),
    }
}

fn invalid(message: impl Into<String>) -> ControlError {
    ControlError::new(ControlErrorCode::InvalidRequest, message)
}
