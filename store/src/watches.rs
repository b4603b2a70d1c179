//! Hints, and who looks at which payment.

use gateway_core::{MerchantId, PaymentId};
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
        dirty_at = min(coalesce(dirty_at, :now), :now),
        ready_at = max(
            min(coalesce(watch_at, :now), coalesce(dirty_at, :now), :now),
            coalesce(lease_until, :never))
    WHERE id = :id";

pub(crate) fn mark_dirty(connection: &Connection, payment: &PaymentId, now: Timestamp) -> Result<(), Fault> {
    let values = named_params! { ":id": payment.as_str(), ":now": micros(now), ":never": i64::MIN };
    connection.prepare_cached(MARK_DIRTY)?.execute(values)?;
    Ok(())
}

pub(crate) const DUE: &str =
    "SELECT merchant, id, ready_at FROM payments WHERE ready_at <= ? ORDER BY ready_at LIMIT ?";

const LEASE: &str = "
    UPDATE payments SET lease_until = :until, ready_at = max(ready_at, :until)
    WHERE merchant = :merchant AND id = :id";

pub(crate) fn lease_due(
    connection: &Connection,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<(MerchantId, PaymentId)>, Fault> {
    let due = due(connection, now, limit)?;
    let mut lease = connection.prepare_cached(LEASE)?;
    for (merchant, id) in &due {
        lease.execute(named_params! {
            ":merchant": merchant.as_str(), ":id": id.as_str(), ":until": micros(until),
        })?;
    }
    Ok(due)
}

fn due(connection: &Connection, now: Timestamp, limit: u32) -> Result<Vec<(MerchantId, PaymentId)>, Fault> {
    let mut statement = connection.prepare_cached(DUE)?;
    let mut rows = statement.query(params![micros(now), limit])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        due.push((name(row, "merchant")?, name(row, "id")?));
    }
    Ok(due)
}

pub(crate) const NEXT_DUE: &str = "SELECT min(ready_at) AS ready_at FROM payments WHERE ready_at IS NOT NULL";

/// The end of a lease counts too: then nobody has the payment any more.
pub(crate) fn next_due(connection: &Connection) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(NEXT_DUE)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    moment(row, "ready_at")
}
