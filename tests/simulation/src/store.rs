//! A store whose every call is a message: others run before and after, and it may be lost.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use paymux_core::{
    model::{
        AccountId, Cancel, Charge, Close, Dispatch, Event, MerchantId, OrderId, PaymentId, PgOrderId,
        PgPaymentId, WebhookId,
    },
    store::{
        AccountBinding, AdminStore, Change, IdempotencyRecord, Inbox, KeptAnswer, MemoryStore, OwedLookUp,
        PaymentFilter, PaymentRecord, PaymentStore, ReceivedWebhook, StoreError, Sweep, WorkQueue,
    },
};
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
        let read = |payment: &paymux_core::model::Payment| {
            peek(self.kept.payment(&payment.merchant, &payment.id)).ok().flatten()
        };
        let before: Vec<_> = change.payments.iter().map(|change| read(&change.payment)).collect();
        let done = peek(self.kept.commit(change.clone()));
        if let Err(error) = &done {
            let ids: Vec<_> = change.payments.iter().map(|change| short(&change.payment.id)).collect();
            self.world.note(Owner::StoreOf(self.replica), || format!("{ids:?} not committed: {error}"));
            return done;
        }
        for (change, before) in change.payments.iter().zip(before) {
            self.world.count(|stats| stats.commits += 1);
            if let Some(after) = read(&change.payment) {
                self.world.note(Owner::StoreOf(self.replica), || committed(change, &after));
                self.watchman.committed(before.as_ref(), change, &after);
            }
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

fn committed(change: &paymux_core::store::PaymentChange, after: &PaymentRecord) -> String {
    let payment = &after.payment;
    let charges: Vec<_> = after.charges.iter().map(charge).collect();
    let owed: Vec<_> = after.checks.owed.iter().map(|owed| format!("{:?}@{}", owed.why, owed.at)).collect();
    format!(
        "{} v{} {} charges [{}] events {:?}{}{} reviews {:?} owes {owed:?}",
        short(&payment.id),
        payment.version,
        payment.status().name(),
        charges.join(", "),
        change.events.iter().map(|event| event.kind.name()).collect::<Vec<_>>(),
        if payment.superseded { " superseded" } else { "" },
        if payment.yielded { " yielded" } else { "" },
        payment
            .reviews
            .iter()
            .filter(|review| review.is_open())
            .map(|review| review.reason.name())
            .collect::<Vec<_>>(),
    )
}

fn charge(charge: &Charge) -> String {
    let shown = charge.snapshot.as_ref().map_or_else(
        || "unseen".to_owned(),
        |shown| format!("{:?} {}-{}", shown.status, shown.paid.amount(), shown.cancelled.amount()),
    );
    let cancels: Vec<_> = charge.cancels.iter().map(cancel).chain(charge.closes.iter().map(close)).collect();
    format!(
        "{}{} of {} {shown}{} {:?}{} {cancels:?}",
        charge.pg_payment_id.as_ref().map_or("-", PgPaymentId::as_str),
        if charge.accepted { "!" } else { "" },
        charge.attempt,
        charge.confirm.as_ref().map_or_else(String::new, dispatch),
        charge.misfit,
        if charge.claim.as_ref().is_some_and(|claim| claim.is_open) { " claimed" } else { "" },
    )
}

fn cancel(cancel: &Cancel) -> String {
    let sent = cancel.dispatch.as_ref().map_or_else(String::new, dispatch);
    let why = cancel.compensates.map_or(cancel.origin.name(), |why| why.name());
    format!(
        "{} {why} {} {:?} held {:?}{sent}",
        short(&cancel.id),
        cancel.amount.amount(),
        cancel.status,
        cancel.held
    )
}

fn close(close: &Close) -> String {
    let sent = close.dispatch.as_ref().map_or_else(String::new, dispatch);
    format!("{} close {:?}{sent}", short(&close.id), close.status)
}

fn dispatch(sent: &Dispatch) -> String {
    format!(" sent {}x{} {:?}", sent.key_seq, sent.send_count, sent.last_response)
}

#[async_trait]
impl PaymentStore for SimulatedStore {
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.call(move |store| store.commit_now(change)).await
    }

    async fn save_answer(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        answer: KeptAnswer,
    ) -> Result<(), StoreError> {
        let (merchant, payment) = (merchant.clone(), payment.clone());
        self.call(move |store| peek(store.kept.save_answer(&merchant, &payment, answer))).await
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

    async fn owner_of_order(
        &self,
        account: &AccountId,
        order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let (account, order_id) = (account.clone(), order_id.clone());
        self.call(move |store| peek(store.kept.owner_of_order(&account, &order_id))).await
    }

    async fn owner_of_charge(
        &self,
        account: &AccountId,
        id: &PgPaymentId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let (account, id) = (account.clone(), id.clone());
        self.call(move |store| peek(store.kept.owner_of_charge(&account, &id))).await
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

    async fn idempotency(
        &self,
        merchant: &MerchantId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let (merchant, key) = (merchant.clone(), key.to_owned());
        self.call(move |store| peek(store.kept.idempotency(&merchant, &key))).await
    }

    async fn save_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError> {
        self.call(move |store| peek(store.kept.save_idempotent_answer(record))).await
    }

    async fn forget_idempotency(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.call(move |store| peek(store.kept.forget_idempotency(before))).await
    }
}

#[async_trait]
impl WorkQueue for SimulatedStore {
    async fn owe(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        owed: Vec<OwedLookUp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (merchant, payment) = (merchant.clone(), payment.clone());
        self.call(move |store| peek(store.kept.owe(&merchant, &payment, owed, now))).await
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

    async fn release(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (merchant, payment) = (merchant.clone(), payment.clone());
        self.call(move |store| peek(store.kept.release(&merchant, &payment, at))).await
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        let account = account.clone();
        self.call(move |store| peek(store.kept.next_due(&account))).await
    }

    async fn lease_sweep(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sweep>, StoreError> {
        let account = account.clone();
        self.call(move |store| {
            let sweep = peek(store.kept.lease_sweep(&account, now, until))?;
            if sweep.is_some() {
                store.world.sweep_began(&account);
            }
            Ok(sweep)
        })
        .await
    }

    async fn finish_sweep(
        &self,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.call(move |store| {
            peek(store.kept.finish_sweep(&account, swept_to, next))?;
            store.world.sweep_ended(&account, swept_to.is_some());
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Inbox for SimulatedStore {
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

    async fn finish_webhook(&self, account: &AccountId, id: &WebhookId) -> Result<(), StoreError> {
        let (account, id) = (account.clone(), id.clone());
        self.call(move |store| peek(store.kept.finish_webhook(&account, &id))).await
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
}

#[async_trait]
impl AdminStore for SimulatedStore {
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

    async fn payments_with_reviews(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let after = after.cloned();
        self.call(move |store| peek(store.kept.payments_with_reviews(only_open, after.as_ref(), limit))).await
    }

    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError> {
        let accounts = accounts.to_vec();
        self.call(move |store| peek(store.kept.bind_accounts(&accounts))).await
    }

    async fn newest_commit(&self) -> Result<Option<Timestamp>, StoreError> {
        self.call(move |store| peek(store.kept.newest_commit())).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call(move |store| peek(store.kept.ping())).await
    }
}
