//! That no search walks through a table: SQLite is asked how it would go about each.

use paymux_core::{model::PaymentStatus, store::PaymentFilter};
use rusqlite::Connection;

use crate::{accounts, admin, commit, events, idempotency, inbox, migrations, queue, records};

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
fn every_search_uses_an_index_and_sorts_nothing() {
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
        (records::OWNER_OF_ORDER.to_owned(), "attempts_order"),
        (records::OWNER_OF_CHARGE.to_owned(), "charges_pg_id"),
        (commit::STORED.to_owned(), "payments_id"),
        (commit::HOLDER.to_owned(), "payments_held_order"),
        (commit::ACCEPTED.to_owned(), "charges_pg_id"),
        (queue::DUE.to_owned(), "payments_ready"),
        (queue::NEXT_DUE.to_owned(), "payments_ready"),
        (queue::VOID.to_owned(), "payments_leased"),
        (events::AFTER.to_owned(), "events_feed"),
        (events::OF_PAYMENT.to_owned(), "events_payment"),
        (inbox::FREE.to_owned(), "inbox_order"),
        (inbox::LENGTH.to_owned(), "sqlite_autoindex_inbox_1"),
        (inbox::ROOM_LENGTH.to_owned(), "inbox_order"),
        (admin::OWNER_OF.to_owned(), "payments_id"),
        (admin::ALL_PAYMENTS.to_owned(), "payments_id"),
        (admin::WITH_REVIEWS.to_owned(), "payments_reviews"),
        (admin::WITH_OPEN_REVIEWS.to_owned(), "payments_open_reviews"),
        (idempotency::DELETE_BEFORE.to_owned(), "idempotency_age"),
        (accounts::LIVE_PAYMENTS.to_owned(), "payments_live"),
    ] {
        let steps = plan(&sql);
        let [step] = steps.as_slice() else { panic!("{steps:?} for {sql}") };
        assert!(step.starts_with("SEARCH") && step.contains(index), "{step} for {sql}");
    }
}

#[test]
fn parts_of_a_payment_are_found_by_their_keys() {
    let steps = plan(records::PARTS);
    let searches: Vec<_> = steps.iter().filter(|step| step.contains("sqlite_autoindex")).collect();
    assert_eq!(searches.len(), 2, "{steps:?}");
    assert!(!steps.iter().any(|step| step.starts_with("SCAN") || step.contains("TEMP B-TREE")), "{steps:?}");
}

#[test]
fn payments_are_counted_in_an_index() {
    let steps = plan(admin::COUNT_PAYMENTS);
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert!(step.starts_with("SCAN payments USING COVERING INDEX"), "{step}");
}
