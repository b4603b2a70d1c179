//! What operators ask: the payments of every merchant, those with a review, and how the store is.

use paymux_core::{
    model::{
        MerchantId, Payment, PaymentId, Review, ReviewClosing, ReviewOutcome, ReviewReason, ReviewSubject,
    },
    store::{Store, StoreError},
};

use super::{
    assert_refused,
    sample::{at, changed, made, only, payment, payment_of, read, save, save_change},
};

type Owned = (MerchantId, PaymentId);

fn owned(payment: &Payment) -> Owned {
    (payment.merchant.clone(), payment.id.clone())
}

/// Payments of two merchants by turns, as they are listed.
async fn of_two_merchants(store: &dyn Store, count: u32) -> Vec<Owned> {
    let mut kept = Vec::new();
    for n in 0..count {
        let (merchant, account) = if n % 2 == 0 { ("demo", "toss") } else { ("other", "toss_2") };
        let payment = payment_of(merchant, account, &format!("order-{n}"));
        kept.push(owned(&save(store, &payment).await.payment));
    }
    kept.sort_by(|a, b| a.1.cmp(&b.1));
    kept
}

pub(super) fn open_review(number: u16) -> Review {
    Review {
        number,
        about: ReviewSubject::Payment,
        reason: ReviewReason::UnknownConfirm,
        opened_at: at(0),
        asked_for: Some("to refund 7500 KRW".to_owned()),
        key: Some("cancel-1".to_owned()),
        closing: None,
    }
}

pub(super) fn closed_review(number: u16) -> Review {
    let closing = ReviewClosing::Decided {
        at: at(5),
        by: "운영자".to_owned(),
        outcome: ReviewOutcome::NotDone,
        reason: "콘솔에 없음".to_owned(),
    };
    Review { closing: Some(closing), ..open_review(number) }
}

/// Gives a payment these reviews in place of those it has.
async fn with_reviews(store: &dyn Store, payment: &Payment, reviews: Vec<Review>) {
    let mut change = changed(&read(store, payment).await);
    change.payment.reviews = reviews;
    store.commit(only(change)).await.unwrap();
}

/// All pages of two, put together: of every payment, or of those with reviews.
async fn pages(store: &dyn Store, with_reviews: Option<bool>) -> Vec<Owned> {
    let mut listed: Vec<Owned> = Vec::new();
    loop {
        let after = listed.last().map(|(_, id)| id);
        let page = match with_reviews {
            None => store.all_payments(after, 2).await,
            Some(only_open) => store.payments_with_reviews(only_open, after, 2).await,
        };
        let page = page.unwrap();
        assert!(page.len() <= 2);
        // A page that repeats would never come to an end.
        assert!(page.first().is_none_or(|(_, next)| after.is_none_or(|last| next > last)), "{listed:?}");
        if page.is_empty() {
            return listed;
        }
        listed.extend(page);
    }
}

pub async fn owner_of_any_payment_is_found(store: &dyn Store) {
    let mine = save(store, &payment("order-1")).await.payment;
    let theirs = save(store, &payment_of("other", "toss_2", "order-1")).await.payment;
    for payment in [mine, theirs] {
        assert_eq!(store.owner_of(&payment.id).await.unwrap(), Some(payment.merchant));
    }
    assert_eq!(store.owner_of(&payment("order-1").id).await.unwrap(), None);
}

pub async fn all_payments_are_listed_oldest_first(store: &dyn Store) {
    assert_eq!(store.all_payments(None, 10).await.unwrap(), []);
    let kept = of_two_merchants(store, 5).await;
    assert_eq!(store.all_payments(None, 10).await.unwrap(), kept);
    assert_eq!(store.all_payments(None, 0).await.unwrap(), []);
    assert_eq!(store.all_payments(Some(&kept[1].1), 2).await.unwrap(), kept[2..4]);
    assert_eq!(store.all_payments(Some(&kept[4].1), 2).await.unwrap(), []);
}

pub async fn pages_of_all_payments_never_skip_or_repeat(store: &dyn Store) {
    let kept = of_two_merchants(store, 7).await;
    assert_eq!(pages(store, None).await, kept);
}

pub async fn payments_of_every_merchant_are_counted(store: &dyn Store) {
    assert_eq!(store.count_payments().await.unwrap(), 0);
    let first = save(store, &payment("order-1")).await;
    save(store, &payment_of("other", "toss_2", "order-1")).await;
    assert_eq!(store.count_payments().await.unwrap(), 2);
    // Neither a change nor what was refused is another payment.
    store.commit(only(changed(&first))).await.unwrap();
    assert_refused!(store.commit(only(made(&payment("order-1")))).await, StoreError::OrderTaken);
    assert_eq!(store.count_payments().await.unwrap(), 2);
}

pub async fn payment_with_a_review_is_found_for_good(store: &dyn Store) {
    let payment = save(store, &payment("order-1")).await.payment;
    let (found, none) = (vec![owned(&payment)], Vec::new());
    for (reviews, open, any) in [
        (vec![], &none, &none),
        (vec![open_review(1)], &found, &found),
        (vec![closed_review(1)], &none, &found),
        (vec![closed_review(1), open_review(2)], &found, &found),
        (vec![open_review(1), closed_review(2)], &found, &found),
        (vec![closed_review(1), closed_review(2)], &none, &found),
    ] {
        with_reviews(store, &payment, reviews.clone()).await;
        assert_eq!(read(store, &payment).await.payment.reviews, reviews);
        assert_eq!(store.payments_with_reviews(true, None, 10).await.unwrap(), *open, "{reviews:?}");
        assert_eq!(store.payments_with_reviews(false, None, 10).await.unwrap(), *any, "{reviews:?}");
    }
}

pub async fn new_payment_with_a_review_is_found(store: &dyn Store) {
    let payment = Payment { reviews: vec![open_review(1)], ..payment("order-1") };
    save(store, &payment).await;
    assert_eq!(store.payments_with_reviews(true, None, 10).await.unwrap(), [owned(&payment)]);
}

pub async fn refused_change_opens_no_review(store: &dyn Store) {
    let mut change = changed(&save(store, &payment("order-1")).await);
    change.payment.reviews = vec![open_review(1)];
    change.expected = Some(7);
    change.payment.version = 8;
    assert_refused!(store.commit(only(change)).await, StoreError::Conflict);
    assert_eq!(store.payments_with_reviews(false, None, 10).await.unwrap(), []);
}

pub async fn pages_of_reviews_never_skip_or_repeat(store: &dyn Store) {
    let kept = of_two_merchants(store, 12).await;
    let (mut open, mut any) = (Vec::new(), Vec::new());
    for (n, (merchant, id)) in kept.into_iter().enumerate() {
        let payment = store.payment(&merchant, &id).await.unwrap().unwrap().payment;
        // A third has an open review, a third a closed one.
        match n % 3 {
            0 => with_reviews(store, &payment, vec![open_review(1)]).await,
            1 => with_reviews(store, &payment, vec![closed_review(1)]).await,
            _ => continue,
        }
        any.push(owned(&payment));
        if n % 3 == 0 {
            open.push(owned(&payment));
        }
    }
    assert_eq!(pages(store, Some(true)).await, open);
    assert_eq!(pages(store, Some(false)).await, any);
}

pub async fn newest_commit_is_the_latest_time_seen(store: &dyn Store) {
    assert_eq!(store.newest_commit().await.unwrap(), None);
    let mut record = save(store, &payment("order-1")).await;
    assert_eq!(store.newest_commit().await.unwrap(), Some(at(0)));
    // A clock that was set back does not take it back.
    for (second, newest) in [(50, 50), (20, 50), (51, 51)] {
        let change = paymux_core::store::Change { at: at(second), ..only(changed(&record)) };
        store.commit(change).await.unwrap();
        assert_eq!(store.newest_commit().await.unwrap(), Some(at(newest)));
        record = read(store, &record.payment).await;
    }
    let refused = paymux_core::store::Change { at: at(90), ..only(made(&payment("order-1"))) };
    assert_refused!(store.commit(refused).await, StoreError::OrderTaken);
    assert_eq!(store.newest_commit().await.unwrap(), Some(at(51)));
}

pub async fn working_store_answers_a_ping(store: &dyn Store) {
    save_change(store, made(&payment("order-1"))).await;
    store.ping().await.unwrap();
    store.ping().await.unwrap();
}
