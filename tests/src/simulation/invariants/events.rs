//! Invariant 11: a change and its events are one commit, and the events are numbered.

use gateway_core::{EventKind, PaymentStatus};

use super::{Commit, Seen};

/// 11: every change of state is told in its own commit, under the next numbers; and the same money as paid only once.
pub(super) fn i11_changes_are_told(seen: &mut Seen, commit: &Commit<'_>) {
    let (before, change) = (commit.before, commit.change);
    let told = |kind: EventKind| change.events.iter().any(|event| event.kind == kind);
    let payment = &change.payment;
    if payment.amount_paid.is_zero() {
        seen.paid_told.remove(&payment.id);
    }
    let told_before = seen.paid_told.get(&payment.id).is_some_and(|of| commit.after.accepted() == Some(of));
    let holds_status = match before {
        None => told(EventKind::Registered),
        Some(before) if before.payment.status != payment.status => {
            let goes_back = payment.status.has_money() && told(EventKind::LateMoney);
            let again = payment.status == PaymentStatus::Paid && told_before;
            goes_back
                || told(if again { EventKind::AmountsChanged } else { EventKind::Status(payment.status) })
        }
        Some(_) => true,
    };
    let is_paid = told(EventKind::Status(PaymentStatus::Paid));
    if is_paid && told_before {
        commit
            .world
            .violated(11, || format!("{} is told as paid a second time, or after it was late", payment.id));
    }
    if is_paid || (told(EventKind::LateMoney) && payment.status.has_money()) {
        let accepted = commit.after.accepted().map(|of| (payment.id.clone(), of.clone()));
        seen.paid_told.extend(accepted);
    }
    let moved = change.cancels.iter().any(|cancel| {
        let old = before.and_then(|before| before.cancel(&cancel.id));
        old.is_none_or(|old| old.status != cancel.status)
    });
    let first = before.map_or(0, |before| before.events) + 1;
    let numbered = (first..).zip(&change.events).all(|(number, event)| event.number == number);
    if !holds_status || (moved && !told(EventKind::CancelUpdated)) || !numbered {
        commit.world.violated(11, || format!("{} changed, and its events do not tell", payment.id));
    }
}
