//! Money that goes back by itself: four reasons, a fresh look-up right before, and nothing else (invariant 12).

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, SECOND},
    errors::{misconfigured, no_answer, not_sent, refused, unknown},
    fake_pg::Op,
};
use crate::{
    lifecycle::tests::sample::{PRICE, listed},
    model::{
        CancelOrigin, CancelStatus, ChargeRole, CompensationReason, Money, PaymentStatus, PgCancelStatus,
        Snapshot, SnapshotCancel,
    },
};

#[tokio::test]
async fn duplicate_goes_back_after_look_ups_of_both_charges() {
    let bench = Bench::before_confirm();
    let (id, first, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    let cancel = bench.newest_cancel(&id).await;
    assert_eq!((cancel.origin, cancel.status), (CancelOrigin::Compensation, CancelStatus::Requested));
    assert_eq!(cancel.compensates, Some(CompensationReason::Duplicate));
    let before = bench.look_ups();
    bench.run(SECOND).await;
    assert_eq!((bench.given_back(&first), bench.given_back(&second)), (0, PRICE));
    let asked: Vec<_> =
        bench.pg.calls(Op::Verify).split_off(before).into_iter().map(|call| call.pg_id).collect();
    for name in [&first, &second] {
        assert!(asked.contains(&Some(name.to_string())), "{asked:?}");
    }
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert!(bench.read(&id).await.view().cancels.is_empty(), "it is no refund of the order");
    bench.check_ledger().await;
}

#[tokio::test]
async fn nothing_goes_back_when_the_other_one_was_cancelled_by_hand() {
    // Two payments of one order; an operator cancels one at the PG, right before we cancel the other.
    for cancelled in [PRICE, 1] {
        let bench = Bench::before_confirm();
        let (id, first, second) = bench.paid_twice().await;
        bench.verify(&id).await;
        bench.pg.books(|books| books.cancel_in_console(&first, cancelled, bench.pg.clock_now()));
        bench.run(DAY).await;
        assert_eq!((bench.cancels(), bench.given_back(&second)), (0, 0), "{cancelled}");
        assert_eq!(bench.open_reviews(&id).await, ["compensation_held"]);
    }
}

#[tokio::test]
async fn nothing_goes_back_when_its_own_money_changed() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.books(|books| books.cancel_in_console(&second, 4_000, bench.pg.clock_now()));
    bench.run(DAY).await;
    assert_eq!((bench.cancels(), bench.given_back(&second)), (0, 0));
    assert_eq!(bench.open_reviews(&id).await, ["compensation_held"]);
    bench.pg.books(|books| books.cancel_in_console(&second, 6_000, bench.pg.clock_now()));
    bench.sweep().await;
    bench.run(MINUTE).await;
    assert!(bench.open_reviews(&id).await.is_empty(), "it was given back by hand");
}

#[tokio::test]
async fn money_given_back_by_hand_is_not_given_back_again() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.books(|books| books.cancel_in_console(&second, PRICE, bench.pg.clock_now()));
    bench.run(DAY).await;
    assert_eq!((bench.cancels(), bench.given_back(&second)), (0, 0));
    assert!(bench.open_reviews(&id).await.is_empty(), "nothing is left to decide");
}

#[tokio::test]
async fn look_up_comes_before_every_send_repeats_too() {
    let bench = Bench::before_confirm();
    let (id, first, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.instead(Op::Cancel, not_sent);
    bench.run(SECOND).await;
    assert_eq!(bench.cancels(), 1);
    // Between the first send, which never left, and the next.
    bench.pg.books(|books| books.cancel_in_console(&first, PRICE, bench.pg.clock_now()));
    bench.run(DAY).await;
    assert_eq!((bench.cancels(), bench.given_back(&second)), (1, 0));
    assert_eq!(bench.open_reviews(&id).await, ["compensation_held"]);
}

#[tokio::test]
async fn look_up_without_an_answer_sends_nothing() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.fails(Op::Verify, no_answer);
    bench.run(DAY).await;
    assert_eq!((bench.cancels(), bench.given_back(&second)), (0, 0));
    bench.pg.heal();
    bench.run(2 * HOUR).await;
    assert_eq!(bench.given_back(&second), PRICE);
}

#[tokio::test]
async fn accepted_money_that_stops_matching_is_never_refunded() {
    type Glitch = fn(&mut Snapshot);
    let glitches: [(&str, Glitch); 4] = [
        ("amount", |shown| shown.total = crate::model::Money::krw(5)),
        ("mode", |shown| shown.mode = Some(crate::model::Mode::Live)),
        ("currency", |shown| {
            let usd = crate::model::Money::new(PRICE, crate::model::Currency::Usd).unwrap();
            (shown.total, shown.discount) = (usd, crate::model::Money::zero(crate::model::Currency::Usd));
        }),
        ("discount", |shown| shown.discount = crate::model::Money::krw(500)),
    ];
    for bench in Bench::both() {
        for (what, glitch) in glitches {
            let bench = bench.replica(|_, _| ());
            let order = format!("order-{what}");
            let id = bench.try_register(&order, PRICE).await.unwrap().record.payment.id;
            let window = bench.open(&id).await;
            let pg_id = bench.in_window(&window);
            bench.confirm(&id, &pg_id).await.unwrap();
            bench.pg.books(|books| books.change(&pg_id, glitch));
            bench.verify(&id).await;
            bench.run(2 * DAY).await;
            assert_eq!(bench.open_reviews(&id).await, ["accepted_changed"], "{what}");
            assert_eq!(bench.given_back(&pg_id), 0, "{what}");
            assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "{what}");
        }
    }
}

#[tokio::test]
async fn account_that_was_reconfigured_refunds_nothing_that_was_sold() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.paid().await;
    let live = bench.replica(|_, pg| pg.description.mode = crate::model::Mode::Live);
    live.verify(&id).await;
    live.run(2 * DAY).await;
    assert_eq!((bench.given_back(&pg_id), bench.status(&id).await), (0, PaymentStatus::Paid));
    assert_eq!(bench.open_reviews(&id).await, ["accepted_changed"]);
}

#[tokio::test]
async fn refused_compensation_is_a_review_at_once_and_not_asked_again() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.instead(Op::Cancel, refused);
    bench.run(SECOND).await;
    assert_eq!(bench.open_reviews(&id).await, ["compensation_refused"]);
    bench.run(3 * DAY).await;
    assert_eq!((bench.cancels(), bench.given_back(&second)), (1, 0));
    bench.pg.books(|books| books.cancel_in_console(&second, PRICE, bench.pg.clock_now()));
    bench.run(5 * DAY).await;
    assert!(bench.open_reviews(&id).await.is_empty());
}

#[tokio::test]
async fn compensation_with_three_errors_becomes_a_review() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.fails(Op::Cancel, unknown);
    bench.run(HOUR).await;
    assert_eq!(bench.cancels(), 3);
    assert_eq!(bench.open_reviews(&id).await, ["compensation_refused"]);
    assert_eq!(bench.given_back(&second), 0);
}

#[tokio::test]
async fn compensation_goes_once_the_keys_work_again() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.fails(Op::Cancel, misconfigured);
    bench.run(5 * HOUR).await;
    assert!(bench.cancels() <= 8, "{} in five hours", bench.cancels());
    bench.pg.heal();
    bench.run(DAY).await;
    assert_eq!(bench.given_back(&second), PRICE);
}

#[tokio::test]
async fn compensation_that_cannot_be_sent_for_a_week_is_a_review() {
    let bench = Bench::before_confirm();
    let (id, _, _) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.fails(Op::Cancel, misconfigured);
    bench.run(8 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
}

#[tokio::test]
async fn compensation_executed_late_is_found_done() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.pg.later(Op::Cancel);
    bench.run(FINAL - MINUTE).await;
    bench.pg.execute_late();
    bench.run(HOUR).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
    assert_eq!((bench.cancels(), bench.given_back(&second)), (1, PRICE));
    assert!(bench.open_reviews(&id).await.is_empty(), "{:?}", bench.read(&id).await.payment.reviews);
}

#[tokio::test]
async fn compensation_is_never_done_twice_by_two_replicas() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.pg.books(|books| books.permissive = true);
    bench.verify(&id).await;
    let other = bench.replica(|_, _| ());
    tokio::join!(bench.resolve_due(), other.resolve_due());
    bench.run(HOUR).await;
    assert_eq!((bench.given_back(&second), bench.cancels()), (PRICE, 1));
}

#[tokio::test]
async fn third_money_goes_back_as_well() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let third = bench.in_window(&order);
    bench.verify(&id).await;
    bench.run(MINUTE).await;
    assert_eq!((bench.given_back(&second), bench.given_back(&third)), (PRICE, PRICE));
    let roles: Vec<_> = bench.read(&id).await.charges.iter().map(crate::model::Charge::role).collect();
    assert_eq!(roles, [ChargeRole::Accepted, ChargeRole::Duplicate, ChargeRole::Duplicate]);
    bench.check_ledger().await;
}

#[tokio::test]
async fn disputed_duplicate_is_left_alone() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.pg.books(|books| books.change(&second, |shown| shown.disputed = Some(true)));
    bench.verify(&id).await;
    bench.run(3 * DAY).await;
    assert_eq!(bench.cancels(), 0);
    bench.pg.books(|books| books.change(&second, |shown| shown.disputed = Some(false)));
    bench.run(DAY + 3 * HOUR).await;
    assert_eq!(bench.given_back(&second), PRICE);
}

#[tokio::test]
async fn money_that_goes_and_comes_again_is_given_back_by_one_request() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    let good = bench.pg.books(|books| books.row(&second).snapshot);
    bench.pg.later(Op::Cancel);
    bench.verify(&id).await;
    bench.resolve_due().await;
    bench.fails_after_all(&second);
    bench.verify(&id).await;
    bench.advance(FINAL - SECOND);
    bench.verify(&id).await;
    bench.pg.books(|books| books.change(&second, |shown| *shown = good.clone()));
    bench.verify(&id).await;
    let record = bench.read(&id).await;
    let rows = &record.charge_at_pg(&second).unwrap().cancels;
    assert_eq!(rows.iter().filter(|row| row.status.is_unresolved()).count(), 1);
}

#[tokio::test]
async fn part_that_the_pg_keeps_is_a_review() {
    type Change = fn(&mut crate::model::Snapshot);
    let cases: [(Change, u64); 2] = [
        (|shown| shown.cancellable = Money::krw(4_000), 4_000),
        // Half of it is being cancelled in the console.
        (
            |shown| {
                let under_way = listed(PRICE / 2, None);
                shown.cancels = Some(vec![SnapshotCancel { status: PgCancelStatus::Pending, ..under_way }]);
                (shown.cancelled, shown.cancellable) = (Money::krw(PRICE / 2), Money::krw(0));
            },
            0,
        ),
    ];
    for (change, goes_back) in cases {
        let bench = Bench::before_confirm();
        let (id, _, second) = bench.paid_twice().await;
        bench.pg.books(|books| books.change(&second, change));
        bench.verify(&id).await;
        bench.run(DAY).await;
        assert_eq!(bench.given_back(&second), goes_back);
        assert_eq!(bench.open_reviews(&id).await, ["mismatch_not_cancelled"], "the rest stays");
    }
}
