//! Which cancel in a PG's list is which of our rows, and what the row learns of it.

use std::time::Duration;

use jiff::Timestamp;

use super::bench::{Bench, PRICE};
use crate::{
    Cancel, CancelOrigin, CancelScope, CancelStatus, Currency, Failure, FailureReason, Money, SnapshotCancel,
    give_back::is_same,
};

/// A row of ours, and how the PG lists it.
async fn merchants() -> (Cancel, SnapshotCancel) {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let row = bench.cancel(&id, Some(1_000)).await.unwrap().cancels[0].clone();
    (row, bench.pg.books(|books| books.row(&pg_id).snapshot.cancels[0].clone()))
}

/// A row that was adopted from a PG that names no cancels, and how that lists it.
async fn adopted() -> (Cancel, SnapshotCancel) {
    let (row, theirs) = merchants().await;
    let at = Some(row.created_at);
    let theirs = SnapshotCancel { id: None, pg_cancel_id: None, at, ..theirs };
    let reason = theirs.reason.clone().unwrap();
    (Cancel { origin: CancelOrigin::Pg, pg_cancel_id: None, reason, ..row }, theirs)
}

fn is(ours: &Cancel, theirs: &SnapshotCancel) -> bool {
    is_same(ours, theirs, ours.pg_id.as_ref().unwrap())
}

#[tokio::test]
async fn our_id_or_the_pgs_own_name_a_cancel() {
    let (ours, theirs) = merchants().await;
    let by_id = SnapshotCancel { pg_cancel_id: None, ..theirs.clone() };
    let by_name = SnapshotCancel { id: None, ..theirs.clone() };
    let by_neither = SnapshotCancel { id: None, pg_cancel_id: None, ..theirs.clone() };
    let by_another_name = SnapshotCancel { pg_cancel_id: Some("c9".to_owned()), ..by_neither.clone() };
    assert!(is(&ours, &theirs) && is(&ours, &by_id) && is(&ours, &by_name));
    assert!(!is(&ours, &by_neither) && !is(&ours, &by_another_name), "though the amount is the same");
    assert!(!is_same(&ours, &theirs, &"pg9".parse().unwrap()), "nor is it one of another payment");
    let unnamed = Cancel { pg_cancel_id: None, ..ours };
    assert!(!is(&unnamed, &by_neither), "that neither has a name makes them not the same");
}

#[tokio::test]
async fn a_cancel_without_a_name_is_known_by_all_that_the_pg_said_of_it() {
    let (ours, theirs) = adopted().await;
    assert!(is(&ours, &theirs));
    let later = theirs.at.map(|at| at + Duration::from_secs(1));
    let named = Some("c9".to_owned());
    for other in [
        SnapshotCancel { amount: Money::krw(999), ..theirs.clone() },
        SnapshotCancel { at: later, ..theirs.clone() },
        SnapshotCancel { reason: Some("another".to_owned()), ..theirs.clone() },
        SnapshotCancel { reason: None, ..theirs.clone() },
        SnapshotCancel { pg_cancel_id: named.clone(), ..theirs.clone() },
    ] {
        assert!(!is(&ours, &other), "{other:?}");
    }
    assert!(
        is(&ours, &SnapshotCancel { at: None, ..theirs.clone() }),
        "a PG that tells no times is believed"
    );
    assert!(!is(&Cancel { pg_cancel_id: named, ..ours.clone() }, &theirs));
    for origin in [CancelOrigin::Merchant, CancelOrigin::Compensation] {
        assert!(!is(&Cancel { origin, ..ours.clone() }, &theirs), "ours carry our id");
    }
}

#[tokio::test]
async fn two_cancels_by_hand_of_one_amount_are_two_rows() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    for second in [0, 1] {
        bench.pg.books(|books| books.cancel_in_console(&pg_id, 2_000));
        bench.pg.books(|books| {
            books.change(&pg_id, |snapshot| {
                let cancel = snapshot.cancels.last_mut().unwrap();
                cancel.pg_cancel_id = None;
                cancel.at = Some(Timestamp::from_second(1_790_000_000 + second).unwrap());
            });
        });
    }
    for _ in 0..2 {
        let record = bench.verify(&id).await;
        assert_eq!(record.cancels.len(), 2);
        assert_eq!(record.cancellable(), Money::krw(PRICE - 4_000));
    }
}

#[tokio::test]
async fn a_row_takes_the_amount_and_the_name_that_the_pg_tells() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.cancel(&id, None).await.unwrap();
    let change = |amount: Money, name: Option<&str>| {
        let name = name.map(str::to_owned);
        bench.pg.books(|books| {
            books.change(&pg_id, |snapshot| {
                snapshot.cancels[0].amount = amount;
                snapshot.cancels[0].pg_cancel_id = name;
            });
        });
    };
    change(Money::krw(9_000), Some("c-new"));
    let row = bench.verify(&id).await.cancels[0].clone();
    assert_eq!((row.amount, row.pg_cancel_id.as_deref()), (Money::krw(9_000), Some("c-new")));
    change(Money::new(900, Currency::Usd).unwrap(), None);
    let row = bench.verify(&id).await.cancels[0].clone();
    assert_eq!((row.amount, row.pg_cancel_id.as_deref()), (Money::krw(9_000), Some("c-new")));
}

#[tokio::test]
async fn a_refund_that_failed_says_why_and_one_that_was_done_stays_done() {
    for (then, status, failure) in [
        (CancelStatus::Refused, CancelStatus::Refused, Some(Failure::of(FailureReason::RefundFailed))),
        (CancelStatus::Done, CancelStatus::Done, None),
    ] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.books(|books| books.slow_refunds = true);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        let tell = |status| {
            bench.pg.books(|books| {
                books.change(&pg_id, |snapshot| snapshot.cancels[0].status = status);
            });
        };
        tell(then);
        let row = bench.verify(&id).await.cancels[0].clone();
        assert_eq!((row.status, row.failure), (status, failure));
        if then == CancelStatus::Done {
            tell(CancelStatus::Pending);
            assert_eq!(bench.verify(&id).await.cancels[0].status, CancelStatus::Done);
        }
    }
}

#[tokio::test]
async fn a_refund_that_failed_is_paid_out_after_all_only_where_no_newer_one_can_be_meant() {
    for (newer, status) in [(false, CancelStatus::Done), (true, CancelStatus::Refused)] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.books(|books| books.slow_refunds = true);
        let tell = |status| {
            bench.pg.books(|books| books.change(&pg_id, |snapshot| snapshot.cancels[0].status = status));
        };
        bench.cancel(&id, Some(1_000)).await.unwrap();
        tell(CancelStatus::Refused);
        assert_eq!(bench.verify(&id).await.cancels[0].status, CancelStatus::Refused);
        if newer {
            bench.cancel(&id, Some(2_000)).await.unwrap();
        }
        tell(CancelStatus::Done);
        assert_eq!(bench.verify(&id).await.cancels[0].status, status, "with a newer one: {newer}");
    }
}

#[tokio::test]
async fn of_two_refunds_under_way_each_is_followed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    for amount in [1_000, 2_000] {
        bench.cancel(&id, Some(amount)).await.unwrap();
    }
    bench.pg.books(|books| books.complete_refunds(&pg_id));
    let statuses: Vec<_> = bench.verify(&id).await.cancels.iter().map(|cancel| cancel.status).collect();
    assert_eq!(statuses, [CancelStatus::Done; 2]);
}

#[tokio::test]
async fn a_cancel_by_hand_is_of_all_that_was_paid_or_of_a_part_and_says_whether_it_failed() {
    let failed = Failure::of(FailureReason::RefundFailed);
    for (amount, status, scope, failure) in [
        (PRICE, CancelStatus::Done, CancelScope::All, None),
        (PRICE - 1, CancelStatus::Done, CancelScope::Part, None),
        (PRICE - 1, CancelStatus::Refused, CancelScope::Part, Some(failed)),
    ] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.books(|books| {
            books.cancel_in_console(&pg_id, amount);
            books.change(&pg_id, |snapshot| snapshot.cancels[0].status = status);
        });
        let row = bench.verify(&id).await.cancels[0].clone();
        assert_eq!((row.status, row.scope, row.failure), (status, scope, failure));
    }
}
