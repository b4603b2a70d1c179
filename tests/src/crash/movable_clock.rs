//! A clock that runs with the machine's and can be moved forward: hours of waiting pass at once.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::clock::Clock;
use paymux_sandbox::SandboxClock;

/// The clock of the simulators, as a gateway sees it.
#[derive(Clone, Debug)]
pub(super) struct MovableClock {
    clock: SandboxClock,
    started: Instant,
}

impl MovableClock {
    /// A clock that starts to run now.
    pub(super) fn new(clock: SandboxClock) -> Self {
        Self { clock, started: Instant::now() }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.clock.now_ms()).ok();
        ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
    }

    /// Time that is moved forward has passed: it moves both clocks.
    fn monotonic(&self) -> Duration {
        self.started.elapsed().saturating_add(Duration::from_millis(self.clock.offset_ms()))
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Rounded up: a moment too early would look like one not reached.
        let ms = u64::try_from(at.as_millisecond()).unwrap_or(0).saturating_add(1);
        self.clock.sleep_until(ms).await;
    }
}
