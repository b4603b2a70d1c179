//! Looks payments up: by `imp_uid`, or every payment under a `merchant_uid`.

use paymux_core::{
    model::{PgOrderId, PgPaymentId, Snapshot},
    provider::{ChargeRef, LookUp, ProviderError},
};
use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;

use super::{
    client::{Answer, Client},
    errors,
    refusal::Refusal,
    transport::Call,
    wire::{PAGE_LIMIT, Page, Payment, Unreadable, is_imp_uid, snapshot},
};

/// The most pages read of one order: ten thousand payments. Each is a window that was opened, and few orders have ten.
const MOST_PAGES: u32 = 10;

/// By `imp_uid` where it is known, else by order id.
pub(crate) async fn verify(client: &Client, subject: &ChargeRef) -> Result<LookUp, ProviderError> {
    match &subject.pg_payment_id {
        Some(id) => by_id(client, id, &subject.order_id).await,
        None => by_order(client, &subject.order_id).await,
    }
}

/// The payment with this `imp_uid`, whichever order id it carries: the core compares.
async fn by_id(client: &Client, id: &PgPaymentId, order: &PgOrderId) -> Result<LookUp, ProviderError> {
    let found = |charge: Option<Snapshot>| LookUp { charges: charge.into_iter().collect(), complete: true };
    // PortOne never issued such an id, and it could not stand in a path.
    if !is_imp_uid(id.as_str()) {
        return Ok(found(None));
    }
    let mut call = Call::new("payment", Method::GET, ["payments", id.as_str()]);
    if client.include_sandbox() {
        call = call.query("include_sandbox", true);
    }
    let row = match client.call(call, client.deadline()).await? {
        Answer::Processed(row) => row,
        Answer::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND => return Ok(found(None)),
        Answer::Refused(refusal) => return Err(errors::look_up(&refusal)),
    };
    match snapshot(&row) {
        Ok(charge) if charge.pg_payment_id == *id => Ok(found(Some(charge))),
        Ok(_) => Err(ProviderError::no_answer(Unreadable::new("imp_uid", "is another than was asked for"))),
        // A foreign payment that a browser claimed, in a currency of its own: no charge of this order has that id.
        Err(error) if is_foreign(&row, order) => {
            tracing::info!(%error, order_id = %order, "a foreign payment was claimed and cannot be read");
            Ok(found(None))
        }
        Err(error) => Err(ProviderError::no_answer(error)),
    }
}

/// Whether a payment names an order id, and not this one.
fn is_foreign(row: &RawValue, order: &PgOrderId) -> bool {
    let named = Payment::read(row).ok().and_then(|payment| payment.merchant_uid);
    named.is_some_and(|named| named != order.as_str())
}

/// Every payment under an order id. Complete if the last page was reached and every payment could be read.
///
/// PortOne does not document whether this list leaves out payments of test channels, as the look-up by `imp_uid` does.
async fn by_order(client: &Client, order: &PgOrderId) -> Result<LookUp, ProviderError> {
    let deadline = client.deadline();
    let mut found = LookUp { charges: Vec::new(), complete: false };
    let mut all_read = true;
    for number in 1..=MOST_PAGES {
        // Oldest first: a payment made meanwhile joins the end and moves no other to a page already read.
        let call = Call::new("payments_of_order", Method::GET, ["payments", "findAll", order.as_str()])
            .query("sorting", "started")
            .query("page", number)
            .query("limit", PAGE_LIMIT);
        let page = match client.call(call, deadline).await? {
            Answer::Processed(response) => Page::read(&response, number).map_err(ProviderError::no_answer)?,
            Answer::Refused(refusal) => return beyond(found, number, &refusal),
        };
        for row in &page.rows {
            match snapshot(row) {
                Ok(charge) if charge.order_id == order.as_str() => found.charges.push(charge),
                Ok(_) => {
                    let error = Unreadable::new("merchant_uid", "is another than was asked for");
                    return Err(ProviderError::no_answer(error));
                }
                // It must not hide the others, which may hold the money; and without it nothing is known to be absent.
                Err(error) => {
                    tracing::warn!(%error, order_id = %order, "a payment of the order cannot be read");
                    all_read = false;
                }
            }
        }
        if !page.has_next {
            return Ok(LookUp { complete: all_read, ..found });
        }
    }
    tracing::warn!(order_id = %order, "the order has more payments than are read");
    Ok(found)
}

/// A refused page: of an order without payments 404; beyond the last page 400 or 404, after a page that announced it.
fn beyond(found: LookUp, page: u32, refusal: &Refusal) -> Result<LookUp, ProviderError> {
    match refusal.status {
        StatusCode::NOT_FOUND if page == 1 => Ok(LookUp { complete: true, ..found }),
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST if page > 1 => Ok(found),
        _ => Err(errors::look_up(refusal)),
    }
}
