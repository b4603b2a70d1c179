//! Invariants 1, 2, 5 and 10: what is sent, under which key, when, and what is durable before.

use std::time::Duration;

use jiff::Timestamp;
use paymux_core::{
    model::{Charge, ChargeId, Dispatch, LastResponse, Operation, PaymentId, PgOrderId, PgPaymentId},
    provider::ConfirmRequest,
    store::PaymentRecord,
};

use super::{Commit, Seen};
use crate::world::World;

/// How long after its commit a request may leave.
const SENT_WITHIN: Duration = Duration::from_secs(10);

/// What a key says: `pay_{payment}_{operation}_{id}_{seq}`, the id with its own tag.
struct Key {
    payment: PaymentId,
    stem: String,
    id: String,
    seq: u32,
}

fn read(key: &str) -> Option<Key> {
    let (stem, seq) = key.rsplit_once('_')?;
    let parts: Vec<&str> = stem.split('_').collect();
    let [tag, payment, _operation, id_tag, id] = parts[..] else { return None };
    Some(Key {
        payment: format!("{tag}_{payment}").parse().ok()?,
        stem: stem.to_owned(),
        id: format!("{id_tag}_{id}"),
        seq: seq.parse().ok()?,
    })
}

/// Every request of a record that was to be sent.
fn dispatches(record: &PaymentRecord) -> Vec<(Operation, &Dispatch, Option<&PgPaymentId>)> {
    let mut all = Vec::new();
    for charge in &record.charges {
        let id = charge.pg_payment_id.as_ref();
        all.extend(charge.confirm.iter().map(|sent| (Operation::Confirm(charge.id.clone()), sent, id)));
        let cancels = charge.cancels.iter().filter_map(|cancel| Some((cancel, cancel.dispatch.as_ref()?)));
        all.extend(cancels.map(|(cancel, sent)| (Operation::Cancel(cancel.id.clone()), sent, id)));
        let closes = charge.closes.iter().filter_map(|close| Some((close, close.dispatch.as_ref()?)));
        all.extend(closes.map(|(close, sent)| (Operation::Close(close.id.clone()), sent, id)));
    }
    all
}

/// Notes which requests are durable.
pub(super) fn remember_committed(seen: &mut Seen, commit: &Commit<'_>) {
    let payment = &commit.after.payment.id;
    for (operation, sent, pg_payment_id) in dispatches(commit.after) {
        let old = commit.before.and_then(|before| before.dispatch(&operation));
        if old.is_some_and(|old| old.is_same_send(sent)) {
            continue;
        }
        let entry = seen.committed.entry(operation.idempotency_key(payment, sent.key_seq)).or_default();
        entry.times += 1;
        entry.pg_payment_id = pg_payment_id.cloned();
        entry.sent_at = sent.last_sent_at;
    }
}

/// 1: the row, with its key and the claimed PG id, is durable before the first byte goes out.
pub(super) fn i01_is_committed_first(seen: &Seen, world: &World, key: &str, pg_id: Option<&PgPaymentId>) {
    let is_durable =
        seen.committed.get(key).is_some_and(|committed| committed.pg_payment_id.as_ref() == pg_id);
    if !is_durable {
        world.violated(1, || format!("{key} for {pg_id:?} was sent and is not durable"));
    }
}

/// 2: what was committed once is sent once.
pub(super) fn i02_one_post_each(seen: &mut Seen, world: &World, key: &str) {
    let sent = seen.sent.entry(key.to_owned()).or_default();
    *sent += 1;
    let committed = seen.committed.get(key).map_or(0, |committed| committed.times);
    if *sent > committed {
        let sent = *sent;
        world.violated(2, || format!("{key} was sent {sent} times and committed {committed} times"));
    }
}

/// 5: others wait for a request until what was sent in time must show. So nothing leaves later: its sender was stalled,
/// and by now another may have sent the next.
pub(super) fn i05_nothing_is_sent_late(seen: &Seen, world: &World, key: &str) {
    if world.profile.steps_clock() {
        return;
    }
    let Some(committed) = seen.committed.get(key) else { return };
    let latest = committed.sent_at.saturating_add(SENT_WITHIN).unwrap_or(Timestamp::MAX);
    if latest <= world.now() {
        world.violated(5, || format!("{key} of {} was sent only now", committed.sent_at));
    }
}

/// 2: one PG payment of a payment is asked for by one charge.
pub(super) fn i02_one_charge_each(seen: &mut Seen, world: &World, request: &ConfirmRequest) {
    let (Some(key), Some(pg_id)) = (read(&request.idempotency_key), request.charge.pg_payment_id.clone())
    else {
        world.violated(2, || format!("{} names no charge", request.idempotency_key));
        return;
    };
    let first = seen.asked_by.entry((key.payment, pg_id.clone())).or_insert_with(|| key.id.clone()).clone();
    if first != key.id {
        world.violated(2, || format!("{pg_id} was asked for by the charges {first} and {}", key.id));
    }
}

/// 2: while a confirm of a payment is not resolved, no other charge of it is asked for.
pub(super) fn i02_no_confirm_beside_another(seen: &Seen, world: &World, request: &ConfirmRequest) {
    let Some(key) = read(&request.idempotency_key) else { return };
    let Some(record) = seen.records.get(&key.payment) else { return };
    let is_other = |charge: &&Charge| charge.id.as_str() != key.id && charge.is_unresolved();
    if let Some(other) = record.charges.iter().find(is_other) {
        let other: &ChargeId = &other.id;
        world.violated(2, || format!("{} was sent while {other} is not resolved", request.idempotency_key));
    }
}

/// 2: an order that is paid is asked for no more money.
pub(super) fn i02_what_is_paid_is_asked_for_no_more(commit: &Commit<'_>) {
    let Some(paying) = commit.after.accepted().filter(|charge| charge.has_money()) else { return };
    for charge in commit.change.charges.iter().filter(|charge| charge.id != paying.id) {
        let Some(sent) = &charge.confirm else { continue };
        let old = commit.before.and_then(|before| before.charge(&charge.id)?.confirm.as_ref());
        if old.is_none_or(|old| !old.is_same_send(sent)) {
            commit.world.violated(2, || format!("{} is to be taken beside {}", charge.id, paying.id));
        }
    }
}

/// 2: no charge is asked for while it is not known what became of another.
pub(super) fn i02_one_is_asked_for_at_a_time(commit: &Commit<'_>) {
    for charge in &commit.change.charges {
        let is_first = charge.confirm.is_some()
            && commit
                .before
                .and_then(|before| before.charge(&charge.id))
                .is_none_or(|old| old.confirm.is_none());
        let mut others = commit.after.charges.iter().filter(|other| other.id != charge.id);
        if is_first && let Some(other) = others.find(|other| other.is_unresolved() && other.misfit.is_none())
        {
            commit.world.violated(2, || format!("{} is to be taken, and {} is unknown", charge.id, other.id));
        }
    }
}

/// 10: the next key only after an error was received for the last.
pub(super) fn i10_keys_follow_answers(seen: &Seen, world: &World, key: &str) {
    let Some(read) = read(key) else {
        world.violated(10, || format!("{key} is no key of ours"));
        return;
    };
    if read.seq == 1 {
        return;
    }
    let last = format!("{}_{}", read.stem, read.seq - 1);
    if !seen.refused.contains(&last) {
        world.violated(10, || format!("{key} was sent, and {last} was never answered with an error"));
    }
}

/// 10: where money moves, the order id is one minted for this payment.
pub(super) fn i10_ids_are_ours(world: &World, request: &ConfirmRequest) {
    let Some(key) = read(&request.idempotency_key) else { return };
    let order_id = &request.charge.order_id;
    let is_ours =
        (1..=PgOrderId::MOST).any(|number| PgOrderId::of(&key.payment, number).as_ref() == Some(order_id));
    if !is_ours {
        world.violated(10, || format!("{} was sent for order {order_id}", request.idempotency_key));
    }
}

/// Whether every send of an operation that a record holds came to a definite end.
pub(super) fn is_answered(sent: &Dispatch) -> bool {
    matches!(sent.last_response, LastResponse::Final(_))
}
