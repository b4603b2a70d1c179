//! Payments of another system, among which a merchant has to find his own.

use serde_json::{Map, Value};

use super::{
    ids,
    language::Language,
    row::{Ask, Method, Opening, Row, Status},
    state::Toss,
    time,
    transactions::row_of,
};
use crate::{
    ControlError, ForeignPayment,
    random::{LOWER, random_text},
};

/// Enters a foreign card payment, made now; answers its row in the list of transactions. Only that row looks as the
/// fields say: a look-up shows the payment as Toss itself could have written it.
pub(super) fn enter_foreign(toss: &Toss, foreign: &ForeignPayment) -> Result<Value, ControlError> {
    let pair = toss.pair_or_first(foreign.client_key.as_deref())?;
    let mut row = plausible_row(toss, &pair.client_key, &foreign.fields);
    let only = row.transactions.first();
    let plausible = only.map(|only| row_of(toss, Language::Korean, &row, only)).unwrap_or_default();
    foreign.check(&plausible)?;
    for transaction in &mut row.transactions {
        transaction.foreign = Some(foreign.clone());
    }
    toss.books.write(|books| {
        if books.find(&row.payment_key).is_some() {
            return Err(ControlError::invalid_state("there is a payment with this paymentKey"));
        }
        books.insert(row);
        Ok(foreign.lay_over(plausible).into())
    })
}

/// A card payment, with those of the fields that Toss could have written.
fn plausible_row(toss: &Toss, client_key: &str, fields: &Map<String, Value>) -> Row {
    let now_ms = toss.clock.now_ms();
    let text = |name: &str| fields.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let at_ms = text("transactionAt").and_then(|text| time::parse(&text)).unwrap_or(now_ms);
    let opening = Opening {
        order_id: text("orderId").unwrap_or_else(|| format!("foreign-{}", random_text(LOWER, 12))),
        order_name: "다른 시스템의 주문".to_owned(),
        amount: fields.get("amount").and_then(Value::as_u64).unwrap_or(10_000),
        tax_free: 0,
        method: Some(Method::Card),
        ask: Ask::default(),
    };
    let payment_key = text("paymentKey").unwrap_or_else(|| ids::payment_key(&toss.config.mid, at_ms));
    let mut row = Row::opened(payment_key, client_key.to_owned(), opening, at_ms);
    row.status = Status::Done;
    row.approved_at_ms = Some(at_ms);
    row.taken = row.total;
    row.record(text("transactionKey").unwrap_or_else(ids::transaction_key), row.total, at_ms);
    row
}
