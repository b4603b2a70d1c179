//! An account's provider, and what it needs its credentials for.

use std::sync::Arc;

use paymux_core::provider::PaymentProvider;
use secrecy::SecretString;

use super::silent::Silent;
use crate::config::{AccountConfig, ConfigError, Settings};

/// The provider of an account.
#[derive(Debug)]
pub(crate) struct Connected {
    /// The provider. Without credentials it sends nothing.
    pub(crate) provider: Arc<dyn PaymentProvider>,
    /// Whether the PG can be asked.
    pub(crate) has_credentials: bool,
}

impl Connected {
    pub(super) fn new(provider: impl PaymentProvider, has_credentials: bool) -> Self {
        let provider: Arc<dyn PaymentProvider> = Arc::new(provider);
        let provider = if has_credentials { provider } else { Arc::new(Silent(provider)) };
        Self { provider, has_credentials }
    }
}

/// A secret that only a retired account may go without.
pub(super) fn credential(
    account: &AccountConfig,
    settings: &mut Settings,
    key: &str,
) -> Result<Option<SecretString>, ConfigError> {
    match settings.optional_secret(key)? {
        None if !account.retired => Err(settings.missing(key)),
        secret => Ok(secret),
    }
}
