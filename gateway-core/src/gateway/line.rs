//! One account's line to its PG: how much goes over it at once and per minute, and what goes first.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::schedule::later;

const MINUTE: Duration = Duration::from_secs(60);

/// The longest a PG's "come back later" is followed: a word too many must not stop an account.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How much an account may ask of its PG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    /// Use cases that talk to the PG at the same time; one more is told to come again. So a slow PG
    /// cannot take what another account needs.
    pub calls_at_once: u32,
    /// Requests per minute, where the PG sets a limit. Money is never held back for it: it is the
    /// look-ups that leave a quarter of it free.
    pub requests_per_minute: Option<u32>,
    /// Look-ups per minute that hints without proof may cause. What is more waits for its turn.
    pub unproved_hints_per_minute: u32,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self { calls_at_once: 256, requests_per_minute: None, unproved_hints_per_minute: 600 }
    }
}

/// Why the PG is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Money moves or has just moved: nothing holds this back.
    Money,
    /// A merchant waits for what is true: while the PG's limit allows it.
    Asked,
    /// Nobody waits: while that leaves room for the others.
    Routine,
}

/// What a worker of an account works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Received webhooks.
    Webhooks,
    /// Payments that are due.
    Payments,
}

/// One account's line to its PG.
#[derive(Debug)]
pub(crate) struct Line {
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
    hints: LastMinute,
    paused_until: Option<Timestamp>,
}

impl Line {
    pub(crate) fn new(limits: AccountLimits) -> Self {
        Self {
            webhooks: Notify::new(),
            payments: Notify::new(),
            calls: Semaphore::new(usize::try_from(limits.calls_at_once).unwrap_or(Semaphore::MAX_PERMITS)),
            limit: limits.requests_per_minute.map(|limit| limit.max(1)),
            state: Mutex::new(State {
                now: Timestamp::MIN,
                requests: LastMinute::of(limits.requests_per_minute.unwrap_or(0)),
                hints: LastMinute::of(limits.unproved_hints_per_minute),
                paused_until: None,
            }),
        }
    }

    /// Returns when there may be work since the last call.
    pub(crate) async fn woken(&self, work: Work) {
        self.alarm(work).notified().await;
    }

    pub(crate) fn wake(&self, work: Work) {
        self.alarm(work).notify_one();
    }

    const fn alarm(&self, work: Work) -> &Notify {
        match work {
            Work::Webhooks => &self.webhooks,
            Work::Payments => &self.payments,
        }
    }

    /// A place among the use cases that talk to the PG now; `None` if all are taken.
    pub(crate) fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.calls.try_acquire().ok()
    }

    /// Counts requests that belong together and are about to go out.
    ///
    /// # Errors
    ///
    /// From when on they may go; none of them is counted.
    pub(crate) fn admit(&self, errand: Errand, requests: u32, now: Timestamp) -> Result<(), Timestamp> {
        let mut state = self.state(now);
        let from = self.free_from(&state, errand, requests);
        if from > state.now {
            return Err(from);
        }
        if self.limit.is_some() {
            let now = state.now;
            (0..requests).for_each(|_| state.requests.take(now));
        }
        Ok(())
    }

    /// How many routine requests may go out now, at most `most`.
    pub(crate) fn routine_room(&self, most: u32, now: Timestamp) -> u32 {
        let state = self.state(now);
        if state.paused_until.is_some() {
            return 0;
        }
        let taken = state.requests.taken(state.now);
        self.share(Errand::Routine).map_or(most, |share| share.saturating_sub(taken).min(most))
    }

    /// From when on a routine request may go out.
    pub(crate) fn routine_from(&self, now: Timestamp) -> Timestamp {
        self.free_from(&self.state(now), Errand::Routine, 1)
    }

    /// The PG asked to be left alone for a while.
    pub(crate) fn pause(&self, wait: Duration, now: Timestamp) {
        let mut state = self.state(now);
        let until = later(state.now, wait.min(LONGEST_PAUSE));
        state.paused_until = state.paused_until.max(Some(until));
    }

    /// When a hint without proof has its turn, at `earliest` or later.
    pub(crate) fn turn_of_hint(&self, earliest: Timestamp, now: Timestamp) -> Timestamp {
        let hints = &mut self.state(now).hints;
        let turn = hints.free_at(hints.limit, earliest);
        hints.take(turn);
        turn
    }

    /// Whether a hint without proof has its turn now; then it is taken.
    pub(crate) fn takes_hint(&self, now: Timestamp) -> bool {
        let mut state = self.state(now);
        let now = state.now;
        let has_turn = state.hints.free_at(state.hints.limit, now) <= now;
        if has_turn {
            state.hints.take(now);
        }
        has_turn
    }

    /// How many requests a minute an errand may bring the account to; `None`: any number.
    const fn share(&self, errand: Errand) -> Option<u32> {
        match (errand, self.limit) {
            (Errand::Money, _) | (_, None) => None,
            (Errand::Asked, Some(limit)) => Some(limit),
            (Errand::Routine, Some(limit)) => Some(limit - limit / 4),
        }
    }

    /// From when on so many requests may go out. More than the share go when nothing else went for a minute.
    fn free_from(&self, state: &State, errand: Errand, requests: u32) -> Timestamp {
        if errand == Errand::Money {
            return state.now;
        }
        let others = |share: u32| share.saturating_sub(requests.saturating_sub(1)).max(1);
        let in_share = self.share(errand).map(|share| state.requests.free_at(others(share), state.now));
        in_share.max(state.paused_until).unwrap_or(state.now)
    }

    /// Callers read the clock before they wait for this, so `now` may be a little older than what is known.
    fn state(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if later(now, MINUTE) < state.now {
            state.requests.clear();
            state.hints.clear();
            state.paused_until = None;
            state.now = now;
        }
        state.now = state.now.max(now);
        state.paused_until = state.paused_until.filter(|until| *until > state.now);
        state
    }
}

/// What happened in any sixty seconds, so that it never happens more often than `limit`.
#[derive(Debug)]
struct LastMinute {
    limit: u32,
    /// The newest `limit` moments, some of them perhaps still to come.
    moments: VecDeque<Timestamp>,
}

impl LastMinute {
    /// None at all would be waited for for ever: one is the least.
    fn of(limit: u32) -> Self {
        Self { limit: limit.max(1), moments: VecDeque::new() }
    }

    fn take(&mut self, at: Timestamp) {
        self.moments.push_back(at);
        while self.moments.len() > usize::try_from(self.limit).unwrap_or(usize::MAX) {
            self.moments.pop_front();
        }
    }

    fn taken(&self, now: Timestamp) -> u32 {
        let recent = self.moments.iter().filter(|at| later(**at, MINUTE) > now).count();
        u32::try_from(recent).unwrap_or(u32::MAX)
    }

    /// From when on, at `earliest` or later, fewer than `most` have happened in the last minute.
    fn free_at(&self, most: u32, earliest: Timestamp) -> Timestamp {
        let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
        let in_the_way = self.moments.len().checked_sub(most).and_then(|at| self.moments.get(at));
        in_the_way.map_or(earliest, |at| later(*at, MINUTE).max(earliest))
    }

    fn clear(&mut self) {
        self.moments.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn line(requests_per_minute: u32) -> Line {
        let limits = AccountLimits {
            requests_per_minute: Some(requests_per_minute),
            unproved_hints_per_minute: 3,
            calls_at_once: 2,
        };
        Line::new(limits)
    }

    #[test]
    fn routine_leaves_a_quarter_of_the_limit_to_those_who_wait() {
        let line = line(100);
        let sent = (0..200).filter(|_| line.admit(Errand::Routine, 1, at(0)).is_ok()).count();
        assert_eq!(sent, 75);
        let asked = (0..200).filter(|_| line.admit(Errand::Asked, 1, at(0)).is_ok()).count();
        assert_eq!(asked, 25);
        assert!(line.admit(Errand::Money, 1, at(0)).is_ok(), "money is never held back");
    }

    #[test]
    fn no_minute_has_more_requests_than_the_limit() {
        let line = line(4);
        let mut sent: Vec<i64> = Vec::new();
        for second in 0..600 {
            while line.admit(Errand::Asked, 1, at(second)).is_ok() {
                sent.push(second);
            }
        }
        for from in 0..540 {
            let in_minute = sent.iter().filter(|second| (from..from + 60).contains(*second)).count();
            assert!(in_minute <= 4, "{in_minute} from second {from}");
        }
        assert_eq!(sent.len(), 40, "and the limit is used");
    }

    #[test]
    fn money_counts_against_what_routine_may_send() {
        let line = line(100);
        (0..75).for_each(|_| line.admit(Errand::Money, 1, at(0)).unwrap());
        assert!(line.admit(Errand::Routine, 1, at(0)).is_err());
        assert_eq!(line.routine_from(at(0)), at(60));
        assert_eq!(line.routine_room(10, at(59)), 0);
        assert_eq!(line.routine_room(10, at(60)), 10);
    }

    #[test]
    fn a_pg_that_asks_to_be_left_alone_is_left_alone_but_for_money() {
        for line in [line(100), Line::new(AccountLimits::default())] {
            line.pause(Duration::from_secs(30), at(0));
            line.pause(Duration::from_secs(5), at(1));
            assert!(line.admit(Errand::Routine, 1, at(29)).is_err());
            assert!(line.admit(Errand::Asked, 1, at(29)).is_err());
            assert!(line.admit(Errand::Money, 1, at(29)).is_ok());
            assert_eq!(line.routine_from(at(29)), at(30));
            assert!(line.admit(Errand::Routine, 1, at(30)).is_ok());
        }
    }

    #[test]
    fn a_pg_that_asks_for_a_day_gets_an_hour() {
        let line = line(100);
        line.pause(Duration::from_secs(24 * 60 * 60), at(0));
        assert_eq!(line.routine_from(at(1)), at(3_600));
    }

    #[test]
    fn a_limit_of_nothing_is_one_a_minute() {
        let none =
            AccountLimits { requests_per_minute: Some(0), unproved_hints_per_minute: 0, calls_at_once: 1 };
        let line = Line::new(none);
        let sent = (0..3).filter(|_| line.admit(Errand::Asked, 1, at(0)).is_ok()).count();
        assert_eq!(sent, 1);
        assert_eq!([0, 1, 2].map(|_| line.turn_of_hint(at(0), at(0))), [0, 60, 120].map(at));
    }

    #[test]
    fn hints_take_turns_and_none_is_left_out() {
        let line = line(100);
        let turns: Vec<_> = (0..8).map(|_| line.turn_of_hint(at(0), at(0))).collect();
        assert_eq!(turns, [0, 0, 0, 60, 60, 60, 120, 120].map(at));
        assert_eq!(line.turn_of_hint(at(500), at(0)), at(500));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_an_account() {
        let line = line(1);
        line.admit(Errand::Asked, 1, at(3_600)).unwrap();
        line.pause(Duration::from_secs(60), at(3_600));
        let turns: Vec<_> = (0..4).map(|_| line.turn_of_hint(at(3_600), at(3_600))).collect();
        assert_eq!(turns[3], at(3_660));
        assert!(line.admit(Errand::Asked, 1, at(0)).is_ok());
        assert_eq!(line.turn_of_hint(at(0), at(0)), at(0));
    }

    #[test]
    fn callers_who_read_the_clock_a_moment_ago_forget_nothing() {
        let line = line(4);
        line.pause(Duration::from_secs(600), at(10));
        assert_eq!(line.admit(Errand::Asked, 1, at(9)), Err(at(610)));
        (0..3).for_each(|_| assert!(line.takes_hint(at(10))));
        assert!(!line.takes_hint(at(9)));
    }

    #[test]
    fn requests_that_belong_together_go_together_or_not_at_all() {
        let line = line(4);
        assert_eq!(line.admit(Errand::Routine, 2, at(0)), Ok(()));
        assert_eq!(line.admit(Errand::Routine, 2, at(1)), Err(at(60)));
        assert_eq!(line.admit(Errand::Routine, 1, at(2)), Ok(()));
        // More than the share ever is: once a minute has gone by without any.
        assert_eq!(line.admit(Errand::Routine, 9, at(30)), Err(at(62)));
        assert_eq!(line.admit(Errand::Routine, 9, at(62)), Ok(()));
        assert_eq!(line.routine_room(5, at(63)), 0);
    }

    #[test]
    fn no_more_use_cases_talk_to_the_pg_than_there_are_places() {
        let line = line(1);
        let (first, second) = (line.place(), line.place());
        assert!(first.is_some() && second.is_some() && line.place().is_none());
        drop(first);
        assert!(line.place().is_some());
    }

    #[test]
    fn a_clock_that_is_a_minute_behind_is_a_caller_who_was_slow_and_no_clock_that_was_set_back() {
        let line = line(4);
        line.pause(Duration::from_secs(600), at(60));
        assert_eq!(line.routine_from(at(0)), at(660));
        assert_eq!(line.routine_from(at(-1)), at(-1), "that one was set back");
    }

    #[test]
    fn a_pause_is_over_the_moment_it_ends() {
        for line in [line(100), Line::new(AccountLimits::default())] {
            line.pause(Duration::from_secs(30), at(0));
            assert_eq!([at(0), at(29), at(30)].map(|now| line.routine_room(5, now)), [0, 0, 5]);
            assert_eq!(line.routine_from(at(30)), at(30));
        }
    }
}
