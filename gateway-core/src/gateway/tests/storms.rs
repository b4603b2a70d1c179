//! Storms of hints and of callers, a PG's own limits, and senders who come too late.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{
    bench::{Bench, PRICE, SETTLED},
    fake_books::{Op, pg_message},
};
use crate::{
    AccountLimits, CancelStatus, Clock, GatewayError, Heard, InboxOutcome, PaymentId, PaymentStatus,
    ProviderError, Store,
};

fn limits(requests_per_minute: Option<u32>, unproved_hints_per_minute: u32) -> AccountLimits {
    AccountLimits { requests_per_minute, unproved_hints_per_minute, ..AccountLimits::default() }
}

#[tokio::test]
async fn ten_thousand_hints_cost_the_pg_two_look_ups_beyond_the_first() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let before = bench.pg.calls(Op::Verify).len();
    for _ in 0..100 {
        join_all((0..100).map(|_| bench.receive(json!({ "pg_id": pg_id.as_str() })))).await;
        bench.process_inbox().await;
        bench.pass(Duration::from_millis(90)).await;
    }
    bench.pass_slowly(SETTLED * 10, 100).await;
    let looks = bench.pg.calls(Op::Verify).len() - before;
    assert!((1..=3).contains(&looks), "{looks} look-ups");
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_hint_that_comes_soon_after_another_is_delayed_and_not_dropped() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    let hint = json!({ "pg_id": pg_id.as_str() });
    bench.webhook(hint.clone()).await;
    bench.resolve_due().await;
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.webhook(hint).await;
    bench.pass(Duration::from_secs(9)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
    bench.pass(Duration::from_secs(1)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_hint_with_a_proof_waits_for_no_turn() {
    let bench = Bench::on_confirm().limited(limits(None, 1));
    let (id, pg_id) = bench.awaiting_deposit().await;
    for _ in 0..5 {
        bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
        bench.resolve_due().await;
    }
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.webhook(json!({ "pg_id": pg_id.as_str(), "secret": "ps_secret" })).await;
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn hints_without_proof_take_turns_over_the_whole_account() {
    let bench = Bench::before_confirm().limited(limits(None, 2));
    let mut payments = Vec::new();
    for number in 0..6 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
        bench.webhook(json!({ "order_id": order })).await;
        payments.push(id);
    }
    let paid = async || {
        let statuses = join_all(payments.iter().map(|id| bench.status(id))).await;
        statuses.iter().filter(|status| **status == PaymentStatus::Paid).count()
    };
    bench.resolve_due().await;
    assert_eq!(paid().await, 2);
    bench.pass(Duration::from_secs(60)).await;
    assert_eq!(paid().await, 4);
    bench.pass(Duration::from_secs(60)).await;
    assert_eq!(paid().await, 6, "delayed, never dropped");
}

#[tokio::test]
async fn made_up_ids_take_turns_too_and_wait_in_the_inbox() {
    let bench = Bench::on_confirm().limited(limits(None, 3));
    let id = bench.register().await;
    let order = bench.open(&id).await;
    for number in 0..10 {
        bench.receive(json!({ "pg_id": format!("made-up-{number}"), "order_id": order })).await;
    }
    let outcomes = bench.process_inbox().await;
    assert_eq!((outcomes.len(), bench.inbox_length().await), (3, 7));
    for _ in 0..3 {
        bench.clock.advance(Duration::from_secs(121));
        bench.process_inbox().await;
    }
    assert_eq!(bench.inbox_length().await, 0);
}

#[tokio::test]
async fn a_made_up_id_that_waits_for_room_does_not_have_its_payment_take_that_room_again() {
    let bench = Bench::on_confirm().limited(limits(Some(2), 600));
    let (id, _) = bench.paid().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.clone();
    bench.receive(json!({ "pg_id": "madeup", "order_id": order.as_str() })).await;
    for _ in 0..3 {
        // Whoever came first, there is no room for the look-up that asks for the made-up id too.
        let _ = bench.gateway.verify(&bench.merchant, &id).await;
        assert!(bench.process_inbox().await.is_empty(), "it waits in the inbox");
        bench.pass(Duration::from_secs(150)).await;
    }
    assert_eq!(bench.read(&id).await.hints, 1);
    bench.clock.advance(Duration::from_secs(150));
    assert_eq!(bench.process_inbox().await, [InboxOutcome::Marked { proved: false }]);
}

#[tokio::test]
async fn an_id_the_pg_can_never_be_asked_about_is_let_go_after_a_day() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    (0..1_000).for_each(|_| {
        bench.pg.instead(Op::Verify, || ProviderError::Misconfigured(pg_message("FORBIDDEN_REQUEST")));
    });
    bench.webhook(json!({ "pg_id": "made-up", "order_id": order })).await;
    bench.clock.advance(Duration::from_secs(23 * 60 * 60));
    bench.process_inbox().await;
    assert_eq!(bench.inbox_length().await, 1);
    bench.clock.advance(Duration::from_secs(60 * 60));
    bench.process_inbox().await;
    assert_eq!(bench.inbox_length().await, 0);
}

#[tokio::test]
async fn hints_during_an_outage_do_not_put_off_the_day_after_it() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    let hint = json!({ "pg_id": pg_id.as_str() });
    (0..1_000).for_each(|_| bench.pg.instead(Op::Verify, || ProviderError::no_answer("down")));
    for _ in 0..100 {
        bench.webhook(hint.clone()).await;
        bench.pass(Duration::from_secs(30)).await;
    }
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.pg.forget_faults();
    bench.webhook(hint).await;
    bench.pass(Duration::from_secs(30)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "the real one is heard at once");
}

#[tokio::test]
async fn a_hint_in_an_outage_is_answered_soon_after_it() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    (0..1_000).for_each(|_| bench.pg.instead(Op::Verify, || ProviderError::no_answer("down")));
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    bench.pass_slowly(Duration::from_secs(2 * 60 * 60), 120).await;
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    bench.pg.forget_faults();
    bench.pass(Duration::from_secs(15 * 60)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn waiting_for_room_is_no_try() {
    let bench = Bench::on_confirm().limited(limits(Some(4), 600));
    let (id, pg_id) = bench.agreed().await;
    (0..4).for_each(|_| bench.pg.instead(Op::Confirm, || ProviderError::no_answer("lost")));
    (0..4).for_each(|_| bench.pg.instead(Op::Verify, || ProviderError::no_answer("lost")));
    bench.confirm(&id, &pg_id).await.unwrap();
    let tries = |record: crate::PaymentRecord| record.payment.watch.unwrap().tries;
    let before = tries(bench.read(&id).await);
    // The look begins when there was room, and asks when there is none.
    for _ in 0..5 {
        let _ = bench.gateway.verify(&bench.merchant, &id).await;
    }
    for _ in 0..10 {
        bench.gateway.resolve(&bench.merchant, &id).await.unwrap();
    }
    assert!(tries(bench.read(&id).await) <= before + 1);
}

#[tokio::test]
async fn a_hundred_merchants_calls_at_once_ask_the_pg_twice() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let before = bench.pg.calls(Op::Verify).len();
    let verified = join_all((0..100).map(|_| bench.gateway.verify(&bench.merchant, &id))).await;
    assert!(verified.iter().all(|record| record.as_ref().unwrap().payment.status == PaymentStatus::Paid));
    assert_eq!(bench.pg.calls(Op::Verify).len() - before, 2, "one runs, one waits, the rest share it");
}

#[tokio::test]
async fn who_shares_a_look_up_that_failed_is_told_so() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    (0..2).for_each(|_| bench.pg.instead(Op::Verify, || ProviderError::no_answer("down")));
    let verified = join_all((0..5).map(|_| bench.gateway.verify(&bench.merchant, &id))).await;
    assert!(verified.iter().all(|told| matches!(told, Err(GatewayError::ProviderUnavailable { .. }))));
}

#[tokio::test]
async fn money_goes_out_where_a_look_up_has_to_wait() {
    let bench = Bench::on_confirm().limited(limits(Some(4), 600));
    let (id, _) = bench.paid().await;
    let used_up =
        join_all((0..8).map(|_| async { bench.gateway.verify(&bench.merchant, &id).await.is_ok() }));
    used_up.await;
    while bench.gateway.verify(&bench.merchant, &id).await.is_ok() {}
    let asked = bench.gateway.verify(&bench.merchant, &id).await;
    assert!(matches!(asked, Err(GatewayError::ProviderUnavailable { .. })), "{asked:?}");
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.read(&id).await.cancels[0].status, CancelStatus::Done);
}

#[tokio::test]
async fn what_is_due_waits_for_room_and_is_looked_at_then() {
    let bench = Bench::before_confirm().limited(limits(Some(4), 600));
    let mut orders = Vec::new();
    for number in 0..6 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        orders.push(bench.open(&id).await);
    }
    bench.clock.advance(Duration::from_secs(60));
    for order in orders {
        bench.webhook(json!({ "order_id": order })).await;
    }
    bench.resolve_due().await;
    assert_eq!(bench.pg.calls(Op::Verify).len(), 3, "a quarter of four stays free");
    let next = bench.gateway.next_work(&super::bench::account()).await.unwrap().unwrap();
    assert_eq!(next, bench.clock.now() + Duration::from_secs(60), "the worker sleeps until then");
    bench.pass(Duration::from_secs(60)).await;
    assert_eq!(bench.pg.calls(Op::Verify).len(), 6);
}

#[tokio::test]
async fn a_pg_that_asks_a_confirm_to_wait_is_left_alone_for_that_long() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::NotProcessed {
        retry_after: Some(Duration::from_secs(90)),
        pg: pg_message("TOO_MANY_REQUESTS"),
    });
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.pass_slowly(Duration::from_secs(80), 16).await;
    assert_eq!((bench.pg.calls(Op::Confirm).len(), bench.pg.calls(Op::Verify).len()), (1, 0));
    bench.pass_slowly(Duration::from_secs(120), 12).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_slow_pg_takes_no_more_callers_than_it_has_places() {
    let bench = Bench::on_confirm().limited(AccountLimits { calls_at_once: 1, ..AccountLimits::default() });
    let (id, pg_id) = bench.agreed().await;
    let other = bench.try_register("order-2", PRICE).await.unwrap().record.payment.id;
    let order = bench.open(&other).await;
    let second = bench.pg.books(|books| books.agree(&order, PRICE));
    let (gateway, merchant, busy) = (bench.gateway.clone(), bench.merchant.clone(), other.clone());
    bench.pg.meanwhile(Op::Confirm, move || async move {
        let told = gateway.confirm(&merchant, &busy, &json!({ "pg_id": second.as_str() }), None).await;
        assert!(matches!(told, Err(GatewayError::ProviderUnavailable { retry_after: Some(_) })), "{told:?}");
    });
    bench.confirm(&id, &pg_id).await.unwrap();
    let record = bench.read(&other).await;
    assert_eq!(record.payment.status, PaymentStatus::Ready, "nothing was begun");
    assert!(record.attempts[0].confirm.is_none());
}

#[tokio::test]
async fn a_sender_who_stood_still_for_too_long_sends_nothing() {
    let bench = Bench::on_confirm();
    bench.pg.books(|books| books.permissive = true);
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::NotSent("nobody listens".into()));
    bench.confirm(&id, &pg_id).await.unwrap_err();
    // A process that committed this and was frozen right then wakes up.
    let committed = bench.read(&id).await;
    bench.clock.advance(Duration::from_secs(30));
    bench.gateway.send_confirm(committed.clone(), 1).await.unwrap();
    assert_eq!(bench.pg.calls(Op::Confirm).len(), 1, "nothing is sent any more");
    assert_eq!(bench.status(&id).await, PaymentStatus::Confirming);
    bench.pass_slowly(Duration::from_secs(60), 10).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    let sent = bench.pg.calls(Op::Confirm).len();
    bench.gateway.send_confirm(committed, 1).await.unwrap();
    assert_eq!(bench.pg.calls(Op::Confirm).len(), sent);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).charged), 1);
}

#[tokio::test]
async fn what_another_has_settled_meanwhile_is_not_sent() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let record = bench.cancel(&id, Some(1_000)).await.unwrap();
    let mut stale = record.clone();
    stale.cancels[0].status = CancelStatus::Sent;
    stale.cancels[0].sending.as_mut().unwrap().heard = Heard::Nothing;
    let sent = bench.gateway.send_cancel(stale, &record.cancels[0].id).await.unwrap();
    assert_eq!(sent.cancels[0].status, CancelStatus::Done);
    assert_eq!(bench.pg.calls(Op::Cancel).len(), 1);
    assert_eq!(bench.pg.books(|books| books.row(&pg_id).given_back), 1_000);
}

#[tokio::test]
async fn one_accounts_full_inbox_is_its_own() {
    let bench = Bench::on_confirm();
    let (_, pg_id) = bench.paid().await;
    let other = "other".parse().unwrap();
    assert_eq!(bench.webhook(json!({ "pg_id": pg_id.as_str() })).await.len(), 1);
    bench.receive(json!({ "pg_id": pg_id.as_str() })).await;
    assert_eq!(bench.store.inbox_length(&other).await.unwrap(), 0);
    assert!(bench.gateway.process_inbox(&other).await.unwrap().is_empty());
    assert_eq!(bench.process_inbox().await, [InboxOutcome::Marked { proved: false }]);
}

#[tokio::test]
async fn of_one_payment_one_look_up_runs_at_a_time_whoever_asks() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    let before = bench.pg.calls(Op::Verify).len();
    let asked = join_all((0..20).map(|_| bench.gateway.verify(&bench.merchant, &id)));
    let (due, asked) = tokio::join!(bench.resolve_due(), asked);
    assert_eq!(due, 1);
    assert!(asked.iter().all(Result::is_ok));
    let looks = bench.pg.calls(Op::Verify).len() - before;
    assert!(looks <= 3, "{looks}: the resolver's, the first merchant's, and one for all the others");
    assert_eq!(bench.pg.looks_at_once(), 1);
}

/// The resolver comes while the next look-up runs, for as long as it can get on without waiting.
fn resolves_meanwhile(bench: &Bench, id: &PaymentId) {
    let (gateway, merchant, id) = (bench.gateway.clone(), bench.merchant.clone(), id.clone());
    bench.pg.meanwhile(Op::Verify, move || async move {
        let _ = tokio::time::timeout(Duration::ZERO, gateway.resolve(&merchant, &id)).await;
    });
}

#[tokio::test]
async fn nobody_looks_beside_the_look_up_that_settles_a_confirm() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.after(Op::Confirm, || ProviderError::no_answer("lost"));
    resolves_meanwhile(&bench, &id);
    bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(bench.pg.looks_at_once(), 1);
}

#[tokio::test]
async fn nobody_looks_beside_the_look_up_that_settles_a_cancel() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.after(Op::Cancel, || ProviderError::Conflict(pg_message("ALREADY_CANCELED_PAYMENT")));
    resolves_meanwhile(&bench, &id);
    bench.cancel(&id, None).await.unwrap();
    assert_eq!(bench.pg.looks_at_once(), 1);
}

#[tokio::test]
async fn nobody_looks_beside_the_look_up_for_what_a_browser_brought() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::no_answer("lost"));
    resolves_meanwhile(&bench, &id);
    bench.confirm(&id, &pg_id).await.unwrap();
    assert_eq!(bench.pg.looks_at_once(), 1);
}
