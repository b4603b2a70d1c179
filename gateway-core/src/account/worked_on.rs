//! Which payments this process works on now.
//!
//! A commit ends the lease of the payment that it changes, also that of the worker that made it. So while a worker goes through
//! what one payment needs, the store gives the same payment to the next worker who asks; of this process, only one may
//! work on it.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::model::PaymentId;

/// The payments that are worked on.
#[derive(Debug, Default)]
// In memory: against other processes there are leases, and in the end compare-and-set.
pub(crate) struct WorkedOn(Mutex<HashSet<PaymentId>>);

impl WorkedOn {
    /// Takes a payment until what it answers is dropped; `None` if another has it.
    pub(crate) fn take<'a>(&'a self, id: &'a PaymentId) -> Option<AtWork<'a>> {
        self.all().insert(id.clone()).then(|| AtWork { of: self, id })
    }

    fn all(&self) -> MutexGuard<'_, HashSet<PaymentId>> {
        // Each step leaves the set whole, so a panic elsewhere must not stop all work of the account.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A payment that is worked on.
pub(crate) struct AtWork<'a> {
    of: &'a WorkedOn,
    id: &'a PaymentId,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        // Also when its worker is dropped or panics: a payment that stayed taken would not be worked on again
        // by this process.
        self.of.all().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::IdSource;

    #[test]
    fn payment_is_taken_once_until_it_is_given_back() {
        let ids = IdSource::seeded(1);
        let (one, other) = (ids.payment(Timestamp::UNIX_EPOCH), ids.payment(Timestamp::UNIX_EPOCH));
        let worked_on = WorkedOn::default();
        let taken = worked_on.take(&one);
        assert!(taken.is_some() && worked_on.take(&one).is_none());
        assert!(worked_on.take(&other).is_some(), "each for itself");
        drop(taken);
        assert!(worked_on.take(&one).is_some());
    }
}
