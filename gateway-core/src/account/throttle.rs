//! Who may call an account's PG now: how many at once, how many a minute, and who goes first.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::{AccountLimits, last_minute::LastMinute};
use crate::{
    clock::{MINUTE, later},
    lifecycle::schedule::SCHEDULE,
};

/// The longest that a PG's "come back later" is followed: a wrong `Retry-After` must not stop an account for
/// days.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The longest an account waits between two look-ups while its PG does not answer.
// The first answer after an outage makes every uncertain payment due, so the account keeps asking more often
// than the schedule of one payment, which ends in hours and days.
const LONGEST_BACKOFF: Duration = Duration::from_secs(15 * 60);

/// Why the PG is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// A committed request moves money, or its outcome is asked for right after it: nothing holds this back.
    Critical,
    /// Money may have moved unseen: a quarter of the limit is kept for this.
    Uncertain,
    /// A caller waits: a sale that begins, a merchant who asks.
    Interactive,
    /// Nobody waits.
    Background,
}

/// What a worker of an account works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Received webhooks.
    Webhooks,
    /// Payments that are due.
    Payments,
}

/// Who may call an account's PG now.
#[derive(Debug)]
pub(crate) struct Throttle {
    // One signal for each kind of work: a worker of the inbox must not use up the signal that due payments
    // wait for.
    webhooks: Notify,
    payments: Notify,
    calls: Semaphore,
    limit: Option<u32>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The newest moment seen. A clock that is set back makes everything kept here meaningless.
    now: Timestamp,
    requests: LastMinute,
    uncertain: LastMinute,
    hints: LastMinute,
    /// The PG asked to be left alone until then.
    paused_until: Option<Timestamp>,
    /// The PG does not answer: what nobody waits for is not asked before.
    quiet_until: Option<Timestamp>,
    /// How many look-ups in a row got no answer.
    unanswered: u32,
    /// When the PG last answered something.
    answered_at: Option<Timestamp>,
}

impl Throttle {
    pub(crate) fn new(limits: AccountLimits) -> Self {
        let calls = usize::try_from(limits.max_concurrent_calls).unwrap_or(Semaphore::MAX_PERMITS);
        // A limit of 0 would admit nothing, not even the look-ups that end uncertainty.
        let limit = limits.requests_per_minute.map(|limit| limit.max(1));
        Self {
            webhooks: Notify::new(),
            payments: Notify::new(),
            // More permits than the most make `Semaphore::new` panic, and a configuration may hold any
            // number.
            calls: Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS)),
            limit,
            state: Mutex::new(State {
                // The first caller brings the time. Whatever it is, it is no step back.
                now: Timestamp::MIN,
                requests: LastMinute::of(limit.unwrap_or(0)),
                uncertain: LastMinute::of(limit.map_or(0, kept_for_uncertain)),
                hints: LastMinute::of(limits.unverified_webhooks_per_minute),
                paused_until: None,
                quiet_until: None,
                unanswered: 0,
                answered_at: None,
            }),
        }
    }

    /// Returns when there may be work since the last call.
    pub(crate) async fn notified(&self, work: Work) {
        self.alarm(work).notified().await;
    }

    pub(crate) fn notify(&self, work: Work) {
        // It is stored if nobody waits: work that comes between two rounds of a worker is not missed.
        self.alarm(work).notify_one();
    }

    const fn alarm(&self, work: Work) -> &Notify {
        match work {
            Work::Webhooks => &self.webhooks,
            Work::Payments => &self.payments,
        }
    }

    /// A permit for a use case that talks to the PG now; `None` if all are taken.
    pub(crate) fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody queues here. Behind a slow PG a queue only grows, and a caller who is refused has committed
        // nothing and can come again.
        self.calls.try_acquire().ok()
    }

    /// Counts a request that is about to go out.
    ///
    /// # Errors
    ///
    /// From when on it may go; it is not counted.
    pub(crate) fn admit(&self, priority: Priority, requests: u32, now: Timestamp) -> Result<(), Timestamp> {
        if requests == 0 {
            // The step is made here and no request goes to the PG, so it uses up nothing and waits for
            // nobody.
            return Ok(());
        }
        // Checked and counted under one lock: two callers who both saw the last free request would both send.
        let mut state = self.state(now);
        let from = self.free_from(&state, priority);
        if from > state.now {
            return Err(from);
        }
        // Without a known limit nobody reads the counts, so none are kept.
        if self.limit.is_some() {
            let now = state.now;
            for _ in 0..requests {
                // What is critical is counted too, although nothing holds it back: the PG counts it, and the
                // others have to leave it room.
                state.requests.take(now);
                // Its share is counted apart: in one count with the rest, new sales would use it up.
                if priority == Priority::Uncertain {
                    state.uncertain.take(now);
                }
            }
        }
        Ok(())
    }

    /// From when on a request of this priority may go out; `now` if nothing is in its way.
    pub(crate) fn admits_from(&self, priority: Priority, now: Timestamp) -> Timestamp {
        let state = self.state(now);
        let from = self.free_from(&state, priority);
        // The caller's own time, which may be a little behind the newest that was seen: a worker compares the
        // result with the clock that it read, and would wait for nothing.
        if from > state.now { from } else { now }
    }

    /// The PG asked to be left alone for a while.
    pub(crate) fn pause(&self, wait: Duration, now: Timestamp) {
        let mut state = self.state(now);
        let until = later(state.now, wait.min(LONGEST_PAUSE));
        // Calls run at the same time, so a shorter wait may be answered after a longer one. The longer one
        // holds.
        state.paused_until = state.paused_until.max(Some(until));
    }

    /// Whether the PG has answered anything after a moment.
    pub(crate) fn answered_after(&self, at: Timestamp, now: Timestamp) -> bool {
        self.state(now).answered_at.is_some_and(|answered_at| answered_at > at)
    }

    /// A look-up that nobody waits for got no answer: the account's next one waits longer. Returns how long.
    pub(crate) fn unanswered(&self, now: Timestamp) -> Duration {
        let mut state = self.state(now);
        // One count for the account: if each payment had its own, a thousand payments would ask a PG that is
        // away a thousand times within two seconds.
        let step = usize::try_from(state.unanswered).ok().and_then(|step| SCHEDULE.get(step)).copied();
        let wait = step.unwrap_or(LONGEST_BACKOFF).min(LONGEST_BACKOFF);
        state.unanswered = state.unanswered.saturating_add(1);
        let until = later(state.now, wait);
        state.quiet_until = state.quiet_until.max(Some(until));
        wait
    }

    /// The PG answered: an outage, if there was one, is over. Returns whether there was one.
    pub(crate) fn answered(&self, now: Timestamp) -> bool {
        let mut state = self.state(now);
        // Kept also while there is no outage: it distinguishes a PG that is away from one payment that gets
        // no answer.
        state.answered_at = Some(state.now);
        let was_out = state.unanswered > 0;
        // Only the end of an outage is reported: the caller makes every uncertain payment due then, which each
        // answer must not do.
        if was_out {
            state.unanswered = 0;
            state.quiet_until = None;
        }
        was_out
    }

    /// From when on an unverified webhook may cause a look-up, at `earliest` or later.
    pub(crate) fn hint_due_from(&self, earliest: Timestamp, now: Timestamp) -> Timestamp {
        let hints = &mut self.state(now).hints;
        let from = hints.free_at(hints.limit, earliest);
        // This time may be minutes ahead and is reserved now: the hint waits for it as an owed look-up of its
        // payment, delayed and never dropped, and a crash loses none.
        hints.take(from);
        from
    }

    /// From when on a request of this priority may go out.
    fn free_from(&self, state: &State, priority: Priority) -> Timestamp {
        // What moves money was committed as sent before it comes here. Held back, it would leave later than
        // its row says, and the final time that follows from the row would be wrong.
        if priority == Priority::Critical {
            return state.now;
        }
        let in_limit = self.limit.and_then(|limit| {
            let kept = kept_for_uncertain(limit);
            let most = match priority {
                Priority::Critical => return None,
                Priority::Uncertain => {
                    // Whichever is free sooner: its own share, which nobody else can use up, or what the
                    // others have left.
                    let of_share = state.uncertain.free_at(kept, state.now);
                    let of_rest = state.requests.free_at(limit - kept, state.now);
                    return Some(of_share.min(of_rest));
                }
                Priority::Interactive => limit - kept,
                // Nobody waits for it, so it leaves as much again to those who do.
                Priority::Background => (limit - kept).saturating_sub(kept).max(1),
            };
            // At a limit of one the share is all of it. The others get one a minute all the same, or nothing
            // could ever be sold.
            Some(state.requests.free_at(most.max(1), state.now))
        });
        // Who waits is let through in an outage: the PG's own error is their answer, and it may be over.
        let is_quiet = matches!(priority, Priority::Uncertain | Priority::Background);
        let in_peace = state.quiet_until.filter(|_| is_quiet);
        // `None` is less than any time, so the latest of those that apply decides.
        in_limit.max(state.paused_until).max(in_peace).unwrap_or(state.now)
    }

    /// Callers read the clock before they wait for this, so `now` may be a little older than what is known.
    fn state(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back leaves pauses and counts in the future, and they would stop the account
        // for as long as the step was. Less than a minute is a caller who was slow.
        if later(now, MINUTE) < state.now {
            state.requests.clear();
            state.uncertain.clear();
            state.hints.clear();
            (state.paused_until, state.quiet_until, state.answered_at) = (None, None, None);
            state.now = now;
        }
        state.now = state.now.max(now);
        state.paused_until = state.paused_until.filter(|until| *until > state.now);
        state.quiet_until = state.quiet_until.filter(|until| *until > state.now);
        state
    }
}

/// The part of a limit that look-ups of uncertain money have to themselves.
const fn kept_for_uncertain(limit: u32) -> u32 {
    // A limit below four would keep nothing for uncertain money.
    let quarter = limit / 4;
    if quarter == 0 { 1 } else { quarter }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn caller_a_little_behind_in_time_is_admitted_at_once() {
        let throttle = throttle(4);
        throttle.admit(Priority::Interactive, 1, at(30)).unwrap();
        assert_eq!(throttle.admits_from(Priority::Interactive, at(0)), at(0));
        assert_eq!(throttle.admit(Priority::Interactive, 1, at(0)), Ok(()));
    }

    fn throttle(requests_per_minute: u32) -> Throttle {
        let limits = AccountLimits {
            requests_per_minute: Some(requests_per_minute),
            unverified_webhooks_per_minute: 3,
            max_concurrent_calls: 2,
        };
        Throttle::new(limits)
    }

    fn admitted(throttle: &Throttle, priority: Priority, second: i64) -> usize {
        (0..500).take_while(|_| throttle.admit(priority, 1, at(second)).is_ok()).count()
    }

    #[test]
    fn new_sales_leave_uncertain_money_its_share() {
        let throttle = throttle(100);
        assert_eq!(admitted(&throttle, Priority::Interactive, 0), 75);
        assert_eq!(admitted(&throttle, Priority::Uncertain, 0), 25);
        assert!(throttle.admit(Priority::Critical, 1, at(0)).is_ok(), "money is never held back");
    }

    #[test]
    fn uncertain_money_has_its_share_though_all_is_spent() {
        let throttle = throttle(100);
        (0..200).for_each(|_| throttle.admit(Priority::Critical, 1, at(0)).unwrap());
        assert_eq!(admitted(&throttle, Priority::Uncertain, 1), 25);
        assert_eq!(throttle.admits_from(Priority::Uncertain, at(1)), at(60));
    }

    #[test]
    fn background_leaves_room_for_those_who_wait() {
        let throttle = throttle(100);
        assert_eq!(admitted(&throttle, Priority::Background, 0), 50);
        assert_eq!(admitted(&throttle, Priority::Interactive, 0), 25);
    }

    #[test]
    fn no_minute_has_more_requests_than_the_limit() {
        let throttle = throttle(8);
        let mut sent: Vec<i64> = Vec::new();
        for second in 0..600 {
            for priority in [Priority::Interactive, Priority::Uncertain, Priority::Background] {
                while throttle.admit(priority, 1, at(second)).is_ok() {
                    sent.push(second);
                }
            }
        }
        for from in 0..540 {
            let in_minute = sent.iter().filter(|second| (from..from + 60).contains(*second)).count();
            assert!(in_minute <= 8, "{in_minute} from second {from}");
        }
        assert!(sent.len() >= 70, "and the limit is used: {}", sent.len());
    }

    #[test]
    fn step_made_here_counts_nothing() {
        let throttle = throttle(4);
        (0..50).for_each(|_| throttle.admit(Priority::Interactive, 0, at(0)).unwrap());
        assert_eq!(admitted(&throttle, Priority::Interactive, 0), 3);
        throttle.admit(Priority::Interactive, 0, at(0)).expect("nor does it wait for others");
    }

    #[test]
    fn pg_that_asks_for_a_pause_gets_it() {
        for throttle in [throttle(100), Throttle::new(AccountLimits::default())] {
            throttle.pause(Duration::from_secs(30), at(0));
            throttle.pause(Duration::from_secs(5), at(1));
            for priority in [Priority::Uncertain, Priority::Interactive, Priority::Background] {
                assert_eq!(throttle.admit(priority, 1, at(29)), Err(at(30)));
            }
            assert!(throttle.admit(Priority::Critical, 1, at(29)).is_ok());
            assert!(throttle.admit(Priority::Background, 1, at(30)).is_ok());
        }
    }

    #[test]
    fn pause_of_a_day_is_an_hour() {
        let throttle = throttle(100);
        throttle.pause(Duration::from_secs(24 * 60 * 60), at(0));
        assert_eq!(throttle.admits_from(Priority::Background, at(1)), at(3_600));
    }

    #[test]
    fn unanswered_look_ups_wait_longer_each_time() {
        let throttle = Throttle::new(AccountLimits::default());
        let waits: Vec<_> = (0..9).map(|_| throttle.unanswered(at(0)).as_secs()).collect();
        assert_eq!(waits, [2, 5, 15, 60, 300, 900, 900, 900, 900]);
        assert_eq!(throttle.admits_from(Priority::Background, at(1)), at(900));
        assert_eq!(
            throttle.admits_from(Priority::Interactive, at(1)),
            at(1),
            "who waits gets the answer of the PG itself"
        );
        assert!(throttle.answered(at(2)), "the outage is over");
        assert_eq!(throttle.admits_from(Priority::Background, at(2)), at(2));
        assert!(!throttle.answered(at(3)));
        assert_eq!(throttle.unanswered(at(4)).as_secs(), 2);
    }

    #[test]
    fn limit_of_nothing_is_one_a_minute() {
        let none = AccountLimits {
            requests_per_minute: Some(0),
            unverified_webhooks_per_minute: 0,
            max_concurrent_calls: 0,
        };
        let throttle = Throttle::new(none);
        assert!(throttle.admit(Priority::Uncertain, 1, at(0)).is_ok());
        assert_eq!([0, 1, 2].map(|_| throttle.hint_due_from(at(0), at(0))), [0, 60, 120].map(at));
        assert!(throttle.permit().is_some());
    }

    #[test]
    fn hints_are_spaced_and_none_is_left_out() {
        let throttle = throttle(100);
        let due: Vec<_> = (0..8).map(|_| throttle.hint_due_from(at(0), at(0))).collect();
        assert_eq!(due, [0, 0, 0, 60, 60, 60, 120, 120].map(at));
        assert_eq!(throttle.hint_due_from(at(500), at(0)), at(500));
    }

    #[test]
    fn clock_set_back_does_not_stop_an_account() {
        let throttle = throttle(1);
        throttle.admit(Priority::Interactive, 1, at(3_600)).unwrap();
        throttle.pause(Duration::from_secs(60), at(3_600));
        let due: Vec<_> = (0..4).map(|_| throttle.hint_due_from(at(3_600), at(3_600))).collect();
        assert_eq!(due[3], at(3_660));
        assert!(throttle.admit(Priority::Interactive, 1, at(0)).is_ok());
        assert_eq!(throttle.hint_due_from(at(0), at(0)), at(0));
    }

    #[test]
    fn slow_caller_is_no_clock_set_back() {
        let throttle = throttle(4);
        throttle.pause(Duration::from_secs(600), at(60));
        assert_eq!(throttle.admits_from(Priority::Background, at(0)), at(660));
        assert_eq!(throttle.admits_from(Priority::Background, at(-1)), at(-1), "that one was set back");
    }

    #[test]
    fn no_more_use_cases_than_places() {
        let throttle = throttle(1);
        let (first, second) = (throttle.permit(), throttle.permit());
        assert!(first.is_some() && second.is_some() && throttle.permit().is_none());
        drop(first);
        assert!(throttle.permit().is_some());
    }
}
