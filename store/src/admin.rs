//! What operators and the start of a process ask: the payments of every merchant, and when the newest commit was.

use jiff::Timestamp;
use paymux_core::model::{MerchantId, PaymentId};
use rusqlite::{Connection, params};

use crate::{
    fault::Fault,
    values::{after, count, moment, name},
};

pub(crate) const OWNER_OF: &str = "SELECT merchant FROM payments WHERE id = ?";

pub(crate) fn owner_of(connection: &Connection, payment: &PaymentId) -> Result<Option<MerchantId>, Fault> {
    let mut statement = connection.prepare_cached(OWNER_OF)?;
    let mut rows = statement.query([payment.as_str()])?;
    rows.next()?.map(|row| name(row, "merchant")).transpose()
}

pub(crate) const ALL_PAYMENTS: &str = "SELECT merchant, id FROM payments WHERE id > ? ORDER BY id LIMIT ?";

pub(crate) fn all_payments(
    connection: &Connection,
    last: Option<&PaymentId>,
    limit: u32,
) -> Result<Vec<(MerchantId, PaymentId)>, Fault> {
    page(connection, ALL_PAYMENTS, last, limit)
}

pub(crate) const COUNT_PAYMENTS: &str = "SELECT count(*) AS payments FROM payments";

/// SQLite counts the entries of the smallest index page by page.
pub(crate) fn count_payments(connection: &Connection) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached(COUNT_PAYMENTS)?;
    let mut rows = statement.query([])?;
    rows.next()?.map_or(Ok(0), |row| count(row, "payments"))
}

/// Word for word the condition of the index `payments_reviews`, or SQLite would not use it.
pub(crate) const WITH_REVIEWS: &str =
    "SELECT merchant, id FROM payments WHERE review_state IS NOT NULL AND id > ? ORDER BY id LIMIT ?";

/// Word for word the condition of the index `payments_open_reviews`.
pub(crate) const WITH_OPEN_REVIEWS: &str =
    "SELECT merchant, id FROM payments WHERE review_state = 'open' AND id > ? ORDER BY id LIMIT ?";

pub(crate) fn payments_with_reviews(
    connection: &Connection,
    only_open: bool,
    last: Option<&PaymentId>,
    limit: u32,
) -> Result<Vec<(MerchantId, PaymentId)>, Fault> {
    page(connection, if only_open { WITH_OPEN_REVIEWS } else { WITH_REVIEWS }, last, limit)
}

fn page(
    connection: &Connection,
    sql: &str,
    last: Option<&PaymentId>,
    limit: u32,
) -> Result<Vec<(MerchantId, PaymentId)>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![after(last), limit])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push((name(row, "merchant")?, name(row, "id")?));
    }
    Ok(page)
}

pub(crate) fn newest_commit(connection: &Connection) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached("SELECT newest_commit FROM store_check WHERE id = 1")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    moment(row, "newest_commit")
}
