//! The clock of the machine.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;

use super::Clock;

/// The longest sleep at once: the machine's clock may be set meanwhile.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// The clock of the machine, as it is. That it was set is seen by the monotonic clock beside it: the core then
/// continues by that one, and lets nothing expire until a PG's time agrees.
///
/// ```
/// use std::time::Duration;
///
/// use paymux_core::clock::{Clock, SystemClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jiff::Error> {
/// let clock = SystemClock::default();
/// let soon = clock.now().checked_add(Duration::from_millis(5))?;
/// clock.sleep_until(soon).await;
/// assert!(clock.now() >= soon && clock.monotonic() > Duration::ZERO);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_NAP)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_clocks_run_during_a_sleep() {
        let clock = SystemClock::default();
        let (now, run) = (clock.now(), clock.monotonic());
        let at = now.saturating_add(Duration::from_millis(20)).unwrap();
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        assert!(clock.monotonic() - run >= Duration::from_millis(19));
    }
}
