//! Orders: one payment holds each.

use futures_util::future::join_all;
use paymux_core::{
    model::PaymentStatus,
    store::{Store, StoreError},
};

use super::{
    assert_refused,
    sample::{both, changed, made, only, payment, payment_of, read, save, save_change, with_status},
};

pub async fn order_has_one_payment_that_holds_it(store: &dyn Store) {
    for (at, status) in PaymentStatus::ALL.into_iter().enumerate() {
        let order_id = format!("order-{at}");
        let record = save(store, &payment(&order_id)).await;
        let first = save_change(store, with_status(&record, status)).await;
        let outcome = store.commit(only(made(&payment(&order_id)))).await;
        if status.holds_order() {
            assert_refused!(outcome, StoreError::OrderTaken);
        } else {
            outcome.unwrap();
            // The first one cannot come back while the second holds the order.
            let change = with_status(&first, PaymentStatus::Paid);
            assert_refused!(store.commit(only(change)).await, StoreError::OrderTaken);
        }
    }
}

pub async fn superseded_payment_holds_no_order(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    let mut change = changed(&record);
    change.payment.superseded = true;
    let old = save_change(store, change).await;
    let newer = save(store, &payment("order-1")).await.payment;

    // Money that comes late on the old one can be written all the same.
    let late = save_change(store, with_status(&old, PaymentStatus::Paid)).await;
    assert_eq!(late.payment.status(), PaymentStatus::Paid);
    let holder = store.payment_of_order(&newer.merchant, &newer.order_id).await.unwrap().unwrap();
    assert_eq!(holder.payment.id, newer.id);
}

pub async fn registration_supersedes_every_older_payment(store: &dyn Store) {
    let mut older = Vec::new();
    for status in [PaymentStatus::Cancelled, PaymentStatus::Expired] {
        let record = save(store, &payment("order-1")).await;
        older.push(save_change(store, with_status(&record, status)).await);
    }
    let newest = payment("order-1");
    let [mut first, mut second] = [changed(&older[0]), changed(&older[1])];
    (first.payment.superseded, second.payment.superseded) = (true, true);
    store.commit(both([made(&newest), first, second])).await.unwrap();

    // A refund of the oldest fails: its money is written beside the one that holds the order.
    let record = read(store, &older[0].payment).await;
    save_change(store, with_status(&record, PaymentStatus::Paid)).await;
    let holder = store.payment_of_order(&newest.merchant, &newest.order_id).await.unwrap().unwrap();
    assert_eq!(holder.payment.id, newest.id);
}

pub async fn merchants_share_no_order_ids(store: &dyn Store) {
    save(store, &payment_of("demo", "toss", "order-1")).await;
    save(store, &payment_of("other", "toss_2", "order-1")).await;
    save(store, &payment_of("demo", "toss", "order-2")).await;
}

pub async fn fifty_payments_of_one_order_one_wins(store: &dyn Store) {
    let outcomes = join_all((0..50).map(|_| store.commit(only(made(&payment("order-1")))))).await;
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::OrderTaken)));
    assert_eq!(refused.count(), 49);
}

pub async fn order_finds_its_holder_else_its_newest(store: &dyn Store) {
    let mut payments = [payment("order-1"), payment("order-1"), payment("order-1")];
    payments.sort_by(|a, b| a.id.cmp(&b.id));
    let [oldest, middle, newest] = payments;
    let found = async || store.payment_of_order(&oldest.merchant, &oldest.order_id).await.unwrap();
    assert_eq!(found().await, None);

    let record = save(store, &newest).await;
    save_change(store, with_status(&record, PaymentStatus::Failed)).await;
    let record = save(store, &middle).await;
    save_change(store, with_status(&record, PaymentStatus::Cancelled)).await;
    assert_eq!(found().await, Some(read(store, &newest).await));

    let holder = save(store, &oldest).await;
    assert_eq!(found().await, Some(holder));
}
