//! The store on SQLite.

use std::{fs::File, path::Path, sync::Arc};

use async_trait::async_trait;
use gateway_core::{
    AccountBinding, AccountId, Change, Event, IdempotencyRecord, MerchantId, OrderId, PaymentFilter,
    PaymentId, PaymentRecord, PgOrderId, PgPaymentId, ReceivedWebhook, Secret, Store, StoreError, Sweep,
    WebhookId,
};
use jiff::Timestamp;
use rusqlite::Connection;

use crate::{
    accounts, commit, events,
    fault::Fault,
    idempotency, inbox,
    open::{self, OpenError, Opened},
    operators,
    readers::Readers,
    records,
    seal::{Keys, Sealer},
    watches,
    writer::Writer,
};

/// How many webhooks of each account may wait, if nothing else is said.
const INBOX_CAPACITY: u64 = 10_000;

/// The store on SQLite: one file, one server.
///
/// One thread writes. It puts the changes that wait into one commit, and nobody hears that a change was
/// made before the commit is on disk. Readers do not wait for it.
#[derive(Debug)]
pub struct SqliteStore {
    sealer: Arc<Sealer>,
    inbox_capacity: u64,
    // Dropped in this order: the writer ends its work before the file is given free.
    writer: Writer,
    /// `None` in memory: only the writer's connection sees the database.
    readers: Option<Readers>,
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the database in this file, made if it is missing, or in memory if the path is `:memory:`.
    ///
    /// Blocks while it works: call it before the server starts. Dropping the store waits until every
    /// queued change is on disk.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; above all [`InUse`](OpenError::InUse) if another server has the file.
    pub fn open(path: impl AsRef<Path>, keys: &Keys) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let sealer = Arc::new(Sealer::new(keys));
        let is_memory = path.as_os_str() == ":memory:";
        let Opened { writer, readers, lock } =
            if is_memory { open::in_memory(&sealer)? } else { open::on_disk(path, &sealer)? };
        let writer =
            Writer::start(writer).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let readers = (!readers.is_empty()).then(|| Readers::new(readers));
        Ok(Self { sealer, inbox_capacity: INBOX_CAPACITY, writer, readers, _lock: lock })
    }

    /// The same store with an inbox in which at most this many webhooks of each account wait.
    #[must_use]
    pub fn with_inbox_capacity(self, inbox_capacity: u64) -> Self {
        Self { inbox_capacity, ..self }
    }

    async fn write<R, F>(&self, work: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&Connection, &Sealer) -> Result<R, Fault> + Send + 'static,
    {
        let sealer = Arc::clone(&self.sealer);
        Ok(self.writer.call(move |connection| work(connection, &sealer)).await?)
    }

    async fn read<R, F>(&self, work: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&Connection, &Sealer) -> Result<R, Fault> + Send + 'static,
    {
        let Some(readers) = &self.readers else { return self.write(work).await };
        let sealer = Arc::clone(&self.sealer);
        Ok(readers.call(move |connection| work(connection, &sealer)).await?)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.write(move |connection, sealer| commit::commit(connection, sealer, &change)).await
    }

    async fn keep_answer(
        &self,
        payment: &PaymentId,
        attempt: u16,
        deposit_secret: Option<Secret>,
        raw: Option<Secret>,
    ) -> Result<(), StoreError> {
        let payment = payment.clone();
        self.write(move |connection, sealer| {
            commit::keep_answer(connection, sealer, &payment, attempt, deposit_secret, raw)
        })
        .await
    }

    async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let (merchant, id) = (merchant.clone(), id.clone());
        self.read(move |connection, sealer| records::payment(connection, sealer, &merchant, &id)).await
    }

    async fn payment_of_order(
        &self,
        merchant: &MerchantId,
        order_id: &OrderId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let (merchant, order_id) = (merchant.clone(), order_id.clone());
        self.read(move |connection, sealer| {
            records::payment_of_order(connection, sealer, &merchant, &order_id)
        })
        .await
    }

    async fn owner_of_attempt(
        &self,
        account: &AccountId,
        pg_order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let (account, pg_order_id) = (account.clone(), pg_order_id.clone());
        self.read(move |connection, _| records::owner_of_attempt(connection, &account, &pg_order_id)).await
    }

    async fn owner_of_pg_id(
        &self,
        account: &AccountId,
        pg_id: &PgPaymentId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let (account, pg_id) = (account.clone(), pg_id.clone());
        self.read(move |connection, _| records::owner_of_pg_id(connection, &account, &pg_id)).await
    }

    async fn payments(
        &self,
        merchant: &MerchantId,
        filter: &PaymentFilter,
        limit: u32,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        let (merchant, filter) = (merchant.clone(), filter.clone());
        self.read(move |connection, sealer| records::payments(connection, sealer, &merchant, &filter, limit))
            .await
    }

    async fn events(&self, merchant: &MerchantId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let merchant = merchant.clone();
        self.read(move |connection, sealer| events::after(connection, sealer, &merchant, after, limit)).await
    }

    async fn events_of(&self, merchant: &MerchantId, payment: &PaymentId) -> Result<Vec<Event>, StoreError> {
        let (merchant, payment) = (merchant.clone(), payment.clone());
        self.read(move |connection, sealer| events::of_payment(connection, sealer, &merchant, &payment)).await
    }

    async fn owner_of(&self, payment: &PaymentId) -> Result<Option<MerchantId>, StoreError> {
        let payment = payment.clone();
        self.read(move |connection, _| operators::owner_of(connection, &payment)).await
    }

    async fn all_payments(
        &self,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let last = after.cloned();
        self.read(move |connection, _| operators::all_payments(connection, last.as_ref(), limit)).await
    }

    async fn count_payments(&self) -> Result<u64, StoreError> {
        self.read(|connection, _| operators::count_payments(connection)).await
    }

    async fn payments_with_cases(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let last = after.cloned();
        self.read(move |connection, _| {
            operators::payments_with_cases(connection, only_open, last.as_ref(), limit)
        })
        .await
    }

    async fn idempotency(
        &self,
        merchant: &MerchantId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let (merchant, key) = (merchant.clone(), key.to_owned());
        self.read(move |connection, sealer| idempotency::find(connection, sealer, &merchant, &key)).await
    }

    async fn keep_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError> {
        self.write(move |connection, sealer| idempotency::keep_answer(connection, sealer, &record)).await
    }

    async fn forget_idempotency(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |connection, _| idempotency::forget(connection, before)).await
    }

    async fn mark_dirty(&self, payment: &PaymentId, at: Timestamp) -> Result<(), StoreError> {
        let payment = payment.clone();
        self.write(move |connection, _| watches::mark_dirty(connection, &payment, at)).await
    }

    async fn lease_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let account = account.clone();
        self.write(move |connection, _| watches::lease_due(connection, &account, now, until, limit)).await
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        let account = account.clone();
        self.read(move |connection, _| watches::next_due(connection, &account)).await
    }

    async fn receive(&self, webhook: ReceivedWebhook) -> Result<(), StoreError> {
        let capacity = self.inbox_capacity;
        self.write(move |connection, sealer| inbox::receive(connection, sealer, &webhook, capacity)).await
    }

    async fn lease_inbox(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReceivedWebhook>, StoreError> {
        let account = account.clone();
        self.write(move |connection, sealer| inbox::lease(connection, sealer, &account, now, until, limit))
            .await
    }

    async fn finish_webhook(&self, id: &WebhookId) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |connection, _| inbox::finish(connection, &id)).await
    }

    async fn inbox_length(&self, account: &AccountId) -> Result<u64, StoreError> {
        let account = account.clone();
        self.read(move |connection, _| inbox::length(connection, &account)).await
    }

    async fn remember_delivery(
        &self,
        account: &AccountId,
        delivery_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (account, delivery_id) = (account.clone(), delivery_id.to_owned());
        self.write(move |connection, _| inbox::remember_delivery(connection, &account, &delivery_id, now))
            .await
    }

    async fn lease_sweep(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sweep>, StoreError> {
        let account = account.clone();
        self.write(move |connection, _| accounts::lease_sweep(connection, &account, now, until)).await
    }

    async fn finish_sweep(
        &self,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.write(move |connection, _| accounts::finish_sweep(connection, &account, swept_to, next)).await
    }

    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError> {
        let accounts = accounts.to_vec();
        self.write(move |connection, _| accounts::bind(connection, &accounts)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // A write, because a full or read-only disk can still be read.
        self.write(|connection, _| {
            connection.prepare_cached("UPDATE store_check SET pings = pings + 1 WHERE id = 1")?.execute([])?;
            Ok(())
        })
        .await?;
        self.read(|connection, _| {
            Ok(connection.query_row("SELECT pings FROM store_check WHERE id = 1", [], |_| Ok(()))?)
        })
        .await
    }
}
