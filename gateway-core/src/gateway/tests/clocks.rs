//! A clock that was set: nothing expires, or is called late until a PG's time agrees (invariant 17).

use std::time::Duration;

use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, PAYABLE_FOR, SECOND, account, after, new_cancel, request_key},
    errors::no_answer,
    fake_pg::Op,
};
use crate::{
    clock::Clock as _,
    gateway::NewPayment,
    lifecycle::tests::sample::terms,
    model::{CancelStatus, EventKind, LatePayments, MoneyMoves, PaymentStatus},
    store::PaymentStore as _,
};

/// Ways to set a clock: by how much, and whether forward.
const STEPS: [(Duration, bool); 4] = [
    (Duration::from_secs(120), true),
    (Duration::from_secs(400 * 86_400), true),
    (Duration::from_secs(120), false),
    (Duration::from_secs(40 * 86_400), false),
];

fn set(bench: &Bench, (by, forward): (Duration, bool)) {
    let now = bench.clock.now();
    let then = if forward { after(now, by) } else { now.saturating_sub(by).unwrap() };
    bench.clock.set(then);
}

#[tokio::test]
async fn clock_that_was_set_is_doubted_until_the_pg_agrees() {
    for step in STEPS {
        let bench = Bench::on_confirm();
        assert!(bench.gateway.is_clock_trusted());
        set(&bench, step);
        assert!(!bench.gateway.is_clock_trusted(), "{step:?}");
        assert!(!bench.gateway.check_clock().await, "the PG says otherwise");
        // An operator sets it right.
        bench.clock.set(after(bench.pg.clock_now(), 30 * SECOND));
        assert!(!bench.gateway.is_clock_trusted(), "nobody has compared it yet");
        assert!(bench.gateway.check_clock().await);
        assert!(!bench.gateway.is_clock_trusted(), "it jumped by half a minute");
        bench.advance(3 * MINUTE);
        assert!(bench.gateway.is_clock_trusted());
    }
}

#[tokio::test]
async fn clock_that_the_pg_agrees_with_is_believed() {
    // The machine slept: the wall clock is right, and the monotonic one was paused.
    let bench = Bench::on_confirm();
    bench.clock.set(after(bench.clock.now(), DAY));
    bench.pg.clock.advance(DAY);
    assert!(!bench.gateway.is_clock_trusted());
    assert!(bench.gateway.check_clock().await);
}

#[tokio::test]
async fn pg_without_a_time_ends_no_doubt() {
    let bench = Bench::on_confirm();
    set(&bench, STEPS[0]);
    bench.pg.fails(Op::Time, no_answer);
    assert!(!bench.gateway.check_clock().await);
    assert_eq!(bench.pg.count(Op::Time), 1);
}

#[tokio::test]
async fn pg_is_asked_for_the_time_only_while_it_is_in_doubt() {
    let bench = Bench::on_confirm();
    for _ in 0..10 {
        bench.advance(HOUR);
        assert!(bench.gateway.check_clock().await);
    }
    assert_eq!(bench.pg.count(Op::Time), 0);
}

#[tokio::test]
async fn start_is_doubted_unless_the_newest_commit_is_recent() {
    for (since, forward, trusted) in [
        (30 * SECOND, true, true),
        (DAY, true, false),
        (5 * DAY, true, false),
        (30 * SECOND, false, true),
        (2 * MINUTE, false, false),
    ] {
        let bench = Bench::on_confirm();
        bench.register().await;
        set(&bench, (since, forward));
        let restarted = bench.replica(|_, _| ());
        restarted.gateway.bind().await.unwrap();
        assert_eq!(restarted.gateway.is_clock_trusted(), trusted, "{since:?} {forward}");
        if !trusted {
            assert!(!restarted.gateway.check_clock().await, "the PG says otherwise");
        }
        if !trusted && forward {
            bench.pg.clock.advance(since);
            assert!(restarted.gateway.check_clock().await, "it was idle for so long");
            assert_eq!(restarted.gateway.clock().now(), bench.clock.now());
        }
    }
}

#[tokio::test]
async fn first_start_believes_its_clock() {
    let bench = Bench::on_confirm();
    bench.gateway.bind().await.unwrap();
    assert!(bench.gateway.is_clock_trusted());
}

#[tokio::test]
async fn nothing_expires_while_the_clock_is_in_doubt() {
    for step in STEPS {
        for bench in Bench::both() {
            let (id, _) = bench.opened().await;
            set(&bench, step);
            bench.run(PAYABLE_FOR + 2 * HOUR).await;
            assert_eq!(bench.status(&id).await, PaymentStatus::Ready, "{step:?}");
            bench.clock.set(bench.pg.clock_now());
            assert!(bench.gateway.check_clock().await);
            bench.run(HOUR).await;
            assert_eq!(bench.status(&id).await, PaymentStatus::Expired, "{step:?}");
        }
    }
}

#[tokio::test]
async fn account_does_not_expire_before_its_time_by_a_wrong_clock() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    set(&bench, STEPS[1]);
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    bench.run(DAY).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "and its look-ups are not put off");
}

#[tokio::test]
async fn nothing_is_late_or_sent_back_while_the_clock_is_in_doubt() {
    for step in STEPS {
        let bench =
            Bench::over(MoneyMoves::BeforeConfirm, |settings| settings.late_payments = LatePayments::Cancel);
        let (id, order) = bench.opened().await;
        bench.run(PAYABLE_FOR + HOUR).await;
        set(&bench, step);
        let pg_id = bench.in_window(&order);
        bench.gateway.verify(&bench.merchant, &id).await.unwrap();
        bench.run(HOUR).await;
        assert_eq!(bench.given_back(&pg_id), 0, "{step:?}");
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming, "the buyer has paid");
        bench.clock.set(bench.pg.clock_now());
        assert!(bench.gateway.check_clock().await);
        bench.run(HOUR).await;
        assert_eq!(bench.given_back(&pg_id), 10_000, "now it is known to be late");
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn money_in_time_by_the_pgs_clock_is_paid_in_doubt_of_ours() {
    let bench =
        Bench::over(MoneyMoves::BeforeConfirm, |settings| settings.late_payments = LatePayments::Cancel);
    let (id, pg_id) = bench.agreed().await;
    set(&bench, STEPS[1]);
    assert_eq!(bench.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);
}

#[tokio::test]
async fn absence_concludes_nothing_while_the_clock_is_in_doubt() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.later(Op::Confirm);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.order_id = "hidden".to_owned()));
    set(&bench, STEPS[0]);
    bench.run(2 * FINAL).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming, "the request may still be running");
    bench.clock.set(bench.pg.clock_now());
    assert!(bench.gateway.check_clock().await);
    bench.run(2 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
}

#[tokio::test]
async fn cancel_is_not_repeated_early_after_a_step_of_a_minute() {
    for pg_agrees in [true, false] {
        let bench = Bench::before_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.pg.books(|books| books.permissive = true);
        bench.pg.later(Op::Cancel);
        bench.cancel(&id, Some(4_000)).await.unwrap();
        set(&bench, (59 * SECOND, true));
        if pg_agrees {
            assert!(bench.gateway.check_clock().await);
            assert!(!bench.gateway.is_clock_trusted(), "it jumped, so nothing is concluded yet");
        }
        for _ in 0..12 {
            bench.pass(SECOND).await;
        }
        assert_eq!(bench.cancels(), 1);
        // The PG was slow, and is within its time.
        bench.pg.execute_late();
        bench.run(10 * MINUTE).await;
        assert_eq!((bench.cancels(), bench.given_back(&pg_id)), (1, 4_000));
        assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done);
    }
}

#[tokio::test]
async fn keys_expire_after_15_days_and_never_by_a_wrong_clock() {
    let bench = Bench::on_confirm();
    let new = NewPayment { order_id: "order-1".parse().unwrap(), terms: terms(10_000) };
    bench.gateway.register(&bench.merchant, new, Some(&request_key("k1"))).await.unwrap();
    set(&bench, STEPS[1]);
    assert_eq!(bench.gateway.expire_idempotency().await.unwrap(), 0);
    bench.clock.set(bench.pg.clock_now());
    assert!(bench.gateway.check_clock().await);
    bench.advance(15 * DAY);
    assert_eq!(bench.gateway.expire_idempotency().await.unwrap(), 0);
    bench.advance(SECOND);
    assert_eq!(bench.gateway.expire_idempotency().await.unwrap(), 1);
}

#[tokio::test]
async fn clock_set_forward_or_back_stops_no_work() {
    for step in STEPS {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Confirm, no_answer);
        bench.confirm(&id, &pg_id).await.unwrap();
        set(&bench, step);
        bench.run(2 * MINUTE).await;
        bench.clock.set(bench.pg.clock_now());
        assert!(bench.gateway.check_clock().await);
        bench.run(2 * MINUTE).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "{step:?}");
        bench.cancel_with(&id, new_cancel(None), None).await.unwrap();
        assert_eq!(bench.count(EventKind::Status(PaymentStatus::Cancelled)).await, 1);
        assert_eq!(bench.taken(&pg_id), 1);
    }
}

#[tokio::test]
async fn key_of_a_cancel_is_kept_for_ever() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let (_, cancel) = bench.cancel_with(&id, new_cancel(Some(1_000)), Some("k1")).await.unwrap();
    bench.advance(400 * DAY);
    assert_eq!(bench.gateway.expire_idempotency().await.unwrap(), 0);
    let kept = bench.store.idempotency(&bench.merchant, "k1").await.unwrap().unwrap();
    assert_eq!(kept.cancel.as_ref(), Some(&cancel));
    assert_eq!(bench.newest_cancel(&id).await.key.unwrap().key, "k1");
    let answer = bench.cancel_with(&id, new_cancel(Some(1_000)), Some("k1")).await;
    assert!(matches!(answer, Err(crate::gateway::GatewayError::KeyInUse)), "{answer:?}");
    assert_eq!(bench.cancels(), 1, "the same key never refunds again");
}

#[tokio::test]
async fn compensation_that_waits_for_the_clock_asks_the_pg_little() {
    let bench = Bench::before_confirm();
    let (id, _, _) = bench.paid_twice().await;
    bench.pg.fails(Op::Cancel, no_answer);
    bench.verify(&id).await;
    bench.run(SECOND).await;
    set(&bench, STEPS[1]);
    let before = bench.look_ups();
    bench.run(HOUR).await;
    let asked = bench.look_ups() - before;
    assert!(asked <= 20, "{asked} look-ups in an hour");
}

#[tokio::test]
async fn time_that_a_pg_gives_anybody_ends_no_outage() {
    let bench = Bench::on_confirm();
    let throttle = &bench.gateway.core.accounts.get(&account()).unwrap().throttle;
    let waits = (0..3).map(|_| throttle.unanswered(bench.pg.clock_now())).max().unwrap();
    set(&bench, STEPS[0]);
    assert!(!bench.gateway.check_clock().await);
    assert_eq!(bench.pg.count(Op::Time), 1);
    assert!(throttle.unanswered(bench.pg.clock_now()) > waits, "it still waits longer each time");
}
