//! Changes of several payments, and payments that a change only compares.

use paymux_core::{
    model::PaymentStatus,
    store::{Store, StoreError, Why},
};

use super::{
    assert_refused,
    sample::{
        account, at, both, changed, charge, event, made, only, owed, payment, payment_of, read, request,
        save, save_change, with_status,
    },
};

pub async fn two_payments_change_in_one_commit(store: &dyn Store) {
    let old = save(store, &payment("order-1")).await;
    let new = payment("order-2");
    let (mut first, mut second) = (changed(&old), made(&new));
    first.events = vec![event(&old.payment, 1)];
    first.charges = vec![charge("pg-1", true)];
    second.events = vec![event(&new, 1), event(&new, 2)];
    store.commit(both([first.clone(), second.clone()])).await.unwrap();

    let (old, new) = (read(store, &old.payment).await, read(store, &new).await);
    assert_eq!((old.payment.version, old.events, old.charges), (2, 1, first.charges));
    assert_eq!((new.payment.version, new.events), (1, 2));
    let feed = store.events(&new.payment.merchant, 0, 10).await.unwrap();
    let fed: Vec<_> = feed.into_iter().map(|event| event.event).collect();
    assert_eq!(fed, [first.events, second.events].concat());
}

pub async fn old_version_of_one_payment_refuses_the_other(store: &dyn Store) {
    let read_once = save(store, &payment("order-1")).await;
    let other = save(store, &payment("order-2")).await;
    store.commit(only(changed(&read_once))).await.unwrap();
    for changes in [[&read_once, &other], [&other, &read_once]] {
        assert_refused!(store.commit(both(changes.map(changed))).await, StoreError::Conflict);
    }
    assert_eq!(read(store, &other.payment).await, other);
}

pub async fn refused_second_payment_leaves_nothing_of_the_first(store: &dyn Store) {
    save(store, &payment("order-2")).await;
    let (first, second) = (payment("order-1"), payment("order-2"));
    let mut change = made(&first);
    change.events = vec![event(&first, 1)];
    assert_refused!(store.commit(both([change, made(&second)])).await, StoreError::OrderTaken);
    assert_eq!(store.payment(&first.merchant, &first.id).await.unwrap(), None);
    assert_eq!(store.events(&first.merchant, 0, 10).await.unwrap(), []);
}

pub async fn unchanged_payment_is_compared_and_left_alone(store: &dyn Store) {
    let compared = save(store, &payment("order-1")).await;
    let new = payment("order-2");
    let mut change = only(made(&new));
    change.unchanged = vec![(compared.payment.id.clone(), compared.payment.version)];
    store.commit(change).await.unwrap();
    assert_eq!(read(store, &compared.payment).await, compared);
    assert_eq!(read(store, &new).await.payment, new);
}

pub async fn unchanged_payment_of_another_version_is_a_conflict(store: &dyn Store) {
    let compared = save(store, &payment("order-1")).await.payment;
    let theirs = save(store, &payment_of("other", "toss_2", "order-1")).await.payment;
    for unchanged in [(compared.id.clone(), 2), (compared.id, 0), (theirs.id, 1), (payment("order-1").id, 1)]
    {
        let new = payment("order-2");
        let mut change = only(made(&new));
        change.unchanged = vec![unchanged.clone()];
        assert_refused!(store.commit(change).await, StoreError::Conflict);
        assert_eq!(store.payment(&new.merchant, &new.id).await.unwrap(), None, "{unchanged:?}");
    }
}

pub async fn change_of_two_merchants_is_a_conflict(store: &dyn Store) {
    let (mine, theirs) = (payment("order-1"), payment_of("other", "toss_2", "order-1"));
    assert_refused!(store.commit(both([made(&mine), made(&theirs)])).await, StoreError::Conflict);
    let mut change = only(made(&mine));
    change.idempotency = Some(request(&theirs, "key"));
    assert_refused!(store.commit(change).await, StoreError::Conflict);
    for payment in [mine, theirs] {
        assert_eq!(store.owner_of(&payment.id).await.unwrap(), None);
    }
}

pub async fn payment_twice_in_a_change_is_a_conflict(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    assert_refused!(store.commit(both([changed(&record), changed(&record)])).await, StoreError::Conflict);
    let new = payment("order-2");
    assert_refused!(store.commit(both([made(&new), made(&new)])).await, StoreError::Conflict);
    assert_eq!(read(store, &record.payment).await, record);
}

/// Whichever stands first in the change.
pub async fn order_passes_between_payments_in_one_commit(store: &dyn Store) {
    for (n, new_first) in [true, false].into_iter().enumerate() {
        let order_id = format!("order-{n}");
        let old = save(store, &payment(&order_id)).await;
        let new = payment(&order_id);
        let mut gives_up = changed(&old);
        gives_up.payment.superseded = true;
        let changes = if new_first { [made(&new), gives_up] } else { [gives_up, made(&new)] };
        store.commit(both(changes)).await.unwrap();
        let holder = store.payment_of_order(&new.merchant, &new.order_id).await.unwrap().unwrap();
        assert_eq!(holder.payment.id, new.id);

        // And back: the older one turned out to be paid.
        let yields = with_status(&read(store, &new).await, PaymentStatus::Cancelled);
        let mut takes = with_status(&read(store, &old.payment).await, PaymentStatus::Paid);
        takes.payment.superseded = false;
        let changes = if new_first { [yields, takes] } else { [takes, yields] };
        store.commit(both(changes)).await.unwrap();
        let holder = store.payment_of_order(&new.merchant, &new.order_id).await.unwrap().unwrap();
        assert_eq!(holder.payment.id, old.payment.id);
    }
}

pub async fn order_for_two_payments_of_a_change_is_taken(store: &dyn Store) {
    let twins = [payment("order-1"), payment("order-1")];
    assert_refused!(store.commit(both(twins.each_ref().map(made))).await, StoreError::OrderTaken);
    let old = save(store, &payment("order-1")).await;
    let change = both([changed(&old), made(&payment("order-1"))]);
    assert_refused!(store.commit(change).await, StoreError::OrderTaken);
}

/// Whichever stands first in the change.
pub async fn pg_id_passes_between_payments_in_one_commit(store: &dyn Store) {
    for (n, taker_first) in [true, false].into_iter().enumerate() {
        let pg_id = format!("pg-{n}");
        let mut change = made(&payment(&format!("order-a{n}")));
        change.charges = vec![charge(&pg_id, true)];
        let giver = save_change(store, change).await;
        let taker = save(store, &payment(&format!("order-b{n}"))).await;

        let (mut gives_up, mut takes) = (changed(&giver), changed(&taker));
        gives_up.charges = giver.charges.clone();
        gives_up.charges[0].accepted = false;
        takes.charges = vec![charge(&pg_id, true)];
        let changes = if taker_first { [takes, gives_up] } else { [gives_up, takes] };
        store.commit(both(changes)).await.unwrap();
        let owner = store.owner_of_charge(&account(), &pg_id.parse().unwrap()).await.unwrap();
        assert_eq!(owner, Some((taker.payment.merchant, taker.payment.id)));
    }
}

pub async fn pg_id_for_two_payments_of_a_change_is_taken(store: &dyn Store) {
    let changes = ["order-1", "order-2"].map(|order_id| {
        let mut change = made(&payment(order_id));
        change.charges = vec![charge("pg-1", true)];
        change
    });
    assert_refused!(store.commit(both(changes)).await, StoreError::PgIdTaken);
    assert_eq!(store.count_payments().await.unwrap(), 0);
}

pub async fn commit_ends_the_lease_of_each_payment(store: &dyn Store) {
    let mut records = Vec::new();
    for order_id in ["order-1", "order-2", "order-3"] {
        let mut change = made(&payment(order_id));
        change.checks.owed = vec![owed(10, Why::Paid)];
        records.push(save_change(store, change).await);
    }
    assert_eq!(store.lease_due(&account(), at(10), at(100), 10).await.unwrap().len(), 3);
    let mut change = both([changed(&records[0]), changed(&records[1])]);
    // What is only compared stays with whoever has it.
    change.unchanged = vec![(records[2].payment.id.clone(), 1)];
    store.commit(change).await.unwrap();
    let mut free: Vec<_> = records[..2].iter().map(|record| record.payment.id.clone()).collect();
    free.sort();
    let leased = store.lease_due(&account(), at(10), at(100), 10).await.unwrap();
    assert_eq!(leased.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), free);
}
