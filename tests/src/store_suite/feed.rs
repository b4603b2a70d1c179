//! The event feed: it never skips and never repeats.

use futures_util::future::join_all;
use paymux_core::{
    model::{Currency, Event, Movement, NewEvent},
    store::Store,
};

use super::sample::{changed, charge, event, made, only, payment, payment_of, read, save_change};

pub async fn feed_has_a_merchants_events_in_order(store: &dyn Store) {
    let (mine, other) = (payment("order-1"), payment_of("other", "toss_2", "order-1"));
    let mut first = made(&mine);
    first.events = vec![event(&mine, 1), event(&mine, 2)];
    save_change(store, first.clone()).await;
    let mut elsewhere = made(&other);
    elsewhere.events = vec![event(&other, 1)];
    save_change(store, elsewhere.clone()).await;
    let mut second = changed(&read(store, &mine).await);
    second.events = vec![event(&mine, 3)];
    assert_eq!(save_change(store, second.clone()).await.events, 3);

    let feed = store.events(&mine.merchant, 0, 10).await.unwrap();
    assert!(feed.iter().all(|event| event.position > 0));
    assert!(feed.is_sorted_by(|a, b| a.position < b.position));
    assert_eq!(without_positions(feed), [first.events, second.events].concat());
    let feed = store.events(&other.merchant, 0, 10).await.unwrap();
    assert_eq!(without_positions(feed), elsewhere.events);
}

pub async fn pages_of_the_feed_never_skip_or_repeat(store: &dyn Store) {
    let mut committed = Vec::new();
    for n in 0..4_u64 {
        let payment = payment(&format!("order-{n}"));
        let mut change = made(&payment);
        change.events = (1..=n).map(|number| event(&payment, number)).collect();
        committed.extend(change.events.clone());
        store.commit(only(change)).await.unwrap();
    }
    let merchant = "demo".parse().unwrap();
    let mut read: Vec<Event> = Vec::new();
    loop {
        let after = read.last().map_or(0, |event| event.position);
        let page = store.events(&merchant, after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        // A page that repeats would never come to an end.
        assert!(page[0].position > after, "{read:?}");
        read.extend(page);
    }
    assert_eq!(without_positions(read), committed);
    assert_eq!(store.events(&merchant, u64::MAX, 2).await.unwrap(), []);
}

pub async fn concurrent_commits_each_have_their_positions(store: &dyn Store) {
    let commits = (0..100).map(|n| {
        let payment = payment(&format!("order-{n}"));
        let mut change = made(&payment);
        change.events = vec![event(&payment, 1)];
        // Every third is refused, and must leave no gap that a later event is fed before.
        if n % 3 == 0 {
            change.expected = Some(7);
        }
        store.commit(only(change))
    });
    let committed = join_all(commits).await.iter().filter(|outcome| outcome.is_ok()).count();
    let feed = store.events(&"demo".parse().unwrap(), 0, 1_000).await.unwrap();
    assert_eq!(feed.len(), committed);
    assert!(feed.is_sorted_by(|a, b| a.position < b.position));
}

pub async fn events_of_a_payment_are_its_own_in_order(store: &dyn Store) {
    let (mine, next) = (payment("order-1"), payment("order-2"));
    for (payment, numbers) in [(&mine, 1..=2), (&next, 1..=1)] {
        let mut change = made(payment);
        change.events = numbers.map(|number| event(payment, number)).collect();
        store.commit(only(change)).await.unwrap();
    }
    let mut later = changed(&read(store, &mine).await);
    let movement = Movement {
        charge: charge("pg-1", true).id,
        currency: Currency::Krw,
        paid: 27_500,
        cancelled: -1_000,
    };
    later.events = vec![NewEvent { movement: Some(movement), ..event(&mine, 3) }];
    store.commit(only(later.clone())).await.unwrap();

    let feed = store.events(&mine.merchant, 0, 10).await.unwrap();
    let expected: Vec<_> =
        feed.into_iter().filter(|event| event.event.payment.payment.id == mine.id).collect();
    let events = store.events_of(&mine.merchant, &mine.id).await.unwrap();
    assert_eq!(events, expected);
    assert_eq!(events.iter().map(|event| event.event.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(events[2].event, later.events[0]);
    assert_eq!(store.events_of(&"other".parse().unwrap(), &mine.id).await.unwrap(), []);
    assert_eq!(store.events_of(&mine.merchant, &payment("order-3").id).await.unwrap(), []);
}

/// Each store counts positions of its own.
pub(super) fn without_positions(feed: Vec<Event>) -> Vec<NewEvent> {
    feed.into_iter().map(|event| event.event).collect()
}
