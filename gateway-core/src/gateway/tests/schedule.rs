//! Every repetition has a budget: the schedule, and what a day of never succeeding costs (invariants 5, 15, 16).

use std::collections::BTreeMap;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, account},
    errors::{later, misconfigured, no_answer, not_sent, still_running, unknown},
    fake_pg::Op,
};
use crate::{
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, EventKind, PaymentStatus, PgStatus},
    provider::ProviderError,
};

/// The waits between calls, in seconds.
fn waits(bench: &Bench, op: Op) -> Vec<i64> {
    let at: Vec<_> = bench.pg.calls(op).into_iter().map(|call| call.at.as_second()).collect();
    at.windows(2).map(|two| two[1] - two[0]).collect()
}

/// The most calls of any hour.
fn most_in_an_hour(bench: &Bench) -> usize {
    let at: Vec<_> = bench.pg.all_calls().into_iter().map(|call| call.at.as_second()).collect();
    at.iter()
        .map(|from| at.iter().filter(|at| (*from..*from + 3_600).contains(*at)).count())
        .max()
        .unwrap_or(0)
}

/// The most events of any hour.
async fn most_events_in_an_hour(bench: &Bench) -> usize {
    let mut hours: BTreeMap<i64, usize> = BTreeMap::new();
    for event in bench.events().await {
        *hours.entry(event.event.created_at.as_second() / 3_600).or_default() += 1;
    }
    hours.into_values().max().unwrap_or(0)
}

fn follows_schedule(waits: &[i64]) -> bool {
    let schedule = [2, 5, 15, 60, 300, 900, 3_600, 21_600];
    let steps = schedule.into_iter().chain(std::iter::repeat(86_400));
    waits.iter().zip(steps).all(|(wait, step)| (step..=step + step / 10 + 1).contains(wait))
}

#[tokio::test]
async fn confirm_that_never_succeeds_follows_the_schedule() {
    for error in [not_sent as fn() -> ProviderError, later, still_running, no_answer, unknown] {
        let bench = Bench::on_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.fails(Op::Confirm, error);
        // The PG shows it as being worked on, so nothing ends it.
        bench.pg.books(|books| books.change(&pg_id, |shown| shown.status = PgStatus::Paid));
        bench.confirm(&id, &pg_id).await.unwrap();
        bench.run(6 * DAY).await;
        let waits = waits(&bench, Op::Confirm);
        assert!(waits.len() >= 10 && follows_schedule(&waits), "{error:?}: {waits:?}");
        assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
        let events = bench.events().await.len();
        assert_eq!(events, 2, "a repeat that changes nothing writes no event");
        assert!(most_in_an_hour(&bench) <= 40, "{}", most_in_an_hour(&bench));
    }
}

#[tokio::test]
async fn cancel_that_never_succeeds_follows_the_schedule() {
    for error in [not_sent as fn() -> ProviderError, later, still_running, no_answer] {
        let bench = Bench::on_confirm();
        let (id, _) = bench.paid().await;
        bench.pg.fails(Op::Cancel, error);
        bench.cancel(&id, Some(1_000)).await.unwrap();
        bench.run(6 * DAY).await;
        let waits = waits(&bench, Op::Cancel);
        assert!(waits.len() >= 10 && follows_schedule(&waits), "{waits:?}");
        assert!(most_events_in_an_hour(&bench).await <= 6, "{:?}", bench.kinds().await);
        assert!(most_in_an_hour(&bench) <= 40, "{}", most_in_an_hour(&bench));
    }
}

#[tokio::test]
async fn stuck_compensation_costs_little_and_announces_nothing() {
    for error in [not_sent as fn() -> ProviderError, later, misconfigured, no_answer] {
        for bench in Bench::both() {
            let (id, _, _) = bench.paid_twice().await;
            if bench.pg.money_moves != crate::model::MoneyMoves::BeforeConfirm {
                bench.sweep().await;
            }
            bench.verify(&id).await;
            bench.pg.fails(Op::Cancel, error);
            bench.run(6 * DAY).await;
            assert!(bench.newest_cancel(&id).await.status.is_unresolved());
            let commits = bench.store.commits();
            bench.run(DAY).await;
            let in_a_day = bench.store.commits() - commits;
            assert!(commits <= 200 && in_a_day <= 20, "{commits}, then {in_a_day} a day");
            assert!(most_events_in_an_hour(&bench).await <= 8, "{:?}", bench.kinds().await);
            assert!(most_in_an_hour(&bench) <= 60, "{}", most_in_an_hour(&bench));
        }
    }
}

#[tokio::test]
async fn uncertain_charge_is_looked_up_on_the_schedule() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    let pg_id = bench.pg.books(|books| {
        let pg_id = books.agree(&order, PRICE);
        books.change(&pg_id, |shown| shown.status = PgStatus::Pending);
        pg_id
    });
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(HOUR).await;
    assert!((8..=14).contains(&bench.look_ups()), "{} in the first hour", bench.look_ups());
    let before = bench.look_ups();
    bench.run(6 * DAY).await;
    let asked = bench.look_ups() - before;
    assert!((6..=18).contains(&asked), "{asked} in six days");
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    bench.run(DAY + HOUR * 3).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn each_operation_has_its_own_count() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.fails(Op::Confirm, not_sent);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(2 * MINUTE).await;
    bench.pg.heal();
    bench.run(HOUR).await;
    bench.pg.instead(Op::Cancel, not_sent);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    bench.run(3 * super::bench::SECOND).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done, "it begins at two seconds");
}

#[tokio::test]
async fn final_payment_is_never_due_again() {
    for (bench, calls) in Bench::both().into_iter().zip([0, 3]) {
        let (id, _) = bench.paid().await;
        let before = bench.pg.all_calls().len();
        bench.run(60 * DAY).await;
        assert_eq!(bench.pg.all_calls().len() - before, calls, "where the list shows no part cancels");
        assert_eq!(bench.gateway.next_work(&account()).await.unwrap(), None);
        let commits = bench.store.commits();
        bench.run(60 * DAY).await;
        assert_eq!((bench.store.commits(), bench.status(&id).await), (commits, PaymentStatus::Paid));
    }
}

#[tokio::test]
async fn two_months_of_an_open_payment_cost_little() {
    for bench in Bench::both() {
        let (_, order) = bench.opened().await;
        if bench.pg.money_moves == crate::model::MoneyMoves::BeforeConfirm {
            let (other, _) = bench.awaiting_other(30 * DAY).await;
            let _ = other;
        }
        bench.run(60 * DAY).await;
        assert!(bench.pg.all_calls().len() <= 70, "{}: {order}", bench.pg.all_calls().len());
        assert!(bench.store.commits() <= 80, "{}", bench.store.commits());
        assert_eq!(bench.gateway.next_work(&account()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn look_up_that_is_answered_with_errors_follows_the_schedule() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.fails(Op::Verify, unknown);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(6 * DAY).await;
    assert!(most_in_an_hour(&bench) <= 30, "{}", most_in_an_hour(&bench));
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.pg.heal();
    bench.run(DAY + 3 * HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn cancel_by_order_of_another_charge_is_not_due_in_a_loop() {
    // The PG addresses a cancel by its order id, and the order's current transaction is another one.
    let bench = Bench::before_confirm().replica(|_, pg| pg.description.cancels_by_order = true);
    let (id, first, second) = bench.paid_twice().await;
    bench.verify(&id).await;
    bench.run(6 * HOUR).await;
    assert_eq!((bench.cancels(), bench.given_back(&first), bench.given_back(&second)), (0, 0, 0));
    assert!(most_in_an_hour(&bench) <= 60, "{}", most_in_an_hour(&bench));
    bench.run(8 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["unknown_cancel"]);
    assert_eq!(bench.count(EventKind::ReviewOpened).await, 1);
}

#[tokio::test]
async fn cancel_by_order_is_looked_up_first_and_opens_no_window() {
    let bench = Bench::before_confirm().replica(|_, pg| pg.description.cancels_by_order = true);
    let (id, pg_id) = bench.paid().await;
    let before = bench.look_ups();
    bench.cancel(&id, Some(1_000)).await.unwrap();
    assert_eq!(bench.given_back(&pg_id), 1_000);
    let asked: Vec<_> =
        bench.pg.calls(Op::Verify).split_off(before).into_iter().map(|call| call.pg_id).collect();
    assert_eq!(asked.first(), Some(&None), "by its order id");
    bench.run(MINUTE).await;
}
