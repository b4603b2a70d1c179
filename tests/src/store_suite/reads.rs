//! Finding payments.

use gateway_core::{PaymentFilter, PaymentStatus, Store};

use super::{at, attempt, attempt_with, keep, made, moved, payment, payment_of};

pub async fn another_merchants_payment_is_not_found(store: &dyn Store) {
    let payment = keep(store, &payment("order-1")).await.payment;
    let other = "other".parse().unwrap();
    assert_eq!(store.payment(&other, &payment.id).await.unwrap(), None);
    assert_eq!(store.payment_of_order(&other, &payment.order_id).await.unwrap(), None);
    assert_eq!(store.payments(&other, &PaymentFilter::default(), 10).await.unwrap(), []);
}

pub async fn an_attempt_is_found_by_its_order_id_at_its_account_only(store: &dyn Store) {
    let payment = payment("order-1");
    let mut change = made(&payment);
    change.attempts = vec![attempt(&payment, 1), attempt(&payment, 2)];
    store.commit(change).await.unwrap();
    keep(store, &payment_of("demo", "toss", "order-2")).await;

    let owner = Some((payment.merchant.clone(), payment.id.clone()));
    for (account, number, found) in
        [("toss", 1, owner.clone()), ("toss", 2, owner), ("toss", 3, None), ("portone", 1, None)]
    {
        let (account, pg_order_id) = (account.parse().unwrap(), attempt(&payment, number).pg_order_id);
        assert_eq!(
            store.owner_of_attempt(&account, &pg_order_id).await.unwrap(),
            found,
            "{account} {number}"
        );
    }
}

pub async fn a_pg_id_is_found_where_it_was_accepted_else_where_it_was_claimed_last(store: &dyn Store) {
    let account = "toss".parse().unwrap();
    let pg_id = "pg-1".parse().unwrap();
    let found = async || store.owner_of_pg_id(&account, &pg_id).await.unwrap().map(|(_, id)| id);
    assert_eq!(found().await, None);

    for (order_id, second, accepted) in
        [("order-1", 20, false), ("order-2", 10, true), ("order-3", 30, false)]
    {
        let payment = payment(order_id);
        let mut claim = attempt_with(&payment, 1, "pg-1", accepted);
        claim.created_at = at(second);
        let mut change = made(&payment);
        change.attempts = vec![claim];
        let expected = if order_id == "order-3" { found().await } else { Some(payment.id) };
        store.commit(change).await.unwrap();
        assert_eq!(found().await, expected, "{order_id}");
    }
    let elsewhere = "portone".parse().unwrap();
    assert_eq!(store.owner_of_pg_id(&elsewhere, &pg_id).await.unwrap(), None);

    for (order_id, second) in [("order-4", 20), ("order-5", 10)] {
        let payment = payment(order_id);
        let mut claim = attempt_with(&payment, 1, "pg-2", false);
        claim.created_at = at(second);
        let mut change = made(&payment);
        change.attempts = vec![claim];
        store.commit(change).await.unwrap();
    }
    let last = store.owner_of_pg_id(&account, &"pg-2".parse().unwrap()).await.unwrap();
    let order_4 =
        store.payment_of_order(&"demo".parse().unwrap(), &"order-4".parse().unwrap()).await.unwrap();
    assert_eq!(last.map(|(_, id)| id), order_4.map(|record| record.payment.id));
}

pub async fn a_merchants_payments_are_listed_newest_first(store: &dyn Store) {
    let mut kept = Vec::new();
    for n in 0..5 {
        kept.push(keep(store, &payment(&format!("order-{n}"))).await);
    }
    keep(store, &payment_of("other", "toss_2", "order-1")).await;
    kept.sort_by(|a, b| b.payment.id.cmp(&a.payment.id));
    let merchant = "demo".parse().unwrap();
    assert_eq!(store.payments(&merchant, &PaymentFilter::default(), 10).await.unwrap(), kept);
    assert_eq!(store.payments(&merchant, &PaymentFilter::default(), 2).await.unwrap(), kept[..2]);
    assert_eq!(store.payments(&merchant, &PaymentFilter::default(), 0).await.unwrap(), []);
}

pub async fn lists_can_be_narrowed(store: &dyn Store) {
    let merchant = "demo".parse().unwrap();
    let open = keep(store, &payment("order-1")).await;
    let record = keep(store, &payment("order-2")).await;
    let paid = moved(store, &record, PaymentStatus::Paid).await;
    let record = keep(store, &payment("order-3")).await;
    let failed = moved(store, &record, PaymentStatus::Failed).await;
    let again = keep(store, &payment("order-3")).await;
    for (order_id, status, expected) in [
        (None, Some(PaymentStatus::Paid), vec![&paid]),
        (None, Some(PaymentStatus::Ready), vec![&open, &again]),
        (Some("order-1"), None, vec![&open]),
        (Some("order-3"), None, vec![&failed, &again]),
        (Some("order-3"), Some(PaymentStatus::Ready), vec![&again]),
        (Some("order-1"), Some(PaymentStatus::Paid), vec![]),
        (Some("order-9"), None, vec![]),
    ] {
        let mut expected: Vec<_> = expected.into_iter().cloned().collect();
        expected.sort_by(|a, b| b.payment.id.cmp(&a.payment.id));
        let filter = PaymentFilter { order_id: order_id.map(|id| id.parse().unwrap()), status, before: None };
        assert_eq!(store.payments(&merchant, &filter, 10).await.unwrap(), expected, "{filter:?}");
    }
}

pub async fn pages_of_a_list_never_skip_or_repeat(store: &dyn Store) {
    let merchant = "demo".parse().unwrap();
    let mut kept = Vec::new();
    for n in 0..7 {
        kept.push(keep(store, &payment(&format!("order-{n}"))).await.payment.id);
    }
    kept.sort_by(|a, b| b.cmp(a));
    let mut read = Vec::new();
    loop {
        let filter = PaymentFilter { before: read.last().cloned(), ..PaymentFilter::default() };
        let page = store.payments(&merchant, &filter, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        // A page that repeats would never come to an end.
        assert!(read.last().is_none_or(|last| page[0].payment.id < *last), "{read:?}");
        read.extend(page.into_iter().map(|record| record.payment.id));
    }
    assert_eq!(read, kept);
}
