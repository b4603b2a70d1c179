//! A store with fail points around every durable write.
//!
//! Reads have none: to die before one is to die after the write before it. Nor has the moment before a
//! lease, which comes again and again while nothing happens.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::{AccountId, Event, MerchantId, OrderId, PaymentId, PgOrderId, PgPaymentId, WebhookId},
    store::{
        AccountBinding, AdminStore, Change, IdempotencyRecord, Inbox, KeptAnswer, OwedLookUp, PaymentFilter,
        PaymentRecord, PaymentStore, ReceivedWebhook, Store, StoreError, Sweep, WorkQueue,
    },
};

use super::fail_points::{around, pass};

/// The store inside does the work.
#[derive(Debug)]
pub(super) struct CrashingStore(Arc<dyn Store>);

impl CrashingStore {
    pub(super) fn around(inner: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Self(inner))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentStore for CrashingStore {
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        around("commit", self.0.commit(change)).await
    }

    async fn save_answer(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        answer: KeptAnswer,
    ) -> Result<(), StoreError> {
        around("save_answer", self.0.save_answer(merchant, payment, answer)).await
    }

    async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        self.0.payment(merchant, id).await
    }

    async fn payment_of_order(
        &self,
        merchant: &MerchantId,
        order_id: &OrderId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        self.0.payment_of_order(merchant, order_id).await
    }

    async fn owner_of_order(
        &self,
        account: &AccountId,
        order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        self.0.owner_of_order(account, order_id).await
    }

    async fn owner_of_charge(
        &self,
        account: &AccountId,
        id: &PgPaymentId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        self.0.owner_of_charge(account, id).await
    }

    async fn payments(
        &self,
        merchant: &MerchantId,
        filter: &PaymentFilter,
        limit: u32,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        self.0.payments(merchant, filter, limit).await
    }

    async fn events(&self, merchant: &MerchantId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.0.events(merchant, after, limit).await
    }

    async fn events_of(&self, merchant: &MerchantId, payment: &PaymentId) -> Result<Vec<Event>, StoreError> {
        self.0.events_of(merchant, payment).await
    }

    async fn idempotency(
        &self,
        merchant: &MerchantId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.0.idempotency(merchant, key).await
    }

    async fn save_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError> {
        around("save_idempotent_answer", self.0.save_idempotent_answer(record)).await
    }

    async fn forget_idempotency(&self, before: Timestamp) -> Result<u64, StoreError> {
        around("forget_idempotency", self.0.forget_idempotency(before)).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl WorkQueue for CrashingStore {
    async fn owe(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        owed: Vec<OwedLookUp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        around("owe", self.0.owe(merchant, payment, owed, now)).await
    }

    async fn lease_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let leased = self.0.lease_due(account, now, until, limit).await?;
        if !leased.is_empty() {
            pass("lease_due.after");
        }
        Ok(leased)
    }

    async fn release(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        around("release", self.0.release(merchant, payment, at)).await
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        self.0.next_due(account).await
    }

    async fn lease_sweep(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sweep>, StoreError> {
        let leased = self.0.lease_sweep(account, now, until).await?;
        if leased.is_some() {
            pass("lease_sweep.after");
        }
        Ok(leased)
    }

    async fn finish_sweep(
        &self,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        around("finish_sweep", self.0.finish_sweep(account, swept_to, next)).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Inbox for CrashingStore {
    async fn receive(&self, webhook: ReceivedWebhook) -> Result<(), StoreError> {
        around("receive", self.0.receive(webhook)).await
    }

    async fn lease_inbox(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReceivedWebhook>, StoreError> {
        let leased = self.0.lease_inbox(account, now, until, limit).await?;
        if !leased.is_empty() {
            pass("lease_inbox.after");
        }
        Ok(leased)
    }

    async fn finish_webhook(&self, account: &AccountId, id: &WebhookId) -> Result<(), StoreError> {
        around("finish_webhook", self.0.finish_webhook(account, id)).await
    }

    async fn inbox_length(&self, account: &AccountId) -> Result<u64, StoreError> {
        self.0.inbox_length(account).await
    }

    async fn remember_delivery(
        &self,
        account: &AccountId,
        delivery_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        around("remember_delivery", self.0.remember_delivery(account, delivery_id, now)).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl AdminStore for CrashingStore {
    async fn owner_of(&self, payment: &PaymentId) -> Result<Option<MerchantId>, StoreError> {
        self.0.owner_of(payment).await
    }

    async fn all_payments(
        &self,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        self.0.all_payments(after, limit).await
    }

    async fn count_payments(&self) -> Result<u64, StoreError> {
        self.0.count_payments().await
    }

    async fn payments_with_reviews(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        self.0.payments_with_reviews(only_open, after, limit).await
    }

    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError> {
        around("bind_accounts", self.0.bind_accounts(accounts)).await
    }

    async fn newest_commit(&self) -> Result<Option<Timestamp>, StoreError> {
        self.0.newest_commit().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
}
