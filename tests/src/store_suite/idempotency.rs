//! What idempotency keys stand for.

use paymux_core::{
    model::{Payment, Secret},
    store::{IdempotencyRecord, Store, StoredAnswer},
};

use super::sample::{at, cancel, made, only, payment, payment_of, request, save};

fn answered(payment: &Payment, key: &str, status: u16) -> IdempotencyRecord {
    let answer = Some(StoredAnswer { status, body: Secret::new(r#"{"object":"payment"}"#) });
    IdempotencyRecord { answer, ..request(payment, key) }
}

/// A new payment whose request had the key `key`.
async fn requested(store: &dyn Store) -> Payment {
    let payment = payment("order-1");
    let mut change = only(made(&payment));
    change.idempotency = Some(request(&payment, "key"));
    store.commit(change).await.unwrap();
    payment
}

pub async fn key_is_used_once_per_merchant(store: &dyn Store) {
    for (merchant, order_id, taken) in
        [("demo", "order-1", false), ("demo", "order-2", true), ("other", "order-3", false)]
    {
        let payment = payment_of(merchant, "toss", order_id);
        let mut change = only(made(&payment));
        change.idempotency = Some(request(&payment, "key"));
        let outcome = store.commit(change).await;
        let is_taken = matches!(outcome, Err(paymux_core::store::StoreError::KeyTaken));
        assert_eq!(is_taken, taken, "{merchant} {order_id}: {outcome:?}");
        if !taken {
            let kept = store.idempotency(&payment.merchant, "key").await.unwrap();
            assert_eq!(kept, Some(request(&payment, "key")));
        }
    }
    assert_eq!(store.idempotency(&"demo".parse().unwrap(), "another").await.unwrap(), None);
}

pub async fn first_final_answer_stays(store: &dyn Store) {
    let payment = requested(store).await;
    store.save_idempotent_answer(answered(&payment, "key", 200)).await.unwrap();
    store.save_idempotent_answer(answered(&payment, "key", 402)).await.unwrap();
    let kept = store.idempotency(&payment.merchant, "key").await.unwrap();
    assert_eq!(kept, Some(answered(&payment, "key", 200)));
}

pub async fn answer_of_another_request_is_ignored(store: &dyn Store) {
    let payment = requested(store).await;
    let another = IdempotencyRecord { digest: "another".to_owned(), ..answered(&payment, "key", 422) };
    store.save_idempotent_answer(another).await.unwrap();
    let kept = store.idempotency(&payment.merchant, "key").await.unwrap();
    assert_eq!(kept, Some(request(&payment, "key")));
}

pub async fn answer_without_a_record_is_kept(store: &dyn Store) {
    let payment = save(store, &payment("order-1")).await.payment;
    let record = IdempotencyRecord { payment: None, ..answered(&payment, "key", 422) };
    store.save_idempotent_answer(record.clone()).await.unwrap();
    assert_eq!(store.idempotency(&payment.merchant, "key").await.unwrap(), Some(record));
}

pub async fn old_records_are_forgotten(store: &dyn Store) {
    let payment = save(store, &payment("order-1")).await.payment;
    for second in [1, 2, 3] {
        let record =
            IdempotencyRecord { created_at: at(second), ..request(&payment, &format!("key-{second}")) };
        store.save_idempotent_answer(record).await.unwrap();
    }
    assert_eq!(store.expire_idempotency(at(3)).await.unwrap(), 2);
    assert_eq!(store.expire_idempotency(at(3)).await.unwrap(), 0);
    assert_eq!(store.idempotency(&payment.merchant, "key-2").await.unwrap(), None);
    assert!(store.idempotency(&payment.merchant, "key-3").await.unwrap().is_some());
}

pub async fn record_of_a_cancel_is_never_forgotten(store: &dyn Store) {
    let payment = payment("order-1");
    let record = IdempotencyRecord { cancel: Some(cancel(1_000).id), ..request(&payment, "key") };
    let mut change = only(made(&payment));
    change.idempotency = Some(record.clone());
    store.commit(change).await.unwrap();
    assert_eq!(store.expire_idempotency(at(1_000)).await.unwrap(), 0);

    // Its answer makes it no other record.
    let answer = answered(&payment, "key", 200);
    store.save_idempotent_answer(answer.clone()).await.unwrap();
    assert_eq!(store.expire_idempotency(at(1_000)).await.unwrap(), 0);
    let kept = store.idempotency(&payment.merchant, "key").await.unwrap();
    assert_eq!(kept, Some(IdempotencyRecord { answer: answer.answer, ..record }));
}
