//! A store in memory that counts commits, fails on demand, and lets something happen in between.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::store::{
    Change, MemoryStore, PendingCall, Store, StoreAnswer, StoreCall, StoreError, StoreHook, WrappedStore,
};

/// More commits than any test needs: what loops for ever fails instead of hanging.
const MOST_COMMITS: usize = 50_000;
const MOST_LEASES: usize = 200_000;

type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What goes wrong with one commit.
enum Fault {
    /// Nothing of it is applied.
    Before,
    /// All of it is applied, and the answer is an error.
    After,
    /// Another commits first.
    Race(Hook),
    /// Nothing goes wrong with this one.
    None,
}

#[derive(Default)]
struct State {
    faults: VecDeque<Fault>,
    after_commit: Option<Hook>,
    is_down: bool,
    commits: Vec<Change>,
    leases: usize,
}

/// Clones are the same store.
pub(crate) type TestStore = WrappedStore<Faults>;

/// What goes wrong, and what was seen.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<State>>);

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}

/// The calls that find the disk full. What a commit finds is said of every commit.
const FULL: [&str; 3] = ["owe", "receive", "ping"];

fn unavailable<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("the disk is full".into()))
}

impl TestStore {
    pub(crate) fn over(inner: MemoryStore) -> Self {
        Self::new(Arc::new(inner), Faults::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.hook().state()
    }

    /// The `nth` commit from now on, counted from 0, fails and is not applied.
    pub(crate) fn fail_before(&self, nth: usize) {
        self.fault(nth, Fault::Before);
    }

    /// The `nth` commit from now on, counted from 0, is applied and fails.
    pub(crate) fn fail_after(&self, nth: usize) {
        self.fault(nth, Fault::After);
    }

    /// Something happens right before the next commit.
    pub(crate) fn race<F>(&self, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.fault(0, Fault::Race(Box::new(|| Box::pin(hook()))));
    }

    /// Something happens right after the next commit.
    pub(crate) fn after_commit<F>(&self, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.state().after_commit = Some(Box::new(|| Box::pin(hook())));
    }

    fn fault(&self, nth: usize, fault: Fault) {
        let faults = &mut self.state().faults;
        (0..nth).for_each(|_| faults.push_back(Fault::None));
        faults.push_back(fault);
    }

    /// What was to go wrong does not.
    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// Whether nothing can be written any more.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// How many changes were applied.
    pub(crate) fn commits(&self) -> usize {
        self.state().commits.len()
    }

    /// The newest change that was applied.
    pub(crate) fn newest_change(&self) -> Change {
        self.state().commits.last().unwrap().clone()
    }
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    async fn apply(&self, store: &dyn Store, change: Change) -> Result<(), StoreError> {
        store.commit(change.clone()).await?;
        let hook = {
            let mut state = self.state();
            state.commits.push(change);
            assert!(state.commits.len() < MOST_COMMITS, "something commits in a loop");
            state.after_commit.take()
        };
        if let Some(hook) = hook {
            hook().await;
        }
        Ok(())
    }
}

#[async_trait]
impl StoreHook for Faults {
    async fn around<T: StoreAnswer>(&self, call: StoreCall, made: PendingCall<T>) -> Result<T, StoreError> {
        {
            let mut state = self.state();
            if state.is_down && FULL.contains(&call.name) {
                return unavailable();
            }
            state.leases += usize::from(call.name == "lease_due");
            assert!(state.leases < MOST_LEASES, "something is due in a loop");
        }
        made.await
    }

    async fn commit(&self, store: Arc<dyn Store>, change: Change) -> Result<(), StoreError> {
        // Others run while a change is on its way.
        tokio::task::yield_now().await;
        let fault = {
            let mut state = self.state();
            if state.is_down {
                return unavailable();
            }
            state.faults.pop_front()
        };
        match fault {
            Some(Fault::Before) => unavailable(),
            Some(Fault::After) => {
                self.apply(&*store, change).await?;
                unavailable()
            }
            Some(Fault::Race(hook)) => {
                hook().await;
                self.apply(&*store, change).await
            }
            Some(Fault::None) | None => self.apply(&*store, change).await,
        }
    }
}
