//! A clock for tests: it moves only when a test moves it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;

use super::Clock;

/// A clock that moves only by `advance` and `set`. Its clones show the same time.
///
/// ```
/// use std::time::Duration;
///
/// use jiff::Timestamp;
/// use paymux_core::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
/// let same = clock.clone();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(same.now().as_second(), 90);
///
/// // Somebody sets the wall clock. No time passed, and a gateway sees that.
/// clock.set(Timestamp::UNIX_EPOCH);
/// assert_eq!((same.now().as_second(), same.monotonic()), (0, Duration::from_secs(90)));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Manual>>);

#[derive(Debug)]
struct Manual {
    now: Timestamp,
    run: Duration,
    sleepers: Vec<std::task::Waker>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Manual { now, run: Duration::ZERO, sleepers: Vec::new() })))
    }

    /// Time passes: the clock moves forward and wakes those who sleep.
    pub fn advance(&self, by: Duration) {
        // Called once the lock is free: a sleeper asks for the time at once.
        let sleepers = {
            let mut manual = self.lock();
            manual.now = manual.now.saturating_add(by).unwrap_or(Timestamp::MAX);
            manual.run = manual.run.saturating_add(by);
            std::mem::take(&mut manual.sleepers)
        };
        sleepers.into_iter().for_each(std::task::Waker::wake);
    }

    /// The wall clock is set. No time passes.
    pub fn set(&self, now: Timestamp) {
        let sleepers = {
            let mut manual = self.lock();
            manual.now = now;
            // Those who sleep wait for the wall clock, so a step may be what they wait for.
            std::mem::take(&mut manual.sleepers)
        };
        sleepers.into_iter().for_each(std::task::Waker::wake);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Manual> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn monotonic(&self) -> Duration {
        self.lock().run
    }

    async fn sleep_until(&self, at: Timestamp) {
        std::future::poll_fn(|context| {
            let mut manual = self.lock();
            // Compared and enlisted under one lock: an `advance` in between would wake nobody.
            if manual.now >= at {
                return std::task::Poll::Ready(());
            }
            manual.sleepers.push(context.waker().clone());
            std::task::Poll::Pending
        })
        .await;
    }
}
