//! The event feed.

use paymux_core::model::{Event, MerchantId, NewEvent, Payment, PaymentId};
use rusqlite::{Connection, Params, params};

use crate::{
    fault::Fault,
    seal::{Place, Sealer},
    values::{bigint, count},
};

fn place(merchant: &str, payment: &str, id: &str) -> Place {
    Place::new("events", &[merchant, payment, id])
}

pub(crate) fn append(
    connection: &Connection,
    sealer: &Sealer,
    payment: &Payment,
    event: &NewEvent,
) -> Result<(), Fault> {
    let (merchant, payment, id) = (payment.merchant.as_str(), payment.id.as_str(), event.id.as_str());
    let doc = sealer.seal(&place(merchant, payment, id), event)?;
    let sql = "INSERT INTO events (merchant, payment, id, doc) VALUES (?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![merchant, payment, id, doc])?;
    Ok(())
}

pub(crate) const AFTER: &str = "SELECT position, payment, id, doc FROM events \
     WHERE merchant = ? AND position > ? ORDER BY position LIMIT ?";

pub(crate) fn after(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &MerchantId,
    after: u64,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    read(connection, sealer, merchant, AFTER, params![merchant.as_str(), bigint(after), limit])
}

pub(crate) const OF_PAYMENT: &str = "SELECT position, payment, id, doc FROM events \
     WHERE merchant = ? AND payment = ? ORDER BY position";

pub(crate) fn of_payment(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &MerchantId,
    payment: &PaymentId,
) -> Result<Vec<Event>, Fault> {
    read(connection, sealer, merchant, OF_PAYMENT, params![merchant.as_str(), payment.as_str()])
}

fn read(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &MerchantId,
    sql: &str,
    values: impl Params,
) -> Result<Vec<Event>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let (payment, id): (String, String) = (row.get("payment")?, row.get("id")?);
        let doc = row.get_ref("doc")?.as_blob().map_err(|_| Fault::Unreadable("events"))?;
        let event = sealer.open(&place(merchant.as_str(), &payment, &id), doc)?;
        events.push(Event { position: count(row, "position")?, event });
    }
    Ok(events)
}
