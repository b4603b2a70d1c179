//! A merchant's payments.

use paymux_core::{
    model::PaymentStatus,
    store::{PaymentFilter, Store},
};

use super::sample::{payment, payment_of, save, save_change, with_status};

pub async fn payment_of_another_merchant_is_not_found(store: &dyn Store) {
    let payment = save(store, &payment("order-1")).await.payment;
    let other = "other".parse().unwrap();
    assert_eq!(store.payment(&other, &payment.id).await.unwrap(), None);
    assert_eq!(store.payment_of_order(&other, &payment.order_id).await.unwrap(), None);
    assert_eq!(store.payments(&other, &PaymentFilter::default(), 10).await.unwrap(), []);
}

pub async fn payments_are_listed_newest_first(store: &dyn Store) {
    let mut kept = Vec::new();
    for n in 0..5 {
        kept.push(save(store, &payment(&format!("order-{n}"))).await);
    }
    save(store, &payment_of("other", "toss_2", "order-1")).await;
    kept.sort_by(|a, b| b.payment.id.cmp(&a.payment.id));
    let merchant = "demo".parse().unwrap();
    for (limit, expected) in [(10, &kept[..]), (2, &kept[..2]), (0, &[])] {
        let listed = store.payments(&merchant, &PaymentFilter::default(), limit).await.unwrap();
        assert_eq!(listed, expected, "{limit}");
    }
}

pub async fn lists_are_narrowed_by_order_and_status(store: &dyn Store) {
    let merchant = "demo".parse().unwrap();
    let open = save(store, &payment("order-1")).await;
    let record = save(store, &payment("order-2")).await;
    let paid = save_change(store, with_status(&record, PaymentStatus::Paid)).await;
    let record = save(store, &payment("order-3")).await;
    let failed = save_change(store, with_status(&record, PaymentStatus::Failed)).await;
    let again = save(store, &payment("order-3")).await;
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

pub async fn pages_of_payments_never_skip_or_repeat(store: &dyn Store) {
    let merchant = "demo".parse().unwrap();
    let mut kept = Vec::new();
    for n in 0..7 {
        kept.push(save(store, &payment(&format!("order-{n}"))).await.payment.id);
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
