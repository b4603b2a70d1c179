//! The use cases: what merchants, browsers, PGs, operators and time make happen to a payment. One file each.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    account::{Account, ConnectedAccount, Work},
    clock::{Clock, SteadyClock},
    dispatch::Committer,
    model::{AccountId, IdSource, LatePayments, MerchantId, Method, PaymentId},
    store::{PaymentRecord, Store},
};

mod admin;
mod admissions;
mod background;
mod cancel;
mod confirm;
mod error;
mod next_action;
mod read;
mod register;
mod request_key;
mod retired;
mod shared;
#[cfg(test)]
mod tests;
mod verify;

pub use admin::{LedgerDifference, LedgerPage, LedgerProblem, Verdict};
pub use background::InboxOutcome;
pub use cancel::NewCancel;
pub use error::{GatewayError, StateProblem};
pub use register::{NewPayment, Registered};
pub use request_key::RequestKey;

use admissions::Admissions;

/// How a merchant wants its payments handled.
#[derive(Clone, Debug)]
pub struct MerchantPolicy {
    /// The account that takes payments no rule says otherwise of.
    pub default_account: AccountId,
    /// Rules by method.
    pub account_by_method: BTreeMap<Method, AccountId>,
    /// What happens to late payments.
    pub late_payments: LatePayments,
    /// How long a registered payment may be paid.
    pub payable_for: Duration,
}

/// The use cases, over any store, clock and set of accounts.
///
/// Every method that may move money goes on if its future is polled; run it in a task of its own,
/// so that a caller who hangs up only stops waiting.
#[derive(Debug)]
pub struct Gateway {
    core: Committer,
    merchants: BTreeMap<MerchantId, MerchantPolicy>,
    admissions: Admissions,
}

impl Gateway {
    /// A gateway over these accounts and merchants.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: IdSource,
        accounts: Vec<Account>,
        merchants: BTreeMap<MerchantId, MerchantPolicy>,
    ) -> Self {
        let clock = Arc::new(SteadyClock::new(clock));
        let connect = |account: Account| {
            (account.id.clone(), ConnectedAccount::new(account, Arc::clone(&clock) as Arc<dyn Clock>))
        };
        let accounts = accounts.into_iter().map(connect).collect();
        let late =
            |(merchant, policy): (&MerchantId, &MerchantPolicy)| (merchant.clone(), policy.late_payments);
        let late_payments = merchants.iter().map(late).collect();
        Self {
            core: Committer { store, clock, ids, accounts, late_payments },
            merchants,
            admissions: Admissions::default(),
        }
    }

    /// Every configured account.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.core.accounts.values().map(|account| &**account)
    }

    /// The configured accounts of a merchant.
    pub fn accounts_of<'a>(&'a self, merchant: &'a MerchantId) -> impl Iterator<Item = &'a Account> {
        self.accounts().filter(move |account| account.merchant == *merchant)
    }

    /// A configured account.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.core.accounts.get(id).map(|account| &**account)
    }

    /// How a merchant wants its payments handled.
    #[must_use]
    pub fn policy(&self, merchant: &MerchantId) -> Option<&MerchantPolicy> {
        self.merchants.get(merchant)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.core.store
    }

    /// The clock that it goes by: the machine's, while it can be believed.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.core.clock
    }

    /// The source of ids.
    #[must_use]
    pub const fn ids(&self) -> &IdSource {
        &self.core.ids
    }

    /// Returns when a payment of an account was committed or owes a look-up, or a webhook was received, since the last call:
    /// there may be such work. Of several who wait for the same, one is woken. Never for an account that is not
    /// configured.
    pub async fn woken(&self, account: &AccountId, work: Work) {
        match self.core.accounts.get(account) {
            Some(account) => account.throttle.woken(work).await,
            None => std::future::pending().await,
        }
    }

    /// Says that there may be work for an account.
    pub fn wake(&self, account: &AccountId) {
        if let Some(account) = self.core.accounts.get(account) {
            account.throttle.wake(Work::Webhooks);
            account.throttle.wake(Work::Payments);
        }
    }

    /// Says that there may be work for every account.
    pub fn wake_all(&self) {
        self.core.accounts.keys().for_each(|account| self.wake(account));
    }

    /// A payment of a merchant.
    ///
    /// # Errors
    ///
    /// [`GatewayError::NotFound`], also for another merchant's; [`GatewayError::Store`].
    pub async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<PaymentRecord, GatewayError> {
        self.core.store.payment(merchant, id).await?.ok_or(GatewayError::NotFound)
    }
}
