//! One atomic change: checked, then written.

use paymux_core::{
    model::{Attempt, Charge, MerchantId, Payment, PaymentId, PgPaymentId, Review},
    store::{Change, Checks, PaymentChange, SavedAnswer, StoreError},
};
use rusqlite::{Connection, OptionalExtension, named_params, params};

use crate::{
    events,
    fault::Fault,
    idempotency,
    records::{self, Parts, attempt_place, charge_place, payment_place, secret_place},
    seal::Sealer,
    values::{bigint, count, micros, not_before},
};

/// What the row of a payment holds beside its document.
struct Stored {
    merchant: String,
    account: String,
    order_id: String,
    version: u64,
    events: u64,
    checks: Checks,
}

/// Applies a change. The caller's savepoint takes everything back on an error.
pub(crate) fn commit(connection: &Connection, sealer: &Sealer, mut change: Change) -> Result<(), Fault> {
    let stored = change.payments.iter().map(|change| stored(connection, &change.payment.id));
    let stored = stored.collect::<Result<Vec<_>, _>>()?;
    check(connection, &stored, &change)?;
    if let Some(record) = &change.idempotency {
        idempotency::insert(connection, sealer, record)?;
    }
    give_up(connection, &change)?;
    for (stored, change) in stored.iter().zip(&mut change.payments) {
        put(connection, sealer, stored.as_ref(), change)?;
    }
    let sql = "UPDATE store_check SET newest_commit = max(coalesce(newest_commit, ?1), ?1) WHERE id = 1";
    connection.prepare_cached(sql)?.execute([micros(change.at)])?;
    Ok(())
}

pub(crate) const STORED: &str =
    "SELECT merchant, account, order_id, version, events, checks FROM payments WHERE id = ?";

fn stored(connection: &Connection, id: &PaymentId) -> Result<Option<Stored>, Fault> {
    let mut statement = connection.prepare_cached(STORED)?;
    let mut rows = statement.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Stored {
        merchant: row.get("merchant")?,
        account: row.get("account")?,
        order_id: row.get("order_id")?,
        version: count(row, "version")?,
        events: count(row, "events")?,
        checks: records::checks(row)?,
    }))
}

/// Whether the change may be applied. In this order, so that a repeat of a request meets its key first.
fn check(connection: &Connection, stored: &[Option<Stored>], change: &Change) -> Result<(), Fault> {
    check_versions(connection, stored, change)?;
    if let Some(record) = &change.idempotency
        && idempotency::exists(connection, record)?
    {
        return Err(StoreError::KeyTaken.into());
    }
    for PaymentChange { payment, .. } in &change.payments {
        if payment.holds_order() && order_is_taken(connection, change, payment)? {
            return Err(StoreError::OrderTaken.into());
        }
    }
    for (payment, charge, id) in accepted(change) {
        if is_accepted_elsewhere(connection, change, payment, charge, id)? {
            return Err(StoreError::PgIdTaken.into());
        }
    }
    Ok(())
}

fn check_versions(connection: &Connection, stored: &[Option<Stored>], change: &Change) -> Result<(), Fault> {
    let payments = || change.payments.iter().map(|change| &change.payment);
    let mut merchants: Vec<_> = payments().map(|payment| &payment.merchant).collect();
    merchants.extend(change.idempotency.as_ref().map(|record| &record.merchant));
    merchants.dedup();
    let is_repeated = |payment: &Payment| payments().filter(|other| other.id == payment.id).count() > 1;
    if merchants.len() > 1
        || payments().any(is_repeated)
        || !stored.iter().zip(&change.payments).all(|(stored, change)| has_version(stored.as_ref(), change))
    {
        return Err(StoreError::Conflict.into());
    }
    for (id, version) in &change.unchanged {
        if !is_unchanged(connection, merchants.first().copied(), id, *version)? {
            return Err(StoreError::Conflict.into());
        }
    }
    Ok(())
}

fn has_version(stored: Option<&Stored>, PaymentChange { expected, payment, .. }: &PaymentChange) -> bool {
    let same_place = stored.is_none_or(|stored| {
        stored.merchant == payment.merchant.as_str()
            && stored.account == payment.account.as_str()
            && stored.order_id == payment.order_id.as_str()
    });
    same_place
        && stored.map(|stored| stored.version) == *expected
        && payment.version == expected.map_or(1, |version| version.saturating_add(1))
}

fn is_unchanged(
    connection: &Connection,
    merchant: Option<&MerchantId>,
    id: &PaymentId,
    version: u64,
) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM payments WHERE id = ?1 AND version = ?2 AND merchant = coalesce(?3, merchant)";
    let values = params![id.as_str(), bigint(version), merchant.map(MerchantId::as_str)];
    Ok(connection.prepare_cached(sql)?.exists(values)?)
}

pub(crate) const HOLDER: &str =
    "SELECT id FROM payments WHERE merchant = ? AND order_id = ? AND holds_order = 1";

/// Whether another payment holds the order once the change is made.
fn order_is_taken(connection: &Connection, change: &Change, payment: &Payment) -> Result<bool, Fault> {
    let changed = || change.payments.iter().map(|change| &change.payment);
    let mut others = changed().filter(|other| other.id != payment.id && other.holds_order());
    if others.any(|other| other.order_id == payment.order_id) {
        return Ok(true);
    }
    let key = [payment.merchant.as_str(), payment.order_id.as_str()];
    let holder: Option<String> =
        connection.prepare_cached(HOLDER)?.query_row(key, |row| row.get(0)).optional()?;
    // A holder that is changed too gives it up, or was found above.
    Ok(holder.is_some_and(|holder| changed().all(|payment| payment.id.as_str() != holder)))
}

/// The charges of a change that are accepted from then on.
fn accepted(change: &Change) -> impl Iterator<Item = (&Payment, &Charge, &PgPaymentId)> {
    let charges = change.payments.iter().flat_map(|change| {
        change.charges.iter().filter(|charge| charge.accepted).map(move |charge| (&change.payment, charge))
    });
    charges.filter_map(|(payment, charge)| Some((payment, charge, charge.pg_payment_id.as_ref()?)))
}

pub(crate) const ACCEPTED: &str =
    "SELECT id FROM charges WHERE account = ? AND pg_payment_id = ? AND accepted = 1";

/// Whether another charge is accepted with this PG id once the change is made.
fn is_accepted_elsewhere(
    connection: &Connection,
    change: &Change,
    payment: &Payment,
    charge: &Charge,
    id: &PgPaymentId,
) -> Result<bool, Fault> {
    let mut others = accepted(change).filter(|(_, other, _)| other.id != charge.id);
    if others.any(|(other, _, other_id)| (&other.account, other_id) == (&payment.account, id)) {
        return Ok(true);
    }
    let key = [payment.account.as_str(), id.as_str()];
    let stored: Option<String> =
        connection.prepare_cached(ACCEPTED)?.query_row(key, |row| row.get(0)).optional()?;
    let changed = || change.payments.iter().flat_map(|change| &change.charges);
    Ok(stored.is_some_and(|stored| changed().all(|charge| charge.id.as_str() != stored)))
}

/// Takes orders and acceptance from every row that is about to be written, which then writes what it has in the end.
/// The unique indexes check each row by itself: a row that takes an order or a PG id would be refused if it stands
/// before the one that gives it up.
fn give_up(connection: &Connection, change: &Change) -> Result<(), Fault> {
    let mut orders = connection.prepare_cached(
        "UPDATE payments SET holds_order = 0 WHERE merchant = ? AND id = ? AND holds_order = 1",
    )?;
    let mut charges = connection.prepare_cached(
        "UPDATE charges SET accepted = 0 WHERE merchant = ? AND payment = ? AND id = ? AND accepted = 1",
    )?;
    for PaymentChange { payment, charges: changed, .. } in &change.payments {
        orders.execute([payment.merchant.as_str(), payment.id.as_str()])?;
        for charge in changed {
            charges.execute([payment.merchant.as_str(), payment.id.as_str(), charge.id.as_str()])?;
        }
    }
    Ok(())
}

/// Writes one payment of a change, and what hangs on it.
fn put(
    connection: &Connection,
    sealer: &Sealer,
    stored: Option<&Stored>,
    change: &mut PaymentChange,
) -> Result<(), Fault> {
    let payment = &change.payment;
    let mut parts = records::parts(connection, payment.merchant.as_str(), payment.id.as_str())?;
    for attempt in &change.attempts {
        parts.put("attempts", attempt.number, payment.version);
    }
    for charge in &change.charges {
        parts.put("charges", &charge.id, payment.version);
    }
    put_payment(connection, sealer, stored, change, &parts)?;
    for attempt in &change.attempts {
        put_attempt(connection, sealer, payment, attempt)?;
    }
    for charge in &mut change.charges {
        put_charge(connection, sealer, payment, charge)?;
    }
    change.events.iter().try_for_each(|event| events::append(connection, sealer, payment, event))
}

const PUT_PAYMENT: &str = "
    INSERT INTO payments (merchant, id, account, order_id, status, holds_order, currency, amount, amount_paid,
        amount_cancelled, version, events, is_live, checks, due_at, lease_until, ready_at, review_state, doc)
    VALUES (:merchant, :id, :account, :order_id, :status, :holds_order, :currency, :amount, :amount_paid,
        :amount_cancelled, :version, :events, :is_live, :checks, :due_at, NULL, :due_at, :review_state, :doc)
    ON CONFLICT (merchant, id) DO UPDATE SET
        status = excluded.status, holds_order = excluded.holds_order, amount_paid = excluded.amount_paid,
        amount_cancelled = excluded.amount_cancelled, version = excluded.version, events = excluded.events,
        is_live = excluded.is_live, checks = excluded.checks, due_at = excluded.due_at, lease_until = NULL,
        ready_at = excluded.ready_at, review_state = excluded.review_state, doc = excluded.doc";

fn put_payment(
    connection: &Connection,
    sealer: &Sealer,
    stored: Option<&Stored>,
    change: &PaymentChange,
    parts: &Parts,
) -> Result<(), Fault> {
    let payment = &change.payment;
    let (merchant, id) = (payment.merchant.as_str(), payment.id.as_str());
    let checks = match stored {
        Some(stored) => change.checks.apply(&stored.checks),
        None => change.checks.apply(&Checks::default()),
    };
    let new_events = u64::try_from(change.events.len()).unwrap_or(u64::MAX);
    let events = stored.map_or(0, |stored| stored.events).saturating_add(new_events);
    connection.prepare_cached(PUT_PAYMENT)?.execute(named_params! {
        ":merchant": merchant,
        ":id": id,
        ":account": payment.account.as_str(),
        ":order_id": payment.order_id.as_str(),
        ":status": payment.status().name(),
        ":holds_order": payment.holds_order(),
        ":currency": payment.currency().code(),
        ":amount": bigint(payment.terms.amount.amount()),
        ":amount_paid": bigint(payment.shown.amount_paid.amount()),
        ":amount_cancelled": bigint(payment.shown.amount_cancelled.amount()),
        ":version": bigint(payment.version),
        ":events": bigint(events),
        ":is_live": change.is_live,
        ":checks": serde_json::to_string(&checks).map_err(|_| Fault::Unreadable("payments"))?,
        ":due_at": checks.due_at().map(not_before),
        ":review_state": review_state(payment),
        ":doc": sealer.seal(&payment_place(merchant, id, payment.version, parts), payment)?,
    })?;
    Ok(())
}

/// What operators search by: one open review makes it open.
fn review_state(payment: &Payment) -> Option<&'static str> {
    let is_open = payment.reviews.iter().map(Review::is_open).reduce(|one, other| one || other)?;
    Some(if is_open { "open" } else { "closed" })
}

const PUT_ATTEMPT: &str = "
    INSERT INTO attempts (merchant, payment, number, account, pg_order_id, version, doc)
    VALUES (:merchant, :payment, :number, :account, :pg_order_id, :version, :doc)
    ON CONFLICT (merchant, payment, number) DO UPDATE SET version = excluded.version, doc = excluded.doc";

fn put_attempt(
    connection: &Connection,
    sealer: &Sealer,
    payment: &Payment,
    attempt: &Attempt,
) -> Result<(), Fault> {
    let (merchant, id) = (payment.merchant.as_str(), payment.id.as_str());
    let place = attempt_place(merchant, id, attempt.number, payment.version);
    connection.prepare_cached(PUT_ATTEMPT)?.execute(named_params! {
        ":merchant": merchant,
        ":payment": id,
        ":number": attempt.number,
        ":account": payment.account.as_str(),
        ":pg_order_id": attempt.pg_order_id.as_str(),
        ":version": bigint(payment.version),
        ":doc": sealer.seal(&place, attempt)?,
    })?;
    Ok(())
}

const PUT_CHARGE: &str = "
    INSERT INTO charges (merchant, payment, id, account, attempt, pg_payment_id, accepted, created_at, version,
        webhook_secret, doc)
    VALUES (:merchant, :payment, :id, :account, :attempt, :pg_payment_id, :accepted, :created_at, :version,
        :webhook_secret, :doc)
    ON CONFLICT (merchant, payment, id) DO UPDATE SET
        pg_payment_id = excluded.pg_payment_id, accepted = excluded.accepted, version = excluded.version,
        webhook_secret = coalesce(excluded.webhook_secret, webhook_secret), doc = excluded.doc";

/// Inserts or replaces. A secret that was saved stays, even if the writer had not read it.
fn put_charge(
    connection: &Connection,
    sealer: &Sealer,
    payment: &Payment,
    charge: &mut Charge,
) -> Result<(), Fault> {
    let (merchant, id) = (payment.merchant.as_str(), payment.id.as_str());
    let secret = charge.webhook_secret.take();
    let seal = |secret| sealer.seal(&secret_place(merchant, id, charge.id.as_str()), &secret);
    let secret = secret.map(seal).transpose()?;
    let place = charge_place(merchant, id, charge.id.as_str(), payment.version);
    connection.prepare_cached(PUT_CHARGE)?.execute(named_params! {
        ":merchant": merchant,
        ":payment": id,
        ":id": charge.id.as_str(),
        ":account": payment.account.as_str(),
        ":attempt": charge.attempt,
        ":pg_payment_id": charge.pg_payment_id.as_ref().map(PgPaymentId::as_str),
        ":accepted": charge.accepted,
        ":created_at": micros(charge.created_at),
        ":version": bigint(payment.version),
        ":webhook_secret": secret,
        ":doc": sealer.seal(&place, charge)?,
    })?;
    Ok(())
}

/// Writes what only a POST's answer holds, whatever version the payment has by now.
pub(crate) fn save_answer(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &MerchantId,
    payment: &PaymentId,
    answer: &SavedAnswer,
) -> Result<(), Fault> {
    let (merchant, payment, charge) = (merchant.as_str(), payment.as_str(), answer.charge.as_str());
    let secret = sealer.seal(&secret_place(merchant, payment, charge), &answer.webhook_secret)?;
    let sql = "UPDATE charges SET webhook_secret = ? WHERE merchant = ? AND payment = ? AND id = ?";
    connection.prepare_cached(sql)?.execute(params![secret, merchant, payment, charge])?;
    Ok(())
}
