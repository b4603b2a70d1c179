//! The workers: what goes on without anyone asking.

use std::{sync::Arc, time::Duration};

use gateway_core::{AccountId, Gateway, GatewayError, Work};
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::task::TaskTracker;

use crate::api::Chain;

/// The longest a worker sleeps: another replica may have committed what is due.
const LONGEST_SLEEP: SignedDuration = SignedDuration::from_secs(30);

/// The wait after the store did not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How long idempotency keys are kept, and how often the old ones are forgotten.
const KEYS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(15 * 24);
const FORGET_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// How many rounds of each work an account has at once. A slow look-up holds its round up, which may be for a minute; meanwhile the
/// others take what is new.
const AT_ONCE: [(Work, usize); 2] = [(Work::Webhooks, 2), (Work::Payments, 4)];

/// Starts the workers; they stop when `stop` says so. A round that has begun goes on in `tasks`.
///
/// Every account has its own: one whose PG is slow waits for it alone. And webhooks have others than payments, so that
/// a flood of them keeps no payment waiting.
pub(crate) fn start(
    gateway: &Arc<Gateway>,
    tasks: &TaskTracker,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for account in gateway.accounts() {
        for (work, at_once) in AT_ONCE {
            for _ in 0..at_once {
                let worker = works(Arc::clone(gateway), account.id.clone(), work, tasks.clone());
                workers.spawn(until(stop.clone(), worker));
            }
        }
        workers.spawn(until(stop.clone(), sweeps(Arc::clone(gateway), account.id.clone(), tasks.clone())));
    }
    workers.spawn(until(stop.clone(), forgets(Arc::clone(gateway))));
    workers
}

/// One round of an account's work after another.
async fn works(gateway: Arc<Gateway>, account: AccountId, work: Work, tasks: TaskTracker) {
    loop {
        // A task of its own: what it has begun with a PG is brought to an end, also when we stop.
        let (due, of) = (Arc::clone(&gateway), account.clone());
        match tasks.spawn(async move { round(&due, &of, work).await }).await {
            Ok(Ok(())) => sleep(&gateway, &account, work).await,
            Ok(Err(error)) => {
                tracing::error!(%account, error = %Chain(&error), "a worker cannot read what is due");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
            Err(_panic) => tokio::time::sleep(AFTER_FAILURE).await,
        }
    }
}

async fn round(gateway: &Gateway, account: &AccountId, work: Work) -> Result<(), GatewayError> {
    match work {
        Work::Webhooks => gateway.process_inbox(account).await.map(drop),
        Work::Payments => gateway.resolve_due(account).await.map(drop),
    }
}

/// Until somebody wakes the account, or its next payment is due.
async fn sleep(gateway: &Gateway, account: &AccountId, work: Work) {
    let now = gateway.clock().now();
    let latest = now.saturating_add(LONGEST_SLEEP).unwrap_or(Timestamp::MAX);
    let due = match work {
        Work::Webhooks => None,
        Work::Payments => gateway.next_work(account).await.ok().flatten(),
    };
    let due = due.unwrap_or(latest);
    tokio::select! {
        () = gateway.woken(account, work) => {}
        () = gateway.clock().sleep_until(due.min(latest)) => {}
    }
}

async fn sweeps(gateway: Arc<Gateway>, account: AccountId, tasks: TaskTracker) {
    loop {
        let (due, of) = (Arc::clone(&gateway), account.clone());
        if let Ok(Err(error)) = tasks.spawn(async move { due.sweep_due(&of).await }).await {
            tracing::error!(%account, error = %Chain(&error), "the sweep cannot read the store");
        }
        let now = gateway.clock().now();
        // The store knows which sweep is due; this only asks often enough.
        let next = now.saturating_add(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MAX);
        gateway.clock().sleep_until(next).await;
    }
}

async fn forgets(gateway: Arc<Gateway>) {
    loop {
        let now = gateway.clock().now();
        let before = now.saturating_sub(KEYS_KEPT_FOR).unwrap_or(Timestamp::MIN);
        if let Err(error) = gateway.store().forget_idempotency(before).await {
            tracing::error!(error = %Chain(&error), "old idempotency keys cannot be forgotten");
        }
        gateway.clock().sleep_until(now.saturating_add(FORGET_EVERY).unwrap_or(Timestamp::MAX)).await;
    }
}

async fn until(mut stop: watch::Receiver<bool>, worker: impl Future<Output = ()>) {
    tokio::select! {
        () = worker => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

#[cfg(test)]
mod tests;
