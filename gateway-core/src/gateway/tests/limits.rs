//! A limited line: money that moves is never held back, uncertain money has its share, sales take the rest.

use futures_util::future::join_all;

use super::{
    bench::{Bench, HOUR, MINUTE, SECOND, account},
    errors::{no_answer, wait},
    fake_pg::Op,
};
use crate::{
    account::Work,
    gateway::GatewayError,
    lifecycle::tests::sample::{ON_CONFIRM, PRICE},
    model::{MoneyMoves, PaymentStatus},
};

fn limited(money_moves: MoneyMoves, requests: u32) -> Bench {
    Bench::over(money_moves, |settings| settings.limits.requests_per_minute = Some(requests))
}

async fn sale(bench: &Bench, number: usize) -> Result<crate::store::PaymentRecord, GatewayError> {
    let id = bench.try_register(&format!("order-{number}"), PRICE).await?.record.payment.id;
    let order = bench.try_open(&id).await?.0.attempts[0].pg_order_id.to_string();
    let pg_id = bench.in_window(&order);
    bench.confirm(&id, &pg_id).await
}

#[tokio::test]
async fn seventy_eight_sales_a_minute_do_not_starve_a_lost_answer() {
    let bench = limited(ON_CONFIRM, 100);
    let (lost, pg_id) = bench.agreed().await;
    bench.pg.after(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&lost, &pg_id).await.unwrap();
    let mut sold = 0;
    for number in 0..78 * 3 {
        sold += usize::from(sale(&bench, number + 10).await.is_ok());
        bench.pass(MINUTE / 78).await;
    }
    assert_eq!(bench.status(&lost).await, PaymentStatus::Paid);
    assert!(sold >= 70 * 3, "{sold} sales in three minutes");
}

#[tokio::test]
async fn sales_beyond_the_limit_are_answered_when_to_retry() {
    let bench = limited(ON_CONFIRM, 8);
    let mut answer = Vec::new();
    for number in 0..10 {
        answer.push(sale(&bench, number).await);
    }
    let sold = answer.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(sold, 6, "a quarter is kept for uncertain money");
    for answer in answer.iter().filter(|answer| answer.is_err()) {
        let Err(GatewayError::ProviderUnavailable { retry_after: Some(wait) }) = answer else {
            panic!("{answer:?}")
        };
        assert!(*wait <= MINUTE, "{wait:?}");
    }
    bench.advance(MINUTE);
    assert!(sale(&bench, 99).await.is_ok());
}

#[tokio::test]
async fn money_goes_back_where_a_look_up_has_to_wait() {
    let bench = limited(ON_CONFIRM, 4);
    let (id, pg_id) = bench.paid().await;
    while bench.gateway.verify(&bench.merchant, &id).await.is_ok() {}
    let answer = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after: Some(_) })), "{answer:?}");
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.given_back(&pg_id), PRICE);
}

#[tokio::test]
async fn what_is_due_waits_for_room_and_the_worker_knows_until_when() {
    let bench = limited(MoneyMoves::BeforeConfirm, 4);
    let mut payments = Vec::new();
    for number in 0..6 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        bench.in_window(&order);
        bench.webhook(serde_json::json!({ "order_id": order, "delivery": format!("d{number}") })).await;
        payments.push(id);
    }
    bench.resolve_due().await;
    assert!(bench.look_ups() < 4, "{}", bench.look_ups());
    let next = bench.gateway.next_work(&account()).await.unwrap().unwrap();
    assert!(next > bench.pg.clock_now(), "the worker sleeps until then");
    bench.run(5 * MINUTE).await;
    let paid = join_all(payments.iter().map(|id| bench.status(id))).await;
    assert!(paid.iter().all(|status| *status == PaymentStatus::Paid), "{paid:?}");
}

#[tokio::test]
async fn waiting_for_room_is_no_try() {
    let bench = limited(MoneyMoves::BeforeConfirm, 4);
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    while bench.gateway.verify(&bench.merchant, &id).await.is_ok() {}
    for _ in 0..10 {
        bench.pass(SECOND).await;
    }
    let tries = bench.read(&id).await.checks.owed.iter().map(|owed| owed.tries).max().unwrap_or(0);
    assert_eq!(tries, 0);
}

#[tokio::test]
async fn commits_and_webhooks_notify_their_workers() {
    let bench = Bench::before_confirm();
    let is_notified = async |work| {
        let account = account();
        let notified = bench.gateway.notified(&account, work);
        let mut notified = std::pin::pin!(notified);
        futures_util::poll!(notified.as_mut()).is_ready()
    };
    assert!(!is_notified(Work::Payments).await && !is_notified(Work::Webhooks).await);
    let (_, order) = bench.opened().await;
    assert!(is_notified(Work::Payments).await, "a commit");
    assert!(!is_notified(Work::Payments).await, "once");
    bench.receive(serde_json::json!({ "order_id": order })).await;
    assert!(is_notified(Work::Webhooks).await);
    bench.process_inbox().await;
    assert!(is_notified(Work::Payments).await, "a look-up is owed");
    bench.gateway.notify_all();
    assert!(is_notified(Work::Payments).await && is_notified(Work::Webhooks).await);
    bench.run(HOUR).await;
}

#[tokio::test]
async fn pg_that_asks_a_confirm_to_wait_is_left_alone_for_that_long() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || wait(90 * SECOND));
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(80 * SECOND).await;
    assert_eq!((bench.confirms(), bench.look_ups()), (1, 0));
    bench.run(2 * MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn paused_account_takes_no_confirm_and_stores_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || wait(MINUTE));
    bench.confirm(&id, &pg_id).await.unwrap();
    let other = bench.try_register("order-2", 10_000).await.unwrap().record.payment.id;
    let order = bench.open(&other).await;
    let waits = bench.in_window(&order);
    let answer = bench.confirm(&other, &waits).await;
    assert!(matches!(answer, Err(GatewayError::ProviderUnavailable { retry_after: Some(_) })), "{answer:?}");
    assert!(bench.read(&other).await.charges.is_empty(), "the same request may follow");
    bench.run(2 * MINUTE).await;
    assert_eq!(bench.confirm(&other, &waits).await.unwrap().payment.status(), PaymentStatus::Paid);
}
