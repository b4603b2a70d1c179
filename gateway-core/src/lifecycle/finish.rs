//! All that follows from a draft, as one atomic change.

use super::{Context, Draft, events, plan, review, status};
use crate::{
    model::{Charge, PaymentStatus},
    store::{Checks, ChecksChange, OwedLookUp, PaymentChange, PaymentRecord},
};

/// What a draft came to.
#[derive(Debug)]
pub(crate) struct Finished {
    /// What to commit; `None` if nothing changed.
    pub(crate) change: Option<PaymentChange>,
    /// The record after it.
    pub(crate) record: PaymentRecord,
}

/// Draws everything that follows, and gives what is to be committed and the record after it.
pub(crate) fn finish(mut draft: Draft, context: &Context<'_>) -> Finished {
    let is_new = draft.before.payment.version == 0;
    // In this order: the plan goes by the status, and events announce the status and the reviews.
    status::show(&mut draft.record, &draft.before, context);
    review::update_reviews(&mut draft, context);
    plan::plan(&mut draft, context);
    let mut events = events::of(&draft.before, &mut draft.record, context);
    // What changes nothing writes no version: another commit that is under way would lose to it.
    if draft.record == draft.before && events.is_empty() && !is_new {
        return Finished { change: None, record: draft.record };
    }
    let mut record = draft.record;
    record.payment.version = draft.before.payment.version + 1;
    for event in &mut events {
        // The view in an event was taken before the version was counted up.
        event.payment.payment.version = record.payment.version;
    }
    record.events += u64::try_from(events.len()).unwrap_or(0);
    let change = PaymentChange {
        expected: (!is_new).then_some(draft.before.payment.version),
        payment: record.payment.clone(),
        is_live: is_live(&record),
        attempts: changed(&draft.before.attempts, &record.attempts),
        charges: changed(&draft.before.charges, &record.charges),
        events,
        checks: checks_change(&draft.before.checks, &record.checks),
    };
    Finished { change: Some(change), record }
}

/// Whether money of this payment may still come in or go back.
fn is_live(record: &PaymentRecord) -> bool {
    // While this holds the account may not become another one at the PG, where refunds would then go.
    let ended = matches!(
        record.payment.status(),
        PaymentStatus::Cancelled | PaymentStatus::Failed | PaymentStatus::Expired
    );
    let holds_money = |charge: &Charge| {
        let snapshot = charge.snapshot.as_ref();
        snapshot.is_some_and(|snapshot| !snapshot.balance().is_zero()) || charge.is_unresolved()
    };
    !ended || record.checks.due_at().is_some() || record.charges.iter().any(holds_money)
}

fn checks_change(before: &Checks, after: &Checks) -> ChecksChange {
    // Only what this draft answered and added: a hint that came meanwhile has no version and must survive.
    let only_in = |one: &[OwedLookUp], other: &[OwedLookUp]| {
        one.iter().filter(|owed| !other.contains(owed)).cloned().collect()
    };
    ChecksChange {
        answered: only_in(&before.owed, &after.owed),
        owed: only_in(&after.owed, &before.owed),
        pending: after.pending.clone(),
        deadline: after.deadline,
        asked: after.asked.clone(),
    }
}

fn changed<T: PartialEq + Clone>(before: &[T], after: &[T]) -> Vec<T> {
    after.iter().filter(|item| !before.contains(item)).cloned().collect()
}
