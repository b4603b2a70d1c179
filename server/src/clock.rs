//! The clock of the machine.

use std::time::Duration;

use async_trait::async_trait;
use gateway_core::Clock;
use jiff::Timestamp;

/// The longest sleep at once: a machine's clock may be set meanwhile.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
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
