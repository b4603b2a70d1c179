//! Payments with everything that hangs on them, read.

use gateway_core::{
    AccountId, Attempt, Cancel, MerchantId, OrderId, Payment, PaymentFilter, PaymentId, PaymentRecord,
    PgOrderId, PgPaymentId, Watch,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row, named_params, params};
use serde::de::DeserializeOwned;

use crate::{
    fault::Fault,
    seal::{Place, Sealer},
    values::{before, count, moment, name, status_name},
};

const COLUMNS: &str = "merchant, id, hints, events, dirty_at, doc";

/// Where a payment's document is sealed.
pub(crate) fn payment_place<'a>(key: &'a [&'a str; 2]) -> Place<'a> {
    Place { table: "payments", key }
}

/// Where an attempt's document is sealed: merchant, payment and number.
pub(crate) fn attempt_place<'a>(key: &'a [&'a str; 3]) -> Place<'a> {
    Place { table: "attempts", key }
}

/// Where a cancel's document is sealed: merchant, payment and id.
pub(crate) fn cancel_place<'a>(key: &'a [&'a str; 3]) -> Place<'a> {
    Place { table: "cancels", key }
}

pub(crate) fn payment(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &MerchantId,
    id: &PaymentId,
) -> Result<Option<PaymentRecord>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM payments WHERE merchant = ? AND id = ?");
    first(connection, sealer, &sql, params![merchant.as_str(), id.as_str()])
}

pub(crate) fn payment_of_order(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &MerchantId,
    order_id: &OrderId,
) -> Result<Option<PaymentRecord>, Fault> {
    let key = params![merchant.as_str(), order_id.as_str()];
    let holder =
        format!("SELECT {COLUMNS} FROM payments WHERE merchant = ? AND order_id = ? AND holds_order = 1");
    if let Some(record) = first(connection, sealer, &holder, key)? {
        return Ok(Some(record));
    }
    let newest = format!(
        "SELECT {COLUMNS} FROM payments WHERE merchant = ? AND order_id = ? ORDER BY id DESC LIMIT 1"
    );
    first(connection, sealer, &newest, key)
}

pub(crate) fn payments(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &MerchantId,
    filter: &PaymentFilter,
    limit: u32,
) -> Result<Vec<PaymentRecord>, Fault> {
    let sql = list_sql(filter);
    // A parameter that the statement does not name is refused, so each list binds its own.
    let (merchant, before) = (merchant.as_str(), before(filter.before.as_ref()));
    let order_id = filter.order_id.as_ref().map(OrderId::as_str);
    let status = status_name(filter.status);
    match (order_id, status) {
        (None, None) => {
            let values = named_params! { ":merchant": merchant, ":before": before, ":limit": limit };
            all(connection, sealer, &sql, values)
        }
        (Some(order_id), None) => {
            let values = named_params! {
                ":merchant": merchant, ":before": before, ":limit": limit, ":order_id": order_id,
            };
            all(connection, sealer, &sql, values)
        }
        (None, Some(status)) => {
            let values = named_params! {
                ":merchant": merchant, ":before": before, ":limit": limit, ":status": status,
            };
            all(connection, sealer, &sql, values)
        }
        (Some(order_id), Some(status)) => {
            let values = named_params! {
                ":merchant": merchant, ":before": before, ":limit": limit, ":order_id": order_id,
                ":status": status,
            };
            all(connection, sealer, &sql, values)
        }
    }
}

/// One statement per kind of list, so that each has an index that gives it in order.
pub(crate) fn list_sql(filter: &PaymentFilter) -> String {
    let order_id = if filter.order_id.is_some() { " AND order_id = :order_id" } else { "" };
    let status = match (&filter.status, &filter.order_id) {
        (None, _) => "",
        (Some(_), None) => " AND status = :status",
        // `+` keeps SQLite from searching by status: an order has few payments, a status many.
        (Some(_), Some(_)) => " AND +status = :status",
    };
    format!(
        "SELECT {COLUMNS} FROM payments WHERE merchant = :merchant{order_id}{status} AND id < :before \
         ORDER BY id DESC LIMIT :limit"
    )
}

pub(crate) const OWNER_OF_ATTEMPT: &str = "SELECT merchant, payment FROM attempts \
     WHERE account = ? AND pg_order_id = ? ORDER BY payment LIMIT 1";

pub(crate) fn owner_of_attempt(
    connection: &Connection,
    account: &AccountId,
    pg_order_id: &PgOrderId,
) -> Result<Option<(MerchantId, PaymentId)>, Fault> {
    owner(connection, OWNER_OF_ATTEMPT, params![account.as_str(), pg_order_id.as_str()])
}

pub(crate) const OWNER_OF_PG_ID: &str = "SELECT merchant, payment FROM attempts \
     WHERE account = ? AND pg_id = ? ORDER BY accepted DESC, created_at DESC, payment DESC LIMIT 1";

pub(crate) fn owner_of_pg_id(
    connection: &Connection,
    account: &AccountId,
    pg_id: &PgPaymentId,
) -> Result<Option<(MerchantId, PaymentId)>, Fault> {
    owner(connection, OWNER_OF_PG_ID, params![account.as_str(), pg_id.as_str()])
}

fn owner(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Option<(MerchantId, PaymentId)>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(|row| Ok((name(row, "merchant")?, name(row, "payment")?))).transpose()
}

fn first(
    connection: &Connection,
    sealer: &Sealer,
    sql: &str,
    values: impl Params,
) -> Result<Option<PaymentRecord>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(|row| record(connection, sealer, row)).transpose()
}

fn all(
    connection: &Connection,
    sealer: &Sealer,
    sql: &str,
    values: impl Params,
) -> Result<Vec<PaymentRecord>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(connection, sealer, row)?);
    }
    Ok(records)
}

fn record(connection: &Connection, sealer: &Sealer, row: &Row<'_>) -> Result<PaymentRecord, Fault> {
    let merchant: String = row.get("merchant")?;
    let id: String = row.get("id")?;
    let doc = row.get_ref("doc")?.as_blob().map_err(|_| Fault::Unreadable("payments"))?;
    let mut payment: Payment = sealer.open(payment_place(&[&merchant, &id]), doc)?;
    payment.watch = with_hints(payment.watch, moment(row, "dirty_at")?);
    Ok(PaymentRecord {
        payment,
        attempts: attempts(connection, sealer, &merchant, &id)?,
        cancels: cancels(connection, sealer, &merchant, &id)?,
        hints: count(row, "hints")?,
        events: count(row, "events")?,
    })
}

/// The watch with the hints in it: an unanswered hint makes it due.
fn with_hints(watch: Option<Watch>, dirty_at: Option<Timestamp>) -> Option<Watch> {
    let Some(dirty_at) = dirty_at else { return watch };
    let (at, tries) = watch.map_or((dirty_at, 0), |watch| (watch.at.min(dirty_at), watch.tries));
    Some(Watch { at, tries })
}

fn attempts(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &str,
    payment: &str,
) -> Result<Vec<Attempt>, Fault> {
    let sql = "SELECT number AS part, doc FROM attempts WHERE merchant = ? AND payment = ? ORDER BY number";
    let number = |row: &Row<'_>| row.get::<_, i64>("part").map(|number| number.to_string());
    parts(connection, sealer, sql, [merchant, payment], "attempts", number)
}

fn cancels(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &str,
    payment: &str,
) -> Result<Vec<Cancel>, Fault> {
    let sql = "SELECT id AS part, doc FROM cancels WHERE merchant = ? AND payment = ? ORDER BY number";
    parts(connection, sealer, sql, [merchant, payment], "cancels", |row| row.get("part"))
}

/// The sealed rows of one payment in one table.
fn parts<T: DeserializeOwned>(
    connection: &Connection,
    sealer: &Sealer,
    sql: &str,
    owner: [&str; 2],
    table: &'static str,
    part: impl Fn(&Row<'_>) -> rusqlite::Result<String>,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(owner)?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let doc = row.get_ref("doc")?.as_blob().map_err(|_| Fault::Unreadable(table))?;
        let key = [owner[0], owner[1], &part(row)?];
        parts.push(sealer.open(Place { table, key: &key }, doc)?);
    }
    Ok(parts)
}

/// One attempt, to be changed.
pub(crate) fn attempt(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &str,
    payment: &PaymentId,
    number: u16,
) -> Result<Option<Attempt>, Fault> {
    let sql = "SELECT doc FROM attempts WHERE merchant = ? AND payment = ? AND number = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let doc: Option<Vec<u8>> =
        statement.query_row(params![merchant, payment.as_str(), number], |row| row.get(0)).optional()?;
    let key = [merchant, payment.as_str(), &number.to_string()];
    doc.map(|doc| sealer.open(attempt_place(&key), &doc)).transpose()
}
