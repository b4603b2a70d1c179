//! A store around another, whose every call passes a hook: to measure it, to delay it, to make it fail.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;

use super::{
    AccountBinding, AdminStore, Change, IdempotencyRecord, Inbox, OwedLookUp, PaymentFilter, PaymentRecord,
    PaymentStore, ReceivedWebhook, SavedAnswer, Store, StoreError, Sweep, WorkQueue,
};
use crate::model::{AccountId, Event, MerchantId, OrderId, PaymentId, PgOrderId, PgPaymentId, WebhookId};

/// What a call does to what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAccess {
    /// Nothing.
    Reads,
    /// It takes work, if there is some: the others do not see it until the lease ends.
    Leases,
    /// It may change something for good.
    Writes,
}

/// A call of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCall {
    /// The method: `commit`, `lease_due`.
    pub name: &'static str,
    /// What it does to what is kept.
    pub access: StoreAccess,
    /// The account it is about; `None` if it is about a merchant, or about everything.
    pub account: Option<AccountId>,
}

impl StoreCall {
    fn new(name: &'static str, access: StoreAccess) -> Self {
        Self { name, access, account: None }
    }

    fn of(self, account: &AccountId) -> Self {
        Self { account: Some(account.clone()), ..self }
    }
}

/// What a call answers.
pub trait StoreAnswer: Send + 'static {
    /// Whether there is something in it: a row that was found, work that was taken.
    fn is_something(&self) -> bool;
}

impl StoreAnswer for () {
    fn is_something(&self) -> bool {
        false
    }
}

impl StoreAnswer for bool {
    fn is_something(&self) -> bool {
        *self
    }
}

impl StoreAnswer for u64 {
    fn is_something(&self) -> bool {
        *self > 0
    }
}

impl<T: Send + 'static> StoreAnswer for Option<T> {
    fn is_something(&self) -> bool {
        self.is_some()
    }
}

impl<T: Send + 'static> StoreAnswer for Vec<T> {
    fn is_something(&self) -> bool {
        !self.is_empty()
    }
}

/// A call that waits to be made. It owns what it needs, so it can be made after its caller has gone.
pub type PendingCall<T> = BoxFuture<'static, Result<T, StoreError>>;

/// What stands around the calls of a [`WrappedStore`].
///
/// A call is made by awaiting it. A hook that does not, or that answers an error after it was made, must keep the
/// contract of [`StoreError`]: only after [`StoreError::Unavailable`] may a change have been applied.
#[async_trait]
pub trait StoreHook: fmt::Debug + Send + Sync + 'static {
    /// Makes a call, or does not.
    ///
    /// # Errors
    ///
    /// Those of the call, and those that the hook makes up.
    async fn around<T: StoreAnswer>(&self, call: StoreCall, made: PendingCall<T>) -> Result<T, StoreError>;

    /// Commits, for a hook that has to see the change; otherwise a call like the others.
    ///
    /// # Errors
    ///
    /// As [`around`](Self::around).
    async fn commit(&self, store: Arc<dyn Store>, change: Change) -> Result<(), StoreError> {
        let call = StoreCall::new("commit", StoreAccess::Writes);
        self.around(call, async move { store.commit(change).await }.boxed()).await
    }

    /// Ends a sweep, for a hook that has to see how far it came; otherwise a call like the others.
    ///
    /// # Errors
    ///
    /// As [`around`](Self::around).
    async fn finish_sweep(
        &self,
        store: Arc<dyn Store>,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let call = StoreCall::new("finish_sweep", StoreAccess::Writes).of(account);
        let account = account.clone();
        let made = async move { store.finish_sweep(&account, swept_to, next).await };
        self.around(call, made.boxed()).await
    }
}

/// A store around another, whose every call passes a hook.
///
/// # Example
///
/// Counts how often each method is called.
///
/// ```
/// use std::{
///     collections::BTreeMap,
///     sync::{Arc, Mutex},
/// };
///
/// use async_trait::async_trait;
/// use paymux_core::store::{
///     AdminStore, MemoryStore, PendingCall, StoreAnswer, StoreCall, StoreError, StoreHook, WrappedStore,
/// };
///
/// #[derive(Debug, Default)]
/// struct Counts(Mutex<BTreeMap<&'static str, u64>>);
///
/// #[async_trait]
/// impl StoreHook for Counts {
///     async fn around<T: StoreAnswer>(
///         &self,
///         call: StoreCall,
///         made: PendingCall<T>,
///     ) -> Result<T, StoreError> {
///         *self.0.lock().unwrap().entry(call.name).or_default() += 1;
///         made.await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StoreError> {
/// let store = WrappedStore::new(Arc::new(MemoryStore::default()), Counts::default());
/// store.ping().await?;
/// store.ping().await?;
/// assert_eq!(store.hook().0.lock().unwrap()["ping"], 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WrappedStore<H> {
    inner: Arc<dyn Store>,
    hook: H,
}

impl<H: StoreHook> WrappedStore<H> {
    /// Puts a hook around a store.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, hook: H) -> Self {
        Self { inner, hook }
    }

    /// The hook.
    pub fn hook(&self) -> &H {
        &self.hook
    }
}

/// A port, by what its methods do: `Leases lease_due[account](account: &AccountId; limit: u32) -> Vec<…>`. In brackets
/// the account that a call is about, before the semicolon what is borrowed. Then the methods that are written out.
macro_rules! wrap {
    ($port:ident {
        $($access:ident $name:ident[$($of:ident)?](
            $($lent:ident: &$lent_type:ty),*; $($given:ident: $given_type:ty),*
        ) -> $answer:ty;)*
        $(@ $($written_out:item)*)?
    }) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<H: StoreHook> $port for WrappedStore<H> {
            $(
                async fn $name(
                    &self,
                    $($lent: &$lent_type,)*
                    $($given: $given_type),*
                ) -> Result<$answer, StoreError> {
                    let call = StoreCall::new(stringify!($name), StoreAccess::$access)$(.of($of))?;
                    let store = Arc::clone(&self.inner);
                    $(let $lent = $lent.to_owned();)*
                    let made = async move { store.$name($(&$lent,)* $($given),*).await };
                    self.hook.around(call, made.boxed()).await
                }
            )*
            $($($written_out)*)?
        }
    };
}

wrap! { PaymentStore {
    Writes save_answer[](merchant: &MerchantId, payment: &PaymentId; answer: SavedAnswer) -> ();
    Reads payment[](merchant: &MerchantId, id: &PaymentId;) -> Option<PaymentRecord>;
    Reads payment_of_order[](merchant: &MerchantId, order_id: &OrderId;) -> Option<PaymentRecord>;
    Reads owner_of_order[account](
        account: &AccountId, order_id: &PgOrderId;
    ) -> Option<(MerchantId, PaymentId)>;
    Reads owner_of_charge[account](
        account: &AccountId, id: &PgPaymentId;
    ) -> Option<(MerchantId, PaymentId)>;
    Reads payments[](merchant: &MerchantId, filter: &PaymentFilter; limit: u32) -> Vec<PaymentRecord>;
    Reads events[](merchant: &MerchantId; after: u64, limit: u32) -> Vec<Event>;
    Reads events_of[](merchant: &MerchantId, payment: &PaymentId;) -> Vec<Event>;
    Reads idempotency[](merchant: &MerchantId, key: &str;) -> Option<IdempotencyRecord>;
    Writes save_idempotent_answer[](; record: IdempotencyRecord) -> ();
    Writes expire_idempotency[](; before: Timestamp) -> u64;
    @
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.hook.commit(Arc::clone(&self.inner), change).await
    }
} }

wrap! { WorkQueue {
    Writes owe[](merchant: &MerchantId, payment: &PaymentId; owed: Vec<OwedLookUp>, now: Timestamp) -> ();
    Leases lease_due[account](
        account: &AccountId; now: Timestamp, until: Timestamp, limit: u32
    ) -> Vec<(MerchantId, PaymentId)>;
    Writes release[](merchant: &MerchantId, payment: &PaymentId; at: Timestamp) -> ();
    Reads next_due[account](account: &AccountId;) -> Option<Timestamp>;
    Leases lease_sweep[account](account: &AccountId; now: Timestamp, until: Timestamp) -> Option<Sweep>;
    @
    async fn finish_sweep(
        &self,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        self.hook.finish_sweep(Arc::clone(&self.inner), account, swept_to, next).await
    }
} }

wrap! { Inbox {
    Writes receive[](; webhook: ReceivedWebhook) -> ();
    Leases lease_inbox[account](
        account: &AccountId; now: Timestamp, until: Timestamp, limit: u32
    ) -> Vec<ReceivedWebhook>;
    Writes finish_webhook[account](account: &AccountId, id: &WebhookId;) -> ();
    Reads inbox_length[account](account: &AccountId;) -> u64;
    Writes remember_delivery[account](account: &AccountId, delivery_id: &str; now: Timestamp) -> bool;
} }

wrap! { AdminStore {
    Reads owner_of[](payment: &PaymentId;) -> Option<MerchantId>;
    Reads count_payments[](;) -> u64;
    Writes bind_accounts[](accounts: &[AccountBinding];) -> ();
    Reads newest_commit[](;) -> Option<Timestamp>;
    Reads ping[](;) -> ();
    @
    async fn all_payments(
        &self,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let (store, after) = (Arc::clone(&self.inner), after.cloned());
        let made = async move { store.all_payments(after.as_ref(), limit).await };
        self.hook.around(StoreCall::new("all_payments", StoreAccess::Reads), made.boxed()).await
    }

    async fn payments_with_reviews(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let (store, after) = (Arc::clone(&self.inner), after.cloned());
        let made = async move { store.payments_with_reviews(only_open, after.as_ref(), limit).await };
        self.hook.around(StoreCall::new("payments_with_reviews", StoreAccess::Reads), made.boxed()).await
    }
} }
