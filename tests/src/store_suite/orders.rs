//! Orders: one payment holds each.

use futures_util::future::join_all;
use gateway_core::{Payment, PaymentStatus, Store, StoreError};

use super::{assert_refused, changed, keep, made, moved, payment, payment_of, read};

pub async fn an_order_has_one_payment_that_holds_it(store: &dyn Store) {
    for (at, status) in PaymentStatus::ALL.into_iter().enumerate() {
        let order_id = format!("order-{at}");
        let record = keep(store, &payment(&order_id)).await;
        let first = moved(store, &record, status).await;
        let second = payment(&order_id);
        let outcome = store.commit(made(&second)).await;
        if status.holds_order() {
            assert_refused!(outcome, StoreError::OrderTaken);
        } else {
            outcome.unwrap();
            // The first one cannot come back while the second holds the order.
            let mut change = changed(&first);
            change.payment.status = PaymentStatus::Paid;
            assert_refused!(store.commit(change).await, StoreError::OrderTaken);
        }
    }
}

pub async fn merchants_share_no_order_ids(store: &dyn Store) {
    keep(store, &payment_of("demo", "toss", "order-1")).await;
    keep(store, &payment_of("other", "toss_2", "order-1")).await;
    keep(store, &payment_of("demo", "toss", "order-2")).await;
}

pub async fn of_many_payments_of_one_order_exactly_one_wins(store: &dyn Store) {
    let outcomes = join_all((0..50).map(|_| store.commit(made(&payment("order-1"))))).await;
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::OrderTaken)));
    assert_eq!(refused.count(), 49);
}

pub async fn an_ended_payment_is_taken_over(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    let ended = moved(store, &record, PaymentStatus::Expired).await;
    let newer = payment("order-1");
    let mut change = made(&newer);
    change.supersedes = Some(ended.payment.id.clone());
    store.commit(change).await.unwrap();

    let old = read(store, &ended.payment).await;
    assert!(old.payment.superseded);
    assert_eq!(old.payment.status, PaymentStatus::Expired);
    assert!(!read(store, &newer).await.payment.superseded);
}

pub async fn a_change_read_before_the_take_over_is_refused(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    let ended = moved(store, &record, PaymentStatus::Expired).await;
    let mut change = made(&payment("order-1"));
    change.supersedes = Some(ended.payment.id.clone());
    store.commit(change).await.unwrap();

    // They would write `superseded: false` back; and no version comes twice.
    for before in [&record, &ended] {
        assert_refused!(store.commit(changed(before)).await, StoreError::Conflict);
    }
    let reread = read(store, &ended.payment).await;
    assert_eq!(reread.payment.version, ended.payment.version + 1);
    store.commit(changed(&reread)).await.unwrap();
    assert!(read(store, &ended.payment).await.payment.superseded);
}

pub async fn a_payment_paid_meanwhile_is_not_taken_over(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    let ended = moved(store, &record, PaymentStatus::Expired).await;
    let paid = moved(store, &ended, PaymentStatus::Paid).await;
    // Whether or not the newer one would hold the order itself.
    for status in [PaymentStatus::Ready, PaymentStatus::Failed] {
        let newer = Payment { status, ..payment("order-1") };
        let mut change = made(&newer);
        change.supersedes = Some(paid.payment.id.clone());
        assert_refused!(store.commit(change).await, StoreError::OrderTaken);
        assert_eq!(store.payment(&newer.merchant, &newer.id).await.unwrap(), None);
    }
    assert_eq!(read(store, &paid.payment).await, paid);
}

pub async fn money_that_comes_late_on_a_superseded_payment_can_be_written(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    let ended = moved(store, &record, PaymentStatus::Failed).await;
    let newer = payment("order-1");
    let mut change = made(&newer);
    change.supersedes = Some(ended.payment.id.clone());
    store.commit(change).await.unwrap();

    let old = read(store, &ended.payment).await;
    let late = moved(store, &old, PaymentStatus::Paid).await;
    assert!(late.payment.superseded);
    let holder = store.payment_of_order(&newer.merchant, &newer.order_id).await.unwrap().unwrap();
    assert_eq!(holder.payment.id, newer.id);
}

pub async fn only_a_payment_of_the_same_merchant_and_order_is_taken_over(store: &dyn Store) {
    let others = [payment("order-2"), payment_of("other", "toss", "order-1")];
    for other in others {
        let record = keep(store, &other).await;
        let ended = moved(store, &record, PaymentStatus::Expired).await;
        let mut change = made(&payment("order-1"));
        change.supersedes = Some(ended.payment.id.clone());
        assert_refused!(store.commit(change).await, StoreError::Conflict);
        assert_eq!(read(store, &ended.payment).await, ended);
    }
    let mut change = made(&payment("order-1"));
    change.supersedes = Some(payment("order-1").id);
    assert_refused!(store.commit(change).await, StoreError::Conflict);
}

pub async fn an_order_id_finds_its_holder_else_its_newest(store: &dyn Store) {
    let mut payments = [payment("order-1"), payment("order-1"), payment("order-1")];
    payments.sort_by(|a, b| a.id.cmp(&b.id));
    let [oldest, middle, newest] = payments;
    let found = async || store.payment_of_order(&oldest.merchant, &oldest.order_id).await.unwrap();
    assert_eq!(found().await, None);

    let record = keep(store, &newest).await;
    moved(store, &record, PaymentStatus::Failed).await;
    let record = keep(store, &middle).await;
    moved(store, &record, PaymentStatus::Cancelled).await;
    assert_eq!(found().await, Some(read(store, &newest).await));

    let holder = keep(store, &oldest).await;
    assert_eq!(found().await, Some(holder));
}
