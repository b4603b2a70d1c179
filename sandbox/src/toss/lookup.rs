//! `GET /v1/payments/{paymentKey}` and `GET /v1/payments/orders/{orderId}`.

use serde_json::Value;

use super::{
    Call,
    errors::{NOT_FOUND_PAYMENT, Refusal},
    row::{Row, TossBooks},
};

impl Call<'_> {
    pub(super) fn get(&self, payment_key: &str) -> Result<Value, Refusal> {
        self.toss.books.read(|books| {
            let row = books.find(payment_key).filter(|row| self.owns(row));
            row.map(|row| self.look(row)).ok_or(NOT_FOUND_PAYMENT.refuse())
        })
    }

    /// The approved payment of an order if there is one, else the latest: which one is not documented.
    pub(super) fn get_by_order(&self, order_id: &str) -> Result<Value, Refusal> {
        self.toss.books.read(|books| {
            let shown = self.shown_of_order(books, order_id).ok_or(NOT_FOUND_PAYMENT.refuse())?;
            let other =
                books.of_order(order_id).find(|row| self.owns(row) && row.payment_key != shown.payment_key);
            let row = other.filter(|_| self.how.is_other_attempt_by_order()).unwrap_or(shown);
            Ok(self.look(row))
        })
    }

    fn shown_of_order<'b>(&self, books: &'b TossBooks, order_id: &str) -> Option<&'b Row> {
        let mine = || books.of_order(order_id).filter(|row| self.owns(row));
        mine().find(|row| row.was_approved()).or_else(|| mine().next_back())
    }

    fn look(&self, row: &Row) -> Value {
        let row = if self.how.is_stale_read() { row.stale() } else { row };
        self.show(row, false)
    }
}
