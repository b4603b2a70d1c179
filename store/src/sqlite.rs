//! The store on SQLite.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::{AccountId, Event, MerchantId, OrderId, PaymentId, PgOrderId, PgPaymentId, WebhookId},
    store::{
        AccountBinding, AdminStore, Change, IdempotencyRecord, Inbox, OwedLookUp, PaymentFilter,
        PaymentRecord, PaymentStore, ReceivedWebhook, SavedAnswer, StoreError, Sweep, WorkQueue,
    },
};
use rusqlite::Connection;

use crate::{
    accounts, admin, commit, events,
    fault::Fault,
    file::DatabaseFile,
    idempotency, inbox,
    open::{self, Opened},
    open_error::OpenError,
    queue,
    readers::Readers,
    records,
    seal::{Keys, Sealer},
    writer::Writer,
};

/// How many webhooks may wait in each room of each account, if nothing else is said.
const INBOX_CAPACITY: u64 = 10_000;

/// The store on SQLite: one file, one server.
///
/// One thread writes. It puts the changes that wait into one commit, and acknowledges none before that is on disk.
/// Readers do not wait for it.
#[derive(Debug)]
pub struct SqliteStore {
    sealer: Arc<Sealer>,
    inbox_capacity: u64,
    // Dropped in this order: the writer ends its work before the file is given free.
    writer: Writer,
    /// `None` in memory: only the writer's connection sees the database.
    readers: Option<Readers>,
    _file: Option<DatabaseFile>,
}

impl SqliteStore {
    /// Opens the database in this file, made if it is missing, or in memory if the path is `:memory:`.
    ///
    /// Blocks while it works: call it before the server starts. Dropping the store waits until every
    /// queued change is on disk.
    ///
    /// ```
    /// use paymux_core::store::AdminStore;
    /// use paymux_store::{Key, Keys, OpenError, SqliteStore};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let file = folder.path().join("paymux.db");
    /// // Kept beside the configuration, never beside the database.
    /// let keys = Keys::only(Key::generate());
    /// let store = SqliteStore::open(&file, &keys)?;
    /// store.ping().await?;
    ///
    /// // One process owns the file.
    /// assert!(matches!(SqliteStore::open(&file, &keys), Err(OpenError::InUse(_))));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OpenError`]; above all [`InUse`](OpenError::InUse) if another server has the file.
    pub fn open(path: impl AsRef<Path>, keys: &Keys) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let sealer = Arc::new(Sealer::new(keys));
        let is_memory = path.as_os_str() == ":memory:";
        let Opened { writer, readers, file } =
            if is_memory { open::in_memory(&sealer)? } else { open::on_disk(path, &sealer)? };
        let is_in_place = file.as_ref().map(DatabaseFile::is_in_place).transpose()?;
        let writer =
            Writer::start(writer, move || is_in_place.as_ref().is_none_or(|is_in_place| is_in_place()))
                .map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let readers = (!readers.is_empty()).then(|| Readers::new(readers));
        Ok(Self { sealer, inbox_capacity: INBOX_CAPACITY, writer, readers, _file: file })
    }

    /// The same store with an inbox in which at most this many webhooks wait in each room of each account.
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
impl PaymentStore for SqliteStore {
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.write(move |connection, sealer| commit::commit(connection, sealer, change)).await
    }

    async fn save_answer(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        answer: SavedAnswer,
    ) -> Result<(), StoreError> {
        let (merchant, payment) = (merchant.clone(), payment.clone());
        self.write(move |connection, sealer| {
            commit::save_answer(connection, sealer, &merchant, &payment, &answer)
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

    async fn owner_of_order(
        &self,
        account: &AccountId,
        order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let (account, order_id) = (account.clone(), order_id.clone());
        self.read(move |connection, _| records::owner_of_order(connection, &account, &order_id)).await
    }

    async fn owner_of_charge(
        &self,
        account: &AccountId,
        id: &PgPaymentId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let (account, id) = (account.clone(), id.clone());
        self.read(move |connection, _| records::owner_of_charge(connection, &account, &id)).await
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

    async fn idempotency(
        &self,
        merchant: &MerchantId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let (merchant, key) = (merchant.clone(), key.to_owned());
        self.read(move |connection, sealer| idempotency::find(connection, sealer, &merchant, &key)).await
    }

    async fn save_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError> {
        self.write(move |connection, sealer| idempotency::save_answer(connection, sealer, &record)).await
    }

    async fn expire_idempotency(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |connection, _| idempotency::delete_before(connection, before)).await
    }
}

#[async_trait]
impl WorkQueue for SqliteStore {
    async fn owe(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        owed: Vec<OwedLookUp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (merchant, payment) = (merchant.clone(), payment.clone());
        self.write(move |connection, _| queue::owe(connection, &merchant, &payment, owed, now)).await
    }

    async fn lease_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let account = account.clone();
        self.write(move |connection, _| queue::lease_due(connection, &account, now, until, limit)).await
    }

    async fn release(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (merchant, payment) = (merchant.clone(), payment.clone());
        self.write(move |connection, _| queue::release(connection, &merchant, &payment, at)).await
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        let account = account.clone();
        self.read(move |connection, _| queue::next_due(connection, &account)).await
    }

    async fn lease_sweep(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sweep>, StoreError> {
        let account = account.clone();
        self.write(move |connection, _| queue::lease_sweep(connection, &account, now, until)).await
    }

    async fn finish_sweep(
        &self,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.write(move |connection, _| queue::finish_sweep(connection, &account, swept_to, next)).await
    }
}

#[async_trait]
impl Inbox for SqliteStore {
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

    async fn finish_webhook(&self, account: &AccountId, id: &WebhookId) -> Result<(), StoreError> {
        let (account, id) = (account.clone(), id.clone());
        self.write(move |connection, _| inbox::finish(connection, &account, &id)).await
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
}

#[async_trait]
impl AdminStore for SqliteStore {
    async fn owner_of(&self, payment: &PaymentId) -> Result<Option<MerchantId>, StoreError> {
        let payment = payment.clone();
        self.read(move |connection, _| admin::owner_of(connection, &payment)).await
    }

    async fn all_payments(
        &self,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let last = after.cloned();
        self.read(move |connection, _| admin::all_payments(connection, last.as_ref(), limit)).await
    }

    async fn count_payments(&self) -> Result<u64, StoreError> {
        self.read(|connection, _| admin::count_payments(connection)).await
    }

    async fn payments_with_reviews(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let last = after.cloned();
        self.read(move |connection, _| {
            admin::payments_with_reviews(connection, only_open, last.as_ref(), limit)
        })
        .await
    }

    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError> {
        let accounts = accounts.to_vec();
        self.write(move |connection, _| accounts::bind(connection, &accounts)).await
    }

    async fn newest_commit(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection, _| admin::newest_commit(connection)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // A write, because a full or read-only disk can still be read.
        self.write(|connection, _| {
            connection.prepare_cached("UPDATE store_check SET pings = pings + 1 WHERE id = 1")?.execute([])?;
            Ok(())
        })
        .await?;
        self.read(|connection, sealer| {
            connection.query_row("SELECT pings FROM store_check WHERE id = 1", [], |_| Ok(()))?;
            // A row that cannot be opened is money that cannot be followed.
            records::oldest(connection, sealer).map(drop)
        })
        .await
    }
}
