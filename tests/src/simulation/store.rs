//! A store whose every call is a message: others get turns before and after, and it may be lost.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{FutureExt, future::BoxFuture};
use gateway_core::{
    AccountBinding, AccountId, Change, Event, IdempotencyRecord, MemoryStore, MerchantId, OrderId,
    PaymentFilter, PaymentId, PaymentRecord, PgOrderId, PgPaymentId, ReceivedWebhook, Secret, Store,
    StoreError, Sweep, WebhookId,
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    invariants::Watchman,
    world::{Owner, World},
};

/// The store as one replica sees it.
#[derive(Clone)]
pub(crate) struct SimulatedStore {
    world: Arc<World>,
    replica: usize,
    kept: MemoryStore,
    watchman: Arc<Watchman>,
}

impl fmt::Debug for SimulatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedStore of {}", self.replica)
    }
}

impl SimulatedStore {
    pub(crate) fn new(world: Arc<World>, replica: usize, kept: MemoryStore, watchman: Arc<Watchman>) -> Self {
        Self { world, replica, kept, watchman }
    }

    /// One call: it is on its way, it is applied or not, its answer is on its way.
    async fn call<T: Send + 'static>(
        &self,
        apply: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (send, answer) = oneshot::channel();
        let store = self.clone();
        let fault = self.world.fault(self.world.profile.store_faults).then(|| self.world.chance(500));
        let slow = self.world.fault(self.world.profile.slow_store);
        let wait = if slow { self.world.draw(|rng| rng.between(1, 20_000)) } else { 0 };
        let at = self.world.now().saturating_add(Duration::from_millis(wait)).unwrap_or(Timestamp::MAX);
        self.world.schedule(Owner::StoreOf(self.replica), at, move || {
            let done = match fault {
                None => apply(&store),
                Some(applied) => {
                    store.world.note(Owner::StoreOf(store.replica), || {
                        format!("unavailable, {}", if applied { "but applied" } else { "not applied" })
                    });
                    if applied {
                        let _ = apply(&store);
                    }
                    Err(unavailable())
                }
            };
            // The caller may be gone.
            let _ = send.send(done);
            store.world.comes_back(store.replica);
        });
        answer.await.unwrap_or_else(|_| Err(unavailable()))
    }

    fn commit_now(&self, change: Change) -> Result<(), StoreError> {
        let (merchant, id) = (change.payment.merchant.clone(), change.payment.id.clone());
        let before = peek(self.kept.payment(&merchant, &id)).ok().flatten();
        let done = peek(self.kept.commit(change.clone()));
        if let Err(error) = &done {
            self.world
                .note(Owner::StoreOf(self.replica), || format!("{} not committed: {error}", short(&id)));
            return done;
        }
        self.world.count(|stats| stats.commits += 1);
        let after = peek(self.kept.payment(&merchant, &id)).ok().flatten();
        if let Some(after) = after {
            self.world.note(Owner::StoreOf(self.replica), || committed(&change, &after));
            self.watchman.committed(before.as_ref(), &change, &after);
        }
        done
    }
}

/// The result of a call to the store in memory, which never waits.
pub(crate) fn peek<T>(call: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
    call.now_or_never().unwrap_or_else(|| Err(unavailable()))
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("the simulation says so".into())
}

/// The end of an id: enough to tell it from the others in a trace.
pub(crate) fn short(id: &impl ToString) -> String {
    let id = id.to_string();
    id.get(id.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}

fn committed(change: &Change, after: &PaymentRecord) -> String {
    let payment = &after.payment;
    let attempts: Vec<_> = after
        .attempts
        .iter()
        .map(|attempt| {
            let sent = attempt.confirm.as_ref().map_or_else(String::new, |sent| {
                format!(" sent {}x{} {:?}", sent.send, sent.times, sent.heard)
            });
            let pg_id = attempt.pg_id.as_ref().map_or("-", PgPaymentId::as_str);
            let accepted = if attempt.accepted { "!" } else { "" };
            format!("{}{accepted} {:?} {pg_id}{sent}", attempt.number, attempt.status)
        })
        .collect();
    let cancels: Vec<_> = after
        .cancels
        .iter()
        .map(|cancel| {
            let sent = cancel.sending.as_ref().map_or_else(String::new, |sent| {
                format!(" sent {}x{} {:?}", sent.send, sent.times, sent.heard)
            });
            format!(
                "{} {} {:?} {} {:?} of {}{sent}",
                short(&cancel.id),
                cancel.origin.name(),
                cancel.scope,
                cancel.amount.amount(),
                cancel.status,
                cancel.pg_id.as_ref().map_or("-", PgPaymentId::as_str)
            )
        })
        .collect();
    format!(
        "{} v{} {} paid {} back {} attempts [{}] cancels [{}] events {:?}{}",
        short(&payment.id),
        payment.version,
        payment.status.name(),
        payment.amount_paid.amount(),
        payment.amount_cancelled.amount(),
        attempts.join(", "),
        cancels.join(", "),
        change.events.iter().map(|event| event.kind.name()).collect::<Vec<_>>(),
        if payment.superseded { " superseded" } else { "" },
    )
}

#[async_trait]
impl Store for SimulatedStore {
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.call(move |store| store.commit_now(change)).await
    }

    async fn keep_answer(
        &self,
        payment: &PaymentId,
        attempt: u16,
        deposit_secret: Option<Secret>,
        raw: Option<Secret>,
    ) -> Result<(), StoreError> {
        let payment = payment.clone();
        self.call(move |store| peek(store.kept.keep_answer(&payment, attempt, deposit_secret, raw))).await
    }

    async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let (merchant, id) = (merchant.clone(), id.clone());
        self.call(move |store| peek(store.kept.payment(&merchant, &id))).await
    }

    async fn payment_of_order(
        &self,
        merchant: &MerchantId,
        order_id: &OrderId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let (merchant, order_id) = (merchant.clone(), order_id.clone());
        self.call(move |store| peek(store.kept.payment_of_order(&merchant, &order_id))).await
    }

    async fn owner_of_attempt(
        &self,
        account: &AccountId,
        pg_order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let (account, pg_order_id) = (account.clone(), pg_order_id.clone());
        self.call(move |store| peek(store.kept.owner_of_attempt(&account, &pg_order_id))).await
    }

    async fn owner_of_pg_id(
        &self,
        account: &AccountId,
        pg_id: &PgPaymentId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let (account, pg_id) = (account.clone(), pg_id.clone());
        self.call(move |store| peek(store.kept.owner_of_pg_id(&account, &pg_id))).await
    }

    async fn payments(
        &self,
        merchant: &MerchantId,
        filter: &PaymentFilter,
        limit: u32,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        let (merchant, filter) = (merchant.clone(), filter.clone());
        self.call(move |store| peek(store.kept.payments(&merchant, &filter, limit))).await
    }

    async fn events(&self, merchant: &MerchantId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let merchant = merchant.clone();
        self.call(move |store| peek(store.kept.events(&merchant, after, limit))).await
    }

    async fn events_of(&self, merchant: &MerchantId, payment: &PaymentId) -> Result<Vec<Event>, StoreError> {
        let (merchant, payment) = (merchant.clone(), payment.clone());
        self.call(move |store| peek(store.kept.events_of(&merchant, &payment))).await
    }

    async fn owner_of(&self, payment: &PaymentId) -> Result<Option<MerchantId>, StoreError> {
        let payment = payment.clone();
        self.call(move |store| peek(store.kept.owner_of(&payment))).await
    }

    async fn all_payments(
        &self,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let after = after.cloned();
        self.call(move |store| peek(store.kept.all_payments(after.as_ref(), limit))).await
    }

    async fn count_payments(&self) -> Result<u64, StoreError> {
        self.call(move |store| peek(store.kept.count_payments())).await
    }

    async fn payments_with_cases(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let after = after.cloned();
        self.call(move |store| peek(store.kept.payments_with_cases(only_open, after.as_ref(), limit))).await
    }

    async fn idempotency(
        &self,
        merchant: &MerchantId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let (merchant, key) = (merchant.clone(), key.to_owned());
        self.call(move |store| peek(store.kept.idempotency(&merchant, &key))).await
    }

    async fn keep_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError> {
        self.call(move |store| peek(store.kept.keep_idempotent_answer(record))).await
    }

    async fn forget_idempotency(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.call(move |store| peek(store.kept.forget_idempotency(before))).await
    }

    async fn mark_dirty(&self, payment: &PaymentId, at: Timestamp) -> Result<(), StoreError> {
        let payment = payment.clone();
        self.call(move |store| peek(store.kept.mark_dirty(&payment, at))).await
    }

    async fn lease_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let account = account.clone();
        self.call(move |store| peek(store.kept.lease_due(&account, now, until, limit))).await
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        let account = account.clone();
        self.call(move |store| peek(store.kept.next_due(&account))).await
    }

    async fn receive(&self, webhook: ReceivedWebhook) -> Result<(), StoreError> {
        self.call(move |store| peek(store.kept.receive(webhook))).await
    }

    async fn lease_inbox(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReceivedWebhook>, StoreError> {
        let account = account.clone();
        self.call(move |store| peek(store.kept.lease_inbox(&account, now, until, limit))).await
    }

    async fn finish_webhook(&self, id: &WebhookId) -> Result<(), StoreError> {
        let id = id.clone();
        self.call(move |store| peek(store.kept.finish_webhook(&id))).await
    }

    async fn inbox_length(&self, account: &AccountId) -> Result<u64, StoreError> {
        let account = account.clone();
        self.call(move |store| peek(store.kept.inbox_length(&account))).await
    }

    async fn remember_delivery(
        &self,
        account: &AccountId,
        delivery_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (account, delivery_id) = (account.clone(), delivery_id.to_owned());
        self.call(move |store| peek(store.kept.remember_delivery(&account, &delivery_id, now))).await
    }

    async fn lease_sweep(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sweep>, StoreError> {
        let account = account.clone();
        self.call(move |store| peek(store.kept.lease_sweep(&account, now, until))).await
    }

    async fn finish_sweep(
        &self,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.call(move |store| peek(store.kept.finish_sweep(&account, swept_to, next))).await
    }

    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError> {
        let accounts = accounts.to_vec();
        self.call(move |store| peek(store.kept.bind_accounts(&accounts))).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call(move |store| peek(store.kept.ping())).await
    }
}
