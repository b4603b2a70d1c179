//! How often what browsers brought has the PG asked about one payment: anybody can make results up.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use super::RESULTS_A_MINUTE;
use crate::{PaymentId, account::LastMinute};

/// The results of the last minute that were looked up, by payment.
#[derive(Debug, Default)]
pub(in crate::gateway) struct RecentResults(Mutex<HashMap<PaymentId, LastMinute>>);

impl RecentResults {
    /// Whether a result of this payment may have the PG asked now; if so it is counted.
    pub(super) fn admit(&self, id: &PaymentId, now: Timestamp) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, results| results.is_recent(now));
        let results = recent.entry(id.clone()).or_insert_with(|| LastMinute::of(RESULTS_A_MINUTE));
        let admits = results.free_at(RESULTS_A_MINUTE, now) <= now;
        if admits {
            results.take(now);
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IdSource, lifecycle::schedule::earlier};

    #[test]
    fn caller_with_an_older_clock_forgets_nothing() {
        let start: Timestamp = "2026-09-21T14:13:20Z".parse().unwrap();
        let (recent, id) = (RecentResults::default(), IdSource::seeded(1).payment(start));
        assert!((0..RESULTS_A_MINUTE).all(|_| recent.admit(&id, start)));
        let just_before = earlier(start, std::time::Duration::from_millis(1));
        assert!(!recent.admit(&id, just_before));
        assert!(!recent.admit(&id, start));
        let set_back = earlier(start, std::time::Duration::from_secs(60 * 60));
        assert!(recent.admit(&id, set_back), "a clock that was set back stops nobody");
    }
}
