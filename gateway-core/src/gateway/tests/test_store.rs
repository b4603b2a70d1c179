//! A store in memory that counts commits, fails when told to, and lets something happen in between.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{
    model::{AccountId, Event, MerchantId, OrderId, PaymentId, PgOrderId, PgPaymentId, WebhookId},
    store::{
        AccountBinding, AdminStore, Change, IdempotencyRecord, Inbox, KeptAnswer, MemoryStore, OwedLookUp,
        PaymentFilter, PaymentRecord, PaymentStore, ReceivedWebhook, StoreError, Sweep, WorkQueue,
    },
};

/// More commits than any test needs: what loops for ever fails instead of hanging.
const MOST_COMMITS: usize = 50_000;
const MOST_LEASES: usize = 200_000;

type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What goes wrong with one commit.
enum Fault {
    /// Nothing of it is applied.
    Before,
    /// All of it is applied, and nobody is told.
    After,
    /// Another commits first.
    Race(Hook),
    /// Nothing goes wrong with this one.
    None,
}

#[derive(Default)]
struct State {
    faults: VecDeque<Fault>,
    after_commit: Option<Hook>,
    is_down: bool,
    commits: Vec<Change>,
    leases: usize,
}

/// Clones are the same store.
#[derive(Clone)]
pub(crate) struct TestStore {
    inner: MemoryStore,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for TestStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestStore")
    }
}

fn unavailable<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("the disk is full".into()))
}

impl TestStore {
    pub(crate) fn over(inner: MemoryStore) -> Self {
        Self { inner, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The `nth` commit from now on, counted from 0, fails and is not applied.
    pub(crate) fn fail_before(&self, nth: usize) {
        self.fault(nth, Fault::Before);
    }

    /// The `nth` commit from now on, counted from 0, is applied and fails.
    pub(crate) fn fail_after(&self, nth: usize) {
        self.fault(nth, Fault::After);
    }

    /// Something happens right before the next commit.
    pub(crate) fn race<F>(&self, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.fault(0, Fault::Race(Box::new(|| Box::pin(hook()))));
    }

    /// Something happens right after the next commit.
    pub(crate) fn after_commit<F>(&self, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.state().after_commit = Some(Box::new(|| Box::pin(hook())));
    }

    fn fault(&self, nth: usize, fault: Fault) {
        let faults = &mut self.state().faults;
        (0..nth).for_each(|_| faults.push_back(Fault::None));
        faults.push_back(fault);
    }

    /// What was to go wrong does not.
    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// Whether nothing can be written any more.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// How many changes were applied.
    pub(crate) fn commits(&self) -> usize {
        self.state().commits.len()
    }

    /// The newest change that was applied.
    pub(crate) fn newest_change(&self) -> Change {
        self.state().commits.last().unwrap().clone()
    }

    async fn apply(&self, change: Change) -> Result<(), StoreError> {
        self.inner.commit(change.clone()).await?;
        let hook = {
            let mut state = self.state();
            state.commits.push(change);
            assert!(state.commits.len() < MOST_COMMITS, "something commits in a loop");
            state.after_commit.take()
        };
        if let Some(hook) = hook {
            hook().await;
        }
        Ok(())
    }
}

/// Methods that only pass on.
macro_rules! pass_on {
    ($port:ident: { $($extra:item)* } $(fn $name:ident($($arg:ident: $type:ty),*) -> $done:ty;)*) => {
        #[async_trait]
        impl $port for TestStore {
            $($extra)*
            $(
                async fn $name(&self, $($arg: $type),*) -> Result<$done, StoreError> {
                    self.inner.$name($($arg),*).await
                }
            )*
        }
    };
}

pass_on! { PaymentStore:
    {
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        // Others get their turn while a change is on its way.
        tokio::task::yield_now().await;
        let fault = {
            let mut state = self.state();
            if state.is_down {
                return unavailable();
            }
            state.faults.pop_front()
        };
        match fault {
            Some(Fault::Before) => unavailable(),
            Some(Fault::After) => {
                self.apply(change).await?;
                unavailable()
            }
            Some(Fault::Race(hook)) => {
                hook().await;
                self.apply(change).await
            }
            Some(Fault::None) | None => self.apply(change).await,
        }
    }
    }
    fn save_answer(merchant: &MerchantId, payment: &PaymentId, answer: KeptAnswer) -> ();
    fn payment(merchant: &MerchantId, id: &PaymentId) -> Option<PaymentRecord>;
    fn payment_of_order(merchant: &MerchantId, order_id: &OrderId) -> Option<PaymentRecord>;
    fn owner_of_order(account: &AccountId, order_id: &PgOrderId) -> Option<(MerchantId, PaymentId)>;
    fn owner_of_charge(account: &AccountId, id: &PgPaymentId) -> Option<(MerchantId, PaymentId)>;
    fn payments(merchant: &MerchantId, filter: &PaymentFilter, limit: u32) -> Vec<PaymentRecord>;
    fn events(merchant: &MerchantId, after: u64, limit: u32) -> Vec<Event>;
    fn events_of(merchant: &MerchantId, payment: &PaymentId) -> Vec<Event>;
    fn idempotency(merchant: &MerchantId, key: &str) -> Option<IdempotencyRecord>;
    fn save_idempotent_answer(record: IdempotencyRecord) -> ();
    fn forget_idempotency(before: Timestamp) -> u64;
}

pass_on! { WorkQueue:
    {
    async fn owe(&self, merchant: &MerchantId, payment: &PaymentId, owed: Vec<OwedLookUp>, now: Timestamp) -> Result<(), StoreError> {
        if self.state().is_down {
            return unavailable();
        }
        self.inner.owe(merchant, payment, owed, now).await
    }

    async fn lease_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let leases = {
            let mut state = self.state();
            state.leases += 1;
            state.leases
        };
        assert!(leases < MOST_LEASES, "something is due in a loop");
        self.inner.lease_due(account, now, until, limit).await
    }
    }
    fn release(merchant: &MerchantId, payment: &PaymentId, at: Timestamp) -> ();
    fn next_due(account: &AccountId) -> Option<Timestamp>;
    fn lease_sweep(account: &AccountId, now: Timestamp, until: Timestamp) -> Option<Sweep>;
    fn finish_sweep(account: &AccountId, swept_to: Option<Timestamp>, next: Timestamp) -> ();
}

pass_on! { Inbox:
    {
    async fn receive(&self, webhook: ReceivedWebhook) -> Result<(), StoreError> {
        if self.state().is_down {
            return unavailable();
        }
        self.inner.receive(webhook).await
    }
    }
    fn lease_inbox(account: &AccountId, now: Timestamp, until: Timestamp, limit: u32) -> Vec<ReceivedWebhook>;
    fn finish_webhook(account: &AccountId, id: &WebhookId) -> ();
    fn inbox_length(account: &AccountId) -> u64;
    fn remember_delivery(account: &AccountId, delivery_id: &str, now: Timestamp) -> bool;
}

pass_on! { AdminStore:
    {
    async fn ping(&self) -> Result<(), StoreError> {
        if self.state().is_down { unavailable() } else { Ok(()) }
    }
    }
    fn owner_of(payment: &PaymentId) -> Option<MerchantId>;
    fn all_payments(after: Option<&PaymentId>, limit: u32) -> Vec<(MerchantId, PaymentId)>;
    fn count_payments() -> u64;
    fn payments_with_reviews(only_open: bool, after: Option<&PaymentId>, limit: u32) -> Vec<(MerchantId, PaymentId)>;
    fn bind_accounts(accounts: &[AccountBinding]) -> ();
    fn newest_commit() -> Option<Timestamp>;
}
