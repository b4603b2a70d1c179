//! Invariants 1, 2, 5 and 10: what is sent, under which key, when, and what is durable before.

use std::time::Duration;

use gateway_core::{
    CancelStatus, ConfirmRequest, PaymentId, PgOrderId, PgPaymentId, Sending, idempotency_key,
};
use jiff::Timestamp;

use super::{Commit, Seen};
use crate::simulation::{model_pg::Kind, world::World};

/// How long after its commit a request may set out.
const SENT_WITHIN: Duration = Duration::from_secs(10);

/// What a key says: `{payment}:{operation}:{operation id}:{send}`.
struct Key {
    payment: PaymentId,
    stem: String,
    operation_id: String,
    send: u32,
}

fn read(key: &str) -> Option<Key> {
    let (stem, send) = key.rsplit_once(':')?;
    let mut parts = stem.split(':');
    let payment = parts.next()?.parse().ok()?;
    let operation_id = parts.nth(1)?.to_owned();
    Some(Key { payment, stem: stem.to_owned(), operation_id, send: send.parse().ok()? })
}

/// Notes which requests are durable.
pub(super) fn remember_committed(seen: &mut Seen, commit: &Commit<'_>) {
    let payment = &commit.change.payment.id;
    let mut remember = |operation: &str, id: &str, sending: &Sending, pg_id: Option<&PgPaymentId>| {
        let key = idempotency_key(payment, operation, id, sending.send);
        let entry = seen.committed.entry(key).or_default();
        entry.times += 1;
        entry.pg_id = pg_id.cloned();
        entry.sent_at = sending.sent_at;
    };
    let went_out = |sending: &Sending| (sending.send, sending.times, sending.sent_at);
    let before = commit.before;
    if commit.model.kind == Kind::OnConfirm {
        for attempt in &commit.change.attempts {
            let old =
                before.and_then(|before| before.attempts.iter().find(|old| old.number == attempt.number));
            let old = old.and_then(|old| old.confirm.as_ref()).map(went_out);
            if let Some(sending) = attempt.confirm.as_ref().filter(|sending| Some(went_out(sending)) != old) {
                remember("confirm", &attempt.number.to_string(), sending, attempt.pg_id.as_ref());
            }
        }
    }
    for cancel in &commit.change.cancels {
        let old = before.and_then(|before| before.cancel(&cancel.id));
        // One that did not leave is committed as sent once more, maybe in the same moment.
        let old =
            old.filter(|old| old.status != CancelStatus::Requested && old.status != CancelStatus::Refused);
        let old = old.and_then(|old| old.sending.as_ref()).map(went_out);
        if cancel.status != CancelStatus::Sent {
            continue;
        }
        if let Some(sending) = cancel.sending.as_ref().filter(|sending| Some(went_out(sending)) != old) {
            remember("cancel", cancel.id.as_str(), sending, cancel.pg_id.as_ref());
        }
    }
}

/// 1: the row, with its key and the claimed PG id, is durable before the first byte goes out.
pub(super) fn i01_is_committed_first(seen: &Seen, world: &World, key: &str, pg_id: Option<&PgPaymentId>) {
    let is_durable = seen.committed.get(key).is_some_and(|committed| committed.pg_id.as_ref() == pg_id);
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

/// 5: others wait for a request until what was sent in time must show. So nothing sets out later: its sender stood still,
/// and by now another may have sent the next.
pub(super) fn i05_nothing_is_sent_late(seen: &Seen, world: &World, key: &str) {
    let Some(committed) = seen.committed.get(key) else { return };
    let latest = committed.sent_at.saturating_add(SENT_WITHIN).unwrap_or(Timestamp::MAX);
    if latest <= world.now() {
        world.violated(5, || format!("{key} of {} was sent only now", committed.sent_at));
    }
}

/// 2: one PG payment of a payment is asked for by one attempt.
pub(super) fn i02_one_attempt_each(seen: &mut Seen, world: &World, request: &ConfirmRequest) {
    let (Some(key), Some(pg_id)) = (read(&request.idempotency_key), request.pg_id.clone()) else { return };
    let number = key.operation_id.parse().unwrap_or(0);
    let first = *seen.asked_by.entry((key.payment, pg_id.clone())).or_insert(number);
    if first != number {
        world.violated(2, || format!("{pg_id} was asked for by the attempts {first} and {number}"));
    }
}

/// 10: the next key only after an error was received for the last.
pub(super) fn i10_keys_follow_answers(seen: &Seen, world: &World, key: &str) {
    let Some(read) = read(key).filter(|key| key.send > 1) else { return };
    let last = format!("{}:{}", read.stem, read.send - 1);
    if !seen.refused.contains(&last) {
        world.violated(10, || format!("{key} was sent, and {last} was never answered with an error"));
    }
}

/// 10: where money moves, the order id is one minted for this payment.
pub(super) fn i10_ids_are_ours(world: &World, request: &ConfirmRequest) {
    let Some(key) = read(&request.idempotency_key) else { return };
    let number = key.operation_id.parse().unwrap_or(0);
    if PgOrderId::of(&key.payment, number).as_ref() != Some(&request.pg_order_id) {
        world.violated(10, || {
            format!("{} was sent for order {}", request.idempotency_key, request.pg_order_id)
        });
    }
}
