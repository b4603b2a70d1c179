//! The workers: what goes on without anyone asking.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use paymux_core::{
    account::Work,
    gateway::{Gateway, GatewayError},
    model::AccountId,
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::task::TaskTracker;

use crate::api::Chain;

/// The longest a worker sleeps: another replica may have committed what is due.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The wait after the store did not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often an account is asked whether its sweep is due. The store knows.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How often it is asked whether the machine's clock is in doubt, and how soon the PGs are asked again while it is.
const CHECK_CLOCK_EVERY: Duration = Duration::from_secs(60);
const CHECK_CLOCK_AGAIN: Duration = Duration::from_secs(10);

/// How often old idempotency keys are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);

/// How many rounds of each work an account has at once. A slow look-up holds its round up, which may be for a minute; meanwhile the
/// others take what is new.
const AT_ONCE: [(Work, usize); 2] = [(Work::Webhooks, 2), (Work::Payments, 4)];

/// Starts the workers; they stop when `stop` says so. A round that has begun goes on in `tasks`.
///
/// Every account has its own: one whose PG is slow waits for it alone. And webhooks have others than payments, so that
/// a flood of them keeps no payment waiting. What is due of an account without credentials, which cannot be asked, is handed
/// to a person.
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
        if account.has_credentials {
            let sweeps = sweeps(Arc::clone(gateway), account.id.clone(), tasks.clone());
            workers.spawn(until(stop.clone(), sweeps));
        }
    }
    workers.spawn(until(stop.clone(), checks_clock(Arc::clone(gateway))));
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
    let due = match work {
        Work::Webhooks => None,
        Work::Payments => gateway.next_work(account).await.ok().flatten(),
    };
    let until_due = async {
        match due {
            Some(due) => gateway.clock().sleep_until(due).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = gateway.woken(account, work) => {}
        () = until_due => {}
        () = pause(gateway, LONGEST_SLEEP) => {}
    }
}

/// Sleeps for a while by the gateway's clock or by the machine's monotonic one, whichever is first: a demo's clock is
/// moved forward, and a machine's may be set back.
async fn pause(gateway: &Gateway, length: Duration) {
    let until = gateway.clock().now().saturating_add(length).unwrap_or(Timestamp::MAX);
    tokio::select! {
        () = gateway.clock().sleep_until(until) => {}
        () = tokio::time::sleep(length) => {}
    }
}

async fn sweeps(gateway: Arc<Gateway>, account: AccountId, tasks: TaskTracker) {
    loop {
        let (due, of) = (Arc::clone(&gateway), account.clone());
        if let Ok(Err(error)) = tasks.spawn(async move { due.sweep_due(&of).await }).await {
            tracing::error!(%account, error = %Chain(&error), "the sweep cannot read the store");
        }
        pause(&gateway, SWEEP_EVERY).await;
    }
}

/// While the machine's clock is in doubt, a PG's time that agrees with it ends the doubt.
async fn checks_clock(gateway: Arc<Gateway>) {
    loop {
        let is_believed = gateway.check_clock().await;
        pause(&gateway, if is_believed { CHECK_CLOCK_EVERY } else { CHECK_CLOCK_AGAIN }).await;
    }
}

async fn forgets(gateway: Arc<Gateway>) {
    loop {
        if let Err(error) = gateway.forget_idempotency().await {
            tracing::error!(error = %Chain(&error), "old idempotency keys cannot be forgotten");
        }
        pause(&gateway, FORGET_EVERY).await;
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
