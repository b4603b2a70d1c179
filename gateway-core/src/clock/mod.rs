//! What time it is: the [`Clock`] port, the machine's clock, one for tests, and the one that decides whether to believe it.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

mod manual;
mod steady;
mod system;

pub use manual::ManualClock;
pub(crate) use steady::SteadyClock;
pub use system::SystemClock;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Gives the time. The core asks no other clock, so a test can set one.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// What time it is: the wall clock, which may be set.
    fn now(&self) -> Timestamp;

    /// How long this clock has run, whatever the wall clock was set to. Never goes back.
    fn monotonic(&self) -> Duration;

    /// Returns once [`now`](Self::now) has reached `at`.
    async fn sleep_until(&self, at: Timestamp);
}

pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    // A PG may date something at the end of the calendar. It stays there, and nothing panics.
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

pub(crate) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
