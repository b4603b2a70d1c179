//! Payments with everything that hangs on them, read.

use std::collections::BTreeMap;

use paymux_core::{
    model::{
        AccountId, Attempt, Charge, MerchantId, OrderId, PaymentId, PaymentStatus, PgOrderId, PgPaymentId,
    },
    store::{Checks, PaymentFilter, PaymentRecord},
};
use rusqlite::{Connection, Params, Row, named_params, params};

use crate::{
    fault::Fault,
    seal::{Place, Sealer},
    values::{before, count, name},
};

/// Which attempts and charges a payment has, and the version of the payment that each was last written in.
///
/// A payment's document is bound to this list. The version that an attempt or charge is sealed with stands in its own
/// row, so an older copy of the whole row would open; but the list is another then, and the payment does not. Nor does
/// it without a row that was taken away. What goes unnoticed is a payment that was put back as a whole, all its rows
/// as they were at one version: against that the file holds nothing.
#[derive(Debug, Default)]
pub(crate) struct Parts(BTreeMap<(&'static str, String), u64>);

impl Parts {
    pub(crate) fn put(&mut self, table: &'static str, part: impl ToString, version: u64) {
        self.0.insert((table, part.to_string()), version);
    }
}

/// Where a payment's document is sealed.
pub(crate) fn payment_place(merchant: &str, payment: &str, version: u64, parts: &Parts) -> Place {
    let place = Place::new("payments", &[merchant, payment]).version(version);
    parts.0.iter().fold(place, |place, ((table, part), version)| {
        place.and(table.as_bytes()).and(part.as_bytes()).version(*version)
    })
}

/// Where an attempt's document is sealed.
pub(crate) fn attempt_place(merchant: &str, payment: &str, number: u16, version: u64) -> Place {
    Place::new("attempts", &[merchant, payment, &number.to_string()]).version(version)
}

/// Where a charge's document is sealed.
pub(crate) fn charge_place(merchant: &str, payment: &str, charge: &str, version: u64) -> Place {
    Place::new("charges", &[merchant, payment, charge]).version(version)
}

/// Where a charge's webhook secret is sealed: in a column of its own and without a version.
///
/// It is written whatever the version, by whoever has the answer to the confirm. In the document it would take a
/// second count of how often the row was written, and each of those writes would have to seal the payment again. A
/// secret that somebody removes from the file leaves webhooks that prove nothing, which is safe.
pub(crate) fn secret_place(merchant: &str, payment: &str, charge: &str) -> Place {
    Place::new("charges.webhook_secret", &[merchant, payment, charge])
}

const COLUMNS: &str = "merchant, id, version, events, checks, doc";

/// The payment that was made first: of all rows the likeliest to be sealed with a key of before.
pub(crate) fn oldest(connection: &Connection, sealer: &Sealer) -> Result<Option<PaymentRecord>, Fault> {
    first(connection, sealer, &format!("SELECT {COLUMNS} FROM payments ORDER BY id LIMIT 1"), params![])
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
    match (order_id, filter.status.map(PaymentStatus::name)) {
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

pub(crate) const OWNER_OF_ORDER: &str = "SELECT merchant, payment FROM attempts \
     WHERE account = ? AND pg_order_id = ? ORDER BY payment LIMIT 1";

pub(crate) fn owner_of_order(
    connection: &Connection,
    account: &AccountId,
    order_id: &PgOrderId,
) -> Result<Option<(MerchantId, PaymentId)>, Fault> {
    owner(connection, OWNER_OF_ORDER, params![account.as_str(), order_id.as_str()])
}

pub(crate) const OWNER_OF_CHARGE: &str = "SELECT merchant, payment FROM charges \
     WHERE account = ? AND pg_payment_id = ? ORDER BY accepted DESC, created_at DESC, id DESC LIMIT 1";

pub(crate) fn owner_of_charge(
    connection: &Connection,
    account: &AccountId,
    id: &PgPaymentId,
) -> Result<Option<(MerchantId, PaymentId)>, Fault> {
    owner(connection, OWNER_OF_CHARGE, params![account.as_str(), id.as_str()])
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
    let mut parts = Parts::default();
    let attempts = attempts(connection, sealer, [&merchant, &id], &mut parts)?;
    let charges = charges(connection, sealer, [&merchant, &id], &mut parts)?;
    let place = payment_place(&merchant, &id, count(row, "version")?, &parts);
    Ok(PaymentRecord {
        payment: sealer.open(&place, blob(row, "payments")?)?,
        attempts,
        charges,
        checks: checks(row)?,
        events: count(row, "events")?,
    })
}

/// What is to be looked up and sent for the payment of this row.
pub(crate) fn checks(row: &Row<'_>) -> Result<Checks, Fault> {
    let text = row.get_ref("checks")?.as_str().map_err(|_| Fault::Unreadable("payments"))?;
    serde_json::from_str(text).map_err(|_| Fault::Unreadable("payments"))
}

fn attempts(
    connection: &Connection,
    sealer: &Sealer,
    [merchant, payment]: [&str; 2],
    parts: &mut Parts,
) -> Result<Vec<Attempt>, Fault> {
    let sql = "SELECT number, version, doc FROM attempts WHERE merchant = ? AND payment = ? ORDER BY number";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([merchant, payment])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, version) = (row.get("number")?, count(row, "version")?);
        let place = attempt_place(merchant, payment, number, version);
        attempts.push(sealer.open(&place, blob(row, "attempts")?)?);
        parts.put("attempts", number, version);
    }
    Ok(attempts)
}

fn charges(
    connection: &Connection,
    sealer: &Sealer,
    [merchant, payment]: [&str; 2],
    parts: &mut Parts,
) -> Result<Vec<Charge>, Fault> {
    let sql = "SELECT id, version, webhook_secret, doc FROM charges \
         WHERE merchant = ? AND payment = ? ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([merchant, payment])?;
    let mut charges = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, version): (String, u64) = (row.get("id")?, count(row, "version")?);
        let place = charge_place(merchant, payment, &id, version);
        let charge: Charge = sealer.open(&place, blob(row, "charges")?)?;
        let secret: Option<Vec<u8>> = row.get("webhook_secret")?;
        let open = |sealed: Vec<u8>| sealer.open(&secret_place(merchant, payment, &id), &sealed);
        charges.push(Charge { webhook_secret: secret.map(open).transpose()?, ..charge });
        parts.put("charges", id, version);
    }
    Ok(charges)
}

/// The document of a row.
fn blob<'a>(row: &'a Row<'_>, table: &'static str) -> Result<&'a [u8], Fault> {
    row.get_ref("doc")?.as_blob().map_err(|_| Fault::Unreadable(table))
}

/// Each attempt and charge of a payment with its version, from the two primary keys.
pub(crate) const PARTS: &str = "
    SELECT 0 AS is_charge, number AS part, version FROM attempts WHERE merchant = ?1 AND payment = ?2
    UNION ALL
    SELECT 1, id, version FROM charges WHERE merchant = ?1 AND payment = ?2";

pub(crate) fn parts(connection: &Connection, merchant: &str, payment: &str) -> Result<Parts, Fault> {
    let mut statement = connection.prepare_cached(PARTS)?;
    let mut rows = statement.query([merchant, payment])?;
    let mut parts = Parts::default();
    while let Some(row) = rows.next()? {
        let version = count(row, "version")?;
        if row.get("is_charge")? {
            parts.put("charges", row.get::<_, String>("part")?, version);
        } else {
            parts.put("attempts", row.get::<_, u16>("part")?, version);
        }
    }
    Ok(parts)
}
