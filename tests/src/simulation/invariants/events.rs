//! Invariant 11: a change and its events are one commit, and the events are numbered.

use gateway_core::EventKind;

use super::Commit;

/// 11: every change of state is told in its own commit, under the next numbers.
pub(super) fn i11_changes_are_told(commit: &Commit<'_>) {
    let (before, change) = (commit.before, commit.change);
    let told = |kind: EventKind| change.events.iter().any(|event| event.kind == kind);
    let payment = &change.payment;
    let holds_status = match before {
        None => told(EventKind::Registered),
        Some(before) if before.payment.status != payment.status => {
            let goes_back = payment.status.has_money() && told(EventKind::LateMoney);
            goes_back || told(EventKind::Status(payment.status))
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
