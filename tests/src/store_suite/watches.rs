//! Who looks at which payment, and the hints that make one due.

use gateway_core::{Payment, PaymentId, PaymentRecord, Store, Watch};
use jiff::Timestamp;

use super::{account, at, changed, keep, other_account, payment, payment_of, read};

/// A payment that is due after so many seconds.
async fn watched(store: &dyn Store, order_id: &str, second: i64) -> PaymentRecord {
    let watch = Some(Watch { at: at(second), tries: 2 });
    keep(store, &Payment { watch, ..payment(order_id) }).await
}

async fn taken(store: &dyn Store, now: i64, until: i64) -> Vec<PaymentId> {
    ids(store.lease_due(&account(), at(now), at(until), 10).await.unwrap())
}

fn ids<T>(leased: Vec<(T, PaymentId)>) -> Vec<PaymentId> {
    leased.into_iter().map(|(_, id)| id).collect()
}

/// Commits a look that found nothing new.
async fn looked(store: &dyn Store, record: &PaymentRecord, next: Option<Timestamp>) {
    let mut change = changed(record);
    change.payment.watch = next.map(|at| Watch { at, tries: 3 });
    store.commit(change).await.unwrap();
}

pub async fn a_due_payment_is_taken_by_one(store: &dyn Store) {
    let due = watched(store, "order-1", 10).await.payment;
    keep(store, &payment("order-2")).await;
    assert_eq!(taken(store, 9, 100).await, []);
    let leased = store.lease_due(&account(), at(10), at(100), 10).await.unwrap();
    assert_eq!(leased, [(due.merchant, due.id)]);
    assert_eq!(taken(store, 10, 100).await, []);
}

pub async fn what_is_due_for_one_account_is_not_taken_for_another(store: &dyn Store) {
    let theirs = Payment {
        watch: Some(Watch { at: at(5), tries: 0 }),
        ..payment_of("demo", other_account().as_str(), "order-2")
    };
    keep(store, &theirs).await;
    let mine = watched(store, "order-1", 10).await.payment.id;
    // What is due longer elsewhere uses up nobody's limit.
    assert_eq!(ids(store.lease_due(&account(), at(20), at(100), 1).await.unwrap()), [mine]);
    assert_eq!(taken(store, 20, 100).await, []);
    let leased = store.lease_due(&other_account(), at(20), at(100), 10).await.unwrap();
    assert_eq!(ids(leased), [theirs.id]);
}

pub async fn a_lease_that_ran_out_is_no_lease(store: &dyn Store) {
    let due = watched(store, "order-1", 10).await.payment.id;
    assert_eq!(taken(store, 10, 100).await, std::slice::from_ref(&due));
    assert_eq!(taken(store, 99, 200).await, []);
    assert_eq!(taken(store, 100, 200).await, [due]);
}

pub async fn a_change_ends_the_lease(store: &dyn Store) {
    let record = watched(store, "order-1", 10).await;
    taken(store, 10, 100).await;
    looked(store, &record, Some(at(20))).await;
    assert_eq!(taken(store, 19, 100).await, []);
    assert_eq!(taken(store, 20, 100).await, [record.payment.id]);
}

pub async fn the_soonest_are_taken_first(store: &dyn Store) {
    let late = watched(store, "order-1", 30).await.payment.id;
    let soon = watched(store, "order-2", 10).await.payment.id;
    let next = watched(store, "order-3", 20).await.payment.id;
    assert_eq!(ids(store.lease_due(&account(), at(50), at(100), 2).await.unwrap()), [soon, next]);
    assert_eq!(ids(store.lease_due(&account(), at(50), at(100), 2).await.unwrap()), [late]);
}

pub async fn a_hint_makes_a_payment_due_at_once(store: &dyn Store) {
    let unwatched = keep(store, &payment("order-1")).await;
    let later = watched(store, "order-2", 1_000).await;
    for record in [&unwatched, &later] {
        store.mark_dirty(&record.payment.id, at(5)).await.unwrap();
    }
    for (record, tries) in [(unwatched, 0), (later, 2)] {
        let hinted = read(store, &record.payment).await;
        assert_eq!(hinted.payment.watch, Some(Watch { at: at(5), tries }));
        assert_eq!((hinted.hints, hinted.payment.version), (1, 1));
    }
    assert_eq!(taken(store, 4, 100).await.len(), 0);
    assert_eq!(taken(store, 5, 100).await.len(), 2);
}

pub async fn a_hint_never_makes_a_payment_due_later(store: &dyn Store) {
    let due = watched(store, "order-1", 10).await.payment;
    store.mark_dirty(&due.id, at(20)).await.unwrap();
    store.mark_dirty(&due.id, at(30)).await.unwrap();
    assert_eq!(read(store, &due).await.hints, 2);
    assert_eq!(taken(store, 10, 100).await, [due.id]);
}

pub async fn a_hint_may_be_due_later(store: &dyn Store) {
    let unwatched = keep(store, &payment("order-1")).await.payment;
    store.mark_dirty(&unwatched.id, at(50)).await.unwrap();
    let hinted = read(store, &unwatched).await;
    assert_eq!((hinted.hints, hinted.payment.watch), (1, Some(Watch { at: at(50), tries: 0 })));
    assert_eq!(store.next_due(&account()).await.unwrap(), Some(at(50)));
    assert_eq!(taken(store, 49, 100).await, []);
    assert_eq!(taken(store, 50, 100).await, [unwatched.id]);
}

pub async fn a_later_hint_does_not_put_off_an_earlier_one(store: &dyn Store) {
    let hinted = keep(store, &payment("order-1")).await.payment;
    store.mark_dirty(&hinted.id, at(20)).await.unwrap();
    store.mark_dirty(&hinted.id, at(50)).await.unwrap();
    let twice = read(store, &hinted).await;
    assert_eq!((twice.hints, twice.payment.watch), (2, Some(Watch { at: at(20), tries: 0 })));
    assert_eq!(store.next_due(&account()).await.unwrap(), Some(at(20)));
    assert_eq!(taken(store, 20, 100).await, [hinted.id]);
}

pub async fn an_earlier_hint_brings_a_later_one_forward(store: &dyn Store) {
    let hinted = keep(store, &payment("order-1")).await.payment;
    store.mark_dirty(&hinted.id, at(50)).await.unwrap();
    store.mark_dirty(&hinted.id, at(20)).await.unwrap();
    assert_eq!(taken(store, 19, 100).await, []);
    assert_eq!(taken(store, 20, 100).await, [hinted.id]);
}

pub async fn a_later_hint_that_came_during_a_look_is_due_when_it_said(store: &dyn Store) {
    let read_before = watched(store, "order-1", 10).await;
    taken(store, 10, 100).await;
    store.mark_dirty(&read_before.payment.id, at(500)).await.unwrap();
    // Who took it still has it, and is due when the lease ends.
    assert_eq!(store.next_due(&account()).await.unwrap(), Some(at(100)));
    looked(store, &read_before, None).await;
    assert_eq!(taken(store, 499, 900).await, []);
    assert_eq!(taken(store, 500, 900).await, [read_before.payment.id]);
}

pub async fn a_hint_does_not_end_a_lease(store: &dyn Store) {
    let due = watched(store, "order-1", 10).await.payment.id;
    taken(store, 10, 100).await;
    store.mark_dirty(&due, at(20)).await.unwrap();
    assert_eq!(taken(store, 99, 200).await, []);
    assert_eq!(taken(store, 100, 200).await, [due]);
}

pub async fn a_hint_that_came_during_a_look_is_followed_by_another(store: &dyn Store) {
    let read_before = watched(store, "order-1", 10).await;
    taken(store, 10, 100).await;
    store.mark_dirty(&read_before.payment.id, at(20)).await.unwrap();
    looked(store, &read_before, None).await;
    assert_eq!(taken(store, 20, 100).await, [read_before.payment.id]);
}

pub async fn a_change_that_saw_the_hints_answers_them(store: &dyn Store) {
    let id = keep(store, &payment("order-1")).await.payment;
    store.mark_dirty(&id.id, at(20)).await.unwrap();
    store.mark_dirty(&id.id, at(21)).await.unwrap();
    taken(store, 21, 100).await;
    looked(store, &read(store, &id).await, None).await;
    let after = read(store, &id).await;
    assert_eq!((after.hints, after.payment.watch), (2, None));
    assert_eq!(taken(store, 1_000, 2_000).await, []);
}

pub async fn a_change_that_saw_no_hints_answers_none(store: &dyn Store) {
    let record = keep(store, &payment("order-1")).await;
    store.mark_dirty(&record.payment.id, at(20)).await.unwrap();
    looked(store, &record, Some(at(500))).await;
    store.mark_dirty(&record.payment.id, at(30)).await.unwrap();
    let again = read(store, &record.payment).await;
    assert_eq!((again.hints, again.payment.watch), (2, Some(Watch { at: at(20), tries: 3 })));
    looked(store, &again, Some(at(500))).await;
    assert_eq!(read(store, &record.payment).await.payment.watch, Some(Watch { at: at(500), tries: 3 }));
    // Hints long answered do not come back with a change that did not count them.
    let answered = read(store, &record.payment).await;
    looked(store, &PaymentRecord { hints: 0, ..answered }, None).await;
    assert_eq!(read(store, &record.payment).await.payment.watch, None);
}

pub async fn a_change_may_let_the_hints_it_did_not_see_wait(store: &dyn Store) {
    for (n, (hint, watch, due)) in [
        (Some(20), None, Some(60)),
        // What was to be later anyhow stays so, and a watch waits for no hint.
        (Some(90), None, Some(90)),
        (Some(20), Some(40), Some(40)),
        (Some(20), Some(80), Some(60)),
        // Without a hint there is nothing to wait for.
        (None, None, None),
    ]
    .into_iter()
    .enumerate()
    {
        let record = keep(store, &payment(&format!("order-{n}"))).await;
        if let Some(hint) = hint {
            store.mark_dirty(&record.payment.id, at(hint)).await.unwrap();
        }
        let mut change = changed(&record);
        change.payment.watch = watch.map(|second| Watch { at: at(second), tries: 3 });
        change.more_hints_at = Some(at(60));
        store.commit(change).await.unwrap();
        let after = read(store, &record.payment).await;
        assert_eq!(after.payment.watch.map(|watch| watch.at), due.map(at), "{hint:?} {watch:?}");
        assert_eq!(store.next_due(&account()).await.unwrap(), due.map(at), "{hint:?} {watch:?}");
        // Out of the way of the next.
        looked(store, &after, None).await;
    }
}

pub async fn a_hint_of_an_unknown_payment_is_nothing(store: &dyn Store) {
    store.mark_dirty(&payment("order-1").id, at(20)).await.unwrap();
    assert_eq!(store.next_due(&account()).await.unwrap(), None);
}

pub async fn the_next_watch_is_known(store: &dyn Store) {
    assert_eq!(store.next_due(&account()).await.unwrap(), None);
    keep(store, &payment("order-1")).await;
    assert_eq!(store.next_due(&account()).await.unwrap(), None);
    watched(store, "order-2", 20).await;
    let soon = watched(store, "order-3", 10).await;
    assert_eq!(store.next_due(&account()).await.unwrap(), Some(at(10)));
    assert_eq!(taken(store, 10, 100).await, std::slice::from_ref(&soon.payment.id));
    assert_eq!(store.next_due(&account()).await.unwrap(), Some(at(20)));
    // Nobody has it any more once the lease ends.
    taken(store, 20, 200).await;
    assert_eq!(store.next_due(&account()).await.unwrap(), Some(at(100)));
    store.mark_dirty(&soon.payment.id, at(30)).await.unwrap();
    assert_eq!(store.next_due(&account()).await.unwrap(), Some(at(100)));
}

pub async fn the_next_watch_is_the_accounts_own(store: &dyn Store) {
    watched(store, "order-1", 10).await;
    assert_eq!(store.next_due(&other_account()).await.unwrap(), None);
    let theirs = payment_of("demo", other_account().as_str(), "order-2");
    keep(store, &theirs).await;
    store.mark_dirty(&theirs.id, at(5)).await.unwrap();
    assert_eq!(store.next_due(&other_account()).await.unwrap(), Some(at(5)));
    assert_eq!(store.next_due(&account()).await.unwrap(), Some(at(10)));
}
