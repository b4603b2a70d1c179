//! `GET /v1/payments/{paymentKey}` and `GET /v1/payments/orders/{orderId}`.

use serde_json::Value;

use super::{
    books::TossBooks,
    call::Call,
    errors::{NOT_FOUND_PAYMENT, Refusal},
    row::Row,
};

pub(super) fn get(call: &Call<'_>, payment_key: &str) -> Result<Value, Refusal> {
    call.toss.books.read(|books| {
        let row = books.find(payment_key).filter(|row| call.owns(row));
        row.map(|row| look(call, row)).ok_or(NOT_FOUND_PAYMENT.refuse())
    })
}

/// The approved payment of an order if there is one, else the latest: which one is not documented.
pub(super) fn get_by_order(call: &Call<'_>, order_id: &str) -> Result<Value, Refusal> {
    call.toss.books.read(|books| {
        let shown = shown_of_order(call, books, order_id).ok_or(NOT_FOUND_PAYMENT.refuse())?;
        let other =
            books.of_order(order_id).find(|row| call.owns(row) && row.payment_key != shown.payment_key);
        let row = other.filter(|_| call.how.is_other_attempt_by_order()).unwrap_or(shown);
        Ok(look(call, row))
    })
}

fn shown_of_order<'b>(call: &Call<'_>, books: &'b TossBooks, order_id: &str) -> Option<&'b Row> {
    let mine = || books.of_order(order_id).filter(|row| call.owns(row));
    mine().find(|row| row.was_approved()).or_else(|| mine().next_back())
}

fn look(call: &Call<'_>, row: &Row) -> Value {
    let row = if call.how.is_stale_read() { row.stale() } else { row };
    call.show(row, false)
}
