//! The API keys in force, as the console issues and revokes them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::config::PortoneConfig;
use crate::fingerprint::fingerprint;
use crate::{ControlError, RevokeKey};

/// All API keys of the merchant. In memory only: no file holds them, and a restart is back at the configured one.
///
/// How many V1 keeps in force at once, and for how long, is not documented; here it is any number, until they are revoked.
#[derive(Debug)]
pub(super) struct ApiKeys(Mutex<Vec<ApiKey>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct ApiKey {
    imp_key: String,
    imp_secret: String,
}

impl ApiKeys {
    /// The configured one.
    pub(super) fn of(config: &PortoneConfig) -> Self {
        Self(Mutex::new(vec![ApiKey::configured(config)]))
    }

    /// The name of a key and its secret in the books, if they are in force.
    pub(super) fn id_of(&self, imp_key: &str, imp_secret: &str) -> Option<String> {
        let keys = self.lock();
        keys.iter().find(|key| key.imp_key == imp_key && key.imp_secret == imp_secret).map(ApiKey::id)
    }

    /// Whether the key of this name is in force. What becomes of the token of a revoked one is not documented; here it
    /// ends with its key.
    pub(super) fn is_in_force(&self, id: &str) -> bool {
        self.lock().iter().any(|key| key.id() == id)
    }

    /// Back to the configured one.
    pub(super) fn reset(&self, config: &PortoneConfig) {
        *self.lock() = vec![ApiKey::configured(config)];
    }

    /// Puts a key and its secret in force.
    pub(super) fn issue(&self, imp_key: String, imp_secret: String) -> Result<(), ControlError> {
        let key = ApiKey { imp_key, imp_secret };
        let mut keys = self.lock();
        if keys.contains(&key) {
            return Err(ControlError::invalid_state("this key is in force already"));
        }
        keys.push(key);
        Ok(())
    }

    /// Takes a key, or one of its secrets, out of force.
    pub(super) fn revoke(&self, request: &RevokeKey) -> Result<(), ControlError> {
        let mut keys = self.lock();
        let before = keys.len();
        let of_secret = |key: &ApiKey| request.secret.as_ref().is_none_or(|secret| key.imp_secret == *secret);
        keys.retain(|key| key.imp_key != request.key || !of_secret(key));
        if keys.len() == before {
            Err(ControlError::invalid_state("no such key is in force"))
        } else {
            Ok(())
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ApiKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ApiKey {
    fn configured(config: &PortoneConfig) -> Self {
        Self { imp_key: config.imp_key.clone(), imp_secret: config.imp_secret.clone() }
    }

    fn id(&self) -> String {
        format!("{} {}", self.imp_key, fingerprint(&self.imp_secret))
    }
}
