//! `GET /v1/payments/{paymentKey}/checkout`: where the payment window of a server-made payment opens.

use http::StatusCode;

use super::{errors::NOT_FOUND_PAYMENT, language::Language, state::Toss};
use crate::Answer;

/// A page that says what the control API can do for the buyer.
pub(super) fn checkout_page(toss: &Toss, payment_key: &str) -> Answer {
    let row = toss.books.read(|books| books.find(payment_key).cloned());
    let Some(row) = row else { return NOT_FOUND_PAYMENT.refuse().answer(Language::Korean) };
    let (order_id, order_name) = (escape(&row.order_id), escape(&row.order_name));
    let page = format!(
        "<!doctype html><html lang=\"ko\"><meta charset=\"utf-8\"><title>{order_name}</title>\
         <h1>{order_name}</h1><p>{total}원, {status}</p>\
         <p>POST /_sandbox/pay {{\"order_id\": \"{order_id}\", \"outcome\": \"approve\"}}</p></html>",
        total = row.total,
        status = row.status.as_str(),
    );
    Answer::html(StatusCode::OK, page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
