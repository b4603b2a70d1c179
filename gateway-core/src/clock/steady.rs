//! The time that the core goes by: the machine's, for as long as it can be believed.
//!
//! Whatever time destroys (expiring payments and keys, calling money late, believing an absence) waits while it cannot: while the
//! wall clock moved otherwise than the monotonic one, and after a start until a PG was asked, unless the newest commit was a
//! moment ago. A PG's own time that agrees ends the doubt. Meanwhile time continues by the monotonic clock, from the last moment
//! that was believed or that a PG has given: leases and look-ups that were planned by a wrong clock would come hours late.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{Clock, MINUTE, earlier, later};

/// How far a PG's clock, or the newest commit of another process, may be from ours.
const TOLERANCE: Duration = MINUTE;

/// How far the two clocks of a process may be apart. Well below the slack of a final time (40 s): a request's timeout must not
/// be cut short by a step that nobody doubts.
const STEP: Duration = Duration::from_secs(10);

/// The wall clock drifts from the monotonic one by at most one part in so many: 500 ppm, the most that NTP slews by. What is
/// more is a step, and steps add up.
const MOST_DRIFT: u32 = 2_000;

/// How far ahead of the newest commit the wall clock may be at the start without being called wrong: a weekend and a holiday.
const FAR_AHEAD: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// How long after a doubt ended nothing is concluded yet: what was sent meanwhile carries a time that was wrong, and has to
/// be answered or to show by then.
const CONCLUDES_AFTER: Duration = Duration::from_secs(3 * 60);

/// The machine's clock, and whether it can be believed.
#[derive(Debug)]
pub(crate) struct SteadyClock {
    machine: Arc<dyn Clock>,
    believed: Mutex<Believed>,
}

/// The last moment at which the wall clock was believed.
#[derive(Debug)]
struct Believed {
    // Read together. What time it is follows from how long the monotonic clock ran since.
    wall: Timestamp,
    run: Duration,
    doubt: Option<Doubt>,
    /// Nothing is concluded before this moment of the monotonic clock.
    concludes_from: Duration,
}

/// Why the wall clock is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// The process has just started, and nothing says that the clock is right.
    Unchecked,
    /// A PG says another time; that one is gone by.
    Contradicted,
    /// It contradicts the monotonic clock or the newest commit.
    Wrong,
}

impl Doubt {
    /// After a PG was asked, and did not agree.
    const fn asked(self) -> Self {
        match self {
            // From now on there is a time to plan by, so work begins; but nothing expires before a PG agrees.
            Self::Unchecked | Self::Contradicted => Self::Contradicted,
            // The server stays not ready: a PG that disagrees as well is no reason to call the clock right.
            Self::Wrong => Self::Wrong,
        }
    }
}

impl Believed {
    /// What time it is, `run` after the clock began to run.
    fn at(&self, run: Duration) -> Timestamp {
        later(self.wall, run.saturating_sub(self.run))
    }

    /// Follows a wall clock that is `apart` from what it should say, as far as it can have drifted since the last time.
    fn follow(&mut self, apart: SignedDuration, run: Duration) {
        // As far as a clock drifts in that time and no further: many small steps, each followed, would move
        // the time by hours without a doubt.
        let most = run.saturating_sub(self.run) / MOST_DRIFT;
        let drift = apart.unsigned_abs().min(most);
        let steady = self.at(run);
        self.wall = if apart.is_negative() { earlier(steady, drift) } else { later(steady, drift) };
        self.run = run;
    }
}

impl SteadyClock {
    pub(crate) fn new(machine: Arc<dyn Clock>) -> Self {
        let believed = Believed {
            wall: machine.now(),
            run: machine.monotonic(),
            doubt: None,
            concludes_from: Duration::ZERO,
        };
        Self { machine, believed: Mutex::new(believed) }
    }

    /// Holds the wall clock against the newest commit, at the start of a process.
    pub(crate) fn start(&self, newest_commit: Option<Timestamp>) {
        let (wall, run) = (self.machine.now(), self.machine.monotonic());
        // The clock may have been set between `new` and the read of the newest commit, so what `new` believed
        // is dropped.
        *self.believed() = Believed { wall, run, doubt: None, concludes_from: run };
        // An empty store holds nothing that a wrong time could destroy.
        let Some(newest) = newest_commit else { return };
        let ahead = wall.duration_since(newest);
        let is_behind = ahead < SignedDuration::ZERO;
        // It was at work a moment ago: a restart continues at once.
        if ahead.unsigned_abs() <= TOLERANCE {
            return;
        }
        // The process was down for so long, or the clock is ahead, and only a PG can say which. Likely it was
        // down, so the server is ready; what is due, and what expires, waits for the PG's time.
        if !is_behind && ahead.unsigned_abs() <= FAR_AHEAD {
            *self.believed() = Believed { wall, run, doubt: Some(Doubt::Unchecked), concludes_from: run };
            tracing::info!(newest_commit = %newest, "nothing expires until a PG's time agrees with the clock");
            return;
        }
        // Time continues from the newest commit, the last moment that a process believed.
        *self.believed() = Believed { wall: newest, run, doubt: Some(Doubt::Wrong), concludes_from: run };
        tracing::error!(
            newest_commit = %newest,
            "the clock does not agree with the newest commit; nothing expires until a PG's time agrees with it"
        );
    }

    /// Whether the wall clock can be believed now, and with it what it said before.
    pub(crate) fn is_trusted(&self) -> bool {
        // A step is noticed when the time is read. Without this a clock that was set a moment ago would be
        // trusted.
        let _ = self.now();
        let believed = self.believed();
        // The wait is measured on the monotonic clock, which nobody can set.
        believed.doubt.is_none() && self.machine.monotonic() >= believed.concludes_from
    }

    /// Whether anything says what time it is: if not, nothing is planned by it.
    pub(crate) fn is_checked(&self) -> bool {
        let _ = self.now();
        self.believed().doubt != Some(Doubt::Unchecked)
    }

    /// Whether something says that the wall clock is wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        let _ = self.now();
        self.believed().doubt == Some(Doubt::Wrong)
    }

    /// A PG said what time it is: if the wall clock agrees, it can be believed again, else time continues from
    /// what the PG said. Returns whether it agrees.
    pub(crate) fn compare(&self, pg_time: Timestamp) -> bool {
        let (wall, run) = (self.machine.now(), self.machine.monotonic());
        // A PG's `Date` has whole seconds, and its answer may have been half of this on its way.
        let agrees = wall.duration_since(pg_time).unsigned_abs() <= TOLERANCE;
        let mut believed = self.believed();
        // A PG that disagrees ends no doubt, but its time is the better one meanwhile.
        let (time, doubt) = if agrees { (wall, None) } else { (pg_time, believed.doubt.map(Doubt::asked)) };
        // While nothing speaks against our clock, one PG that says another time does not move it.
        if doubt.is_some() || agrees {
            // What was sent in doubt is dated by the time that we went by then. If that jumps, final times
            // are wrong by as much, so nothing is concluded until each such request was answered or shows.
            let jumps = time.duration_since(believed.at(run)).unsigned_abs() > STEP;
            let concludes_from =
                if jumps { run.saturating_add(CONCLUDES_AFTER) } else { believed.concludes_from };
            *believed = Believed { wall: time, run, doubt, concludes_from };
        }
        agrees
    }

    /// What the machine says, believed or not.
    pub(crate) fn machine_now(&self) -> Timestamp {
        self.machine.now()
    }

    fn believed(&self) -> MutexGuard<'_, Believed> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let (wall, run) = (self.machine.now(), self.machine.monotonic());
        let mut believed = self.believed();
        let steady = believed.at(run);
        // Only a PG ends a doubt. Until then the wall clock is not consulted.
        if believed.doubt.is_some() {
            return steady;
        }
        let apart = wall.duration_since(steady);
        // Final times rest on this clock. After a step that nobody noticed a repeat that goes by the balance
        // alone would go out while the first send can still be executed: two refunds.
        if apart.unsigned_abs() > STEP {
            believed.doubt = Some(Doubt::Wrong);
            tracing::error!(%wall, %steady, "the clock was set; nothing expires until a PG's time agrees with it");
            return steady;
        }
        // What is left is what a time server corrects. The reference follows it, or it would add up to a
        // doubt within a day.
        believed.follow(apart, run);
        wall
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }

    async fn sleep_until(&self, at: Timestamp) {
        // The machine sleeps by its own wall clock, which may be set meanwhile, so the time is compared
        // again.
        loop {
            let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            self.machine.sleep_until(later(self.machine.now(), left)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn machine() -> ManualClock {
        ManualClock::at(Timestamp::from_second(1_790_000_000).unwrap())
    }

    fn steady(machine: &ManualClock) -> SteadyClock {
        SteadyClock::new(Arc::new(machine.clone()))
    }

    #[test]
    fn passing_time_is_believed() {
        let machine = machine();
        let clock = steady(&machine);
        for _ in 0..100 {
            machine.advance(HOUR);
            assert!(clock.is_trusted());
            assert_eq!(clock.now(), machine.now());
        }
    }

    #[test]
    fn clock_that_was_set_is_doubted_until_a_pg_agrees() {
        for forward in [true, false] {
            let machine = machine();
            let clock = steady(&machine);
            let now = machine.now();
            let set = if forward { later(now, HOUR) } else { now.saturating_sub(HOUR).unwrap() };
            machine.set(set);
            assert!(!clock.is_trusted());
            assert!(!clock.compare(now), "an hour apart");
            assert_eq!((clock.is_trusted(), clock.now()), (false, now));
            assert!(!clock.compare(later(now, 5 * HOUR)), "it goes by what the PG says");
            assert_eq!((clock.is_wrong(), clock.now()), (true, later(now, 5 * HOUR)));
            assert!(clock.compare(later(set, Duration::from_secs(30))));
            assert_eq!((clock.now(), clock.is_wrong()), (set, false));
            assert!(!clock.is_trusted(), "what was sent meanwhile has a wrong time");
            machine.advance(CONCLUDES_AFTER);
            assert!(clock.is_trusted());
        }
    }

    #[test]
    fn clock_set_during_a_start_is_checked_by_the_newest_commit() {
        for (newest_is, is_trusted) in [(Some(HOUR), false), (Some(Duration::ZERO), true), (None, true)] {
            let machine = machine();
            let now = machine.now();
            machine.set(later(now, 400 * HOUR));
            let clock = steady(&machine);
            machine.set(now);
            clock.start(newest_is.map(|ago| earlier(now, ago)));
            assert_eq!((clock.now(), clock.is_trusted()), (now, is_trusted), "{newest_is:?}");
        }
    }

    #[test]
    fn step_of_more_than_ten_seconds_is_doubted() {
        for (seconds, is_doubted) in [(10, false), (11, true), (59, true)] {
            for forward in [true, false] {
                let machine = machine();
                let clock = steady(&machine);
                let (now, by) = (machine.now(), Duration::from_secs(seconds));
                machine.set(if forward { later(now, by) } else { earlier(now, by) });
                assert_eq!(clock.is_trusted(), !is_doubted, "{seconds} {forward}");
                // A PG agrees with it within a minute: what was sent before it has its time nevertheless.
                assert!(clock.compare(now));
                assert_eq!(clock.is_trusted(), !is_doubted, "{seconds} {forward}");
                machine.advance(CONCLUDES_AFTER);
                assert!(clock.is_trusted());
            }
        }
    }

    #[test]
    fn small_steps_add_up_to_a_doubt() {
        let machine = machine();
        let clock = steady(&machine);
        for step in 1..=60 {
            machine.advance(Duration::from_secs(1));
            machine.set(later(machine.now(), Duration::from_secs(9)));
            assert_eq!(clock.is_trusted(), step == 1, "step {step}");
        }
    }

    #[test]
    fn drift_is_believed_as_far_as_clocks_drift() {
        for (millis_an_hour, is_believed) in [(1_700, true), (4_000, false)] {
            let machine = machine();
            let clock = steady(&machine);
            for _ in 0..100 {
                machine.advance(HOUR);
                machine.set(later(machine.now(), Duration::from_millis(millis_an_hour)));
                let _ = clock.now();
            }
            assert_eq!(clock.is_trusted(), is_believed, "{millis_an_hour}");
        }
    }

    #[test]
    fn time_continues_from_the_last_believed_moment() {
        let machine = machine();
        let clock = steady(&machine);
        let now = clock.now();
        machine.set(later(now, 400 * HOUR));
        assert_eq!(clock.now(), now);
        machine.advance(HOUR);
        assert_eq!(clock.now(), later(now, HOUR));
    }

    #[test]
    fn start_behind_or_far_ahead_of_the_newest_commit_is_doubted() {
        let machine = machine();
        let now = machine.now();
        let day = 24 * HOUR;
        for (newest, doubt) in [
            (None, None),
            (Some(now), None),
            (Some(now.saturating_sub(2 * HOUR).unwrap()), Some(Doubt::Unchecked)),
            (Some(now.saturating_sub(2 * day).unwrap()), Some(Doubt::Unchecked)),
            (Some(now.saturating_sub(30 * day).unwrap()), Some(Doubt::Wrong)),
            (Some(later(now, Duration::from_secs(30))), None),
            (Some(later(now, HOUR)), Some(Doubt::Wrong)),
        ] {
            let clock = steady(&machine);
            clock.start(newest);
            assert_eq!(clock.believed().doubt, doubt, "{newest:?}");
            assert_eq!(
                (clock.is_trusted(), clock.is_wrong()),
                (doubt.is_none(), doubt == Some(Doubt::Wrong))
            );
            assert_eq!(clock.now(), newest.filter(|_| clock.is_wrong()).unwrap_or(now));
            assert_eq!(clock.is_checked(), doubt != Some(Doubt::Unchecked));
            if doubt.is_some() {
                assert!(!clock.compare(later(now, HOUR)), "a PG says another time");
                assert_eq!((clock.is_checked(), clock.is_trusted()), (true, false));
                assert_eq!((clock.now(), clock.is_wrong()), (later(now, HOUR), doubt == Some(Doubt::Wrong)));
            }
            assert!(clock.compare(now), "a PG agrees");
            machine.advance(CONCLUDES_AFTER);
            assert!(clock.is_trusted());
            machine.set(now);
        }
    }
}
