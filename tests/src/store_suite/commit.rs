//! Changes of one payment: all of one is applied, or nothing.

use futures_util::future::join_all;
use paymux_core::{
    model::{CancelStatus, Currency, LastAttempt, Money, Operation, Payment, Preparation, Shown},
    store::{ChecksChange, PendingOperation, Store, StoreError, Why},
};

use super::{
    assert_refused,
    sample::{
        at, attempt, both, cancel, changed, charge, close, event, full_attempt, full_charge, made, only,
        owed, payment, read, request, save, save_change, with_status,
    },
};

pub async fn committed_payment_reads_back_as_it_was(store: &dyn Store) {
    let mut payment = payment("order-1");
    payment.last_attempt = Some(LastAttempt { number: 1, failure: None, at: at(3) });
    payment.closes = vec![close()];
    payment.shown = Shown { amount_paid: Money::krw(27_000), ..Shown::nothing(Currency::Krw) };
    let mut change = made(&payment);
    change.attempts = vec![full_attempt(&payment, 1), attempt(&payment, 2)];
    change.charges = vec![full_charge("pg-1"), charge("pg-2", false)];
    change.charges.sort_by(|a, b| a.id.cmp(&b.id));
    change.events = vec![event(&payment, 1), event(&payment, 2)];
    let pending = PendingOperation {
        operation: Operation::Confirm(change.charges[0].id.clone()),
        tries: 2,
        next_at: Some(at(7)),
    };
    change.checks = ChecksChange {
        answered: Vec::new(),
        owed: vec![owed(8, Why::Hint), owed(9, Why::Paid)],
        pending: vec![pending],
        deadline: Some(at(1_800)),
        asked: vec![(1, at(4))],
    };
    store.commit(only(change.clone())).await.unwrap();

    let kept = read(store, &payment).await;
    assert_eq!(kept.payment, payment);
    assert_eq!(kept.attempts, change.attempts);
    assert_eq!(kept.charges, change.charges);
    assert_eq!(kept.checks.owed, change.checks.owed);
    assert_eq!(kept.checks.pending, change.checks.pending);
    assert_eq!((kept.checks.deadline, kept.checks.asked), (change.checks.deadline, change.checks.asked));
    assert_eq!(kept.events, 2);
}

pub async fn new_payment_in_place_of_another_is_a_conflict(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    assert_refused!(store.commit(only(made(&record.payment))).await, StoreError::Conflict);
    assert_eq!(read(store, &record.payment).await, record);
}

pub async fn change_of_an_older_version_is_a_conflict(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    store.commit(only(changed(&record))).await.unwrap();
    assert_refused!(store.commit(only(changed(&record))).await, StoreError::Conflict);
    assert_eq!(read(store, &record.payment).await.payment.version, 2);
}

pub async fn change_of_an_unknown_payment_is_a_conflict(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    let mut change = changed(&record);
    change.payment.id = payment("order-2").id;
    assert_refused!(store.commit(only(change)).await, StoreError::Conflict);
}

pub async fn change_that_skips_a_version_is_a_conflict(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    for version in [0, 1, 3] {
        let mut change = changed(&record);
        change.payment.version = version;
        assert_refused!(store.commit(only(change)).await, StoreError::Conflict);
    }
    let not_first = Payment { version: 2, ..payment("order-2") };
    assert_refused!(store.commit(only(made(&not_first))).await, StoreError::Conflict);
}

pub async fn payment_keeps_its_merchant_account_and_order(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    let change = changed(&record);
    for moved in [
        Payment { merchant: "other".parse().unwrap(), ..change.payment.clone() },
        Payment { account: "portone".parse().unwrap(), ..change.payment.clone() },
        Payment { order_id: "order-2".parse().unwrap(), ..change.payment.clone() },
    ] {
        let mut change = change.clone();
        change.payment = moved;
        assert_refused!(store.commit(only(change)).await, StoreError::Conflict);
    }
    assert_eq!(read(store, &record.payment).await, record);
}

pub async fn fifty_changes_of_one_version_one_wins(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    let outcomes = join_all((1..=50).map(|n| {
        let mut change = changed(&record);
        change.events = vec![event(&record.payment, n)];
        store.commit(only(change))
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let kept = read(store, &record.payment).await;
    assert_eq!((kept.payment.version, kept.events), (2, 1));
}

pub async fn refused_change_leaves_nothing(store: &dyn Store) {
    let owner = payment("order-1");
    let mut change = made(&owner);
    change.charges = vec![charge("pg-1", true)];
    store.commit(only(change)).await.unwrap();
    let record = save(store, &payment("order-2")).await;

    let mut change = changed(&record);
    change.is_live = true;
    change.attempts = vec![attempt(&record.payment, 1)];
    change.charges = vec![charge("pg-2", true), charge("pg-1", true)];
    change.events = vec![event(&record.payment, 1)];
    change.checks.owed = vec![owed(1, Why::Hint)];
    let mut commit = both([change]);
    commit.idempotency = Some(request(&record.payment, "key"));
    assert_refused!(store.commit(commit).await, StoreError::PgIdTaken);

    assert_eq!(read(store, &record.payment).await, record);
    assert_eq!(store.events(&record.payment.merchant, 0, 10).await.unwrap(), []);
    assert_eq!(store.idempotency(&record.payment.merchant, "key").await.unwrap(), None);
    assert_eq!(store.next_due(&record.payment.account).await.unwrap(), None);
}

pub async fn attempts_and_charges_are_replaced_not_repeated(store: &dyn Store) {
    let payment = payment("order-1");
    let mut change = made(&payment);
    change.attempts = vec![attempt(&payment, 12), attempt(&payment, 2)];
    change.charges = vec![charge("pg-1", false), charge("pg-2", false)];
    let (mut attempts, mut charges) = (change.attempts.clone(), change.charges.clone());
    attempts.reverse();
    charges.sort_by(|a, b| a.id.cmp(&b.id));
    store.commit(only(change)).await.unwrap();

    attempts[1].preparation = Preparation::Refused;
    charges[0].cancels = vec![cancel(3_000), cancel(1_000)];
    charges[0].cancels[0].status = CancelStatus::Done;
    charges.push(charge("pg-3", false));
    let mut change = changed(&read(store, &payment).await);
    change.attempts = vec![attempts[1].clone()];
    change.charges = vec![charges[2].clone(), charges[0].clone()];
    charges.sort_by(|a, b| a.id.cmp(&b.id));
    store.commit(only(change)).await.unwrap();

    let kept = read(store, &payment).await;
    assert_eq!(kept.attempts, attempts);
    assert_eq!(kept.charges, charges);
}

pub async fn reasons_to_refuse_come_in_a_fixed_order(store: &dyn Store) {
    let holder = payment("order-1");
    let mut change = made(&holder);
    change.charges = vec![charge("pg-1", true)];
    let mut commit = both([change]);
    commit.idempotency = Some(request(&holder, "key"));
    store.commit(commit).await.unwrap();

    // All of them at once, then one less each time. A repeat of a request meets its key before its order.
    let repeat = payment("order-1");
    let mut change = made(&repeat);
    change.charges = vec![charge("pg-1", true)];
    let mut commit = both([change]);
    commit.idempotency = Some(request(&repeat, "key"));
    commit.unchanged = vec![(holder.id.clone(), 7)];
    assert_refused!(store.commit(commit.clone()).await, StoreError::Conflict);
    commit.unchanged = vec![(holder.id.clone(), 1)];
    assert_refused!(store.commit(commit.clone()).await, StoreError::KeyTaken);
    commit.idempotency = Some(request(&repeat, "another key"));
    assert_refused!(store.commit(commit.clone()).await, StoreError::OrderTaken);
    save_change(store, with_status(&read(store, &holder).await, paymux_core::model::PaymentStatus::Expired))
        .await;
    commit.unchanged = Vec::new();
    assert_refused!(store.commit(commit.clone()).await, StoreError::PgIdTaken);
    commit.payments[0].charges = Vec::new();
    store.commit(commit).await.unwrap();
}
