//! Received webhooks that wait, and the deliveries that were seen.

use gateway_core::{AccountId, RawWebhook, ReceivedWebhook, StoreError, WebhookId};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::{
    fault::Fault,
    seal::{Place, Sealer},
    values::{count, micros, name},
};

/// What of a webhook is sealed. The body is base64 because JSON would write each byte as a number.
#[derive(Serialize, Deserialize)]
struct Doc {
    received_at: Timestamp,
    content_type: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn place<'a>(key: &'a [&'a str; 2]) -> Place<'a> {
    Place { table: "inbox", key }
}

/// Puts a webhook in, unless `capacity` of its account wait.
pub(crate) fn receive(
    connection: &Connection,
    sealer: &Sealer,
    webhook: &ReceivedWebhook,
    capacity: u64,
) -> Result<(), Fault> {
    if length(connection, &webhook.account)? >= capacity {
        return Err(StoreError::InboxFull.into());
    }
    let key = [webhook.account.as_str(), webhook.id.as_str()];
    let doc = sealer.seal(
        place(&key),
        &Doc {
            received_at: webhook.received_at,
            content_type: webhook.raw.content_type.clone(),
            headers: webhook.raw.headers.clone(),
            body: data_encoding::BASE64.encode(&webhook.raw.body),
        },
    )?;
    let sql = "INSERT INTO inbox (account, id, received_at, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let values = params![key[0], key[1], micros(webhook.received_at), doc];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// SQLite steps over the entries of the account in an index: as many as a capacity allows, and no more.
pub(crate) const LENGTH: &str = "SELECT count(*) AS length FROM inbox WHERE account = ?";

pub(crate) fn length(connection: &Connection, account: &AccountId) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached(LENGTH)?;
    let mut rows = statement.query([account.as_str()])?;
    rows.next()?.map_or(Ok(0), |row| count(row, "length"))
}

/// The leased ones are the account's oldest, so it steps over as many rows as there are leases, and no more.
pub(crate) const FREE: &str = "SELECT id FROM inbox \
     WHERE account = ? AND (lease_until IS NULL OR lease_until <= ?) ORDER BY received_at, id LIMIT ?";

pub(crate) fn lease(
    connection: &Connection,
    sealer: &Sealer,
    account: &AccountId,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<ReceivedWebhook>, Fault> {
    let mut free = connection.prepare_cached(FREE)?;
    let ids: Vec<String> = free
        .query_map(params![account.as_str(), micros(now), limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut webhooks = Vec::with_capacity(ids.len());
    for id in &ids {
        match take(connection, sealer, id, until) {
            Ok(webhook) => webhooks.push(webhook),
            // It stays leased, so that it does not stand in the way of the others.
            Err(fault @ (Fault::Sealed(_) | Fault::Unreadable(_))) => {
                tracing::error!(webhook = id, %fault, "a webhook in the inbox cannot be opened");
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(webhooks)
}

fn take(
    connection: &Connection,
    sealer: &Sealer,
    id: &str,
    until: Timestamp,
) -> Result<ReceivedWebhook, Fault> {
    let sql = "UPDATE inbox SET lease_until = ? WHERE id = ? RETURNING account, id, doc";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![micros(until), id])?;
    let row = rows.next()?.ok_or(Fault::Unreadable("inbox"))?;
    let (account, id): (AccountId, WebhookId) = (name(row, "account")?, name(row, "id")?);
    let sealed: Vec<u8> = row.get("doc")?;
    let doc: Doc = sealer.open(place(&[account.as_str(), id.as_str()]), &sealed)?;
    let body = data_encoding::BASE64.decode(doc.body.as_bytes()).map_err(|_| Fault::Unreadable("inbox"))?;
    let raw = RawWebhook { content_type: doc.content_type, headers: doc.headers, body };
    Ok(ReceivedWebhook { id, account, received_at: doc.received_at, raw })
}

pub(crate) fn finish(connection: &Connection, id: &WebhookId) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM inbox WHERE id = ?")?.execute([id.as_str()])?;
    Ok(())
}

/// Whether the delivery is new.
pub(crate) fn remember_delivery(
    connection: &Connection,
    account: &AccountId,
    delivery_id: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let sql =
        "INSERT INTO deliveries (account, delivery_id, seen_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    let inserted =
        connection.prepare_cached(sql)?.execute(params![account.as_str(), delivery_id, micros(now)])?;
    Ok(inserted > 0)
}
