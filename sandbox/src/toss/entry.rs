//! A payment in the list of the control API.

use serde_json::{Value, json};

use super::{
    refunds::refund_status,
    row::{Method, Row},
};

/// A payment as the control API lists it.
pub(super) fn book_entry(row: &Row) -> Value {
    json!({
        "order_id": row.order_id,
        "pg_id": row.payment_key,
        "client_key": row.client_key,
        "status": row.status.as_str(),
        "method": row.method.map(Method::korean),
        "amount": row.total,
        "discount": row.discount,
        "balance": row.balance(),
        "taken": row.taken,
        "given_back": row.given_back,
        "foreign": row.is_foreign(),
        "refund_status": row.virtual_account.as_ref().map(|_| refund_status(row).as_str()),
        "cancels": row.cancels,
        "virtual_account": row.virtual_account,
    })
}
