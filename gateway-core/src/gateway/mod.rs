//! The use cases: what merchants, browsers, PGs, operators and time make happen to a payment. One file each.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    account::{Account, Work},
    clock::Clock,
    dispatch::Committer,
    model::{AccountId, IdSource, MerchantId, PaymentId},
    store::{PaymentRecord, Store},
};

mod admin;
mod admissions;
mod background;
mod builder;
mod cancel;
mod confirm;
mod error;
mod next_action;
mod policy;
mod read;
mod register;
mod request_key;
mod retired;
mod shared;
#[cfg(test)]
mod tests;
mod verify;

pub use admin::{LedgerDifference, LedgerPage, LedgerProblem, Verdict};
pub use background::{InboxOutcome, Workers};
pub use builder::{BuildError, GatewayBuilder};
pub use cancel::NewCancel;
pub use error::{GatewayError, StateProblem};
pub use policy::MerchantPolicy;
pub use register::{NewPayment, Registered};
pub use request_key::RequestKey;

use admissions::Admissions;

/// The use cases, over any store, clock and set of accounts.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { provider, simulator: _running, .. } = shop().await?;
/// use std::sync::Arc;
///
/// use paymux_core::{
///     account::Account,
///     gateway::{Gateway, MerchantPolicy, NewPayment, Workers},
///     model::{Device, MerchantId, Money, PaymentTerms},
///     store::MemoryStore,
/// };
///
/// let shop: MerchantId = "shop".parse()?;
/// let account = Account::new("toss".parse()?, shop.clone(), provider);
/// let policy = MerchantPolicy::new(account.id.clone());
/// let gateway = Gateway::builder(Arc::new(MemoryStore::default()))
///     .account(account)
///     .merchant(shop.clone(), policy)
///     .start()
///     .await?;
/// let gateway = Arc::new(gateway);
/// let workers = Workers::start(&gateway);
///
/// let terms = PaymentTerms::new("A blue mug", Money::krw(12_000), "https://shop.example/return");
/// let order = NewPayment { order_id: "order-1".parse()?, terms };
/// let payment = gateway.register(&shop, order, None).await?.record.payment.id;
/// let (_, step) = gateway.next_action(&shop, &payment, Device::Desktop, None).await?;
/// println!("the browser has to do {step:?}, and brings back what `confirm` takes");
///
/// workers.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// Every method that may move money continues while its future is polled; run it in a task of its own,
/// so that a caller who hangs up only stops waiting.
#[derive(Debug)]
pub struct Gateway {
    core: Committer,
    merchants: BTreeMap<MerchantId, MerchantPolicy>,
    admissions: Admissions,
}

impl Gateway {
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
    /// there may be such work. Of several who wait for the same, one is notified. Never for an account that is not
    /// configured.
    ///
    /// [`Workers`] call it, so a program that runs them does not.
    pub async fn notified(&self, account: &AccountId, work: Work) {
        match self.core.accounts.get(account) {
            Some(account) => account.throttle.notified(work).await,
            None => std::future::pending().await,
        }
    }

    /// Says that there may be work for an account.
    pub fn notify(&self, account: &AccountId) {
        if let Some(account) = self.core.accounts.get(account) {
            account.throttle.notify(Work::Webhooks);
            account.throttle.notify(Work::Payments);
        }
    }

    /// Says that there may be work for every account.
    pub fn notify_all(&self) {
        self.core.accounts.keys().for_each(|account| self.notify(account));
    }

    /// A payment of a merchant as it is stored. [`read`](Self::read) also has one looked up that is uncertain.
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
