//! The clock every simulator lives by: the system's time plus an offset that tests and demos may advance.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use tokio::sync::watch;

/// A clock that can be moved forward.
///
/// Clones share one offset, so a gateway and its simulators can grow old together.
///
/// ```
/// use std::time::Duration;
///
/// use paymux_sandbox::SandboxClock;
///
/// let clock = SandboxClock::frozen_at(1_773_451_862_000);
/// let same = clock.clone();
/// clock.advance(Duration::from_secs(10 * 60));
/// assert_eq!(same.now_ms(), 1_773_452_462_000);
/// ```
#[derive(Clone, Debug)]
pub struct SandboxClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The instant a manual clock stands still at; `None` follows the system's time.
    frozen_at_ms: Option<u64>,
    /// How far ahead of its base this clock is.
    offset_ms: watch::Sender<u64>,
}

impl Default for SandboxClock {
    fn default() -> Self {
        Self::system()
    }
}

impl SandboxClock {
    /// Follows the system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::new(None, 0)
    }

    /// Follows the system's time, ahead of it by what [`offset_ms`](Self::offset_ms) answered before a restart.
    #[must_use]
    pub fn ahead_by(offset_ms: u64) -> Self {
        Self::new(None, offset_ms)
    }

    /// Stands still at an instant (milliseconds since the Unix epoch) and moves by [`advance`](Self::advance) only.
    #[must_use]
    pub fn frozen_at(epoch_ms: u64) -> Self {
        Self::new(Some(epoch_ms), 0)
    }

    fn new(frozen_at_ms: Option<u64>, offset_ms: u64) -> Self {
        let (offset_ms, _) = watch::channel(offset_ms);
        Self(Arc::new(Inner { frozen_at_ms, offset_ms }))
    }

    /// Now, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let base = self.0.frozen_at_ms.unwrap_or_else(system_ms);
        base.saturating_add(*self.0.offset_ms.borrow())
    }

    /// Now, as a `Date` header has it: `Tue, 15 Nov 1994 08:12:31 GMT` (RFC 9110, section 5.6.7).
    pub(crate) fn http_date(&self) -> String {
        let now = i64::try_from(self.now_ms()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        now.unwrap_or(Timestamp::MAX).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// How far this clock has been advanced.
    #[must_use]
    pub fn offset_ms(&self) -> u64 {
        *self.0.offset_ms.borrow()
    }

    /// Moves this clock and all its clones forward, and wakes who sleeps on it.
    pub fn advance(&self, by: Duration) {
        self.0.offset_ms.send_modify(|offset| *offset = offset.saturating_add(millis(by)));
    }

    /// Waits until this clock shows `epoch_ms` or later, by the passing of time or by [`advance`](Self::advance).
    pub async fn sleep_until(&self, epoch_ms: u64) {
        let mut advanced = self.0.offset_ms.subscribe();
        loop {
            // Seen before the time is read: an advance in between must wake us.
            advanced.mark_unchanged();
            let left = epoch_ms.saturating_sub(self.now_ms());
            if left == 0 {
                return;
            }
            // The sender lives in `self`, so `changed` cannot fail.
            if self.0.frozen_at_ms.is_some() {
                let _ = advanced.changed().await;
            } else {
                let _ = tokio::time::timeout(Duration::from_millis(left), advanced.changed()).await;
            }
        }
    }

    /// Waits for `duration` on this clock.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now_ms().saturating_add(millis(duration))).await;
    }
}

/// A duration in whole milliseconds.
#[must_use]
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn system_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_advance_wakes_who_sleeps_on_a_clone() {
        let clock = SandboxClock::frozen_at(1_000);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(61_000).await }
        });
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished(), "a second is missing");
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
        assert_eq!(clock.now_ms(), 61_000);
    }

    #[test]
    fn http_dates_are_in_gmt_and_whole_seconds() {
        let clock = SandboxClock::frozen_at(784_887_151_999);
        assert_eq!(clock.http_date(), "Tue, 15 Nov 1994 08:12:31 GMT");
    }

    #[tokio::test]
    async fn the_system_clock_can_be_advanced_past_a_deadline() {
        let clock = SandboxClock::system();
        let deadline = clock.now_ms() + 3_600_000;
        clock.advance(Duration::from_secs(3_601));
        clock.sleep_until(deadline).await;
    }
}
