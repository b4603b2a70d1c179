//! Invariant 11: a change and its events are one commit, and the events are numbered.

use gateway_core::{EventKind, PaymentStatus};

use super::Commit;

/// 11: every change of state is told in its own commit, under the next numbers; money that was told as paid is not
/// told so again.
pub(super) fn i11_changes_are_told(commit: &Commit<'_>) {
    let (before, change) = (commit.before, commit.change);
    let told = |kind: EventKind| change.events.iter().any(|event| event.kind == kind);
    let payment = &change.payment;
    let holds_status = match before {
        None => told(EventKind::Registered),
        Some(before) if before.payment.status != payment.status => {
            let was_paid = payment.status == PaymentStatus::Paid && !before.payment.amount_paid.is_zero();
            let goes_back = payment.status.has_money() && told(EventKind::LateMoney);
            let by_name = told(EventKind::Status(payment.status));
            goes_back || if was_paid { told(EventKind::AmountsChanged) && !by_name } else { by_name }
        }
        Some(_) => true,
    };
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
