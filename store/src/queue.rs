//! What is due, and who works on it: payments and sweeps.

use jiff::Timestamp;
use paymux_core::{
    model::{AccountId, MerchantId, PaymentId},
    store::{LONGEST_LEASE, OwedLookUp, Sweep},
};
use rusqlite::{Connection, named_params, params};

use crate::{
    fault::Fault,
    records,
    values::{micros, moment, name, not_before},
};

/// `ready_at` is when the payment is both due and free. `max` of NULL is NULL: what is not due is never ready.
const OWE: &str = "
    UPDATE payments SET
        checks = :checks, due_at = :due_at, ready_at = max(:due_at, coalesce(lease_until, :due_at))
    WHERE merchant = :merchant AND id = :id";

pub(crate) fn owe(
    connection: &Connection,
    merchant: &MerchantId,
    payment: &PaymentId,
    owed: Vec<OwedLookUp>,
    now: Timestamp,
) -> Result<(), Fault> {
    let (merchant, id) = (merchant.as_str(), payment.as_str());
    let mut statement =
        connection.prepare_cached("SELECT checks FROM payments WHERE merchant = ? AND id = ?")?;
    let mut rows = statement.query([merchant, id])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let kept = records::checks(row)?;
    let mut checks = kept.clone();
    checks.owe_from_now(owed, now);
    // Many webhooks say the same; those cost no write.
    if checks == kept {
        return Ok(());
    }
    connection.prepare_cached(OWE)?.execute(named_params! {
        ":merchant": merchant,
        ":id": id,
        ":checks": serde_json::to_string(&checks).map_err(|_| Fault::Unreadable("payments"))?,
        ":due_at": checks.due_at().map(not_before),
    })?;
    Ok(())
}

pub(crate) const DUE: &str =
    "SELECT merchant, id FROM payments WHERE account = ? AND ready_at <= ? ORDER BY ready_at, id LIMIT ?";

const LEASE: &str = "
    UPDATE payments SET lease_until = :until, ready_at = max(due_at, :until)
    WHERE merchant = :merchant AND id = :id";

/// A lease that was dated by a clock that was wrong.
pub(crate) const VOID: &str =
    "UPDATE payments SET lease_until = NULL, ready_at = due_at WHERE account = ? AND lease_until > ?";

/// The end of the longest lease that begins now.
pub(crate) fn longest_lease_from(now: Timestamp) -> Timestamp {
    now.saturating_add(LONGEST_LEASE).unwrap_or(Timestamp::MAX)
}

pub(crate) fn lease_due(
    connection: &Connection,
    account: &AccountId,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<(MerchantId, PaymentId)>, Fault> {
    let far = micros(longest_lease_from(now));
    connection.prepare_cached(VOID)?.execute(params![account.as_str(), far])?;
    let due = due(connection, account, now, limit)?;
    let mut lease = connection.prepare_cached(LEASE)?;
    for (merchant, id) in &due {
        lease.execute(named_params! {
            ":merchant": merchant.as_str(), ":id": id.as_str(), ":until": not_before(until),
        })?;
    }
    Ok(due)
}

fn due(
    connection: &Connection,
    account: &AccountId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(MerchantId, PaymentId)>, Fault> {
    let mut statement = connection.prepare_cached(DUE)?;
    let mut rows = statement.query(params![account.as_str(), micros(now), limit])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        due.push((name(row, "merchant")?, name(row, "id")?));
    }
    Ok(due)
}

/// Without a lease there was a commit meanwhile, and what that made due is not put off.
const RELEASE: &str = "
    UPDATE payments SET lease_until = :at, ready_at = max(due_at, :at)
    WHERE merchant = :merchant AND id = :id AND lease_until IS NOT NULL";

pub(crate) fn release(
    connection: &Connection,
    merchant: &MerchantId,
    payment: &PaymentId,
    at: Timestamp,
) -> Result<(), Fault> {
    connection.prepare_cached(RELEASE)?.execute(named_params! {
        ":merchant": merchant.as_str(), ":id": payment.as_str(), ":at": not_before(at),
    })?;
    Ok(())
}

pub(crate) const NEXT_DUE: &str = "SELECT ready_at FROM payments \
     WHERE account = ? AND ready_at IS NOT NULL ORDER BY ready_at LIMIT 1";

/// The end of a lease counts too: from then on the payment is free.
pub(crate) fn next_due(connection: &Connection, account: &AccountId) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(NEXT_DUE)?;
    let mut rows = statement.query([account.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    moment(row, "ready_at")
}

pub(crate) fn lease_sweep(
    connection: &Connection,
    account: &AccountId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Sweep>, Fault> {
    let sql = "INSERT INTO sweeps (account, lease_until) VALUES (:account, :until) \
         ON CONFLICT (account) DO UPDATE SET lease_until = excluded.lease_until \
         WHERE (next_at IS NULL OR next_at <= :now OR next_at > :far) \
         AND (lease_until IS NULL OR lease_until <= :now OR lease_until > :far) RETURNING swept_to";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(named_params! {
        ":account": account.as_str(), ":now": micros(now), ":far": micros(longest_lease_from(now)),
        ":until": not_before(until),
    })?;
    rows.next()?.map(|row| Ok(Sweep { swept_to: moment(row, "swept_to")? })).transpose()
}

/// A sweep that failed says nothing; what was swept before stays swept.
pub(crate) fn finish_sweep(
    connection: &Connection,
    account: &AccountId,
    swept_to: Option<Timestamp>,
    next: Timestamp,
) -> Result<(), Fault> {
    let sql = "INSERT INTO sweeps (account, swept_to, next_at) VALUES (?, ?, ?) \
         ON CONFLICT (account) DO UPDATE SET swept_to = coalesce(excluded.swept_to, swept_to), \
         next_at = excluded.next_at, lease_until = NULL";
    let values = params![account.as_str(), swept_to.map(micros), not_before(next)];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}
