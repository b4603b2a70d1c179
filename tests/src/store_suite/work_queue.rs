//! What is due, and who works on it.

use paymux_core::{
    model::{LookUpSubject, Operation, Payment, PaymentId},
    store::{ChecksChange, OwedLookUp, PaymentRecord, PendingOperation, Store, Why},
};

use super::sample::{
    account, at, changed, charge, made, only, other_account, owed, payment, payment_of, read, save,
    save_change,
};

/// A new payment that owes a look-up from a moment on.
async fn due(store: &dyn Store, order_id: &str, second: i64) -> PaymentRecord {
    let mut change = made(&payment(order_id));
    change.checks.owed = vec![owed(second, Why::Paid)];
    save_change(store, change).await
}

async fn owe(store: &dyn Store, payment: &Payment, look_ups: &[OwedLookUp]) {
    store.owe(&payment.merchant, &payment.id, look_ups.to_vec(), at(0)).await.unwrap();
}

async fn release(store: &dyn Store, payment: &Payment, second: i64) {
    store.release(&payment.merchant, &payment.id, at(second)).await.unwrap();
}

async fn leased(store: &dyn Store, now: i64, until: i64) -> Vec<PaymentId> {
    ids(store.lease_due(&account(), at(now), at(until), 10).await.unwrap())
}

fn ids<T>(leased: Vec<(T, PaymentId)>) -> Vec<PaymentId> {
    leased.into_iter().map(|(_, id)| id).collect()
}

/// When the usual account's next payment is due, in seconds into the test.
async fn next_due(store: &dyn Store) -> Option<i64> {
    let next = store.next_due(&account()).await.unwrap()?;
    Some(next.as_second() - at(0).as_second())
}

pub async fn due_payment_is_leased_once(store: &dyn Store) {
    let due = due(store, "order-1", 10).await.payment;
    save(store, &payment("order-2")).await;
    assert_eq!(leased(store, 9, 100).await, []);
    let taken = store.lease_due(&account(), at(10), at(100), 10).await.unwrap();
    assert_eq!(taken, [(due.merchant, due.id)]);
    assert_eq!(leased(store, 10, 100).await, []);
}

pub async fn lease_by_a_wrong_clock_is_no_lease(store: &dyn Store) {
    const DAY: i64 = 24 * 60 * 60;
    let due = due(store, "order-1", 10).await.payment.id;
    // A day is as long as anybody means; seventeen are a clock that was set.
    assert_eq!(leased(store, 10, 10 + DAY).await.len(), 1);
    assert_eq!(leased(store, 20, 30).await, []);
    assert_eq!(leased(store, 17 * DAY, 17 * DAY + 300).await.len(), 1);
    assert_eq!(leased(store, 20, 30).await, [due]);
    for (now, until, is_free) in
        [(17 * DAY, 17 * DAY + 300, true), (20, 30, true), (25, 35, false), (30, 40, true)]
    {
        let sweep = store.lease_sweep(&account(), at(now), at(until)).await.unwrap();
        assert_eq!(sweep.is_some(), is_free, "{now}");
    }
    store.finish_sweep(&account(), None, at(17 * DAY)).await.unwrap();
    assert!(store.lease_sweep(&account(), at(50), at(60)).await.unwrap().is_some());
}

pub async fn due_payments_are_leased_for_their_account_only(store: &dyn Store) {
    let mut change = made(&payment_of("demo", other_account().as_str(), "order-2"));
    change.checks.owed = vec![owed(5, Why::Paid)];
    let theirs = save_change(store, change).await.payment.id;
    let mine = due(store, "order-1", 10).await.payment.id;
    // What is due longer elsewhere does not count against the limit.
    assert_eq!(ids(store.lease_due(&account(), at(20), at(100), 1).await.unwrap()), [mine]);
    assert_eq!(leased(store, 20, 100).await, []);
    assert_eq!(ids(store.lease_due(&other_account(), at(20), at(100), 10).await.unwrap()), [theirs]);
}

pub async fn lease_that_ran_out_is_no_lease(store: &dyn Store) {
    let due = due(store, "order-1", 10).await.payment.id;
    assert_eq!(leased(store, 10, 100).await, std::slice::from_ref(&due));
    assert_eq!(leased(store, 99, 200).await, []);
    assert_eq!(leased(store, 100, 200).await, [due]);
}

pub async fn commit_ends_the_lease(store: &dyn Store) {
    let record = due(store, "order-1", 10).await;
    leased(store, 10, 100).await;
    let mut change = changed(&record);
    change.checks.answered = vec![owed(10, Why::Paid)];
    change.checks.owed = vec![owed(20, Why::Paid)];
    store.commit(only(change)).await.unwrap();
    assert_eq!(leased(store, 19, 100).await, []);
    assert_eq!(leased(store, 20, 100).await, [record.payment.id]);
}

pub async fn longest_due_is_leased_first(store: &dyn Store) {
    let third = due(store, "order-1", 30).await.payment.id;
    let first = due(store, "order-2", 10).await.payment.id;
    let second = due(store, "order-3", 20).await.payment.id;
    assert_eq!(ids(store.lease_due(&account(), at(50), at(100), 2).await.unwrap()), [first, second]);
    assert_eq!(ids(store.lease_due(&account(), at(50), at(100), 2).await.unwrap()), [third]);
}

pub async fn payment_is_due_at_its_earliest_check(store: &dyn Store) {
    let pending = |next_at: Option<i64>| PendingOperation {
        operation: Operation::Confirm(charge("pg-1", false).id),
        tries: 1,
        next_at: next_at.map(at),
    };
    for (n, (look_up, operation, deadline, expected)) in [
        (Some(10), Some(Some(20)), Some(30), Some(10)),
        (Some(30), Some(Some(10)), Some(20), Some(10)),
        (Some(20), Some(Some(30)), Some(10), Some(10)),
        (None, Some(None), Some(30), Some(30)),
        (None, Some(None), None, None),
        (None, None, None, None),
    ]
    .into_iter()
    .enumerate()
    {
        let mut change = made(&payment(&format!("order-{n}")));
        change.checks.owed = look_up.map(|second| owed(second, Why::Paid)).into_iter().collect();
        change.checks.pending = operation.map(pending).into_iter().collect();
        change.checks.deadline = deadline.map(at);
        let record = save_change(store, change).await;
        assert_eq!(record.checks.due_at(), expected.map(at), "{n}");
        assert_eq!(next_due(store).await, expected, "{n}");
        assert_eq!(leased(store, 9, 900).await, [], "{n}");
        let taken: Vec<_> = expected.map(|_| record.payment.id.clone()).into_iter().collect();
        assert_eq!(leased(store, 30, 900).await, taken, "{n}");
        // Out of the way of the next.
        let mut change = changed(&record);
        change.checks.answered = record.checks.owed;
        store.commit(only(change)).await.unwrap();
    }
}

pub async fn commit_replaces_what_is_pending(store: &dyn Store) {
    let operation = Operation::Confirm(charge("pg-1", false).id);
    let mut change = made(&payment("order-1"));
    change.checks.pending = vec![PendingOperation { operation, tries: 1, next_at: Some(at(10)) }];
    change.checks.deadline = Some(at(20));
    change.checks.asked = vec![(1, at(5))];
    let record = save_change(store, change).await;
    let mut change = changed(&record);
    change.checks =
        ChecksChange { deadline: Some(at(30)), asked: vec![(2, at(6))], ..ChecksChange::default() };
    let kept = save_change(store, change).await;
    assert_eq!(kept.checks.pending, []);
    assert_eq!((kept.checks.deadline, kept.checks.asked), (Some(at(30)), vec![(2, at(6))]));
    assert_eq!(next_due(store).await, Some(30));
}

pub async fn owed_look_up_makes_a_payment_due(store: &dyn Store) {
    let never = save(store, &payment("order-1")).await;
    let later = due(store, "order-2", 1_000).await;
    for record in [&never, &later] {
        owe(store, &record.payment, &[owed(5, Why::Hint)]).await;
    }
    assert_eq!(read(store, &never.payment).await.checks.owed, [owed(5, Why::Hint)]);
    assert_eq!(read(store, &later.payment).await.checks.owed, [owed(5, Why::Hint), owed(1_000, Why::Paid)]);
    assert_eq!(next_due(store).await, Some(5));
    assert_eq!(leased(store, 4, 100).await.len(), 0);
    assert_eq!(leased(store, 5, 100).await.len(), 2);
    // It stays due until a commit pays it.
    assert_eq!(leased(store, 100, 200).await.len(), 2);
}

pub async fn owing_leaves_the_version_alone(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    owe(store, &record.payment, &[owed(5, Why::Hint)]).await;
    assert_eq!(read(store, &record.payment).await.payment, record.payment);
    // So that a change made from what was read before is no conflict.
    store.commit(only(changed(&record))).await.unwrap();
}

pub async fn look_up_is_owed_once(store: &dyn Store) {
    let record = due(store, "order-1", 10).await;
    let other_subject = OwedLookUp {
        of: LookUpSubject::Charge { attempt: 1, pg_payment_id: "pg-1".parse().unwrap() },
        ..owed(10, Why::Paid)
    };
    let others = [owed(10, Why::Hint), OwedLookUp { tries: 1, ..owed(10, Why::Paid) }, other_subject];
    let look_ups = [&others[..], &[owed(10, Why::Paid), owed(10, Why::Hint)]].concat();
    for _ in 0..2 {
        owe(store, &record.payment, &look_ups).await;
    }
    let mut expected = [&others[..], &[owed(10, Why::Paid)]].concat();
    expected.sort();
    assert_eq!(read(store, &record.payment).await.checks.owed, expected);
}

pub async fn hints_share_the_look_up_that_is_ahead(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    let (merchant, id) = (&record.payment.merchant, &record.payment.id);
    let owed_at = async |now: i64, second: i64, why: Why| {
        store.owe(merchant, id, vec![owed(second, why)], at(now)).await.unwrap();
        read(store, &record.payment).await.checks.owed
    };
    assert_eq!(owed_at(0, 20, Why::Hint).await, [owed(20, Why::Hint)]);
    assert_eq!(owed_at(1, 21, Why::Hint).await, [owed(20, Why::Hint)]);
    assert_eq!(owed_at(1, 15, Why::Hint).await, [owed(15, Why::Hint)]);
    // The one that is due may be asked already, and be older than this hint.
    assert_eq!(owed_at(15, 25, Why::Hint).await, [owed(15, Why::Hint), owed(25, Why::Hint)]);
    let with_another = [owed(15, Why::Hint), owed(25, Why::Hint), owed(30, Why::Recheck)];
    assert_eq!(owed_at(15, 30, Why::Recheck).await, with_another);
}

pub async fn later_look_up_puts_off_no_earlier_one(store: &dyn Store) {
    let record = save(store, &payment("order-1")).await;
    owe(store, &record.payment, &[owed(20, Why::Hint)]).await;
    owe(store, &record.payment, &[owed(50, Why::Hint)]).await;
    assert_eq!(next_due(store).await, Some(20));
    owe(store, &record.payment, &[owed(10, Why::Recheck)]).await;
    assert_eq!(next_due(store).await, Some(10));
    owe(store, &record.payment, &[]).await;
    assert_eq!(leased(store, 10, 100).await, [record.payment.id]);
}

pub async fn owing_ends_no_lease(store: &dyn Store) {
    let due = due(store, "order-1", 10).await.payment;
    leased(store, 10, 100).await;
    owe(store, &due, &[owed(5, Why::Hint)]).await;
    assert_eq!(next_due(store).await, Some(100));
    assert_eq!(leased(store, 99, 200).await, []);
    assert_eq!(leased(store, 100, 200).await, [due.id]);
}

pub async fn look_up_owed_since_the_read_outlives_the_commit(store: &dyn Store) {
    let record = due(store, "order-1", 10).await;
    leased(store, 10, 100).await;
    owe(store, &record.payment, &[owed(20, Why::Hint), owed(500, Why::Recheck)]).await;
    let mut change = changed(&record);
    change.checks.answered = record.checks.owed.clone();
    change.checks.owed = vec![owed(700, Why::Paid), owed(20, Why::Hint)];
    let kept = save_change(store, change).await;
    assert_eq!(kept.checks.owed, [owed(20, Why::Hint), owed(500, Why::Recheck), owed(700, Why::Paid)]);
    assert_eq!(leased(store, 19, 100).await, []);
    assert_eq!(leased(store, 20, 100).await, [record.payment.id]);
}

pub async fn only_the_look_up_that_was_answered_is_gone(store: &dyn Store) {
    let record = due(store, "order-1", 10).await;
    owe(store, &record.payment, &[owed(11, Why::Paid), owed(10, Why::Hint)]).await;
    let mut change = changed(&record);
    change.checks.answered = vec![owed(10, Why::Paid), owed(12, Why::Paid)];
    let kept = save_change(store, change).await;
    assert_eq!(kept.checks.owed, [owed(10, Why::Hint), owed(11, Why::Paid)]);
    let mut change = changed(&kept);
    change.checks.answered = kept.checks.owed;
    assert_eq!(save_change(store, change).await.checks.owed, []);
    assert_eq!(next_due(store).await, None);
}

pub async fn owing_for_an_unknown_payment_is_ignored(store: &dyn Store) {
    owe(store, &payment("order-1"), &[owed(20, Why::Hint)]).await;
    let mine = save(store, &payment("order-1")).await.payment;
    let of_another = Payment { merchant: "other".parse().unwrap(), ..mine.clone() };
    owe(store, &of_another, &[owed(20, Why::Hint)]).await;
    assert_eq!(read(store, &mine).await.checks.owed, []);
    assert_eq!(next_due(store).await, None);
}

pub async fn released_payment_is_free_from_then_on(store: &dyn Store) {
    // Sooner than its lease would have ended, or later.
    for (order_id, second) in [("order-1", 40), ("order-2", 300)] {
        let due = due(store, order_id, 10).await.payment;
        assert_eq!(leased(store, 10, 100).await, std::slice::from_ref(&due.id));
        release(store, &due, second).await;
        assert_eq!(next_due(store).await, Some(second));
        assert_eq!(leased(store, second - 1, 900).await, []);
        assert_eq!(leased(store, second, 900).await, [due.id]);
    }
}

pub async fn release_makes_nothing_due_early(store: &dyn Store) {
    let record = due(store, "order-1", 10).await;
    leased(store, 10, 100).await;
    let mut change = changed(&record);
    change.checks.answered = record.checks.owed.clone();
    change.checks.owed = vec![owed(50, Why::Paid)];
    store.commit(only(change)).await.unwrap();
    leased(store, 50, 100).await;
    release(store, &record.payment, 20).await;
    assert_eq!(next_due(store).await, Some(50));
    assert_eq!(leased(store, 49, 100).await, []);
    assert_eq!(leased(store, 50, 100).await, [record.payment.id]);
}

pub async fn release_without_a_lease_is_ignored(store: &dyn Store) {
    let record = due(store, "order-1", 10).await;
    release(store, &record.payment, 300).await;
    assert_eq!(next_due(store).await, Some(10));
    // Somebody committed what makes it due at once: that is not put off by whoever had it before.
    leased(store, 10, 100).await;
    store.commit(only(changed(&record))).await.unwrap();
    release(store, &record.payment, 300).await;
    assert_eq!(leased(store, 10, 100).await, std::slice::from_ref(&record.payment.id));

    let of_another = Payment { merchant: "other".parse().unwrap(), ..record.payment };
    release(store, &of_another, 20).await;
    release(store, &payment("order-2"), 20).await;
    assert_eq!(next_due(store).await, Some(100));
}

pub async fn next_due_is_the_earliest_that_is_free(store: &dyn Store) {
    assert_eq!(next_due(store).await, None);
    save(store, &payment("order-1")).await;
    assert_eq!(next_due(store).await, None);
    due(store, "order-2", 20).await;
    let first = due(store, "order-3", 10).await.payment;
    assert_eq!(next_due(store).await, Some(10));
    assert_eq!(leased(store, 10, 100).await, std::slice::from_ref(&first.id));
    assert_eq!(next_due(store).await, Some(20));
    // When a lease ends the payment is free.
    leased(store, 20, 200).await;
    assert_eq!(next_due(store).await, Some(100));
}

pub async fn next_due_is_the_accounts_own(store: &dyn Store) {
    due(store, "order-1", 10).await;
    assert_eq!(store.next_due(&other_account()).await.unwrap(), None);
    let theirs = save(store, &payment_of("demo", other_account().as_str(), "order-2")).await.payment;
    owe(store, &theirs, &[owed(5, Why::Hint)]).await;
    assert_eq!(store.next_due(&other_account()).await.unwrap(), Some(at(5)));
    assert_eq!(next_due(store).await, Some(10));
}
