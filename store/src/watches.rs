//! Hints, and who looks at which payment.

use gateway_core::{AccountId, MerchantId, PaymentId};
use jiff::Timestamp;
use rusqlite::{Connection, named_params, params};

use crate::{
    fault::Fault,
    values::{micros, moment, name},
};

/// `ready_at` is when the payment is both due and free; every column on the right is the one before.
pub(crate) const MARK_DIRTY: &str = "
    UPDATE payments SET
        hints = hints + 1,
        dirty_at = min(coalesce(dirty_at, :at), :at),
        ready_at = max(
            min(coalesce(watch_at, :at), coalesce(dirty_at, :at), :at),
            coalesce(lease_until, :never))
    WHERE id = :id";

pub(crate) fn mark_dirty(connection: &Connection, payment: &PaymentId, at: Timestamp) -> Result<(), Fault> {
    let values = named_params! { ":id": payment.as_str(), ":at": micros(at), ":never": i64::MIN };
    connection.prepare_cached(MARK_DIRTY)?.execute(values)?;
    Ok(())
}

pub(crate) const DUE: &str =
    "SELECT merchant, id FROM payments WHERE account = ? AND ready_at <= ? ORDER BY ready_at LIMIT ?";

const LEASE: &str = "
    UPDATE payments SET lease_until = :until, ready_at = max(ready_at, :until)
    WHERE merchant = :merchant AND id = :id";

pub(crate) fn lease_due(
    connection: &Connection,
    account: &AccountId,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<(MerchantId, PaymentId)>, Fault> {
    let due = due(connection, account, now, limit)?;
    let mut lease = connection.prepare_cached(LEASE)?;
    for (merchant, id) in &due {
        lease.execute(named_params! {
            ":merchant": merchant.as_str(), ":id": id.as_str(), ":until": micros(until),
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

pub(crate) const NEXT_DUE: &str = "SELECT ready_at FROM payments \
     WHERE account = ? AND ready_at IS NOT NULL ORDER BY ready_at LIMIT 1";

/// The end of a lease counts too: then nobody has the payment any more.
pub(crate) fn next_due(connection: &Connection, account: &AccountId) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(NEXT_DUE)?;
    let mut rows = statement.query([account.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    moment(row, "ready_at")
}
