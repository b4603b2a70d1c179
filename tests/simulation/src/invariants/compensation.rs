//! Invariant 12: money goes back by itself for four reasons only, and they are true at the PG when it goes.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use paymux_core::{
    model::{CompensationReason, Payment},
    provider::CancelRequest,
};

use super::Seen;
use crate::{
    model_pg::{
        Model,
        books::{Books, PgPayment, Row, STALE_FOR},
    },
    world::World,
};

/// How much later than the deadline the PG may date money that it takes alone.
const MARGIN: Duration = Duration::from_secs(5 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The PG executes a cancel: if it is a compensation, its reason is true.
pub(super) fn i12_has_a_true_reason(
    seen: &Seen,
    world: &World,
    model: &Arc<Model>,
    books: &Books,
    request: &CancelRequest,
) {
    let found = seen
        .records
        .values()
        .find_map(|record| record.cancel(&request.id).map(|(_, cancel)| (record, cancel)));
    let Some((record, cancel)) = found else { return };
    let (Some(reason), Some(row)) = (cancel.compensates, books.rows.get(&request.pg_payment_id)) else {
        return;
    };
    let payment = &record.payment;
    let money = row.now();
    let holds = match reason {
        CompensationReason::WrongAmount => money.total != payment.terms.amount.amount(),
        CompensationReason::Duplicate => others(seen, model, books, payment, money).any(|other| {
            let recently = world.now().saturating_sub(STALE_FOR * 3).unwrap_or(Timestamp::MIN);
            let was_whole = |state: &PgPayment| state.taken > 0 && state.given_back() == 0;
            other.states_since(recently).any(was_whole)
        }),
        CompensationReason::Superseded => {
            seen.records.values().filter(|other| other.payment.order_id == payment.order_id).count() > 1
        }
        CompensationReason::Late => {
            // Reopening only moves the deadline on.
            money.paid_at.is_some_and(|paid_at| is_late(payment.created_at, money, paid_at))
        }
        CompensationReason::Closed => {
            let closes = record.charges.iter().flat_map(|charge| &charge.closes).chain(&payment.closes);
            let first = closes.map(|close| close.created_at).min();
            money.paid_at.is_some_and(|paid_at| first.is_some_and(|first| paid_at > first))
        }
    };
    if !holds && !world.profile.steps_clock() {
        world.violated(12, || {
            format!("{} of {} goes back as {}, which is not true", money.id, payment.id, reason.name())
        });
    }
}

/// Other money under the same order of the merchant that matches.
fn others<'a>(
    seen: &'a Seen,
    _model: &Arc<Model>,
    books: &'a Books,
    payment: &'a Payment,
    money: &'a PgPayment,
) -> impl Iterator<Item = &'a Row> {
    let of_order = seen.records.values().filter(|record| record.payment.order_id == payment.order_id);
    let ids = of_order.flat_map(|record| record.attempts.iter().map(|attempt| attempt.pg_order_id.as_str()));
    ids.flat_map(|order| books.of_order(order))
        .filter(|row| row.now().id != money.id && row.now().total == payment.terms.amount.amount())
}

/// Whether money came after a deadline, or after its account's due time.
pub(super) fn is_late(deadline: Timestamp, money: &PgPayment, paid_at: Timestamp) -> bool {
    let after =
        |deadline: Timestamp, by: Duration| deadline.saturating_add(by).is_ok_and(|latest| paid_at > latest);
    match money.due_at {
        Some(due_at) => after(due_at, HOUR),
        None => after(deadline, MARGIN),
    }
}
