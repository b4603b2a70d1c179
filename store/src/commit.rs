//! One atomic change: checked, then written.

use gateway_core::{Attempt, Cancel, Case, Change, Payment, PaymentId, Secret, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params, params};

use crate::{
    events,
    fault::Fault,
    idempotency,
    records::{self, attempt_place, cancel_place, payment_place},
    seal::Sealer,
    values::{bigint, count, micros, micros_of, moment},
};

/// What the row of a payment says beside its document.
struct Kept {
    merchant: String,
    account: String,
    version: u64,
    hints: u64,
    events: u64,
    dirty_at: Option<Timestamp>,
}

/// Applies a change. The caller's savepoint takes everything back on an error.
pub(crate) fn commit(connection: &Connection, sealer: &Sealer, change: &Change) -> Result<(), Fault> {
    let payment = &change.payment;
    let kept = kept(connection, &payment.id)?;
    check(connection, kept.as_ref(), change)?;
    if let Some(old) = &change.supersedes {
        supersede(connection, sealer, old, payment)?;
    }
    if let Some(record) = &change.idempotency {
        idempotency::insert(connection, sealer, record)?;
    }
    put_payment(connection, sealer, kept.as_ref(), change)?;
    // What gives up being accepted goes before what becomes accepted: the index sees each row by itself.
    for accepted in [false, true] {
        for attempt in change.attempts.iter().filter(|attempt| attempt.accepted == accepted) {
            put_attempt(connection, sealer, payment, attempt)?;
        }
    }
    change.cancels.iter().try_for_each(|cancel| put_cancel(connection, sealer, payment, cancel))?;
    change.events.iter().try_for_each(|event| events::append(connection, sealer, payment, event))
}

fn kept(connection: &Connection, id: &PaymentId) -> Result<Option<Kept>, Fault> {
    let sql = "SELECT merchant, account, version, hints, events, dirty_at FROM payments WHERE id = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Kept {
        merchant: row.get("merchant")?,
        account: row.get("account")?,
        version: count(row, "version")?,
        hints: count(row, "hints")?,
        events: count(row, "events")?,
        dirty_at: moment(row, "dirty_at")?,
    }))
}

/// Whether the change may be applied. Told in this order, so that a repeat of a request meets its key first.
fn check(connection: &Connection, kept: Option<&Kept>, change: &Change) -> Result<(), Fault> {
    let payment = &change.payment;
    check_version(kept, change)?;
    if let Some(record) = &change.idempotency
        && idempotency::exists(connection, record)?
    {
        return Err(StoreError::KeyTaken.into());
    }
    if payment.holds_order() && order_is_taken(connection, payment)? {
        return Err(StoreError::OrderTaken.into());
    }
    if let Some(old) = &change.supersedes {
        check_superseded(connection, old, payment)?;
    }
    for attempt in change.attempts.iter().filter(|attempt| attempt.accepted) {
        if is_accepted_elsewhere(connection, payment, attempt)? {
            return Err(StoreError::PgIdTaken.into());
        }
    }
    Ok(())
}

fn check_version(kept: Option<&Kept>, change: &Change) -> Result<(), StoreError> {
    let payment = &change.payment;
    let same_owner = kept.is_none_or(|kept| {
        kept.merchant == payment.merchant.as_str() && kept.account == payment.account.as_str()
    });
    let next = change.expected.map_or(1, |version| version.saturating_add(1));
    let unchanged = kept.map(|kept| kept.version) == change.expected;
    if same_owner && unchanged && payment.version == next { Ok(()) } else { Err(StoreError::Conflict) }
}

fn order_is_taken(connection: &Connection, payment: &Payment) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM payments WHERE merchant = ? AND order_id = ? AND holds_order = 1 AND id <> ?";
    let key = [payment.merchant.as_str(), payment.order_id.as_str(), payment.id.as_str()];
    Ok(connection.prepare_cached(sql)?.exists(key)?)
}

fn check_superseded(connection: &Connection, old: &PaymentId, by: &Payment) -> Result<(), Fault> {
    let sql = "SELECT order_id, holds_order FROM payments WHERE merchant = ? AND id = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let key = [by.merchant.as_str(), old.as_str()];
    let found: Option<(String, bool)> =
        statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match found {
        Some((order_id, holds_order)) if order_id == by.order_id.as_str() && *old != by.id => {
            // It was ended when it was read; money may have come since.
            if holds_order { Err(StoreError::OrderTaken.into()) } else { Ok(()) }
        }
        _ => Err(StoreError::Conflict.into()),
    }
}

fn is_accepted_elsewhere(
    connection: &Connection,
    payment: &Payment,
    attempt: &Attempt,
) -> Result<bool, Fault> {
    let Some(pg_id) = &attempt.pg_id else { return Ok(false) };
    let sql = "SELECT 1 FROM attempts WHERE account = ? AND pg_id = ? AND accepted = 1 AND payment <> ?";
    let key = [payment.account.as_str(), pg_id.as_str(), payment.id.as_str()];
    Ok(connection.prepare_cached(sql)?.exists(key)?)
}

/// The version moves, so that a change read before this cannot undo it.
fn supersede(connection: &Connection, sealer: &Sealer, old: &PaymentId, by: &Payment) -> Result<(), Fault> {
    let key = [by.merchant.as_str(), old.as_str()];
    let mut statement =
        connection.prepare_cached("SELECT doc FROM payments WHERE merchant = ? AND id = ?")?;
    let doc: Vec<u8> = statement.query_row(key, |row| row.get(0))?;
    let mut payment: Payment = sealer.open(payment_place(&key), &doc)?;
    if payment.superseded {
        return Ok(());
    }
    payment.superseded = true;
    payment.version = payment.version.saturating_add(1);
    let doc = sealer.seal(payment_place(&key), &payment)?;
    let sql = "UPDATE payments SET version = ?, doc = ? WHERE merchant = ? AND id = ?";
    connection.prepare_cached(sql)?.execute(params![bigint(payment.version), doc, key[0], key[1]])?;
    Ok(())
}

const PUT_PAYMENT: &str = "
    INSERT INTO payments (merchant, id, account, order_id, status, holds_order, currency, amount, amount_paid,
        amount_cancelled, version, hints, events, watch_at, dirty_at, lease_until, ready_at, case_state,
        doc)
    VALUES (:merchant, :id, :account, :order_id, :status, :holds_order, :currency, :amount, :amount_paid,
        :amount_cancelled, :version, 0, :events, :watch_at, :dirty_at, NULL, :ready_at, :case_state,
        :doc)
    ON CONFLICT (merchant, id) DO UPDATE SET
        status = excluded.status, holds_order = excluded.holds_order, amount_paid = excluded.amount_paid,
        amount_cancelled = excluded.amount_cancelled, version = excluded.version, events = excluded.events,
        watch_at = excluded.watch_at, dirty_at = excluded.dirty_at, lease_until = NULL,
        ready_at = excluded.ready_at, case_state = excluded.case_state, doc = excluded.doc";

fn put_payment(
    connection: &Connection,
    sealer: &Sealer,
    kept: Option<&Kept>,
    change: &Change,
) -> Result<(), Fault> {
    let payment = &change.payment;
    let key = [payment.merchant.as_str(), payment.id.as_str()];
    // Hints that came after the record was read are not answered by this change; it may let them wait.
    let unseen = kept.filter(|kept| kept.hints > change.hints).and_then(|kept| kept.dirty_at);
    let dirty_at = unseen.map(|at| change.more_hints_at.map_or(at, |earliest| at.max(earliest)));
    let watch_at = payment.watch.map(|watch| watch.at);
    let ready_at = [watch_at, dirty_at].into_iter().flatten().min();
    let new_events = u64::try_from(change.events.len()).unwrap_or(u64::MAX);
    let events = kept.map_or(0, |kept| kept.events).saturating_add(new_events);
    connection.prepare_cached(PUT_PAYMENT)?.execute(named_params! {
        ":merchant": key[0],
        ":id": key[1],
        ":account": payment.account.as_str(),
        ":order_id": payment.order_id.as_str(),
        ":status": payment.status.name(),
        ":holds_order": payment.holds_order(),
        ":currency": payment.currency().code(),
        ":amount": bigint(payment.terms.amount.amount()),
        ":amount_paid": bigint(payment.amount_paid.amount()),
        ":amount_cancelled": bigint(payment.amount_cancelled.amount()),
        ":version": bigint(payment.version),
        ":events": bigint(events),
        ":watch_at": micros_of(watch_at),
        ":dirty_at": micros_of(dirty_at),
        ":ready_at": micros_of(ready_at),
        ":case_state": case_state(payment),
        ":doc": sealer.seal(payment_place(&key), payment)?,
    })?;
    Ok(())
}

/// What operators search by: one open case makes it open.
fn case_state(payment: &Payment) -> Option<&'static str> {
    let is_open = payment.cases.iter().map(Case::is_open).reduce(|one, other| one || other)?;
    Some(if is_open { "open" } else { "closed" })
}

const PUT_ATTEMPT: &str = "
    INSERT INTO attempts (merchant, payment, number, account, pg_order_id, pg_id, accepted, created_at, doc)
    VALUES (:merchant, :payment, :number, :account, :pg_order_id, :pg_id, :accepted, :created_at, :doc)
    ON CONFLICT (merchant, payment, number) DO UPDATE SET
        pg_order_id = excluded.pg_order_id, pg_id = excluded.pg_id, accepted = excluded.accepted,
        created_at = excluded.created_at, doc = excluded.doc";

/// Inserts or replaces. What only a POST's answer held stays, even if the writer had not read it.
fn put_attempt(
    connection: &Connection,
    sealer: &Sealer,
    payment: &Payment,
    attempt: &Attempt,
) -> Result<(), Fault> {
    let mut attempt = attempt.clone();
    let merchant = payment.merchant.as_str();
    if (attempt.deposit_secret.is_none() || attempt.raw.is_none())
        && let Some(kept) = records::attempt(connection, sealer, merchant, &payment.id, attempt.number)?
    {
        attempt.deposit_secret = attempt.deposit_secret.or(kept.deposit_secret);
        attempt.raw = attempt.raw.or(kept.raw);
    }
    let key = [merchant, payment.id.as_str(), &attempt.number.to_string()];
    connection.prepare_cached(PUT_ATTEMPT)?.execute(named_params! {
        ":merchant": merchant,
        ":payment": payment.id.as_str(),
        ":number": attempt.number,
        ":account": payment.account.as_str(),
        ":pg_order_id": attempt.pg_order_id.as_str(),
        ":pg_id": attempt.pg_id.as_ref().map(gateway_core::PgPaymentId::as_str),
        ":accepted": attempt.accepted,
        ":created_at": micros(attempt.created_at),
        ":doc": sealer.seal(attempt_place(&key), &attempt)?,
    })?;
    Ok(())
}

const PUT_CANCEL: &str = "
    INSERT INTO cancels (merchant, payment, id, number, status, amount, doc)
    VALUES (:merchant, :payment, :id,
        (SELECT count(*) + 1 FROM cancels WHERE merchant = :merchant AND payment = :payment),
        :status, :amount, :doc)
    ON CONFLICT (merchant, payment, id) DO UPDATE SET
        status = excluded.status, amount = excluded.amount, doc = excluded.doc";

fn put_cancel(
    connection: &Connection,
    sealer: &Sealer,
    payment: &Payment,
    cancel: &Cancel,
) -> Result<(), Fault> {
    let key = [payment.merchant.as_str(), payment.id.as_str(), cancel.id.as_str()];
    connection.prepare_cached(PUT_CANCEL)?.execute(named_params! {
        ":merchant": key[0],
        ":payment": key[1],
        ":id": key[2],
        ":status": cancel.status.name(),
        ":amount": bigint(cancel.amount.amount()),
        ":doc": sealer.seal(cancel_place(&key), cancel)?,
    })?;
    Ok(())
}

/// Writes what only a POST's answer holds, whatever version the payment has by now.
pub(crate) fn keep_answer(
    connection: &Connection,
    sealer: &Sealer,
    payment: &PaymentId,
    number: u16,
    deposit_secret: Option<Secret>,
    raw: Option<Secret>,
) -> Result<(), Fault> {
    let Some(Kept { merchant, .. }) = kept(connection, payment)? else { return Ok(()) };
    let Some(mut attempt) = records::attempt(connection, sealer, &merchant, payment, number)? else {
        return Ok(());
    };
    attempt.deposit_secret = deposit_secret.or(attempt.deposit_secret);
    attempt.raw = raw.or(attempt.raw);
    let key = [merchant.as_str(), payment.as_str(), &number.to_string()];
    let doc = sealer.seal(attempt_place(&key), &attempt)?;
    let sql = "UPDATE attempts SET doc = ? WHERE merchant = ? AND payment = ? AND number = ?";
    connection.prepare_cached(sql)?.execute(params![doc, merchant, payment.as_str(), number])?;
    Ok(())
}
