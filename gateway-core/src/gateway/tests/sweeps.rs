//! The sweep of the PG's own list (invariant 15).

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, SECOND, account},
    errors::{no_answer, wait},
    fake_pg::Op,
    log::Log,
};
use crate::{
    lifecycle::tests::sample::PRICE,
    model::{CancelOrigin, ChargeRole, MoneyMoves, PaymentStatus},
    store::{Why, WorkQueue as _},
};

#[tokio::test]
async fn sweep_finds_money_without_a_webhook() {
    for bench in Bench::both() {
        let (id, order) = bench.opened().await;
        bench.pg.books(|books| books.pay(&order, PRICE, bench.pg.clock_now()));
        assert_eq!(bench.sweep().await, 1);
        bench.resolve_due().await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
        bench.advance(HOUR);
        assert_eq!(bench.sweep().await, 0, "it is known");
    }
}

#[tokio::test]
async fn console_cancel_whose_only_hint_got_lost_is_found() {
    for amount in [PRICE, 1_000] {
        // A list that shows every cancel.
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.run(DAY).await;
        bench.sweep().await;
        bench.advance(HOUR);
        bench.pg.books(|books| books.cancel_in_console(&pg_id, amount, bench.pg.clock_now()));
        bench.advance(HOUR);
        assert_eq!(bench.sweep().await, 1);
        bench.resolve_due().await;
        let status =
            if amount == PRICE { PaymentStatus::Cancelled } else { PaymentStatus::PartiallyCancelled };
        assert_eq!(bench.status(&id).await, status);
        assert_eq!(bench.newest_cancel(&id).await.origin, CancelOrigin::Pg);
        bench.check_ledger().await;
    }
}

#[tokio::test]
async fn part_cancel_that_the_list_does_not_show_is_found_after_days() {
    for day in [1, 7, 30] {
        let bench = Bench::before_confirm();
        let (id, pg_id) = bench.paid().await;
        bench.run(day * DAY - HOUR).await;
        bench.pg.books(|books| books.cancel_in_console(&pg_id, 1_000, bench.pg.clock_now()));
        bench.run(2 * HOUR).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::PartiallyCancelled, "day {day}");
    }
}

#[tokio::test]
async fn row_in_and_row_back_of_one_payment_are_both_followed() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    bench.pg.books(|books| {
        let pg_id = books.pay(&order, PRICE, bench.pg.clock_now());
        books.cancel_in_console(&pg_id, 1_000, bench.pg.clock_now());
    });
    bench.sweep().await;
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::PartiallyCancelled);
    assert_eq!(bench.look_ups(), 1, "they share a look-up");
}

#[tokio::test]
async fn row_of_a_charge_with_a_refused_close_is_followed() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    bench.pg.instead(Op::Cancel, super::errors::refused);
    bench.cancel(&id, None).await.unwrap_err();
    bench.run(2 * MINUTE).await;
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    assert_eq!(bench.sweep().await, 1);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn second_money_on_the_list_goes_back() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    bench.sweep().await;
    bench.resolve_due().await;
    assert_eq!(bench.read(&id).await.charge_at_pg(&second).unwrap().role(), ChargeRole::Duplicate);
    assert_eq!(bench.given_back(&second), PRICE);
}

#[tokio::test]
async fn unreadable_rows_are_counted_and_hide_no_other() {
    let log = Log::begin();
    let bench = Bench::before_confirm();
    bench.pg.list(1, 3);
    let mut payments = Vec::new();
    for number in 0..4 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        bench.in_window(&order);
        payments.push(id);
    }
    assert_eq!(bench.sweep().await, 4);
    bench.resolve_due().await;
    for id in payments {
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    }
    assert!(
        log.warnings()
            .iter()
            .any(|line| line.contains("could not be read") && line.contains("unreadable=12"))
    );
}

#[tokio::test]
async fn rows_of_other_systems_and_of_nobody_are_passed_over() {
    let bench = Bench::before_confirm();
    bench.pg.books(|books| {
        books.pay("order-of-another-system", PRICE, bench.pg.clock_now());
        books.pay("pay00000000000000000000000000000", PRICE, bench.pg.clock_now());
    });
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    assert_eq!(bench.sweep().await, 1);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.look_ups(), 1);
}

#[tokio::test]
async fn page_that_fails_is_read_again_soon_over_the_same_span() {
    let bench = Bench::before_confirm();
    bench.pg.list(1, 0);
    for number in 0..3 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        bench.in_window(&order);
    }
    bench.pg.before(Op::Page, async || ());
    bench.pg.instead(Op::Page, no_answer);
    assert_eq!(bench.sweep().await, 0);
    assert_eq!(bench.pg.count(Op::Page), 2);
    bench.advance(5 * MINUTE - SECOND);
    bench.sweep().await;
    assert_eq!(bench.pg.count(Op::Page), 2, "not yet");
    bench.advance(SECOND);
    bench.sweep().await;
    assert_eq!(bench.pg.count(Op::Page), 5, "all three pages");
    bench.resolve_due().await;
    let paid = bench.store_payments().await;
    assert!(paid.iter().all(|status| *status == PaymentStatus::Paid), "{paid:?}");
}

#[tokio::test]
async fn pg_without_a_time_is_swept_later() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    bench.pg.instead(Op::Time, no_answer);
    assert_eq!(bench.sweep().await, 0);
    bench.advance(5 * MINUTE);
    assert_eq!(bench.sweep().await, 1);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn account_is_swept_hourly_by_one_replica() {
    let bench = Bench::before_confirm();
    let other = bench.replica(|_, _| ());
    tokio::join!(bench.sweep(), other.sweep());
    assert_eq!(bench.pg.count(Op::Page), 1);
    bench.advance(HOUR - SECOND);
    tokio::join!(bench.sweep(), other.sweep());
    assert_eq!(bench.pg.count(Op::Page), 1);
    bench.advance(SECOND);
    tokio::join!(bench.sweep(), other.sweep());
    assert_eq!(bench.pg.count(Op::Page), 2);
}

#[tokio::test]
async fn sweep_whose_replica_died_starts_over() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    bench.pg.before(Op::Page, std::future::pending);
    super::bench::die(bench.sweep()).await;
    let other = bench.replica(|_, _| ());
    bench.advance(MINUTE);
    assert_eq!(other.sweep().await, 0, "it may be under way");
    bench.advance(HOUR);
    assert_eq!(other.sweep().await, 1);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn what_is_listed_late_is_found_by_the_overlap() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.sweep().await;
    let paid_at = bench.pg.clock_now();
    bench.advance(HOUR);
    bench.sweep().await;
    bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
    bench.advance(HOUR);
    assert_eq!(bench.sweep().await, 1, "an hour and more before the last sweep");
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn money_dated_days_before_it_is_booked_is_found_once_a_day() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let paid_at = bench.pg.clock_now();
    for _ in 0..30 {
        bench.sweep().await;
        bench.advance(HOUR);
    }
    bench.pg.books(|books| books.pay(&order, PRICE, paid_at));
    for _ in 0..25 {
        bench.sweep().await;
        bench.advance(HOUR);
    }
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn first_sweep_covers_a_week() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.in_window(&order);
    bench.advance(6 * DAY);
    assert_eq!(bench.sweep().await, 1);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn outage_of_days_leaves_no_gap_in_what_was_swept() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.sweep().await;
    bench.advance(HOUR);
    bench.in_window(&order);
    bench.pg.fails(Op::Page, no_answer);
    for _ in 0..100 {
        bench.advance(HOUR);
        bench.sweep().await;
    }
    bench.pg.heal();
    bench.advance(HOUR);
    assert_eq!(bench.sweep().await, 1);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn each_page_waits_for_admission_under_a_limit() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, |settings| {
        settings.limits.requests_per_minute = Some(8);
    });
    bench.pg.list(1, 0);
    for number in 0..8 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        bench.in_window(&order);
    }
    let sweep = bench.sweep();
    let clock = async {
        for _ in 0..400 {
            tokio::task::yield_now().await;
            bench.advance(SECOND);
        }
    };
    let (found, ()) = tokio::join!(sweep, clock);
    assert_eq!(found, 8);
    let asked: Vec<_> = bench.pg.calls(Op::Page).into_iter().map(|call| call.at).collect();
    let most = asked.iter().map(|from| {
        asked.iter().filter(|at| **at >= *from && **at < super::bench::after(*from, MINUTE)).count()
    });
    assert!(most.max().unwrap() <= 8);
}

#[tokio::test]
async fn list_that_asks_to_wait_pauses_the_account() {
    let bench = Bench::before_confirm();
    bench.pg.instead(Op::Page, || wait(10 * MINUTE));
    bench.sweep().await;
    let (id, _) = bench.opened().await;
    assert!(bench.gateway.verify(&bench.merchant, &id).await.is_err());
}

#[tokio::test]
async fn hint_that_is_owed_is_not_owed_again_by_a_row() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let pg_id = bench.in_window(&order);
    bench.webhook(json!({ "pg_id": pg_id.as_str(), "order_id": order })).await;
    assert_eq!(bench.sweep().await, 0);
    let hints = bench.read(&id).await.checks.owed.iter().filter(|owed| owed.why == Why::Hint).count();
    assert_eq!(hints, 1);
}

#[tokio::test]
async fn pg_without_a_list_is_not_swept() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.has_list = false);
    bench.sweep().await;
    assert!(bench.pg.all_calls().is_empty());
    let now = bench.pg.clock_now();
    assert!(bench.store.lease_sweep(&account(), now, now).await.unwrap().is_some(), "nobody took it");
}
