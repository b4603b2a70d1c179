//! How often something of one kind was done lately, so that what anybody can repeat costs the PG little.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::clock::later;

/// What was admitted in the last `within`, for each key at most `most`. In memory: after a restart everything is admitted once
/// more.
#[derive(Debug)]
pub(crate) struct Recent<K> {
    most: usize,
    within: Duration,
    moments: Mutex<HashMap<K, VecDeque<Timestamp>>>,
}

impl<K: Clone + Eq + Hash> Recent<K> {
    pub(crate) fn of(most: usize, within: Duration) -> Self {
        Self { most, within, moments: Mutex::default() }
    }

    /// Counts it for this key, if it may be done now.
    ///
    /// Callers read the clock before they wait for this, so `now` may be a little older than a moment that was counted; one
    /// that is ahead by the whole time was of a clock that was set back.
    ///
    /// # Errors
    ///
    /// From when on it may be done again.
    pub(crate) fn admit(&self, key: &K, now: Timestamp) -> Result<(), Timestamp> {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        // Of every key, not only this one: keys come from outside (payments, order ids that webhooks name),
        // and those that nobody uses any more must not stay.
        moments.retain(|_, moments| {
            // A moment that is far ahead was dated before the clock was set back. It would refuse its key
            // until then.
            moments.retain(|at| later(*at, self.within) > now && *at < later(now, self.within));
            !moments.is_empty()
        });
        let of_key = moments.entry(key.clone()).or_default();
        match of_key.front() {
            // What is refused is not counted: else a caller who asks all the time would never be admitted
            // again.
            Some(oldest) if of_key.len() >= self.most => return Err(later(*oldest, self.within)),
            _ => of_key.push_back(now),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{MINUTE, SECOND, earlier};

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn each_key_is_admitted_so_often_in_so_long_a_time() {
        let recent = Recent::of(2, MINUTE);
        assert_eq!(recent.admit(&"one", START), Ok(()));
        assert_eq!(recent.admit(&"one", later(START, SECOND)), Ok(()));
        assert_eq!(recent.admit(&"one", later(START, MINUTE - SECOND)), Err(later(START, MINUTE)));
        assert_eq!(recent.admit(&"another", START), Ok(()), "each key has its own");
        assert_eq!(recent.admit(&"one", later(START, MINUTE)), Ok(()));
        let second = later(START, MINUTE + SECOND);
        assert_eq!(recent.admit(&"one", later(START, MINUTE)), Err(second), "the second is still recent");
    }

    #[test]
    fn caller_with_an_older_clock_expires_nothing() {
        let recent = Recent::of(1, MINUTE);
        assert_eq!(recent.admit(&"one", START), Ok(()));
        assert!(recent.admit(&"one", earlier(START, SECOND)).is_err());
        assert!(recent.admit(&"one", START).is_err());
        assert_eq!(recent.admit(&"one", earlier(START, MINUTE)), Ok(()), "a clock set back stops nobody");
    }
}
