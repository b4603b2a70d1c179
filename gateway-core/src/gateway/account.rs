//! A configured account, and what it shares with nobody: its line to the PG.

use std::{ops::Deref, sync::Arc, time::Duration};

use tokio::sync::SemaphorePermit;

use crate::{
    AccountBinding, AccountId, AccountLimits, GatewayError, MerchantId, PaymentProvider, ProviderDescription,
    gateway::line::Line,
};

/// How soon to come again when a PG is too slow for all who ask.
pub(crate) const WHEN_BUSY: Duration = Duration::from_secs(5);

/// A configured account at a PG.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The PG.
    pub provider: Arc<dyn PaymentProvider>,
    /// Whether the PG is a simulator.
    pub simulated: bool,
    /// How much it may ask of the PG.
    pub limits: AccountLimits,
}

impl Account {
    /// What the PG can do and how it behaves.
    #[must_use]
    pub fn description(&self) -> &ProviderDescription {
        self.provider.describe()
    }

    /// The account as a store binds it.
    #[must_use]
    pub fn binding(&self) -> AccountBinding {
        let description = self.description();
        AccountBinding {
            account: self.id.clone(),
            merchant: self.merchant.clone(),
            kind: description.kind.to_owned(),
            mode: description.mode,
            pg_merchant: description.pg_merchant.clone(),
        }
    }
}

/// An account and its line to the PG.
#[derive(Debug)]
pub(crate) struct ConnectedAccount {
    account: Account,
    pub(crate) line: Line,
}

impl ConnectedAccount {
    pub(crate) fn new(account: Account) -> Self {
        Self { line: Line::new(account.limits), account }
    }

    /// A place among the use cases that talk to the PG, kept until it is dropped.
    ///
    /// # Errors
    ///
    /// [`GatewayError::ProviderUnavailable`] if all are taken: the PG is slow, and nothing was done.
    pub(crate) fn place(&self) -> Result<SemaphorePermit<'_>, GatewayError> {
        self.line.place().ok_or(GatewayError::ProviderUnavailable { retry_after: Some(WHEN_BUSY) })
    }
}

impl Deref for ConnectedAccount {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.account
    }
}
