//! The clock gateway and simulators share in a demo.

use std::{
    fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::clock::Clock;
use paymux_sandbox::SandboxClock;

/// The simulators' clock as the gateway sees it.
#[derive(Clone, Debug)]
pub(crate) struct DemoClock {
    clock: SandboxClock,
    started: Instant,
    /// Keeps how far the clock was advanced, since the data was written by it. `None` if the data is in memory.
    file: Option<PathBuf>,
}

impl DemoClock {
    /// The clock as the last demo with this data left it.
    pub(crate) fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let started = Instant::now();
        let Some(file) = file else {
            return Ok(Self { clock: SandboxClock::system(), started, file: None });
        };
        let offset_ms = match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { clock: SandboxClock::ahead_by(offset_ms), started, file: Some(file) })
    }

    /// The simulators' side of it.
    pub(crate) const fn sandbox(&self) -> &SandboxClock {
        &self.clock
    }

    /// Moves the clock forward for everyone.
    pub(crate) fn advance(&self, by: Duration) -> io::Result<()> {
        let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        if let Some(file) = &self.file {
            fs::write(file, self.clock.offset_ms().saturating_add(by_ms).to_string())?;
        }
        self.clock.advance(by);
        Ok(())
    }
}

#[async_trait]
impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        timestamp(self.clock.now_ms())
    }

    /// Time that is advanced has passed: it moves both clocks.
    fn monotonic(&self) -> Duration {
        self.started.elapsed().saturating_add(Duration::from_millis(self.clock.offset_ms()))
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Rounded up: a moment too early would look like one not reached.
        let ms = u64::try_from(at.as_millisecond()).unwrap_or(0).saturating_add(1);
        self.clock.sleep_until(ms).await;
    }
}

fn timestamp(ms: u64) -> Timestamp {
    i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advanced_time_moves_both_clocks() {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let clock = DemoClock::open(None).unwrap();
        let (now, run) = (clock.now(), clock.monotonic());
        clock.advance(DAY).unwrap();
        assert!(clock.now() >= now.saturating_add(DAY).unwrap());
        assert!(clock.monotonic() >= run + DAY);
    }
}
