//! Looks payments up: by `imp_uid`, or every row of a `merchant_uid`.

use gateway_core::{PgOrderId, PgPaymentId, PgStatus, ProviderError, Snapshot};
use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;

use super::{
    client::{Answer, Client},
    errors,
    transport::Call,
    wire::{Page, Unreadable, is_imp_uid, snapshot},
};

/// The most rows a page may have (PortOne docs, V1 lists).
pub(crate) const PAGE_LIMIT: u32 = 1_000;
/// More pages than any answer has: a list that does not end is no list.
const MOST_PAGES: u32 = 10_000;

/// PortOne knows no payment under this id or order yet.
#[derive(Debug, thiserror::Error)]
#[error("PortOne knows no such payment yet")]
struct NotKnownYet;

/// What was taken in the window.
///
/// "PortOne knows none" is no answer here: the browser may be ahead of PortOne's own books, and a
/// payment that was taken must not become a decline. So it is `OutcomeUnknown`, and the core goes on
/// asking.
///
/// Without an `imp_uid` the order may have several rows. A paid one counts before an issued account,
/// and that before the rest; among equals the newest.
pub(crate) async fn confirm(
    client: &Client,
    order: &PgOrderId,
    pg_id: Option<&PgPaymentId>,
) -> Result<Snapshot, ProviderError> {
    let found = verify(client, order, pg_id).await?;
    found.into_iter().max_by_key(weight).ok_or_else(|| ProviderError::no_answer(NotKnownYet))
}

/// How much a row counts among the rows of its order. Of equals the last is taken, so rows come oldest first.
fn weight(row: &Snapshot) -> u8 {
    match row.status {
        PgStatus::Paid if !row.balance().is_zero() => 3,
        PgStatus::Paid => 2,
        PgStatus::AwaitingDeposit => 1,
        _ => 0,
    }
}

/// Every payment PortOne knows under the id, or under the order when there is none.
pub(crate) async fn verify(
    client: &Client,
    order: &PgOrderId,
    pg_id: Option<&PgPaymentId>,
) -> Result<Vec<Snapshot>, ProviderError> {
    match pg_id {
        Some(pg_id) => Ok(by_id(client, pg_id).await?.into_iter().collect()),
        None => by_order(client, order).await,
    }
}

async fn by_id(client: &Client, pg_id: &PgPaymentId) -> Result<Option<Snapshot>, ProviderError> {
    // PortOne never gave out such an id, and it could not stand in a path.
    if !is_imp_uid(pg_id.as_str()) {
        return Ok(None);
    }
    let mut call = Call::new("payment", Method::GET, ["payments", pg_id.as_str()]);
    if client.include_sandbox() {
        call = call.query("include_sandbox", true);
    }
    match client.call(call).await? {
        Answer::Processed(payment) => snapshot(&payment).map(Some).map_err(ProviderError::no_answer),
        Answer::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
        Answer::Refused(refusal) => Err(errors::look_up(&refusal)),
    }
}

async fn by_order(client: &Client, order: &PgOrderId) -> Result<Vec<Snapshot>, ProviderError> {
    // Oldest first: a row made meanwhile joins the end and moves no other to a page already read.
    let list = || {
        Call::new("payments_of_order", Method::GET, ["payments", "findAll", order.as_str()])
            .query("sorting", "started")
    };
    let rows = every_page(client, list, StatusCode::NOT_FOUND).await?;
    rows.iter().map(|row| snapshot(row)).collect::<Result<_, _>>().map_err(ProviderError::no_answer)
}

/// The rows of all pages. `none` is the status of an empty list; 400 is a page beyond its end.
pub(crate) async fn every_page(
    client: &Client,
    list: impl Fn() -> Call,
    none: StatusCode,
) -> Result<Vec<Box<RawValue>>, ProviderError> {
    let mut rows = Vec::new();
    for page in 1..=MOST_PAGES {
        let call = list().query("page", page).query("limit", PAGE_LIMIT);
        let read = match client.call(call).await? {
            Answer::Processed(response) => Page::read(&response).map_err(ProviderError::no_answer)?,
            Answer::Refused(refusal) if page == 1 && refusal.status == none => return Ok(rows),
            Answer::Refused(refusal) if page > 1 && refusal.status == StatusCode::BAD_REQUEST => {
                return Ok(rows);
            }
            Answer::Refused(refusal) => return Err(errors::look_up(&refusal)),
        };
        rows.extend(read.list);
        if read.next == 0 {
            return Ok(rows);
        }
        if Some(read.next) != page.checked_add(1) {
            return Err(ProviderError::no_answer(Unreadable("a page whose next is another")));
        }
    }
    Err(ProviderError::no_answer(Unreadable("a list without end")))
}
