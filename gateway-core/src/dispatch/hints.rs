//! When a hint has its subject looked up: storms of them must cost the PG little.

use jiff::Timestamp;

use super::commit::Committer;
use crate::{
    account::ConnectedAccount,
    clock::{SECOND, later},
    lifecycle::schedule::BETWEEN_HINTS,
    model::LookUpSubject,
    store::{OwedLookUp, PaymentRecord, StoreError, Why},
};

/// Owes a look-up because of something that proves nothing about who said it: what a browser brought, for instance.
pub(crate) async fn owe_hint(
    core: &Committer,
    account: &ConnectedAccount,
    record: &PaymentRecord,
    subject: LookUpSubject,
) -> Result<(), StoreError> {
    match due_from(core, account, record, &subject, false) {
        Some(at) => core.owe(record, subject, at, Why::Hint).await,
        None => Ok(()),
    }
}

/// When a hint has its subject looked up; `None` if a look-up that is owed already covers it. Anybody can send one that is
/// unverified, so a storm of them must cost the PG little: those of one subject share a look-up, the next one waits
/// a little after the last, and those of one account are spaced.
pub(crate) fn due_from(
    core: &Committer,
    account: &ConnectedAccount,
    record: &PaymentRecord,
    subject: &LookUpSubject,
    proved: bool,
) -> Option<Timestamp> {
    let now = core.now();
    let of_subject = record.checks.owed.iter().filter(|owed| owed.is_waiting_hint(subject));
    let newest = of_subject.map(|owed| owed.at).max();
    // A forger can send hints all day, a PG sends a few.
    let pause = if proved { SECOND } else { BETWEEN_HINTS };
    match newest {
        // A forger's hint may be due minutes from now: a verified one does not wait with it.
        Some(at) if at > later(now, SECOND) && proved => Some(now),
        Some(at) if at > now => None,
        // One is due, and may be under way: this hint is newer than what it asks.
        Some(_) => Some(later(now, pause)),
        None if proved => Some(now),
        None => {
            // Only what was put off is left of this subject's hints: its look-up got no answer, perhaps a moment ago.
            let is_hint = |owed: &OwedLookUp| owed.of == *subject && owed.why == Why::Hint;
            let put_off = record.checks.owed.iter().any(is_hint).then_some(now);
            // A look-up that is dated ahead was made by a clock that was set back since. It holds no hint up.
            let asked_at = put_off.or_else(|| newest_look_up(record, subject).filter(|at| *at <= now));
            let earliest = asked_at.map_or(now, |asked_at| later(asked_at, BETWEEN_HINTS).max(now));
            Some(account.throttle.hint_due_from(earliest, now))
        }
    }
}

fn newest_look_up(record: &PaymentRecord, subject: &LookUpSubject) -> Option<Timestamp> {
    match subject {
        LookUpSubject::Attempt(number) => record.checks.asked_at(*number),
        LookUpSubject::Charge { pg_payment_id, .. } => record.charge_at_pg(pg_payment_id)?.asked_at,
    }
}
