//! The PG's names of charges and orders: who has them.

use paymux_core::{
    model::{Charge, Payment},
    store::{Store, StoreError},
};

use super::{
    assert_refused,
    sample::{
        account, at, attempt, changed, charge, made, only, other_account, payment, payment_of, read, save,
        save_change,
    },
};

/// A payment with one charge, which was first known at a moment.
async fn with_charge(store: &dyn Store, order_id: &str, charge: Charge, second: i64) -> Payment {
    let mut change = made(&payment(order_id));
    change.charges = vec![Charge { created_at: at(second), ..charge }];
    save_change(store, change).await.payment
}

pub async fn pg_id_is_accepted_once_per_account(store: &dyn Store) {
    let first = with_charge(store, "order-1", charge("pg-1", true), 0).await;
    for (merchant, account, taken) in
        [("demo", "toss", true), ("other", "toss", true), ("demo", "portone", false)]
    {
        let mut change = made(&payment_of(merchant, account, "order-2"));
        change.charges = vec![charge("pg-1", true)];
        let outcome = store.commit(only(change)).await;
        assert_eq!(matches!(outcome, Err(StoreError::PgIdTaken)), taken, "{merchant} {account}: {outcome:?}");
    }
    // Nor by a second charge of its own payment.
    let mut second = changed(&read(store, &first).await);
    second.charges = vec![charge("pg-1", true)];
    assert_refused!(store.commit(only(second)).await, StoreError::PgIdTaken);
}

pub async fn accepted_charge_stays_so_when_written_again(store: &dyn Store) {
    let payment = with_charge(store, "order-1", charge("pg-1", true), 0).await;
    let record = read(store, &payment).await;
    let mut again = changed(&record);
    again.charges = record.charges;
    store.commit(only(again)).await.unwrap();
    let mut change = made(&payment_of("demo", "toss", "order-2"));
    change.charges = vec![charge("pg-1", true)];
    assert_refused!(store.commit(only(change)).await, StoreError::PgIdTaken);
}

pub async fn charge_is_found_by_the_pg_id_it_was_given_later(store: &dyn Store) {
    let unnamed = Charge { pg_payment_id: None, ..charge("pg-1", true) };
    let payment = with_charge(store, "order-1", unnamed.clone(), 0).await;
    assert_eq!(store.owner_of_charge(&account(), &"pg-1".parse().unwrap()).await.unwrap(), None);
    let mut change = changed(&read(store, &payment).await);
    change.charges = vec![Charge { pg_payment_id: Some("pg-1".parse().unwrap()), ..unnamed }];
    store.commit(only(change)).await.unwrap();
    let owner = store.owner_of_charge(&account(), &"pg-1".parse().unwrap()).await.unwrap();
    assert_eq!(owner, Some((payment.merchant, payment.id)));
    // And it is accepted under that id.
    let mut change = made(&payment_of("demo", "toss", "order-2"));
    change.charges = vec![charge("pg-1", true)];
    assert_refused!(store.commit(only(change)).await, StoreError::PgIdTaken);
}

/// Whichever stands first in the change.
pub async fn pg_id_passes_between_charges_of_a_payment(store: &dyn Store) {
    let payment = with_charge(store, "order-1", charge("pg-1", true), 0).await;
    for taker_first in [true, false] {
        let record = read(store, &payment).await;
        let gives_up = Charge { accepted: false, ..record.accepted().unwrap().clone() };
        let takes = charge("pg-1", true);
        let mut change = changed(&record);
        change.charges =
            if taker_first { vec![takes.clone(), gives_up] } else { vec![gives_up, takes.clone()] };
        let kept = save_change(store, change).await;
        assert_eq!(kept.accepted(), Some(&takes));
    }
}

pub async fn pg_id_may_be_claimed_by_many(store: &dyn Store) {
    for (order_id, accepted) in [("order-1", false), ("order-2", true), ("order-3", false)] {
        with_charge(store, order_id, charge("pg-1", accepted), 0).await;
    }
    // And a charge that the PG has not named yet is no other's.
    for order_id in ["order-4", "order-5"] {
        let unnamed = Charge { pg_payment_id: None, ..charge("pg-1", true) };
        with_charge(store, order_id, unnamed, 0).await;
    }
}

pub async fn pg_id_finds_who_accepted_it_else_the_newest(store: &dyn Store) {
    let found = async |id: &str| store.owner_of_charge(&account(), &id.parse().unwrap()).await.unwrap();
    let owner = |payment: Payment| Some((payment.merchant, payment.id));
    assert_eq!(found("pg-1").await, None);

    let first = with_charge(store, "order-1", charge("pg-1", false), 20).await;
    assert_eq!(found("pg-1").await, owner(first));
    let accepted = with_charge(store, "order-2", charge("pg-1", true), 10).await;
    assert_eq!(found("pg-1").await, owner(accepted.clone()));
    with_charge(store, "order-3", charge("pg-1", false), 30).await;
    assert_eq!(found("pg-1").await, owner(accepted));

    let newest = with_charge(store, "order-4", charge("pg-2", false), 20).await;
    with_charge(store, "order-5", charge("pg-2", false), 10).await;
    assert_eq!(found("pg-2").await, owner(newest));
    assert_eq!(store.owner_of_charge(&other_account(), &"pg-1".parse().unwrap()).await.unwrap(), None);
}

pub async fn pg_order_id_finds_its_payment_at_its_account(store: &dyn Store) {
    let mine = payment("order-1");
    let mut change = made(&mine);
    change.attempts = vec![attempt(&mine, 1), attempt(&mine, 2)];
    store.commit(only(change)).await.unwrap();
    save(store, &payment("order-2")).await;

    let owner = Some((mine.merchant.clone(), mine.id.clone()));
    for (account, number, found) in [
        (account(), 1, owner.clone()),
        (account(), 2, owner),
        (account(), 3, None),
        (other_account(), 1, None),
    ] {
        let order_id = attempt(&mine, number).pg_order_id;
        assert_eq!(store.owner_of_order(&account, &order_id).await.unwrap(), found, "{account} {number}");
    }
}
