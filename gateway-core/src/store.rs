//! The store port, written around atomic change.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Attempt, BoxError, Cancel, CancelId, Event, MerchantId, Mode, NewEvent, OrderId, Payment,
    PaymentId, PaymentStatus, PgOrderId, PgPaymentId, ReceivedWebhook, Secret, WebhookId,
};

/// A payment with everything that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRecord {
    /// The payment.
    pub payment: Payment,
    /// Its attempts, by number.
    pub attempts: Vec<Attempt>,
    /// Its cancels, oldest first.
    pub cancels: Vec<Cancel>,
    /// Counts the hints received ([`Store::mark_dirty`]); given back with a [`Change`].
    pub hints: u64,
    /// How many events it has.
    pub events: u64,
}

/// The final answer to a request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body. It may hold personal data, so it is sealed like a secret.
    pub body: Secret,
}

/// What an idempotency key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose key.
    pub merchant: MerchantId,
    /// The key, as the merchant sent it.
    pub key: String,
    /// A digest of method, path and body.
    pub digest: String,
    /// The payment the request is about.
    pub payment: Option<PaymentId>,
    /// The cancel the request made.
    pub cancel: Option<CancelId>,
    /// The final answer; `None` while there is none.
    pub answer: Option<StoredAnswer>,
    /// When the key was first used. Kept for 15 days.
    pub created_at: Timestamp,
}

/// One atomic change: all of it is applied, or nothing.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version the payment must have; `None` for a new payment. `payment.version` is one more, or 1.
    pub expected: Option<u64>,
    /// The payment after the change, watch included.
    pub payment: Payment,
    /// The hints seen when the record was read. If more came since, the payment stays due for them.
    pub hints: u64,
    /// The earliest moment at which it is due for hints that came since; `None`: as they said.
    pub more_hints_at: Option<Timestamp>,
    /// Attempts to insert or replace.
    pub attempts: Vec<Attempt>,
    /// Cancels to insert or replace.
    pub cancels: Vec<Cancel>,
    /// Events to append.
    pub events: Vec<NewEvent>,
    /// An idempotency record to insert.
    pub idempotency: Option<IdempotencyRecord>,
    /// An ended payment of the same merchant whose order this one takes over.
    pub supersedes: Option<PaymentId>,
}

/// Which payments to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Only of this order.
    pub order_id: Option<OrderId>,
    /// Only in this status.
    pub status: Option<PaymentStatus>,
    /// Only those older than this one (the last of the page before).
    pub before: Option<PaymentId>,
}

/// What an account is, kept so that it cannot change under open payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBinding {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Its PG.
    pub kind: String,
    /// Test or live.
    pub mode: Mode,
    /// The merchant's name at the PG.
    pub pg_merchant: String,
}

/// Keeps everything. Nothing is acknowledged before it is durable.
///
/// # Contract
///
/// * Payments, attempts, cancels, answers and webhooks are sealed at rest.
/// * `(account, accepted PG id)`, `(merchant, held order)` and `(merchant, idempotency key)` are unique.
/// * What is taken for one account never waits for another: a full inbox is full for its account alone.
/// * A dropped future does not undo the work.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Applies a change and ends any lease on its payment.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing of the change was applied, except that after
    /// [`StoreError::Unavailable`] it may have been.
    async fn commit(&self, change: Change) -> Result<(), StoreError>;

    /// Writes what only a POST's answer holds, whatever version the payment has by now. Fields
    /// of `attempt` that are `None` are left as they are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn keep_answer(
        &self,
        payment: &PaymentId,
        attempt: u16,
        deposit_secret: Option<Secret>,
        raw: Option<Secret>,
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
    async fn owner_of_attempt(
        &self,
        account: &AccountId,
        pg_order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError>;

    /// Which payment's attempt carries this PG id at this account: the one that accepted it, else
    /// the newest that claims it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn owner_of_pg_id(
        &self,
        account: &AccountId,
        pg_id: &PgPaymentId,
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

    /// Every merchant's payments after one that have a case, by id; only those with an open one if
    /// `only_open`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn payments_with_cases(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError>;

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

    /// Keeps the final answer of a key; inserts the record if the request made no row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn keep_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError>;

    /// Forgets idempotency records made before `before`; tells how many.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn forget_idempotency(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Says that something may have happened to a payment: it is due at `at`, or earlier if it was, and a
    /// look-up that is running now is followed by another.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn mark_dirty(&self, payment: &PaymentId, at: Timestamp) -> Result<(), StoreError>;

    /// Takes payments of an account whose watch is due and that nobody else has, until `until`, longest
    /// due first.
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

    /// When an account's next watch is due that nobody has taken.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError>;

    /// Puts a webhook into its account's inbox.
    ///
    /// # Errors
    ///
    /// [`StoreError::InboxFull`] or [`StoreError::Unavailable`]: it is not in.
    async fn receive(&self, webhook: ReceivedWebhook) -> Result<(), StoreError>;

    /// Takes webhooks of an account that nobody else has, oldest first, until `until`.
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

    /// Takes a webhook out of the inbox: what it asked for is done and durable.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn finish_webhook(&self, id: &WebhookId) -> Result<(), StoreError>;

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

    /// Takes an account's sweep, if it is due and nobody else has it, until `until`. Tells up to
    /// when the account has been swept: `None` if never.
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

    /// Ends an account's sweep: swept up to `swept_to`, due again at `next`.
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

    /// Binds the configured accounts, all of them, or finds one that changed or is gone while it has payments
    /// open or watched.
    ///
    /// # Errors
    ///
    /// [`StoreError::AccountChanged`] naming it; [`StoreError::Unavailable`].
    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError>;

    /// Whether the store can be read and written.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if not.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// An account's sweep that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Up to when it has been swept; `None` if never.
    pub swept_to: Option<Timestamp>,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The payment has another version: read it again.
    #[error("the payment was changed by another")]
    Conflict,
    /// The order id has another open or paid payment.
    #[error("the order has another payment")]
    OrderTaken,
    /// The PG id is accepted by another payment.
    #[error("the PG payment belongs to another payment")]
    PgIdTaken,
    /// The idempotency key is in use.
    #[error("the idempotency key is in use")]
    KeyTaken,
    /// Too many webhooks wait.
    #[error("the inbox is full")]
    InboxFull,
    /// An account was changed or taken away while payments are open.
    #[error(
        "account `{0}` was changed or removed while it has open or watched payments; restore its settings"
    )]
    AccountChanged(AccountId),
    /// The store cannot be reached or cannot write.
    #[error("the store is not available")]
    Unavailable(#[source] BoxError),
}
