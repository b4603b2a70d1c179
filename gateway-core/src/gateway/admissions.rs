//! How often unauthenticated requests may have the PG asked, or alert an operator.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    account::{ALERT_EVERY, Recent},
    clock::{MINUTE, later},
    model::{AccountId, PaymentId, PgOrderId},
};

/// How old an uncertain state may be when a merchant reads it, before the PG is asked again.
const FRESH_FOR: Duration = Duration::from_secs(10);

/// How many results of one payment have the PG asked in a minute. Buyers try a handful of cards, and anybody can make results up.
pub(super) const RESULTS_A_MINUTE: usize = 6;

/// How many webhooks about charges that we do not know wait among the known ones for each order id, in so long a time. A PG
/// without signatures names a new charge in its first webhook, and some send it once; a forger who knows an order id names
/// thousands.
const NEW_CHARGES: usize = 8;
const COUNTED_FOR: Duration = Duration::from_secs(10 * 60);

/// The counts of what anybody can cause. Each process has its own.
#[derive(Debug)]
pub(super) struct Admissions {
    /// The reads that had an uncertain payment looked up.
    pub(super) reads: Recent<PaymentId>,
    /// What browsers brought or asked for that had the PG asked.
    pub(super) results: Recent<PaymentId>,
    /// The webhooks that waited among the known ones although their charge is not known.
    pub(super) new_charges: Recent<PgOrderId>,
    pub(super) unreadable: Unreadable,
}

// In memory and per process: this protects a PG's limit and no money, so a restart may lose it.
impl Default for Admissions {
    fn default() -> Self {
        Self {
            reads: Recent::of(1, FRESH_FOR),
            results: Recent::of(RESULTS_A_MINUTE, MINUTE),
            new_charges: Recent::of(NEW_CHARGES, COUNTED_FOR),
            unreadable: Unreadable::default(),
        }
    }
}

/// How many webhooks of each account could not be read, and when operators were last alerted.
#[derive(Debug, Default)]
pub(super) struct Unreadable(Mutex<HashMap<AccountId, (u64, Timestamp)>>);

impl Unreadable {
    /// Counts one; the count, if operators are to be alerted now.
    pub(super) fn count(&self, account: &AccountId, now: Timestamp) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, alerted_at) = counts.entry(account.clone()).or_insert((0, Timestamp::MIN));
        *count += 1;
        // Anybody can send what cannot be read, so operators are alerted now and then. A last time that is ahead
        // is of a clock that was set back, and would silence this until then.
        let is_due = later(*alerted_at, ALERT_EVERY) <= now || *alerted_at > now;
        is_due.then(|| {
            *alerted_at = now;
            *count
        })
    }
}
