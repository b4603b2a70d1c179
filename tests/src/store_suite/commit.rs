//! Changes: all of one is applied, or nothing.

use futures_util::future::join_all;
use gateway_core::{
    AttemptStatus, BrowserStep, CancelStatus, LastAttempt, Secret, Sending, Store, StoreError, Watch,
};

use super::{
    assert_refused, at, attempt, attempt_with, cancel, changed, event, keep, made, payment, payment_of, read,
    request,
};

pub async fn a_committed_payment_reads_back_as_it_was(store: &dyn Store) {
    let mut payment = payment("order-1");
    payment.watch = Some(Watch { at: at(60), tries: 3 });
    payment.last_attempt = Some(LastAttempt { number: 1, failure: None });
    let mut attempt = attempt_with(&payment, 1, "tviva20261121", true);
    attempt.status = AttemptStatus::Accepted;
    attempt.step = Some(BrowserStep::Redirect { url: "https://pg.example/window".to_owned() });
    attempt.state = Some(Secret::new("state"));
    attempt.confirm = Some(Sending::first(at(1), "credential"));
    attempt.deposit_secret = Some(Secret::new("ps_1"));
    attempt.raw = Some(Secret::new(r#"{"status":"DONE"}"#));
    let mut change = made(&payment);
    change.attempts = vec![attempt];
    change.cancels = vec![cancel(1_000), cancel(2_000)];
    change.events = vec![event(&payment, 1), event(&payment, 2)];
    store.commit(change.clone()).await.unwrap();

    let kept = read(store, &payment).await;
    assert_eq!(kept.payment, payment);
    assert_eq!(kept.attempts, change.attempts);
    assert_eq!(kept.cancels, change.cancels);
    assert_eq!((kept.events, kept.hints), (2, 0));
}

pub async fn a_new_payment_is_refused_where_one_is(store: &dyn Store) {
    let payment = payment("order-1");
    keep(store, &payment).await;
    assert_refused!(store.commit(made(&payment)).await, StoreError::Conflict);
}

pub async fn a_change_of_an_older_version_is_refused(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    store.commit(changed(&record)).await.unwrap();
    assert_refused!(store.commit(changed(&record)).await, StoreError::Conflict);
    assert_eq!(read(store, &record.payment).await.payment.version, 2);
}

pub async fn a_change_of_an_unknown_payment_is_a_conflict(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    let mut change = changed(&record);
    change.payment.id = payment("order-2").id;
    assert_refused!(store.commit(change).await, StoreError::Conflict);
}

pub async fn a_change_that_skips_a_version_is_a_conflict(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    for version in [0, 1, 3] {
        let mut change = changed(&record);
        change.payment.version = version;
        assert_refused!(store.commit(change).await, StoreError::Conflict);
    }
}

pub async fn a_payment_never_moves_to_another_merchant_or_account(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    let mut of_another = changed(&record);
    of_another.payment.merchant = "other".parse().unwrap();
    let mut elsewhere = changed(&record);
    elsewhere.payment.account = "portone".parse().unwrap();
    for change in [of_another, elsewhere] {
        assert_refused!(store.commit(change).await, StoreError::Conflict);
    }
    assert_eq!(read(store, &record.payment).await, record);
}

pub async fn of_many_changes_of_one_version_exactly_one_wins(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    let outcomes = join_all((1..=50).map(|n| {
        let mut change = changed(&record);
        change.events = vec![event(&record.payment, n)];
        store.commit(change)
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let kept = read(store, &record.payment).await;
    assert_eq!((kept.payment.version, kept.events), (2, 1));
}

pub async fn a_refused_change_leaves_nothing(store: &dyn Store) {
    let owner = payment("order-1");
    let mut change = made(&owner);
    change.attempts = vec![attempt_with(&owner, 1, "pg-1", true)];
    store.commit(change).await.unwrap();
    let record = keep(store, &payment("order-2")).await;

    let mut change = changed(&record);
    change.attempts = vec![attempt(&record.payment, 1), attempt_with(&record.payment, 2, "pg-1", true)];
    change.cancels = vec![cancel(1_000)];
    change.events = vec![event(&record.payment, 1)];
    change.idempotency = Some(request(&record.payment, "key"));
    assert_refused!(store.commit(change).await, StoreError::PgIdTaken);

    assert_eq!(read(store, &record.payment).await, record);
    assert_eq!(store.events(&record.payment.merchant, 0, 10).await.unwrap(), []);
    assert_eq!(store.idempotency(&record.payment.merchant, "key").await.unwrap(), None);
}

pub async fn attempts_and_cancels_are_replaced_not_repeated(store: &dyn Store) {
    let payment = payment("order-1");
    let mut change = made(&payment);
    change.attempts = vec![attempt(&payment, 2), attempt(&payment, 1)];
    change.cancels = vec![cancel(3_000), cancel(1_000)];
    let (mut attempts, mut cancels) = (change.attempts.clone(), change.cancels.clone());
    attempts.reverse();
    store.commit(change).await.unwrap();

    attempts[1].status = AttemptStatus::Open;
    cancels[0].status = CancelStatus::Done;
    cancels.push(cancel(2_000));
    let mut change = changed(&read(store, &payment).await);
    change.attempts = vec![attempts[1].clone()];
    change.cancels = vec![cancels[2].clone(), cancels[0].clone()];
    store.commit(change).await.unwrap();

    let kept = read(store, &payment).await;
    assert_eq!(kept.attempts, attempts);
    assert_eq!(kept.cancels, cancels);
}

pub async fn a_pg_id_is_accepted_once_per_account(store: &dyn Store) {
    let first = payment("order-1");
    let mut change = made(&first);
    change.attempts = vec![attempt_with(&first, 1, "pg-1", true)];
    store.commit(change.clone()).await.unwrap();

    for (merchant, account, taken) in
        [("demo", "toss", true), ("other", "toss", true), ("demo", "portone", false)]
    {
        let second = payment_of(merchant, account, "order-2");
        let mut change = made(&second);
        change.attempts = vec![attempt_with(&second, 1, "pg-1", true)];
        let outcome = store.commit(change).await;
        assert_eq!(matches!(outcome, Err(StoreError::PgIdTaken)), taken, "{merchant} {account}: {outcome:?}");
    }
    // The owner itself may write it again, and under another attempt.
    let mut again = changed(&read(store, &first).await);
    again.attempts = vec![attempt_with(&first, 2, "pg-1", true), attempt_with(&first, 1, "pg-1", false)];
    store.commit(again).await.unwrap();
}

pub async fn many_may_claim_one_pg_id(store: &dyn Store) {
    for (order_id, accepted) in [("order-1", false), ("order-2", true), ("order-3", false)] {
        let payment = payment(order_id);
        let mut change = made(&payment);
        change.attempts = vec![attempt_with(&payment, 1, "pg-1", accepted)];
        store.commit(change).await.unwrap();
    }
}

pub async fn an_answer_is_kept_whatever_the_version(store: &dyn Store) {
    let payment = payment("order-1");
    let mut change = made(&payment);
    change.attempts = vec![attempt(&payment, 1), attempt(&payment, 2)];
    store.commit(change).await.unwrap();
    let (secret, raw) = (Some(Secret::new("ps_1")), Some(Secret::new("{}")));
    store.keep_answer(&payment.id, 2, secret.clone(), None).await.unwrap();
    store.keep_answer(&payment.id, 2, None, raw.clone()).await.unwrap();

    let kept = read(store, &payment).await;
    assert_eq!((&kept.attempts[1].deposit_secret, &kept.attempts[1].raw), (&secret, &raw));
    assert_eq!(kept.attempts[0], attempt(&payment, 1));
    assert_eq!(kept.payment, payment);
}

pub async fn an_answer_outlives_a_change_that_had_not_read_it(store: &dyn Store) {
    let payment = payment("order-1");
    let mut change = made(&payment);
    change.attempts = vec![attempt(&payment, 1)];
    store.commit(change).await.unwrap();
    let before = read(store, &payment).await;
    let (secret, raw) = (Some(Secret::new("ps_1")), Some(Secret::new("old")));
    store.keep_answer(&payment.id, 1, secret.clone(), raw.clone()).await.unwrap();

    let mut change = changed(&before);
    change.attempts = before.attempts.clone();
    change.attempts[0].status = AttemptStatus::Confirming;
    store.commit(change).await.unwrap();
    let kept = &read(store, &payment).await.attempts[0];
    assert_eq!((kept.status, &kept.deposit_secret, &kept.raw), (AttemptStatus::Confirming, &secret, &raw));

    // What it holds itself counts.
    let newer = Some(Secret::new("new"));
    let mut change = changed(&read(store, &payment).await);
    change.attempts = before.attempts;
    change.attempts[0].raw = newer.clone();
    store.commit(change).await.unwrap();
    let kept = &read(store, &payment).await.attempts[0];
    assert_eq!((&kept.deposit_secret, &kept.raw), (&secret, &newer));
}

pub async fn an_answer_of_an_unknown_attempt_is_nothing(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    store.keep_answer(&record.payment.id, 1, Some(Secret::new("ps_1")), None).await.unwrap();
    store.keep_answer(&payment("order-2").id, 1, Some(Secret::new("ps_1")), None).await.unwrap();
    assert_eq!(read(store, &record.payment).await, record);
}
