//! Time: whether the clock can be believed, and what expires.

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::{
    account::{Account, ConnectedAccount},
    clock::{Clock, earlier},
    gateway::{Gateway, GatewayError},
    store::StoreError,
};

/// How long idempotency keys are kept, those of cancels excepted.
const KEYS_KEPT_FOR: Duration = Duration::from_secs(15 * 24 * 60 * 60);

/// How old a PG's word about the time may be: half of what the clocks may differ.
const FRESH_FOR: Duration = Duration::from_secs(30);

impl Gateway {
    /// Binds the accounts to the store, and holds the clock against the newest commit: before anything else works.
    pub(crate) async fn bind(&self) -> Result<(), StoreError> {
        let bindings: Vec<_> = self.accounts().map(Account::binding).collect();
        self.core.store.bind_accounts(&bindings).await?;
        let newest = self.core.store.newest_commit().await?;
        self.core.clock.start(newest);
        Ok(())
    }

    /// Whether something says that the wall clock is wrong: a server is not ready then.
    #[must_use]
    pub fn is_clock_wrong(&self) -> bool {
        self.core.clock.is_wrong()
    }

    /// Whether the wall clock can be believed. While it cannot, nothing expires and nothing is called late. After a start that is so until a PG has given the time.
    #[must_use]
    pub fn is_clock_trusted(&self) -> bool {
        self.core.clock.is_trusted()
    }

    /// While the clock is in doubt, asks the PGs what time it is: one that agrees within a minute ends the
    /// doubt. Returns whether the clock can be believed after that: always, if no account can ask its PG.
    ///
    /// [`Workers`](crate::gateway::Workers) call it, so a program that runs them does not.
    pub async fn check_clock(&self) -> bool {
        if self.is_clock_trusted() {
            return true;
        }
        let able: Vec<_> = self.core.accounts.values().filter(|account| account.has_credentials).collect();
        if able.is_empty() {
            // Without a PG the time cannot be checked, and nothing can be sent at a wrong one.
            return self.core.clock.compare(self.core.clock.machine_now());
        }
        // All at once: one that is slow does not delay the others.
        let mut asked = FuturesUnordered::new();
        for account in able {
            asked.push(self.ask_time(account));
        }
        while let Some(agrees) = asked.next().await {
            if agrees {
                return true;
            }
        }
        false
    }

    async fn ask_time(&self, account: &ConnectedAccount) -> bool {
        let asked = self.core.clock.monotonic();
        // Not through `call`: a PG gives the time to anybody, so this answer does not say that an outage is
        // over.
        let pg_time = match account.provider.pg_time().await {
            // What it was when the PG wrote it says nothing of now.
            Ok(_) if self.core.clock.monotonic() > asked.saturating_add(FRESH_FOR) => return false,
            Ok(pg_time) => pg_time,
            Err(error) => {
                tracing::warn!(account = %account.id, error = error.name(), "the PG gave no time");
                return false;
            }
        };
        let agrees = self.core.clock.compare(pg_time);
        if agrees {
            tracing::info!(account = %account.id, "the clock agrees with a PG's");
        } else {
            tracing::error!(account = %account.id, %pg_time, "the clock is not the PG's: set it");
        }
        // What waited for a time to go by may be due now.
        self.notify_all();
        agrees
    }

    /// Expires idempotency keys after 15 days, those of cancels never; how many. Nothing while the clock is in doubt.
    ///
    /// [`Workers`](crate::gateway::Workers) call it, so a program that runs them does not.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn expire_idempotency(&self) -> Result<u64, GatewayError> {
        // A clock that is ahead would expire keys of yesterday, and a repeat under one would be a new
        // request.
        if !self.is_clock_trusted() {
            return Ok(0);
        }
        Ok(self.core.store.expire_idempotency(earlier(self.core.now(), KEYS_KEPT_FOR)).await?)
    }
}
