//! The event feed: never skips, never repeats.

use futures_util::future::join_all;
use gateway_core::{Event, Moved, NewEvent, Store};

use super::{changed, event, made, payment, payment_of, read};

pub async fn the_feed_tells_a_merchants_events_in_order(store: &dyn Store) {
    let (payment, other) = (payment("order-1"), payment_of("other", "toss_2", "order-1"));
    let mut first = made(&payment);
    first.events = vec![event(&payment, 1), event(&payment, 2)];
    store.commit(first.clone()).await.unwrap();
    let mut elsewhere = made(&other);
    elsewhere.events = vec![event(&other, 1)];
    store.commit(elsewhere.clone()).await.unwrap();
    let mut second = changed(&read(store, &payment).await);
    second.events = vec![event(&payment, 3)];
    store.commit(second.clone()).await.unwrap();

    let told = store.events(&payment.merchant, 0, 10).await.unwrap();
    let events: Vec<_> = told.iter().map(|event| event.event.clone()).collect();
    assert_eq!(events, [first.events, second.events].concat());
    assert!(told.iter().all(|event| event.position > 0));
    assert!(told.is_sorted_by(|a, b| a.position < b.position));
    assert_eq!(read(store, &payment).await.events, 3);

    let told = store.events(&other.merchant, 0, 10).await.unwrap();
    assert_eq!(told.into_iter().map(|event| event.event).collect::<Vec<_>>(), elsewhere.events);
}

pub async fn pages_of_the_feed_never_skip_or_repeat(store: &dyn Store) {
    let mut numbers = Vec::new();
    for n in 0..4_u64 {
        let payment = payment(&format!("order-{n}"));
        let mut change = made(&payment);
        change.events = (1..=n).map(|number| event(&payment, number)).collect();
        numbers.extend(change.events.iter().map(|event| event.id.clone()));
        store.commit(change).await.unwrap();
    }
    let merchant = "demo".parse().unwrap();
    let mut told: Vec<Event> = Vec::new();
    loop {
        let after = told.last().map_or(0, |event| event.position);
        let page = store.events(&merchant, after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        // A page that repeats would never come to an end.
        assert!(page[0].position > after, "{told:?}");
        told.extend(page);
    }
    assert_eq!(told.into_iter().map(|event| event.event.id).collect::<Vec<_>>(), numbers);
    assert_eq!(store.events(&merchant, u64::MAX, 2).await.unwrap(), []);
}

pub async fn changes_made_at_once_each_have_their_place(store: &dyn Store) {
    let commits = (0..100).map(|n| {
        let payment = payment(&format!("order-{n}"));
        let mut change = made(&payment);
        change.events = vec![event(&payment, 1)];
        // Every third is refused, and must leave no place that a later event is told before.
        if n % 3 == 0 {
            change.expected = Some(7);
        }
        store.commit(change)
    });
    let made = join_all(commits).await.iter().filter(|outcome| outcome.is_ok()).count();
    let told = store.events(&"demo".parse().unwrap(), 0, 1_000).await.unwrap();
    assert_eq!(told.len(), made);
    assert!(told.is_sorted_by(|a, b| a.position < b.position));
}

pub async fn a_payments_own_events_are_told_in_order(store: &dyn Store) {
    let (mine, next) = (payment("order-1"), payment("order-2"));
    for (payment, numbers) in [(&mine, 1..=2), (&next, 1..=1)] {
        let mut change = made(payment);
        change.events = numbers.map(|number| event(payment, number)).collect();
        store.commit(change).await.unwrap();
    }
    let mut later = changed(&read(store, &mine).await);
    let moved = Moved { paid: 27_500, cancelled: -1_000 };
    later.events = vec![NewEvent { moved, ..event(&mine, 3) }];
    store.commit(later.clone()).await.unwrap();

    let feed = store.events(&mine.merchant, 0, 10).await.unwrap();
    let expected: Vec<_> = feed.into_iter().filter(|told| told.event.payment.id == mine.id).collect();
    let told = store.events_of(&mine.merchant, &mine.id).await.unwrap();
    assert_eq!(told, expected);
    assert_eq!(told.iter().map(|told| told.event.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(told[2].event, later.events[0]);
    let other = "other".parse().unwrap();
    assert_eq!(store.events_of(&other, &mine.id).await.unwrap(), []);
    assert_eq!(store.events_of(&mine.merchant, &payment("order-3").id).await.unwrap(), []);
}
