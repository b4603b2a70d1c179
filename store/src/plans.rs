//! That no search walks through a table: SQLite is asked how it would go about each.

use gateway_core::{PaymentFilter, PaymentStatus};
use rusqlite::Connection;

use crate::{accounts, events, idempotency, inbox, migrations, operators, records, watches};

fn plan(sql: &str) -> Vec<String> {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::migrate(&mut connection, migrations::ALL).unwrap();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    // Values that are not bound are NULL, which no plan depends on.
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get::<_, String>("detail").unwrap());
    }
    steps
}

#[test]
fn every_search_goes_through_an_index_and_sorts_nothing() {
    let list = |order_id: Option<&str>, status| {
        let order_id = order_id.map(|text| text.parse().unwrap());
        records::list_sql(&PaymentFilter { order_id, status, before: None })
    };
    let paid = Some(PaymentStatus::Paid);
    for (sql, index) in [
        (list(None, None), "sqlite_autoindex_payments_1"),
        (list(Some("order-1"), None), "payments_order"),
        (list(None, paid), "payments_status"),
        (list(Some("order-1"), paid), "payments_order"),
        (records::OWNER_OF_ATTEMPT.to_owned(), "attempts_order"),
        (records::OWNER_OF_PG_ID.to_owned(), "attempts_claimed"),
        (watches::MARK_DIRTY.to_owned(), "payments_id"),
        (watches::DUE.to_owned(), "payments_ready"),
        (watches::NEXT_DUE.to_owned(), "payments_ready"),
        (events::AFTER.to_owned(), "events_feed"),
        (events::OF_PAYMENT.to_owned(), "events_payment"),
        (inbox::FREE.to_owned(), "inbox_age"),
        (inbox::LENGTH.to_owned(), "inbox_age"),
        (operators::OWNER_OF.to_owned(), "payments_id"),
        (operators::ALL_PAYMENTS.to_owned(), "payments_id"),
        (operators::WITH_CASES.to_owned(), "payments_cases"),
        (operators::WITH_OPEN_CASES.to_owned(), "payments_open_cases"),
        (idempotency::FORGET.to_owned(), "idempotency_age"),
        (accounts::IN_USE.to_owned(), "payments_in_use"),
    ] {
        let steps = plan(&sql);
        let [step] = steps.as_slice() else { panic!("{steps:?} for {sql}") };
        assert!(step.starts_with("SEARCH") && step.contains(index), "{step} for {sql}");
    }
}

#[test]
fn payments_are_counted_in_an_index() {
    let steps = plan(operators::COUNT_PAYMENTS);
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert!(step.starts_with("SCAN payments USING COVERING INDEX"), "{step}");
}
