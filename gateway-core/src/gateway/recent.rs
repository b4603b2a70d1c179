//! How often something of one kind was done lately: what anybody can ask for again and again costs the PG little.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::lifecycle::schedule::later;

/// What was admitted in the last `within`, for each key at most `most`. In memory: after a restart everything is admitted once
/// more.
#[derive(Debug)]
pub(super) struct Recent<K> {
    most: usize,
    within: Duration,
    moments: Mutex<HashMap<K, VecDeque<Timestamp>>>,
}

impl<K: Clone + Eq + Hash> Recent<K> {
    pub(super) fn of(most: usize, within: Duration) -> Self {
        Self { most, within, moments: Mutex::default() }
    }

    /// Whether it may be done for this key now; if so it is counted.
    ///
    /// Callers read the clock before they wait for this, so `now` may be a little older than a moment that was counted; one
    /// that is ahead by more than the whole time was of a clock that was set back.
    pub(super) fn admits(&self, key: &K, now: Timestamp) -> bool {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        moments.retain(|_, moments| {
            moments.retain(|at| later(*at, self.within) > now && *at < later(now, self.within));
            !moments.is_empty()
        });
        let of_key = moments.entry(key.clone()).or_default();
        let admits = of_key.len() < self.most;
        if admits {
            of_key.push_back(now);
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::schedule::{MINUTE, SECOND, earlier};

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn each_key_is_admitted_so_often_in_so_long_a_time() {
        let recent = Recent::of(2, MINUTE);
        assert!(recent.admits(&"one", START));
        assert!(recent.admits(&"one", later(START, SECOND)));
        assert!(!recent.admits(&"one", later(START, MINUTE - SECOND)));
        assert!(recent.admits(&"another", START), "each key has its own");
        assert!(recent.admits(&"one", later(START, MINUTE)));
        assert!(!recent.admits(&"one", later(START, MINUTE)), "the second is still recent");
    }

    #[test]
    fn caller_with_an_older_clock_forgets_nothing() {
        let recent = Recent::of(1, MINUTE);
        assert!(recent.admits(&"one", START));
        assert!(!recent.admits(&"one", earlier(START, SECOND)));
        assert!(!recent.admits(&"one", START));
        assert!(recent.admits(&"one", earlier(START, MINUTE)), "a clock that was set back stops nobody");
    }
}
