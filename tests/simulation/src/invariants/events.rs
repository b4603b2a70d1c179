//! Invariant 11: a change and its events are one commit, the events are numbered, and all money is in one of them.

use std::collections::BTreeMap;

use paymux_core::{
    model::{CancelStatus, ChargeId, EventKind, PaymentStatus},
    store::PaymentRecord,
};

use super::{Commit, Seen};

/// 11: every change of state is announced in its own commit, under the next numbers; and the same money as paid only once.
pub(super) fn i11_changes_are_announced(seen: &mut Seen, commit: &Commit<'_>) {
    let (before, change) = (commit.before, commit.change);
    let announced = |kind: EventKind| change.events.iter().any(|event| event.kind == kind);
    let payment = &change.payment;
    if payment.shown.amount_paid.is_zero() {
        seen.paid_announced.remove(&payment.id);
    }
    let accepted = commit.after.accepted().map(|charge| charge.id.to_string());
    let announced_before =
        seen.paid_announced.get(&payment.id).is_some_and(|of| accepted.as_ref() == Some(of));
    let status = payment.status();
    let holds_status = match before {
        None => announced(EventKind::Registered),
        Some(before) if before.payment.status() != status => {
            announced(EventKind::Status(status))
                || (status == PaymentStatus::AwaitingDeposit && announced(EventKind::DepositReversed))
                || (status == PaymentStatus::Paid && announced_before && announced(EventKind::AmountsUpdated))
        }
        Some(_) => true,
    };
    let is_paid = announced(EventKind::Status(PaymentStatus::Paid));
    if is_paid && announced_before {
        commit.world.violated(11, || format!("{} is announced as paid a second time", payment.id));
    }
    if is_paid {
        seen.paid_announced.extend(accepted.map(|of| (payment.id.clone(), of)));
    }
    let first = before.map_or(0, |before| before.events) + 1;
    let numbered = (first..).zip(&change.events).all(|(number, event)| event.number == number);
    if !holds_status || !cancels_are_announced(commit) || !numbered {
        commit.world.violated(11, || format!("{} changed, and its events do not say so", payment.id));
    }
    i11_all_money_is_in_an_event(commit);
}

/// Each cancel and close that was made or moved on has an event of its own.
fn cancels_are_announced(commit: &Commit<'_>) -> bool {
    let before = commit.before.map(statuses).unwrap_or_default();
    statuses(commit.after).into_iter().all(|(id, status)| {
        let is_new = !before.contains_key(&id);
        let moved = before.get(&id) != Some(&status);
        // That it is sent, or is to be sent again, is no news.
        let is_silent = matches!(status, CancelStatus::Sent | CancelStatus::Requested) && !is_new;
        let announced = commit.change.events.iter().any(|event| {
            event.cancel.as_ref().map(ToString::to_string) == Some(id.clone())
                && matches!(event.kind, EventKind::Cancel(_))
        });
        !moved || is_silent || announced
    })
}

fn statuses(record: &PaymentRecord) -> BTreeMap<String, CancelStatus> {
    let cancels = record.charges.iter().flat_map(|charge| &charge.cancels);
    let closes = record.charges.iter().flat_map(|charge| &charge.closes).chain(&record.payment.closes);
    cancels
        .map(|cancel| (cancel.id.to_string(), cancel.status))
        .chain(closes.map(|close| (close.id.to_string(), close.status)))
        .collect()
}

/// Every won in or out of every charge is in exactly one event's movement.
fn i11_all_money_is_in_an_event(commit: &Commit<'_>) {
    let mut moved: BTreeMap<ChargeId, (i64, i64)> = BTreeMap::new();
    for movement in commit.change.events.iter().filter_map(|event| event.movement.as_ref()) {
        let sums = moved.entry(movement.charge.clone()).or_default();
        *sums = (sums.0 + movement.paid, sums.1 + movement.cancelled);
    }
    for charge in &commit.after.charges {
        let (paid, back) = amounts(commit.after, &charge.id);
        let (paid_before, back_before) = commit.before.map_or((0, 0), |before| amounts(before, &charge.id));
        let announced = moved.get(&charge.id).copied().unwrap_or_default();
        if announced != (paid - paid_before, back - back_before) {
            commit.world.violated(11, || {
                format!(
                    "{} of {} moved, and its events say {announced:?}",
                    charge.id, commit.after.payment.id
                )
            });
        }
    }
}

fn amounts(record: &PaymentRecord, id: &ChargeId) -> (i64, i64) {
    let shown = record.charge(id).and_then(|charge| charge.snapshot.as_ref());
    let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    shown.map_or((0, 0), |shown| (signed(shown.paid.amount()), signed(shown.cancelled.amount())))
}
