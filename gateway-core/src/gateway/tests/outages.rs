//! Outages: few calls during them, everything resolved soon after the first answer (invariant 16).

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, SECOND},
    errors::{later, misconfigured, no_answer, unknown},
    fake_pg::Op,
    log::Log,
};
use crate::{
    gateway::GatewayError,
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, PaymentStatus},
    provider::ProviderError,
};

/// Everything that can be open when a PG goes down.
struct Open {
    confirming: (crate::model::PaymentId, crate::model::PgPaymentId),
    cancelling: crate::model::PaymentId,
    compensating: (crate::model::PaymentId, crate::model::PgPaymentId),
    hinted: crate::model::PaymentId,
}

async fn open(bench: &Bench) -> Open {
    let payment = async |order: &str| {
        let id = bench.try_register(order, PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        let pg_id = bench.in_window(&order);
        (id, pg_id, order)
    };
    let (cancelling, pg_id, _) = payment("order-2").await;
    bench.confirm(&cancelling, &pg_id).await.unwrap();
    let (compensating, pg_id, order) = payment("order-3").await;
    bench.confirm(&compensating, &pg_id).await.unwrap();
    let second = bench.pg.books(|books| books.pay(&order, PRICE, bench.pg.clock_now()));
    bench.webhook(json!({ "pg_id": second.as_str(), "order_id": order, "delivery": "d1" })).await;
    bench.gateway.verify(&bench.merchant, &compensating).await.unwrap();
    let (confirming, taken, _) = payment("order-4").await;
    let (hinted, _, order) = payment("order-5").await;
    bench.pg.goes_down();
    let answer = bench.confirm(&confirming, &taken).await.unwrap();
    assert_eq!(answer.payment.status(), PaymentStatus::Confirming);
    bench.cancel(&cancelling, Some(1_000)).await.unwrap();
    bench.webhook(json!({ "order_id": order })).await;
    Open { confirming: (confirming, taken), cancelling, compensating: (compensating, second), hinted }
}

#[tokio::test]
async fn day_of_outage_costs_few_calls_and_no_commits() {
    for bench in Bench::both() {
        open(&bench).await;
        bench.run(HOUR).await;
        let (calls, commits) = (bench.pg.all_calls().len(), bench.store.commits());
        bench.run(DAY).await;
        let calls = bench.pg.all_calls().len() - calls;
        // Four payments at once, every quarter of an hour.
        assert!(calls <= 450, "{calls} calls in a day");
        let commits = bench.store.commits() - commits;
        assert!(commits <= 20, "{commits} commits in a day");
    }
}

#[tokio::test]
async fn everything_is_resolved_within_two_hours_of_the_first_answer() {
    for (bench, hours) in Bench::both().into_iter().chain(Bench::both()).zip([1_u32, 1, 24, 24]) {
        let open = open(&bench).await;
        bench.run(hours * HOUR).await;
        bench.pg.heal();
        bench.run(15 * MINUTE).await;
        assert!(bench.look_ups() > 0);
        bench.run(2 * HOUR).await;
        let (confirming, taken) = &open.confirming;
        let status = bench.status(confirming).await;
        let expired =
            bench.pg.money_moves != crate::model::MoneyMoves::BeforeConfirm && bench.taken(taken) == 0;
        assert!(
            status == PaymentStatus::Paid || (expired && status != PaymentStatus::Confirming),
            "{status:?}"
        );
        let cancel = bench.newest_cancel(&open.cancelling).await.status;
        assert_eq!(cancel, CancelStatus::Done, "after {hours} h");
        assert_eq!(bench.given_back(&open.compensating.1), PRICE, "after {hours} h");
        if bench.pg.money_moves == crate::model::MoneyMoves::BeforeConfirm {
            assert_eq!(bench.status(&open.hinted).await, PaymentStatus::Paid);
        }
        bench.check_ledger().await;
        let _ = &open.compensating.0;
    }
}

#[tokio::test]
async fn look_up_without_an_answer_costs_the_payment_no_try() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.goes_down();
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(3 * HOUR).await;
    let tries = bench.read(&id).await.checks.owed.iter().map(|owed| owed.tries).max();
    assert_eq!(tries, Some(0), "the account waits, not the payment");
}

#[tokio::test]
async fn pg_that_asks_to_come_back_later_is_left_alone() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.fails(Op::Verify, later);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(2 * HOUR).await;
    let look_ups = bench.pg.count(Op::Verify);
    assert!(look_ups < 30, "{look_ups} look-ups in two hours");
    bench.pg.heal();
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn payment_that_alone_gets_no_answer_waits_longer_each_time() {
    for fault in [no_answer as fn() -> ProviderError, unknown] {
        let bench = Bench::before_confirm();
        let (id, pg_id) = bench.agreed().await;
        bench.pg.instead(Op::Verify, no_answer);
        bench.confirm(&id, &pg_id).await.unwrap();
        let before = bench.pg.count(Op::Verify);
        for n in 0..60 {
            // Another payment of the account is answered every minute.
            let other = bench.try_register(&format!("order-of-{n}"), PRICE).await.unwrap().record.payment.id;
            let window = bench.open(&other).await;
            let paid = bench.in_window(&window);
            bench.confirm(&other, &paid).await.unwrap();
            bench.pg.fails(Op::Verify, fault);
            bench.run(MINUTE).await;
            bench.pg.heal();
        }
        let look_ups = bench.pg.count(Op::Verify) - before - 60;
        assert!(look_ups < 60, "{look_ups} look-ups of one payment in an hour");
        bench.run(HOUR).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn compensation_without_a_look_up_follows_the_schedule() {
    for fault in [no_answer as fn() -> ProviderError, unknown, later] {
        let bench = Bench::on_confirm();
        let (id, _, second) = bench.paid_twice().await;
        bench.pg.fails(Op::Cancel, later);
        bench.sweep().await;
        bench.run(SECOND).await;
        bench.pg.heal();
        bench.pg.fails(Op::Verify, fault);
        let before = bench.pg.count(Op::Verify);
        bench.run(DAY).await;
        let look_ups = bench.pg.count(Op::Verify) - before;
        assert!(look_ups < 120, "{look_ups} look-ups in a day");
        bench.pg.heal();
        bench.run(2 * DAY).await;
        assert_eq!((bench.given_back(&second), bench.status(&id).await), (PRICE, PaymentStatus::Paid));
    }
}

#[tokio::test]
async fn hints_during_an_outage_do_not_put_off_the_one_after_it() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    bench.pg.goes_down();
    for _ in 0..100 {
        bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
        bench.run(30 * SECOND).await;
    }
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    bench.pg.heal();
    bench.run(16 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn merchant_who_waits_asks_the_pg_during_an_outage() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.goes_down();
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(2 * HOUR).await;
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { .. })), "{answer:?}");
    bench.pg.heal();
    assert_eq!(bench.verify(&id).await.payment.status(), PaymentStatus::Paid, "the outage is over at once");
}

#[tokio::test]
async fn first_answer_after_an_outage_resumes_look_ups() {
    let bench = Bench::before_confirm();
    let mut waiting = Vec::new();
    for number in 0..5 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        let pg_id = bench.in_window(&order);
        waiting.push((id, pg_id));
    }
    bench.pg.goes_down();
    for (id, pg_id) in &waiting {
        bench.confirm(id, pg_id).await.unwrap();
    }
    bench.run(5 * HOUR).await;
    bench.pg.heal();
    bench.verify(&waiting[0].0).await;
    bench.run(16 * MINUTE).await;
    for (id, _) in &waiting {
        assert_eq!(bench.status(id).await, PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn others_go_first_while_one_payment_cannot_be_looked_up() {
    // An error that is about one payment does not hold up the account.
    let bench = Bench::before_confirm();
    let (stuck, _) = bench.agreed().await;
    let order = bench.read(&stuck).await.attempts[0].pg_order_id.to_string();
    let (other, paid) = {
        let id = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        (id, (bench.in_window(&order), order))
    };
    bench.pg.instead(Op::Verify, super::errors::unknown);
    bench.webhook(json!({ "order_id": order })).await;
    bench.resolve_due().await;
    bench.webhook(json!({ "pg_id": paid.0.as_str(), "order_id": paid.1 })).await;
    bench.resolve_due().await;
    assert_eq!(bench.status(&other).await, PaymentStatus::Paid);
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&stuck).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn payment_of_a_dead_worker_is_free_after_five_minutes() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.advance(MINUTE);
    bench.pg.before(Op::Verify, std::future::pending);
    super::bench::die(bench.gateway.resolve_due(&super::bench::account())).await;
    let other = bench.replica(|_, _| ());
    other.pass(5 * MINUTE - SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    other.pass(SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn hint_that_was_put_off_hides_no_later_one() {
    for by_list in [false, true] {
        let bench = Bench::before_confirm();
        let (id, order) = bench.opened().await;
        let pg_id = bench.in_window(&order);
        let body = json!({ "pg_id": pg_id.as_str(), "order_id": order });
        bench.pg.fails(Op::Verify, unknown);
        bench.webhook(body.clone()).await;
        bench.run(4 * HOUR).await;
        bench.pg.heal();
        if by_list {
            assert_eq!(bench.sweep().await, 1);
        } else {
            bench.webhook(body).await;
        }
        bench.run(2 * MINUTE).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "by the list: {by_list}");
    }
}

#[tokio::test]
async fn refused_keys_alert_the_operator_whatever_was_asked() {
    for by_list in [false, true] {
        let log = Log::begin();
        let bench = Bench::before_confirm();
        let (_, order) = bench.opened().await;
        bench.pg.fails(if by_list { Op::Page } else { Op::Verify }, misconfigured);
        for _ in 0..3 {
            if by_list {
                bench.sweep().await;
            } else {
                bench.webhook(json!({ "order_id": order })).await;
                bench.resolve_due().await;
            }
        }
        let alerts = log.errors().iter().filter(|line| line.contains("refuses our keys")).count();
        assert_eq!(alerts, 1, "by the list: {by_list}");
    }
}
