//! `GET /v1/transactions`: a row for every approval and every cancel (Toss docs, reference: 거래).

use paymux_core::provider::{MovementKind, Page, PgMovement};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{decimal::Decimal, field::Field, time::instant};
use crate::unreadable::Unreadable;

/// What we ask for. Toss gives up to 5,000 (default 100); this many stay well below what we read of a body.
pub(crate) const ROWS_PER_PAGE: usize = 500;

/// A row. Amounts are positive whichever way the money went: the status tells the direction.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Transaction {
    transaction_key: Field<String>,
    payment_key: Field<String>,
    order_id: Field<String>,
    status: Field<String>,
    transaction_at: Field<String>,
    currency: Field<String>,
    amount: Field<Decimal>,
}

/// Reads one page, an array without envelope. `cursor` is what it was asked behind.
///
/// The next page begins behind the last key of a full one.
pub(crate) fn page(body: &[u8], cursor: Option<&str>) -> Result<Page<PgMovement>, Unreadable> {
    let rows: Vec<&RawValue> = serde_json::from_slice(body)?;
    // What is no object has no field that could be read.
    let rows: Vec<Transaction> =
        rows.iter().map(|row| serde_json::from_str(row.get()).unwrap_or_default()).collect();
    let mut page = Page { rows: Vec::new(), unreadable: 0, next: next(&rows, cursor)? };
    let mut first_error = None;
    for row in &rows {
        match row.movement() {
            Ok(movement) => page.rows.extend(movement),
            Err(error) => {
                page.unreadable = page.unreadable.saturating_add(1);
                first_error.get_or_insert(error);
            }
        }
    }
    if let Some(error) = first_error {
        let unreadable = page.unreadable;
        tracing::warn!("{unreadable} rows of Toss' transaction list cannot be read; the first: {error}");
    }
    Ok(page)
}

/// Where the next page begins, if this one is full: behind its last key that can be read. If that is not the last
/// row's, rows come twice, and none is missed.
fn next(rows: &[Transaction], cursor: Option<&str>) -> Result<Option<String>, Unreadable> {
    const KEY: &str = "transactionKey";
    if rows.len() < ROWS_PER_PAGE {
        return Ok(None);
    }
    let last =
        rows.iter().rev().find_map(|row| row.transaction_key.text()).ok_or(Unreadable::missing(KEY))?;
    if cursor == Some(last.as_str()) {
        return Err(Unreadable::field(KEY, "at the end of the page is the one it was asked behind"));
    }
    Ok(Some(last))
}

impl Transaction {
    /// The money that moved; `None` if none did. An amount that cannot be read, or in a currency we keep no books in,
    /// makes no row unreadable: the payment is looked up all the same.
    fn movement(&self) -> Result<Option<PgMovement>, Unreadable> {
        let at = self.transaction_at.required("transactionAt")?;
        let at = instant(at).ok_or(Unreadable::field("transactionAt", "is not a time"))?;
        let amount = self
            .currency
            .currency("currency")
            .and_then(|currency| self.amount.money("amount", currency))
            .ok();
        let kind = match self.status.required("status")?.as_str() {
            "DONE" => MovementKind::In,
            // Also an account that was closed before any deposit: its row has the amount it waited for.
            "CANCELED" | "PARTIAL_CANCELED" => MovementKind::Back,
            // An account was issued: no money, and amount 0. With an amount it may be a deposit that was reversed
            // (whether that makes a row is not documented).
            "WAITING_FOR_DEPOSIT" if amount.is_some_and(|amount| amount.is_zero()) => return Ok(None),
            "WAITING_FOR_DEPOSIT" => MovementKind::Back,
            _ => return Err(Unreadable::field("status", "is newer than this code")),
        };
        let pg_payment_id = self.payment_key.text().and_then(|key| key.parse().ok());
        let order_id = self.order_id.text();
        if pg_payment_id.is_none() && order_id.is_none() {
            return Err(Unreadable::missing("paymentKey"));
        }
        Ok(Some(PgMovement { pg_payment_id, order_id, kind, amount, at }))
    }
}

#[cfg(test)]
mod tests {
    use paymux_core::model::Money;
    use serde_json::{Value, json};

    use super::*;

    const KEY: &str = "tshop20260314103015Qe7Rd";

    fn row(changes: Value) -> Value {
        let mut row = json!({
            "mId": "tshopkorea", "transactionKey": "txrd_1", "paymentKey": KEY, "orderId": "o-1", "method": "카드",
            "customerKey": null, "useEscrow": false, "receiptUrl": "https://dashboard.tosspayments.com/receipt",
            "status": "DONE", "transactionAt": "2026-03-14T10:31:02+09:00", "currency": "KRW", "amount": 27500,
        });
        row.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        row
    }

    fn read(rows: &[Value]) -> Page<PgMovement> {
        page(json!(rows).to_string().as_bytes(), None).unwrap()
    }

    fn movement(kind: MovementKind, amount: Option<u64>) -> PgMovement {
        PgMovement {
            pg_payment_id: Some(KEY.parse().unwrap()),
            order_id: Some("o-1".to_owned()),
            kind,
            amount: amount.map(Money::krw),
            at: "2026-03-14T01:31:02Z".parse().unwrap(),
        }
    }

    /// `count` rows with the keys `txrd_1` to `txrd_{count}`.
    fn full(count: usize) -> Vec<Value> {
        (1..=count).map(|number| row(json!({"transactionKey": format!("txrd_{number}")}))).collect()
    }

    #[test]
    fn status_tells_the_direction_of_a_positive_amount() {
        use MovementKind::{Back, In};
        for (changes, expected) in [
            (json!({}), Some(movement(In, Some(27_500)))),
            (json!({"status": "PARTIAL_CANCELED", "amount": 7500}), Some(movement(Back, Some(7_500)))),
            (json!({"status": "CANCELED", "amount": 22400}), Some(movement(Back, Some(22_400)))),
            (json!({"status": "WAITING_FOR_DEPOSIT", "amount": 0}), None),
            (json!({"status": "WAITING_FOR_DEPOSIT"}), Some(movement(Back, Some(27_500)))),
            (json!({"transactionAt": "2026-03-14T10:31:02"}), Some(movement(In, Some(27_500)))),
        ] {
            let page = read(&[row(changes.clone())]);
            assert_eq!(
                (page.rows, page.unreadable, page.next),
                (Vec::from_iter(expected), 0, None),
                "{changes}"
            );
        }
    }

    #[test]
    fn row_without_a_readable_amount_is_still_a_hint() {
        for changes in [
            json!({"currency": "EUR"}),
            json!({"currency": 7}),
            json!({"amount": "lots"}),
            json!({"amount": -27500}),
            json!({"amount": null}),
        ] {
            let page = read(&[row(changes.clone())]);
            assert_eq!(
                (page.rows, page.unreadable),
                (vec![movement(MovementKind::In, None)], 0),
                "{changes}"
            );
        }
    }

    #[test]
    fn row_that_names_one_of_its_two_ids_is_a_hint() {
        for changes in [json!({"paymentKey": "no key"}), json!({"paymentKey": null}), json!({"orderId": 7})] {
            assert_eq!(read(&[row(changes.clone())]).rows.len(), 1, "{changes}");
        }
    }

    #[test]
    fn unreadable_row_is_counted_and_hides_no_other() {
        for unreadable in [
            row(json!({"status": "A_STATUS_OF_NEXT_YEAR"})),
            row(json!({"status": null})),
            row(json!({"transactionAt": "soon"})),
            row(json!({"transactionAt": 7})),
            row(json!({"paymentKey": null, "orderId": null})),
            json!(null),
            json!("x"),
            json!([]),
            json!({}),
        ] {
            let page = read(&[unreadable.clone(), row(json!({})), unreadable.clone()]);
            assert_eq!(page.rows, [movement(MovementKind::In, Some(27_500))], "{unreadable}");
            assert_eq!(page.unreadable, 2, "{unreadable}");
        }
    }

    #[test]
    fn full_page_names_its_last_key_as_cursor() {
        assert_eq!(read(&[]).next, None);
        assert_eq!(read(&full(ROWS_PER_PAGE - 1)).next, None);
        assert_eq!(read(&full(ROWS_PER_PAGE)).next.as_deref(), Some("txrd_500"));
    }

    #[test]
    fn cursor_falls_back_behind_an_unreadable_key() {
        let mut rows = full(ROWS_PER_PAGE);
        rows[ROWS_PER_PAGE - 1] = json!("x");
        assert_eq!(read(&rows).next.as_deref(), Some("txrd_499"));
        let keyless = vec![row(json!({"transactionKey": null})); ROWS_PER_PAGE];
        let error = page(json!(keyless).to_string().as_bytes(), None).unwrap_err();
        assert_eq!(error.to_string(), "the answer's transactionKey is missing");
    }

    #[test]
    fn page_that_ends_where_it_began_is_an_error() {
        let body = json!(full(ROWS_PER_PAGE)).to_string();
        assert!(page(body.as_bytes(), Some("txrd_7")).is_ok());
        let error = page(body.as_bytes(), Some("txrd_500")).unwrap_err();
        assert!(error.to_string().contains("transactionKey"), "{error}");
    }

    #[test]
    fn body_that_is_no_list_is_unreadable() {
        for body in ["", "{}", "null", "<html>", r#"[{"status": "DONE""#] {
            assert!(page(body.as_bytes(), None).is_err(), "{body}");
        }
    }
}
