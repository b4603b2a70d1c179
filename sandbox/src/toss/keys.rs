//! The secret keys in force, as the dashboard issues and revokes them (Toss docs, reference/using-api/api-keys).

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::config::KeyPair;
use crate::ControlError;

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

    /// Puts a key in force; the older one of its client key works for a while.
    pub(super) fn issue(&self, client_key: &str, text: &str, now_ms: u64) -> Result<(), ControlError> {
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

    /// Takes a key out of force.
    pub(super) fn revoke(&self, text: &str, now_ms: u64) -> Result<(), ControlError> {
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
