//! What idempotency keys stand for.

use gateway_core::{IdempotencyRecord, Payment, Secret, Store, StoreError, StoredAnswer};

use super::{assert_refused, at, keep, made, payment, payment_of, request};

fn answered(payment: &Payment, key: &str, status: u16) -> IdempotencyRecord {
    let answer = Some(StoredAnswer { status, body: Secret::new(r#"{"object":"payment"}"#) });
    IdempotencyRecord { answer, ..request(payment, key) }
}

pub async fn a_key_is_used_once_per_merchant(store: &dyn Store) {
    for (merchant, order_id, taken) in
        [("demo", "order-1", false), ("demo", "order-2", true), ("other", "order-3", false)]
    {
        let payment = payment_of(merchant, "toss", order_id);
        let mut change = made(&payment);
        change.idempotency = Some(request(&payment, "key"));
        let outcome = store.commit(change).await;
        assert_eq!(matches!(outcome, Err(StoreError::KeyTaken)), taken, "{merchant} {order_id}: {outcome:?}");
        if !taken {
            let kept = store.idempotency(&payment.merchant, "key").await.unwrap();
            assert_eq!(kept, Some(request(&payment, "key")));
        }
    }
    assert_eq!(store.idempotency(&"demo".parse().unwrap(), "another").await.unwrap(), None);
}

pub async fn a_repeat_meets_its_key_before_its_order(store: &dyn Store) {
    for attempt in 0..2 {
        let payment = payment("order-1");
        let mut change = made(&payment);
        change.idempotency = Some(request(&payment, "key"));
        let outcome = store.commit(change).await;
        if attempt == 0 {
            outcome.unwrap();
        } else {
            assert_refused!(outcome, StoreError::KeyTaken);
        }
    }
}

pub async fn the_first_final_answer_stays(store: &dyn Store) {
    let payment = payment("order-1");
    let mut change = made(&payment);
    change.idempotency = Some(request(&payment, "key"));
    store.commit(change).await.unwrap();

    let other_request = IdempotencyRecord { digest: "another".to_owned(), ..answered(&payment, "key", 422) };
    store.keep_idempotent_answer(other_request).await.unwrap();
    let kept = store.idempotency(&payment.merchant, "key").await.unwrap();
    assert_eq!(kept, Some(request(&payment, "key")));

    store.keep_idempotent_answer(answered(&payment, "key", 200)).await.unwrap();
    store.keep_idempotent_answer(answered(&payment, "key", 402)).await.unwrap();
    let kept = store.idempotency(&payment.merchant, "key").await.unwrap();
    assert_eq!(kept, Some(answered(&payment, "key", 200)));
}

pub async fn an_answer_without_a_row_is_kept_too(store: &dyn Store) {
    let payment = keep(store, &payment("order-1")).await.payment;
    let record = IdempotencyRecord { payment: None, ..answered(&payment, "key", 422) };
    store.keep_idempotent_answer(record.clone()).await.unwrap();
    assert_eq!(store.idempotency(&payment.merchant, "key").await.unwrap(), Some(record));
}

pub async fn old_records_are_forgotten(store: &dyn Store) {
    let payment = keep(store, &payment("order-1")).await.payment;
    for second in [1, 2, 3] {
        let record =
            IdempotencyRecord { created_at: at(second), ..request(&payment, &format!("key-{second}")) };
        store.keep_idempotent_answer(record).await.unwrap();
    }
    assert_eq!(store.forget_idempotency(at(3)).await.unwrap(), 2);
    assert_eq!(store.forget_idempotency(at(3)).await.unwrap(), 0);
    assert_eq!(store.idempotency(&payment.merchant, "key-2").await.unwrap(), None);
    assert!(store.idempotency(&payment.merchant, "key-3").await.unwrap().is_some());
}
