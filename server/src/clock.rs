//! The clock of the machine, as long as it goes forward.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use gateway_core::Clock;
use jiff::{SignedDuration, Timestamp};

/// The longest sleep at once: a machine's clock may be set meanwhile.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// By how much a clock that is behind must fall further behind to have been set back once more. Less
/// is the difference between how two clocks run.
const ANOTHER_SET_BACK: SignedDuration = SignedDuration::from_secs(1);

/// Where the time comes from.
pub(crate) trait TimeSource: fmt::Debug + Send + Sync + 'static {
    /// What the machine's clock shows. It may be set.
    fn wall(&self) -> Timestamp;

    /// How long something has been running. Nobody can set it.
    fn elapsed(&self) -> Duration;
}

/// The machine's own clocks.
#[derive(Debug)]
pub(crate) struct Machine {
    started: Instant,
}

impl Default for Machine {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl TimeSource for Machine {
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The clock of the machine, which never goes backward while we run.
///
/// Leases, windows and the age of a look-up are differences of two times. If the machine's clock is set
/// back, time goes on from the last value at the pace of the monotonic clock, until the machine's clock
/// has caught up.
#[derive(Debug, Default)]
pub(crate) struct SystemClock<S = Machine> {
    source: S,
    told: Mutex<Option<Told>>,
}

/// What was told last.
#[derive(Clone, Copy, Debug)]
struct Told {
    time: Timestamp,
    elapsed: Duration,
    /// How far the machine's clock is behind what we tell; zero while it is not.
    behind: SignedDuration,
}

#[async_trait]
impl<S: TimeSource> Clock for SystemClock<S> {
    fn now(&self) -> Timestamp {
        let mut last = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, elapsed) = (self.source.wall(), self.source.elapsed());
        let (told, set_back_by) = tell(*last, wall, elapsed);
        *last = Some(told);
        if let Some(by) = set_back_by {
            tracing::warn!(
                set_back_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX),
                "the machine's clock was set back; until it has caught up, time goes on as if it had not been"
            );
        }
        told.time
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

/// What to tell after `last`, and by how much the machine's clock has been set back since, if it has.
fn tell(last: Option<Told>, wall: Timestamp, elapsed: Duration) -> (Told, Option<SignedDuration>) {
    let as_shown = Told { time: wall, elapsed, behind: SignedDuration::ZERO };
    let Some(last) = last else { return (as_shown, None) };
    let was_behind = last.behind > SignedDuration::ZERO;
    // A clock that was not set back is believed, also where it runs slower than the monotonic one.
    if !was_behind && wall >= last.time {
        return (as_shown, None);
    }
    let passed = elapsed.saturating_sub(last.elapsed);
    let time = last.time.saturating_add(passed).unwrap_or(Timestamp::MAX);
    if wall >= time {
        return (as_shown, None);
    }
    let behind = time.duration_since(wall);
    let further = behind.saturating_sub(last.behind);
    let is_set_back = !was_behind || further >= ANOTHER_SET_BACK;
    // The least it was ever behind: many small differences in pace do not add up to a set-back.
    let kept = if is_set_back { behind } else { behind.min(last.behind) };
    (Told { time, elapsed, behind: kept }, is_set_back.then_some(further))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    /// Clocks that a test sets.
    #[derive(Clone, Debug, Default)]
    struct Hands {
        wall_ms: Arc<AtomicU64>,
        elapsed_ms: Arc<AtomicU64>,
    }

    impl TimeSource for Hands {
        fn wall(&self) -> Timestamp {
            at(self.wall_ms.load(Ordering::SeqCst))
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.elapsed_ms.load(Ordering::SeqCst))
        }
    }

    impl Hands {
        /// Time passes as it does: for both clocks.
        fn pass(&self, ms: u64) {
            self.wall_ms.fetch_add(ms, Ordering::SeqCst);
            self.elapsed_ms.fetch_add(ms, Ordering::SeqCst);
        }

        fn set_wall(&self, ms: u64) {
            self.wall_ms.store(ms, Ordering::SeqCst);
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap()
    }

    fn clock() -> (SystemClock<Hands>, Hands) {
        let hands = Hands::default();
        hands.set_wall(10_000_000);
        (SystemClock { source: hands.clone(), told: Mutex::default() }, hands)
    }

    /// Every set-back a series of readings (wall, elapsed; in ms) tells of, in ms.
    fn set_backs(readings: &[(u64, u64)]) -> Vec<i128> {
        let mut last = None;
        let mut found = Vec::new();
        for (wall, elapsed) in readings {
            let (told, set_back) = tell(last, at(*wall), Duration::from_millis(*elapsed));
            assert!(last.is_none_or(|last: Told| last.time <= told.time), "{readings:?}");
            last = Some(told);
            found.extend(set_back.map(|by| by.as_millis()));
        }
        found
    }

    #[test]
    fn a_clock_that_is_not_set_back_is_believed() {
        let (clock, hands) = clock();
        assert_eq!(clock.now(), at(10_000_000));
        hands.pass(500);
        assert_eq!(clock.now(), at(10_000_500));
        // Forward, and slower than the monotonic clock: it is the machine's time all the same.
        hands.set_wall(20_000_000);
        assert_eq!(clock.now(), at(20_000_000));
        hands.elapsed_ms.fetch_add(1_000, Ordering::SeqCst);
        hands.set_wall(20_000_990);
        assert_eq!(clock.now(), at(20_000_990));
    }

    #[test]
    fn time_goes_on_from_the_last_value_when_the_clock_is_set_back() {
        let (clock, hands) = clock();
        assert_eq!(clock.now(), at(10_000_000));
        hands.set_wall(10_000_000 - 3_600_000);
        assert_eq!(clock.now(), at(10_000_000), "not a moment backward");
        hands.pass(2_000);
        assert_eq!(clock.now(), at(10_002_000), "at the pace of the monotonic clock");
    }

    #[test]
    fn the_machines_clock_is_believed_again_once_it_has_caught_up() {
        let (clock, hands) = clock();
        clock.now();
        hands.set_wall(9_000_000);
        hands.pass(1_000);
        assert_eq!(clock.now(), at(10_001_000));
        hands.set_wall(10_001_000);
        hands.pass(1);
        assert_eq!(clock.now(), at(10_001_001));
        hands.set_wall(10_005_000);
        assert_eq!(clock.now(), at(10_005_000));
    }

    #[test]
    fn a_set_back_is_told_of_once_and_by_how_much() {
        for (why, readings, expected) in [
            ("never", &[(1_000, 0), (1_000, 0), (2_000, 900), (9_000, 1_000)][..], &[][..]),
            ("once", &[(9_000, 0), (4_000, 1_000), (5_000, 2_000), (6_000, 3_000)], &[6_000]),
            ("caught up, and again", &[(9_000, 0), (8_000, 0), (9_500, 0), (9_000, 0)], &[1_000, 500]),
            ("further while behind", &[(9_000, 0), (8_000, 0), (5_000, 0), (5_001, 1)], &[1_000, 3_000]),
            ("another pace is none", &[(9_000, 0), (8_000, 0), (8_900, 1_000), (9_790, 2_000)], &[1_000]),
        ] {
            assert_eq!(set_backs(readings), expected, "{why}");
        }
    }

    #[test]
    fn the_clock_never_goes_backward_whatever_is_done_to_the_machines() {
        let (clock, hands) = clock();
        let mut last = clock.now();
        for step in 0_u64..2_000 {
            // A walk that sets the clock to and fro by up to half an hour.
            let wall = 10_000_000 + step * 1_103_515_245 % 3_600_000 - 1_800_000;
            hands.set_wall(wall);
            hands.pass(step % 7);
            let now = clock.now();
            assert!(now >= last, "step {step}");
            last = now;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_wakes_although_the_clock_is_set_back() {
        let (clock, hands) = clock();
        let clock = Arc::new(clock);
        let until = clock.now().saturating_add(SignedDuration::from_secs(90)).unwrap();
        let sleeper = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move { clock.sleep_until(until).await }
        });
        tokio::task::yield_now().await;
        hands.set_wall(1_000_000);
        for _ in 0..3 {
            hands.pass(60_000);
            tokio::time::advance(Duration::from_secs(61)).await;
            tokio::task::yield_now().await;
        }
        assert!(sleeper.is_finished(), "it sleeps until the machine's clock is there");
    }
}
