//! The workers: what runs in the background, without a request.

use std::{error::Error, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    account::{Account, Work},
    clock::later,
    gateway::{Gateway, GatewayError},
    model::AccountId,
};

/// The longest a worker sleeps: another replica may have committed what is due.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The wait after the store did not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often an account is asked whether its sweep is due. The store knows.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How often it is asked whether the machine's clock is in doubt, and how soon the PGs are asked again while it is.
const CHECK_CLOCK_EVERY: Duration = Duration::from_secs(60);
const CHECK_CLOCK_AGAIN: Duration = Duration::from_secs(10);

/// How often old idempotency keys are deleted.
const EXPIRE_KEYS_EVERY: Duration = Duration::from_secs(60 * 60);

/// How many rounds of each work an account has at once. A slow look-up holds its round up, which may be for a minute; meanwhile the
/// others take what is new.
const AT_ONCE: [(Work, usize); 2] = [(Work::Webhooks, 2), (Work::Payments, 4)];

/// What runs in the background: payments that are due, received webhooks, the PG's own list, the clock, and old keys.
///
/// Every account has its own workers: one whose PG is slow waits for it alone. And webhooks have others than payments, so
/// that a flood of them keeps no payment waiting. What is due of an account without credentials, which cannot be asked, is
/// handed to a person.
///
/// Without them a payment whose confirm got no answer stays `confirming` for ever. When it is dropped nothing new begins,
/// and what has begun continues for as long as the runtime does.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { gateway, simulator: _running, .. } = shop().await?;
/// use std::sync::Arc;
///
/// use paymux_core::gateway::Workers;
///
/// let gateway = Arc::new(gateway);
/// let workers = Workers::start(&gateway);
/// // … the server serves until it is told to stop …
/// workers.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropped workers do nothing"]
pub struct Workers {
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
}

impl Workers {
    /// Starts them on the Tokio runtime that this is called in.
    pub fn start(gateway: &Arc<Gateway>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut loops = JoinSet::new();
        let own = |account: &Account| (Arc::clone(gateway), account.id.clone(), stopped.clone());
        for account in gateway.accounts() {
            for (work, at_once) in AT_ONCE {
                for _ in 0..at_once {
                    let (gateway, account, stopped) = own(account);
                    loops.spawn(work_until(gateway, account, work, stopped));
                }
            }
            if account.has_credentials {
                let (gateway, account, stopped) = own(account);
                loops.spawn(sweep_until(gateway, account, stopped));
            }
        }
        loops.spawn(run_until(stopped.clone(), check_clock(Arc::clone(gateway))));
        loops.spawn(run_until(stopped, expire_keys(Arc::clone(gateway))));
        Self { stop, loops }
    }

    /// Takes nothing new, and returns when what has begun with a PG is over. A caller that does not wait loses nothing: its
    /// rows are durable, and the next start continues them.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.loops.join_next().await.is_some() {}
    }
}

/// One round of an account's work after another.
async fn work_until(gateway: Arc<Gateway>, account: AccountId, work: Work, stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        // A task of its own: a panic ends the round and not the worker.
        let (due, of) = (Arc::clone(&gateway), account.clone());
        match tokio::spawn(async move { round(&due, &of, work).await }).await {
            Ok(Ok(0)) => run_until(stopped.clone(), sleep(&gateway, &account, work)).await,
            // There may be more. Between two rounds a stop is seen.
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::error!(%account, error = &error as &dyn Error, "a worker could not read what is due");
                run_until(stopped.clone(), tokio::time::sleep(AFTER_FAILURE)).await;
            }
            Err(_panic) => run_until(stopped.clone(), tokio::time::sleep(AFTER_FAILURE)).await,
        }
    }
}

/// Works on a few things that are due; gives how many there were.
async fn round(gateway: &Gateway, account: &AccountId, work: Work) -> Result<usize, GatewayError> {
    match work {
        Work::Webhooks => gateway.process_some(account).await.map(|worked| worked.len()),
        Work::Payments => gateway.resolve_some(account).await,
    }
}

/// Until the account is notified of work, or its next payment is due.
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
        () = gateway.notified(account, work) => {}
        () = until_due => {}
        () = pause(gateway, LONGEST_SLEEP) => {}
    }
}

/// Sleeps for a while by the gateway's clock or by the machine's monotonic one, whichever is first: a demo's clock is
/// moved forward, and a machine's may be set back.
async fn pause(gateway: &Gateway, length: Duration) {
    tokio::select! {
        () = gateway.clock().sleep_until(later(gateway.clock().now(), length)) => {}
        () = tokio::time::sleep(length) => {}
    }
}

async fn sweep_until(gateway: Arc<Gateway>, account: AccountId, stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let (due, of) = (Arc::clone(&gateway), account.clone());
        if let Ok(Err(error)) = tokio::spawn(async move { due.sweep_due(&of).await }).await {
            tracing::error!(%account, error = &error as &dyn Error, "the sweep cannot read the store");
        }
        run_until(stopped.clone(), pause(&gateway, SWEEP_EVERY)).await;
    }
}

/// While the machine's clock is in doubt, a PG's time that agrees with it ends the doubt.
async fn check_clock(gateway: Arc<Gateway>) {
    loop {
        let asked = Arc::clone(&gateway);
        let is_believed = contained(async move { asked.check_clock().await }).await.unwrap_or(false);
        pause(&gateway, if is_believed { CHECK_CLOCK_EVERY } else { CHECK_CLOCK_AGAIN }).await;
    }
}

async fn expire_keys(gateway: Arc<Gateway>) {
    loop {
        let due = Arc::clone(&gateway);
        if let Some(Err(error)) = contained(async move { due.expire_idempotency().await }).await {
            tracing::error!(error = &error as &dyn Error, "old idempotency keys could not be deleted");
        }
        pause(&gateway, EXPIRE_KEYS_EVERY).await;
    }
}

/// Runs work in a task of its own, so that a panic ends it and not its worker. `None`: it panicked. It is cancelled when the
/// caller stops waiting.
async fn contained<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    tasks.join_next().await?.ok()
}

async fn run_until(mut stopped: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}
