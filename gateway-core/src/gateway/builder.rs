//! Putting a gateway together.

use std::{collections::BTreeMap, sync::Arc};

use super::{Gateway, admissions::Admissions, policy::MerchantPolicy};
use crate::{
    account::{Account, ConnectedAccount},
    clock::{Clock, SteadyClock, SystemClock},
    dispatch::Committer,
    model::{AccountId, IdSource, MerchantId},
    store::{Store, StoreError},
};

/// Why a gateway cannot start.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { provider, .. } = shop().await?;
/// use std::sync::Arc;
///
/// use paymux_core::{
///     account::Account,
///     gateway::{BuildError, Gateway, MerchantPolicy},
///     store::MemoryStore,
/// };
///
/// let account = Account::new("toss".parse()?, "shop".parse()?, provider);
/// let policy = MerchantPolicy::new(account.id.clone());
/// let gateway = Gateway::builder(Arc::new(MemoryStore::default()))
///     .account(account)
///     // Another merchant's account would take this merchant's money.
///     .merchant("other_shop".parse()?, policy)
///     .start()
///     .await;
/// assert!(matches!(gateway, Err(BuildError::NoSuchAccount { merchant, .. }) if merchant.as_str() == "other_shop"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two accounts have one name.
    #[error("there are two accounts named {0}")]
    AccountTwice(AccountId),
    /// A policy names an account that is not the merchant's.
    #[error("the merchant {merchant} has no account named {account}")]
    NoSuchAccount {
        /// Whose policy it is.
        merchant: MerchantId,
        /// The account that it names.
        account: AccountId,
    },
    /// The store cannot be used, or says that an account became another one. Nothing is started.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a [`Gateway`] together.
#[derive(Debug)]
#[must_use = "a builder does nothing before it builds"]
pub struct GatewayBuilder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    accounts: Vec<Account>,
    merchants: BTreeMap<MerchantId, MerchantPolicy>,
}

impl Gateway {
    /// Begins to put a gateway together over a store.
    pub fn builder(store: Arc<dyn Store>) -> GatewayBuilder {
        GatewayBuilder {
            store,
            clock: Arc::new(SystemClock::default()),
            ids: IdSource::random(),
            accounts: Vec::new(),
            merchants: BTreeMap::new(),
        }
    }
}

impl GatewayBuilder {
    /// Another clock than the machine's.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Another source of ids than the operating system's randomness.
    pub fn ids(self, ids: IdSource) -> Self {
        Self { ids, ..self }
    }

    /// One more account.
    pub fn account(mut self, account: Account) -> Self {
        self.accounts.push(account);
        self
    }

    /// One more merchant, or another policy for it.
    pub fn merchant(mut self, merchant: MerchantId, policy: MerchantPolicy) -> Self {
        self.merchants.insert(merchant, policy);
        self
    }

    /// The gateway, its accounts bound to the store and its clock held against the newest commit.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: two accounts have one name, or a policy names an account that is not the merchant's.
    /// [`BuildError::Store`] with [`StoreError::AccountChanged`]: an account is another one at the PG than before, or is gone,
    /// while money of its payments may still come in or go back. With [`StoreError::Unavailable`] a
    /// gateway that is built anew may start later.
    pub async fn start(self) -> Result<Gateway, BuildError> {
        let gateway = self.build()?;
        gateway.bind().await?;
        Ok(gateway)
    }

    /// The gateway, its accounts not bound.
    pub(crate) fn build(self) -> Result<Gateway, BuildError> {
        let clock = Arc::new(SteadyClock::new(self.clock));
        let mut accounts = BTreeMap::new();
        for account in self.accounts {
            let id = account.id.clone();
            let connected = ConnectedAccount::new(account, Arc::clone(&clock) as Arc<dyn Clock>);
            if accounts.insert(id.clone(), connected).is_some() {
                return Err(BuildError::AccountTwice(id));
            }
        }
        for (merchant, policy) in &self.merchants {
            let named = std::iter::once(&policy.default_account).chain(policy.account_by_method.values());
            for account in named {
                if accounts.get(account).is_none_or(|account| account.merchant != *merchant) {
                    return Err(BuildError::NoSuchAccount {
                        merchant: merchant.clone(),
                        account: account.clone(),
                    });
                }
            }
        }
        let late_payments = self.merchants.iter();
        let late_payments =
            late_payments.map(|(merchant, policy)| (merchant.clone(), policy.late_payments)).collect();
        Ok(Gateway {
            core: Committer { store: self.store, clock, ids: self.ids, accounts, late_payments },
            merchants: self.merchants,
            admissions: Admissions::default(),
        })
    }
}
