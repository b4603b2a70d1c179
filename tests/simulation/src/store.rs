//! A store whose every call is a message: others run before and after, and it may be lost.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use paymux_core::{
    model::{AccountId, Cancel, Charge, Close, Dispatch, PgPaymentId},
    store::{
        Change, MemoryStore, PaymentRecord, PaymentStore as _, PendingCall, Store, StoreAnswer, StoreCall,
        StoreError, StoreHook, WrappedStore,
    },
};
use tokio::sync::oneshot;

use super::{
    invariants::InvariantChecker,
    world::{Owner, World},
};

/// The store as one replica sees it.
#[derive(Clone)]
pub(crate) struct SimulatedStore {
    world: Arc<World>,
    replica: usize,
    kept: MemoryStore,
    checker: Arc<InvariantChecker>,
}

impl fmt::Debug for SimulatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedStore of {}", self.replica)
    }
}

impl SimulatedStore {
    /// The store of a replica, around what is kept.
    pub(crate) fn around(
        kept: MemoryStore,
        world: Arc<World>,
        replica: usize,
        checker: Arc<InvariantChecker>,
    ) -> WrappedStore<Self> {
        WrappedStore::new(Arc::new(kept.clone()), Self { world, replica, kept, checker })
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
                self.checker.committed(before.as_ref(), change, &after);
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
impl StoreHook for SimulatedStore {
    async fn around<T: StoreAnswer>(&self, call: StoreCall, made: PendingCall<T>) -> Result<T, StoreError> {
        self.call(move |store| {
            let done = peek(made)?;
            if let Some(account) = call.account.filter(|_| call.name == "lease_sweep" && done.is_something())
            {
                store.world.sweep_began(&account);
            }
            Ok(done)
        })
        .await
    }

    async fn commit(&self, _: Arc<dyn Store>, change: Change) -> Result<(), StoreError> {
        self.call(move |store| store.commit_now(change)).await
    }

    async fn finish_sweep(
        &self,
        kept: Arc<dyn Store>,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.call(move |store| {
            peek(kept.finish_sweep(&account, swept_to, next))?;
            store.world.sweep_ended(&account, swept_to.is_some());
            Ok(())
        })
        .await
    }
}
