//! The port to a database, written around atomic change: [`PaymentStore`], [`WorkQueue`], [`Inbox`] and
//! [`AdminStore`], together a [`Store`].

use std::{fmt, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{
    AccountId, Event, MerchantId, OrderId, PaymentId, PaymentStatus, PgOrderId, PgPaymentId, WebhookId,
};

mod account;
mod change;
mod checks;
mod error;
mod memory;
mod record;
mod webhook;
mod wrapped;

pub use account::{AccountBinding, AccountDifference};
pub use change::{Change, ChecksChange, IdempotencyRecord, PaymentChange, SavedAnswer, StoredAnswer};
pub use checks::{Checks, OwedLookUp, PendingOperation, Why};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use record::PaymentRecord;
pub use webhook::{ReceivedWebhook, Room};
pub use wrapped::{PendingCall, StoreAccess, StoreAnswer, StoreCall, StoreHook, WrappedStore};

/// Keeps everything. Nothing is acknowledged before it is durable.
///
/// # Contract
///
/// * Payments, attempts, charges, events, answers and webhooks are sealed at rest.
/// * `(account, accepted PG id)`, `(merchant, held order)` and `(merchant, idempotency key)` are unique.
/// * What is taken for one account never waits for another: a full inbox is full for its account alone.
/// * A dropped future does not undo the work.
pub trait Store: PaymentStore + WorkQueue + Inbox + AdminStore {}

impl<T: PaymentStore + WorkQueue + Inbox + AdminStore> Store for T {}

/// Payments, their events, and the idempotency keys of requests.
#[async_trait]
pub trait PaymentStore: fmt::Debug + Send + Sync + 'static {
    /// Applies a change and ends any lease on the payments it changes.
    ///
    /// # Errors
    ///
    /// The first of [`StoreError::Conflict`], [`KeyTaken`](StoreError::KeyTaken),
    /// [`OrderTaken`](StoreError::OrderTaken) and [`PgIdTaken`](StoreError::PgIdTaken), in this order: a repeat of a
    /// request meets its key before its order. Nothing of the change was applied, except that after
    /// [`StoreError::Unavailable`] it may have been.
    async fn commit(&self, change: Change) -> Result<(), StoreError>;

    /// Writes what only a POST's answer holds, whatever version the payment has by now. A payment or charge that is
    /// not there is no error.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn save_answer(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        answer: SavedAnswer,
    ) -> Result<(), StoreError>;

    /// A payment of a merchant. Another merchant's is not found.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<Option<PaymentRecord>, StoreError>;

    /// The payment an order id has: the one that holds it, else its newest.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn payment_of_order(
        &self,
        merchant: &MerchantId,
        order_id: &OrderId,
    ) -> Result<Option<PaymentRecord>, StoreError>;

    /// Whose attempt carries this order id at this account.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn owner_of_order(
        &self,
        account: &AccountId,
        order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError>;

    /// Which payment has a charge with this PG id at this account: the one that accepted it, else the newest.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn owner_of_charge(
        &self,
        account: &AccountId,
        id: &PgPaymentId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError>;

    /// A merchant's payments, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn payments(
        &self,
        merchant: &MerchantId,
        filter: &PaymentFilter,
        limit: u32,
    ) -> Result<Vec<PaymentRecord>, StoreError>;

    /// A merchant's events after a position, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn events(&self, merchant: &MerchantId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// A payment's events, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn events_of(&self, merchant: &MerchantId, payment: &PaymentId) -> Result<Vec<Event>, StoreError>;

    /// What an idempotency key stands for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn idempotency(
        &self,
        merchant: &MerchantId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Keeps the final answer of a key; inserts the record if the request made no row. The first answer stays, and a
    /// record with another digest changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn save_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError>;

    /// Expires idempotency records made before `before`, except those of cancels; how many.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn expire_idempotency(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// How long a lease may be at most. One that ends later than so from now was dated by a clock that was wrong, and is none: what
/// it held back would not be seen until then.
// The longest that anybody takes is a day, for a payment whose PG nobody can ask.
pub const LONGEST_LEASE: Duration = Duration::from_secs(25 * 60 * 60);

/// What is due, and who works on it. A lease lasts [`LONGEST_LEASE`] at most.
#[async_trait]
pub trait WorkQueue: fmt::Debug + Send + Sync + 'static {
    /// Adds look-ups that a payment owes, whatever version it has, and leaves the version alone: see
    /// [`Checks::owe_from_now`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn owe(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        owed: Vec<OwedLookUp>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Takes payments of an account that are due and that nobody else has, until `until`, longest due first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn lease_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError>;

    /// Gives a leased payment free from `at` on: the worker that took it could not work on it. One that nobody has is left
    /// alone: a commit made it due meanwhile, which is not put off.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn release(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// When an account's next payment is due that nobody has taken.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError>;

    /// Takes an account's sweep, if it is due and nobody else has it, until `until`. One that is due again later than
    /// [`LONGEST_LEASE`] from now is due.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn lease_sweep(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sweep>, StoreError>;

    /// Ends an account's sweep: swept up to `swept_to`, due again at `next`. `None`: what was swept before stays swept.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn finish_sweep(
        &self,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError>;
}

/// Received webhooks that wait to be read. A lease lasts [`LONGEST_LEASE`] at most.
#[async_trait]
pub trait Inbox: fmt::Debug + Send + Sync + 'static {
    /// Puts a webhook into its room of its account's inbox. Rooms do not take space from each other.
    ///
    /// # Errors
    ///
    /// [`StoreError::InboxFull`] or [`StoreError::Unavailable`]: it is not in.
    async fn receive(&self, webhook: ReceivedWebhook) -> Result<(), StoreError>;

    /// Takes webhooks of an account that nobody else has, those of [`Room::Known`] first, then the oldest first,
    /// until `until`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn lease_inbox(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReceivedWebhook>, StoreError>;

    /// Takes a webhook out of its account's inbox: what it asked for is done and durable.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn finish_webhook(&self, account: &AccountId, id: &WebhookId) -> Result<(), StoreError>;

    /// How many webhooks wait in an account's inbox.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn inbox_length(&self, account: &AccountId) -> Result<u64, StoreError>;

    /// Remembers a signed delivery of an account; `false` if it was known.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn remember_delivery(
        &self,
        account: &AccountId,
        delivery_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}

/// What operators and the start of a process need.
#[async_trait]
pub trait AdminStore: fmt::Debug + Send + Sync + 'static {
    /// Whose a payment is. For operators, who see every merchant's.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn owner_of(&self, payment: &PaymentId) -> Result<Option<MerchantId>, StoreError>;

    /// Every merchant's payments after one, by id: the oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn all_payments(
        &self,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError>;

    /// How many payments there are, of every merchant.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn count_payments(&self) -> Result<u64, StoreError>;

    /// Every merchant's payments after one that have a review, by id; only those with an open one if `only_open`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn payments_with_reviews(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError>;

    /// Binds the configured accounts, all of them, or finds one that changed or is gone while money of its payments
    /// may still come in or go back.
    ///
    /// # Errors
    ///
    /// [`StoreError::AccountChanged`]; [`StoreError::Unavailable`].
    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError>;

    /// When the newest change was committed, by the clock of the replica that committed it; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn newest_commit(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Whether the store can be read and written, what is written now is there at the next start, and what was written first
    /// can still be understood.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if not.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Which payments to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Only of this order.
    pub order_id: Option<OrderId>,
    /// Only in this status.
    pub status: Option<PaymentStatus>,
    /// Only those older than this one (the last of the page before).
    // No offset: a payment that is registered between two pages would move every one behind it.
    pub before: Option<PaymentId>,
}

/// An account's sweep that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Up to when it has been swept; `None` if never.
    pub swept_to: Option<Timestamp>,
}
