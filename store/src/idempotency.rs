//! What idempotency keys stand for.

use jiff::Timestamp;
use paymux_core::{
    model::{CancelId, MerchantId, PaymentId},
    store::{IdempotencyRecord, StoredAnswer},
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::{
    fault::Fault,
    seal::{Place, Sealer},
    values::micros,
};

/// What of a record is sealed.
#[derive(Serialize, Deserialize)]
struct Doc {
    digest: String,
    payment: Option<PaymentId>,
    cancel: Option<CancelId>,
    answer: Option<StoredAnswer>,
    created_at: Timestamp,
}

fn place(merchant: &str, key: &str) -> Place {
    Place::new("idempotency", &[merchant, key])
}

pub(crate) fn exists(connection: &Connection, record: &IdempotencyRecord) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM idempotency WHERE merchant = ? AND key = ?";
    Ok(connection.prepare_cached(sql)?.exists([record.merchant.as_str(), &record.key])?)
}

pub(crate) fn insert(
    connection: &Connection,
    sealer: &Sealer,
    record: &IdempotencyRecord,
) -> Result<(), Fault> {
    let doc = seal(sealer, record)?;
    let sql = "INSERT INTO idempotency (merchant, key, cancel, created_at, doc) VALUES (?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![
        record.merchant.as_str(),
        record.key,
        record.cancel.as_ref().map(CancelId::as_str),
        micros(record.created_at),
        doc,
    ])?;
    Ok(())
}

pub(crate) fn find(
    connection: &Connection,
    sealer: &Sealer,
    merchant: &MerchantId,
    key: &str,
) -> Result<Option<IdempotencyRecord>, Fault> {
    let sql = "SELECT doc FROM idempotency WHERE merchant = ? AND key = ?";
    let values = [merchant.as_str(), key];
    let doc: Option<Vec<u8>> =
        connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
    let Some(doc) = doc else { return Ok(None) };
    let place = place(merchant.as_str(), key);
    let Doc { digest, payment, cancel, answer, created_at } = sealer.open(&place, &doc)?;
    let (merchant, key) = (merchant.clone(), key.to_owned());
    Ok(Some(IdempotencyRecord { merchant, key, digest, payment, cancel, answer, created_at }))
}

/// The first final answer stays, and another request under the same key changes nothing.
pub(crate) fn save_answer(
    connection: &Connection,
    sealer: &Sealer,
    record: &IdempotencyRecord,
) -> Result<(), Fault> {
    let Some(kept) = find(connection, sealer, &record.merchant, &record.key)? else {
        return insert(connection, sealer, record);
    };
    if kept.answer.is_some() || kept.digest != record.digest {
        return Ok(());
    }
    let answered = IdempotencyRecord { answer: record.answer.clone(), ..kept };
    let doc = seal(sealer, &answered)?;
    let sql = "UPDATE idempotency SET doc = ? WHERE merchant = ? AND key = ?";
    connection.prepare_cached(sql)?.execute(params![doc, record.merchant.as_str(), record.key])?;
    Ok(())
}

pub(crate) const DELETE_BEFORE: &str = "DELETE FROM idempotency WHERE cancel IS NULL AND created_at < ?";

pub(crate) fn delete_before(connection: &Connection, before: Timestamp) -> Result<u64, Fault> {
    let deleted = connection.prepare_cached(DELETE_BEFORE)?.execute([micros(before)])?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

fn seal(sealer: &Sealer, record: &IdempotencyRecord) -> Result<Vec<u8>, Fault> {
    let doc = Doc {
        digest: record.digest.clone(),
        payment: record.payment.clone(),
        cancel: record.cancel.clone(),
        answer: record.answer.clone(),
        created_at: record.created_at,
    };
    sealer.seal(&place(record.merchant.as_str(), &record.key), &doc)
}
