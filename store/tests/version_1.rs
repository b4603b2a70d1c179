//! That a database from before step 0002 goes on working.

#![expect(clippy::unwrap_used, reason = "a test that cannot be prepared has failed")]

use gateway_core::{
    Case, CaseKind, CaseSubject, Change, MerchantId, Money, Moved, Payment, PaymentId, PaymentRecord,
    PaymentStatus, Store,
};
use jiff::Timestamp;
use rusqlite::Connection;
use store::{Key, Keys, SqliteStore};
use tempfile::TempDir;

/// Paid and partly cancelled.
const PAID: &str = "pay_06gzwqst0srgq888e0nt90ckbw";

/// Registered, and nothing since.
const READY: &str = "pay_06gzwqst29ycb730v50vqtcga0";

/// When each is due, in microseconds.
const PAID_IS_DUE: i64 = 1_795_269_106_346_000;
const READY_IS_DUE: i64 = 1_795_270_816_082_000;

/// The store of this version, on the database of version 1.
struct Old {
    store: SqliteStore,
    _folder: TempDir,
}

fn old() -> Old {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paymux.db");
    let database = Connection::open(&path).unwrap();
    database.execute_batch(include_str!("../migrations/0001_begin.sql")).unwrap();
    database.execute_batch(include_str!("version_1.sql")).unwrap();
    drop(database);
    let store = SqliteStore::open(&path, &Keys::only(Key::new([7; 32]))).unwrap();
    Old { store, _folder: folder }
}

fn merchant() -> MerchantId {
    "demo".parse().unwrap()
}

fn id(text: &str) -> PaymentId {
    text.parse().unwrap()
}

fn micros(at: i64) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap()
}

async fn read(store: &SqliteStore, payment: &str) -> PaymentRecord {
    store.payment(&merchant(), &id(payment)).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_payment_of_version_1_reads_as_it_was() {
    let old = old();
    let PaymentRecord { payment, attempts, cancels, hints, events } = read(&old.store, PAID).await;
    assert_eq!(payment.status, PaymentStatus::PartiallyCancelled);
    assert_eq!((payment.amount_paid, payment.amount_cancelled), (Money::krw(27_500), Money::krw(7_500)));
    assert_eq!(payment.order_id.as_str(), "order-0001");
    assert_eq!(payment.terms.order_name, "사과 한 상자");
    assert_eq!((payment.version, hints, events), (9, 2, 6));
    assert_eq!(payment.watch.unwrap().at, micros(PAID_IS_DUE));
    assert_eq!((payment.cases, payment.hint_looked_at), (vec![], None));
    assert_eq!((attempts.len(), cancels.len()), (1, 1));
    assert!(attempts[0].accepted);
    assert_eq!(cancels[0].amount, Money::krw(7_500));
    assert_eq!(read(&old.store, READY).await.payment.status, PaymentStatus::Ready);
}

#[tokio::test]
async fn a_database_of_version_1_is_found_by_the_searches_of_this_one() {
    let Old { store, _folder } = old();
    let of = |payment: &str| (merchant(), id(payment));
    let (toss, portone) = ("toss".parse().unwrap(), "portone".parse().unwrap());

    assert_eq!(store.owner_of(&id(READY)).await.unwrap(), Some(merchant()));
    assert_eq!(store.count_payments().await.unwrap(), 2);
    assert_eq!(store.all_payments(None, 10).await.unwrap(), [of(PAID), of(READY)]);
    assert_eq!(store.payments_with_cases(false, None, 10).await.unwrap(), []);

    let events = store.events_of(&merchant(), &id(PAID)).await.unwrap();
    assert_eq!(events.iter().map(|told| told.event.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(events.iter().all(|told| told.event.moved == Moved::default()));

    assert_eq!(store.next_due(&toss).await.unwrap(), Some(micros(PAID_IS_DUE)));
    assert_eq!(store.next_due(&portone).await.unwrap(), None);
    let (now, until) = (micros(READY_IS_DUE), micros(READY_IS_DUE + 1));
    assert_eq!(store.lease_due(&portone, now, until, 10).await.unwrap(), []);
    assert_eq!(store.lease_due(&toss, now, until, 10).await.unwrap(), [of(PAID), of(READY)]);
}

#[tokio::test]
async fn a_payment_of_version_1_can_be_changed() {
    let Old { store, _folder } = old();
    let record = read(&store, PAID).await;
    let case = Case {
        number: 1,
        about: CaseSubject::Confirm(1),
        kind: CaseKind::UnknownConfirm,
        opened_at: micros(PAID_IS_DUE),
        closing: None,
    };
    let told = store.events_of(&merchant(), &record.payment.id).await.unwrap();
    let last = told.last().unwrap();
    let payment = Payment { version: 10, cases: vec![case], ..record.payment };
    let mut event = last.event.clone();
    event.id = "evt_06gzwqsv4sxrqfs2jszctddwr0".parse().unwrap();
    event.number += 1;
    let change = Change {
        expected: Some(9),
        payment: payment.clone(),
        hints: record.hints,
        more_hints_at: None,
        attempts: record.attempts,
        cancels: record.cancels,
        events: vec![event],
        idempotency: None,
        supersedes: None,
    };
    store.commit(change).await.unwrap();
    assert_eq!(read(&store, PAID).await.payment, payment);
    assert_eq!(store.payments_with_cases(true, None, 10).await.unwrap(), [(merchant(), id(PAID))]);
    let feed = store.events(&merchant(), last.position, 10).await.unwrap();
    assert_eq!(feed.len(), 1);
}
