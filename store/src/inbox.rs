//! Received webhooks that wait, and the deliveries that were seen.

use jiff::Timestamp;
use paymux_core::{
    model::{AccountId, WebhookId},
    provider::RawWebhook,
    store::{ReceivedWebhook, Room, StoreError},
};
use rusqlite::{Connection, params, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::{
    fault::Fault,
    queue::longest_lease_from,
    seal::{Place, Sealer},
    values::{count, micros, name, not_before},
};

/// What of a webhook is sealed. The body is base64 because JSON would write each byte as a number.
#[derive(Serialize, Deserialize)]
struct Doc {
    received_at: Timestamp,
    headers: Vec<(String, String)>,
    body: String,
}

fn place(account: &str, id: &str) -> Place {
    Place::new("inbox", &[account, id])
}

const fn room_name(room: Room) -> &'static str {
    match room {
        Room::Known => "known",
        Room::Unverified => "unverified",
    }
}

/// Puts a webhook in, unless `capacity` wait in its room of its account.
pub(crate) fn receive(
    connection: &Connection,
    sealer: &Sealer,
    webhook: &ReceivedWebhook,
    capacity: u64,
) -> Result<(), Fault> {
    let (account, room) = (webhook.account.as_str(), room_name(webhook.room));
    if counted(connection, ROOM_LENGTH, &[account, room])? >= capacity {
        return Err(StoreError::InboxFull.into());
    }
    let RawWebhook { headers, body, received_at } = &webhook.raw;
    let doc =
        Doc { received_at: *received_at, headers: headers.clone(), body: data_encoding::BASE64.encode(body) };
    let doc = sealer.seal(&place(account, webhook.id.as_str()), &doc)?;
    let sql = "INSERT INTO inbox (account, id, room, received_at, doc) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING";
    let values = params![account, webhook.id.as_str(), room, micros(*received_at), doc];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// SQLite steps over the entries of the account in an index: as many as its rooms hold, and no more.
pub(crate) const LENGTH: &str = "SELECT count(*) AS length FROM inbox WHERE account = ?";

pub(crate) const ROOM_LENGTH: &str = "SELECT count(*) AS length FROM inbox WHERE account = ? AND room = ?";

pub(crate) fn length(connection: &Connection, account: &AccountId) -> Result<u64, Fault> {
    counted(connection, LENGTH, &[account.as_str()])
}

fn counted(connection: &Connection, sql: &str, values: &[&str]) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    rows.next()?.map_or(Ok(0), |row| count(row, "length"))
}

/// The leased ones are the first of their room, so it steps over as many rows as there are leases, and no more.
pub(crate) const FREE: &str = "SELECT id FROM inbox \
     WHERE account = ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?) ORDER BY room, received_at, id LIMIT ?";

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
        .query_map(params![account.as_str(), micros(now), micros(longest_lease_from(now)), limit], |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    let mut webhooks = Vec::with_capacity(ids.len());
    for id in &ids {
        match take(connection, sealer, account, id, until) {
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
    account: &AccountId,
    id: &str,
    until: Timestamp,
) -> Result<ReceivedWebhook, Fault> {
    let sql = "UPDATE inbox SET lease_until = ? WHERE account = ? AND id = ? RETURNING id, room, doc";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![not_before(until), account.as_str(), id])?;
    let row = rows.next()?.ok_or(Fault::Unreadable("inbox"))?;
    let (id, room): (WebhookId, String) = (name(row, "id")?, row.get("room")?);
    let room = [Room::Known, Room::Unverified].into_iter().find(|known| room_name(*known) == room);
    let sealed: Vec<u8> = row.get("doc")?;
    let Doc { received_at, headers, body } = sealer.open(&place(account.as_str(), id.as_str()), &sealed)?;
    let body = data_encoding::BASE64.decode(body.as_bytes()).map_err(|_| Fault::Unreadable("inbox"))?;
    Ok(ReceivedWebhook {
        id,
        account: account.clone(),
        room: room.ok_or(Fault::Unreadable("inbox"))?,
        raw: RawWebhook { headers, body, received_at },
    })
}

pub(crate) fn finish(connection: &Connection, account: &AccountId, id: &WebhookId) -> Result<(), Fault> {
    let sql = "DELETE FROM inbox WHERE account = ? AND id = ?";
    connection.prepare_cached(sql)?.execute([account.as_str(), id.as_str()])?;
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
