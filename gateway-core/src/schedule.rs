//! When a payment is looked at again.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    CancelStatus, CaseClosing, IdSource, MoneyMoves, PaymentRecord, PaymentStatus, ProviderDescription,
    Sending, Watch,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after each look the next one follows, while something is uncertain. Then daily.
pub(crate) const LADDER: [Duration; 8] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    MINUTE,
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    HOUR,
    Duration::from_secs(6 * 60 * 60),
];

/// Where on the ladder the wait for a refund that is under way begins.
const REFUND_RUNG: u32 = 6;

/// How long an ended payment is watched for money that comes late.
pub(crate) const WATCHED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long after its commit a request for money may still be given to the provider, whose read timeout counts from then.
/// Usually it is milliseconds; a process that stood still for longer sends nothing.
pub(crate) const SENT_WITHIN: Duration = Duration::from_secs(10);

/// How long after a request's own timeout its effect may still show up late.
const NEGATIVE_GRACE: Duration = Duration::from_secs(30);

/// How long after a look that a hint caused the next one waits: a storm of hints must cost the PG little.
pub(crate) const BETWEEN_HINTS: Duration = Duration::from_secs(10);

/// How long after its due time a deposit is asked for once more.
const DEPOSIT_GRACE: Duration = HOUR;

/// When to look next, after `tries` looks that settled nothing. `looked_at`: when the PG was last asked; what it
/// answered then may be out of an older state. A look that is owed and did not come, because the PG gave no answer,
/// is owed still.
pub(crate) fn next_watch(
    record: &PaymentRecord,
    description: &ProviderDescription,
    now: Timestamp,
    looked_at: Option<Timestamp>,
    tries: u32,
    ids: &IdSource,
) -> Option<Watch> {
    let is_owed = |at: &Timestamp| looked_at.is_none_or(|looked_at| *at > looked_at);
    let at = [
        is_uncertain(record).then(|| later(now, rung(tries, ids))),
        proofs(record, description).filter(is_owed).min(),
        case_checks(record).filter(is_owed).min(),
        record.payment.recheck_at,
        has_pending_refund(record).then(|| later(now, rung(tries.max(REFUND_RUNG), ids))),
        match record.payment.status {
            PaymentStatus::Ready => Some(record.payment.expires_at.max(later(now, rung(tries, ids)))),
            PaymentStatus::AwaitingDeposit => Some(next_deposit_look(record, now, is_owed, ids)),
            PaymentStatus::Failed | PaymentStatus::Expired | PaymentStatus::Cancelled => {
                late_money_look(record, description, now, is_owed, ids)
            }
            PaymentStatus::Confirming | PaymentStatus::Paid | PaymentStatus::PartiallyCancelled => None,
        },
    ];
    at.into_iter().flatten().min().map(|at| Watch { at, tries })
}

/// When to look again, after a look that got no answer: whatever it was for still waits.
pub(crate) fn retry_watch(now: Timestamp, tries: u32, ids: &IdSource) -> Watch {
    Watch { at: later(now, rung(tries, ids)), tries }
}

/// Whether money may have moved without our knowing.
pub(crate) fn is_uncertain(record: &PaymentRecord) -> bool {
    record.payment.status == PaymentStatus::Confirming
        || record.attempts.iter().any(crate::Attempt::is_uncertain)
        || record.cancels.iter().any(|cancel| cancel.status.is_unsettled())
}

fn has_pending_refund(record: &PaymentRecord) -> bool {
    record.cancels.iter().any(|cancel| cancel.status == CancelStatus::Pending)
}

/// A cancel that is done is looked at once more when no answer can be old any more: until then the PG may
/// show the payment as it was before.
fn proofs(record: &PaymentRecord, description: &ProviderDescription) -> impl Iterator<Item = Timestamp> {
    let given_back = record.cancels.iter().filter(|cancel| cancel.status == CancelStatus::Done);
    given_back.filter_map(|cancel| Some(settled_at(cancel.sending.as_ref()?, description)))
}

/// A decision is no wall: a day after a person closed a case the PG is asked once more.
fn case_checks(record: &PaymentRecord) -> impl Iterator<Item = Timestamp> {
    record.payment.cases.iter().filter_map(|case| match &case.closing {
        Some(CaseClosing::Decided { at, .. }) => Some(later(*at, DAY)),
        Some(CaseClosing::Settled { .. }) | None => None,
    })
}

/// From when on "not there" can no longer be "not there yet", however late the request set out.
pub(crate) fn settled_at(sent: &Sending, description: &ProviderDescription) -> Timestamp {
    visible_at(later(sent.sent_at, SENT_WITHIN), description)
}

/// From when on every answer of the PG shows what was true at `at`.
pub(crate) fn visible_at(at: Timestamp, description: &ProviderDescription) -> Timestamp {
    later(at, description.read_timeout.saturating_add(NEGATIVE_GRACE))
}

/// Toss asks merchants not to poll for deposits: once a day, at the due time, and an hour later.
fn next_deposit_look(
    record: &PaymentRecord,
    now: Timestamp,
    is_owed: impl Fn(&Timestamp) -> bool,
    ids: &IdSource,
) -> Timestamp {
    let daily = later(now, jittered(DAY, ids));
    let due_at = record.payment.virtual_account.as_ref().and_then(|account| account.due_at);
    let moments = due_at.into_iter().flat_map(|due_at| [due_at, later(due_at, DEPOSIT_GRACE)]);
    moments.filter(is_owed).fold(daily, Timestamp::min)
}

fn late_money_look(
    record: &PaymentRecord,
    description: &ProviderDescription,
    now: Timestamp,
    is_owed: impl Fn(&Timestamp) -> bool,
    ids: &IdSource,
) -> Option<Timestamp> {
    let payment = &record.payment;
    let account_issued = payment.virtual_account.is_some();
    let money_may_come = account_issued || description.money_moves == MoneyMoves::BeforeConfirm;
    if !money_may_come || record.attempts.is_empty() || !payment.amount_paid.is_zero() {
        return None;
    }
    let due_at = payment.virtual_account.as_ref().and_then(|account| account.due_at);
    let last = later(payment.expires_at.max(due_at.unwrap_or(Timestamp::MIN)), WATCHED_FOR);
    let daily = later(now, jittered(DAY, ids)).min(last);
    let grace = due_at.map(|due_at| later(due_at, DEPOSIT_GRACE)).filter(&is_owed);
    is_owed(&last).then(|| grace.map_or(daily, |grace| grace.min(daily)))
}

fn rung(tries: u32, ids: &IdSource) -> Duration {
    let step = usize::try_from(tries).ok().and_then(|tries| LADDER.get(tries)).copied().unwrap_or(DAY);
    jittered(step, ids)
}

/// Up to a tenth later, so that what failed together does not come back together.
fn jittered(step: Duration, ids: &IdSource) -> Duration {
    let tenth = u64::try_from(step.as_millis() / 10).unwrap_or(0);
    step.saturating_add(Duration::from_millis(ids.below(tenth)))
}

pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
