//! How long what waits: the schedule of retries and look-ups, final times, and the other spans that the rules name.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    clock::{DAY, HOUR, MINUTE, later},
    model::IdSource,
    provider::ProviderDescription,
};

/// How long after each try the next one follows. Then daily.
pub(crate) const SCHEDULE: [Duration; 8] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    MINUTE,
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    HOUR,
    Duration::from_secs(6 * 60 * 60),
];

/// Where on the schedule the look-ups of a refund that is under way begin: refunds take hours.
pub(crate) const REFUND_STEP: u32 = 6;

/// How long after the deadline, or an account's due time, a payment is looked up for money that comes late.
pub(crate) const CHECKED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long an outcome may be unknown before a person is asked.
pub(crate) const UNKNOWN_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long after its commit a request for money may still be given to the provider, whose read timeout counts from
/// then. Usually it is milliseconds; a process that was stalled for longer sends nothing.
pub(crate) const SENT_WITHIN: Duration = Duration::from_secs(10);

/// How long after a request's own timeout its effect may still show up: late execution, and the longest lag of a look-up.
const LAG: Duration = Duration::from_secs(30);

/// How long after a look-up that a hint caused the next one waits: a storm of hints must cost the PG little.
pub(crate) const BETWEEN_HINTS: Duration = Duration::from_secs(10);

/// How long after an account's due time a deposit may still be booked.
pub(crate) const DEPOSIT_GRACE: Duration = HOUR;

/// How much later than the deadline the PG may date money that it takes alone.
pub(crate) const LATE_MARGIN: Duration = Duration::from_secs(5 * 60);

/// How long a claim that no answered look-up knows is believed.
pub(crate) const CLAIM_LIVES: Duration = HOUR;

/// How many answered errors a cancel may have before a look-up past its final time refuses it.
// Sends at 0, 2 and 7 s: a merchant learns about two minutes after the request that it has to decide.
pub(crate) const CANCEL_ERRORS: u32 = 3;

/// An answer whose approval is older than the send that it answers by more than this is a stale answer.
// The PG dates approvals by its own clock, which may differ from ours by a minute before either is in doubt.
pub(crate) const STALE_APPROVAL: Duration = MINUTE;

/// How long after the payment what a list cannot show is looked up again.
pub(crate) const PAID_CHECKS: [Duration; 3] =
    [DAY, Duration::from_secs(7 * 24 * 60 * 60), Duration::from_secs(30 * 24 * 60 * 60)];

/// How long after a deposit it is looked up again: it may be reversed.
pub(crate) const DEPOSIT_CHECKS: [Duration; 3] =
    [DAY, Duration::from_secs(2 * 24 * 60 * 60), Duration::from_secs(3 * 24 * 60 * 60)];

/// The wait after so many tries, with jitter.
pub(crate) fn step(tries: u32, ids: &IdSource) -> Duration {
    let step = usize::try_from(tries).ok().and_then(|tries| SCHEDULE.get(tries)).copied().unwrap_or(DAY);
    jittered(step, ids)
}

/// Up to a tenth later, so that what failed together does not come back together.
pub(crate) fn jittered(step: Duration, ids: &IdSource) -> Duration {
    let tenth = u64::try_from(step.as_millis() / 10).unwrap_or(0);
    step.saturating_add(Duration::from_millis(ids.below(tenth)))
}

/// From when on every answer of the PG shows what was true at `at`.
pub(crate) fn visible_from(at: Timestamp, description: &ProviderDescription) -> Timestamp {
    later(at, description.read_timeout.saturating_add(LAG))
}

/// From when on "not there" can no longer be "not there yet", however late after its commit the request left.
pub(crate) fn final_time(sent_at: Timestamp, description: &ProviderDescription) -> Timestamp {
    // The row has the time of its commit. The request may have left that much later.
    visible_from(later(sent_at, SENT_WITHIN), description)
}

/// When a request that was committed at `sent_at` has certainly had its answer or its timeout.
pub(crate) fn answered_by(sent_at: Timestamp, description: &ProviderDescription) -> Timestamp {
    later(later(sent_at, SENT_WITHIN), description.read_timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_grows_and_ends_daily() {
        assert!(SCHEDULE.is_sorted());
        let ids = IdSource::seeded(1);
        let waits: Vec<_> = (0..20).map(|tries| step(tries, &ids)).collect();
        assert!(waits[0] >= Duration::from_secs(2) && waits[0] < Duration::from_secs(3));
        assert!(waits[8..].iter().all(|wait| *wait >= DAY && *wait <= DAY + DAY / 10));
    }
}
