//! Storms of hints and of callers cost the PG little and hide nothing (invariants 2, 16).

use futures_util::future::join_all;
use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, SECOND, account},
    errors::{no_answer, unknown},
    fake_pg::Op,
};
use crate::{
    gateway::GatewayError,
    lifecycle::tests::sample::{ON_CONFIRM, PRICE},
    model::{MoneyMoves, PaymentStatus},
    store::Inbox as _,
};

#[tokio::test]
async fn ten_thousand_hints_about_one_charge_share_look_ups() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.paid().await;
    let before = bench.look_ups();
    for _ in 0..100 {
        join_all((0..100).map(|_| bench.receive(json!({ "pg_id": pg_id.as_str() })))).await;
        bench.process_inbox().await;
        bench.pass(SECOND / 10).await;
    }
    bench.run(HOUR).await;
    let asked = bench.look_ups() - before;
    assert!((2..=5).contains(&asked), "{asked}");
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn forged_ids_of_a_known_order_do_not_crowd_out_the_real_one() {
    // 10,000 hints with made-up ids and one known order id, and a real one that is proved among them.
    let bench = Bench::over(ON_CONFIRM, |settings| settings.inbox_capacity = 300);
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    let mut refused = 0;
    for number in 0..10_000 {
        let body = json!({ "pg_id": format!("made-up-{number}"), "order_id": order });
        refused += usize::from(bench.try_receive(body.to_string().into_bytes()).await.is_err());
    }
    assert_eq!(refused, 9_692, "their room is full: the PG would send a real one again");
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    bench.receive(json!({ "pg_id": pg_id.as_str(), "secret": format!("secret-of-{pg_id}") })).await;
    let before = bench.look_ups();
    bench.process_inbox().await;
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "worked on at once");
    let asked = bench.look_ups() - before;
    assert!(asked <= 20, "{asked}");
}

#[tokio::test]
async fn forged_ids_are_delayed_and_over_after_a_day() {
    let bench = Bench::on_confirm();
    let (_, order) = bench.opened().await;
    for number in 0..100 {
        bench.receive(json!({ "pg_id": format!("made-up-{number}"), "order_id": order })).await;
    }
    let worked = bench.process_inbox().await;
    assert!(worked.len() <= 8, "{}: one payment is looked up for so many at a time", worked.len());
    bench.run(HOUR).await;
    let asked = bench.look_ups();
    assert!((8..=200).contains(&asked), "delayed, never dropped: {asked}");
    bench.run(DAY).await;
    assert_eq!(bench.store.inbox_length(&account()).await.unwrap(), 0);
}

#[tokio::test]
async fn unverified_hints_are_spaced_over_the_whole_account() {
    let bench = Bench::over(MoneyMoves::BeforeConfirm, |settings| {
        settings.limits.unverified_webhooks_per_minute = 2;
    });
    let mut payments = Vec::new();
    for number in 0..6 {
        let id = bench.try_register(&format!("order-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&id).await;
        bench.in_window(&order);
        bench.webhook(json!({ "order_id": order })).await;
        payments.push(id);
    }
    let paid = async || {
        let statuses = join_all(payments.iter().map(|id| bench.status(id))).await;
        statuses.iter().filter(|status| **status == PaymentStatus::Paid).count()
    };
    bench.resolve_due().await;
    assert_eq!(paid().await, 2);
    bench.pass(MINUTE).await;
    assert_eq!(paid().await, 4);
    bench.pass(MINUTE).await;
    assert_eq!(paid().await, 6, "delayed, never dropped");
}

#[tokio::test]
async fn full_inbox_is_full_for_its_room_and_account_alone() {
    let bench = Bench::over(ON_CONFIRM, |settings| settings.inbox_capacity = 2);
    let (_, order) = bench.opened().await;
    let send = async |body: serde_json::Value| bench.try_receive(body.to_string().into_bytes()).await;
    for _ in 0..2 {
        send(json!({ "pg_id": "made-up" })).await.unwrap();
    }
    let answer = send(json!({ "pg_id": "made-up" })).await;
    assert!(matches!(answer, Err(GatewayError::Store(crate::store::StoreError::InboxFull))), "{answer:?}");
    send(json!({ "order_id": order })).await.unwrap();
    send(json!({ "delivery": "d1", "pg_id": "anything" })).await.unwrap();
    let raw = crate::provider::RawWebhook {
        headers: Vec::new(),
        body: b"{}".to_vec(),
        received_at: bench.pg.clock_now(),
    };
    bench.gateway.receive(&"other".parse().unwrap(), raw).await.unwrap();
}

#[tokio::test]
async fn hundred_merchants_calls_at_once_ask_the_pg_twice() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    let answer = join_all((0..100).map(|_| bench.gateway.verify(&bench.merchant, &id))).await;
    assert!(answer.iter().all(|answer| answer.as_ref().unwrap().payment.status() == PaymentStatus::Paid));
    assert_eq!(bench.look_ups(), 2, "one runs, one waits, the rest share it");
}

#[tokio::test]
async fn followers_of_a_failed_look_up_get_an_error() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.fails(Op::Verify, no_answer);
    let answer = join_all((0..5).map(|_| bench.gateway.verify(&bench.merchant, &id))).await;
    assert!(
        answer.iter().all(|answer| matches!(answer, Err(GatewayError::ProviderUnavailable { .. }))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn reader_who_never_stops_has_it_looked_up_every_ten_seconds() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.fails(Op::Confirm, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.run(2 * MINUTE).await;
    let before = bench.look_ups();
    for _ in 0..600 {
        bench.gateway.read(&bench.merchant, &id).await.unwrap();
        bench.pass(SECOND / 10).await;
    }
    let asked = bench.look_ups() - before;
    assert!((6..=12).contains(&asked), "{asked} in a minute");
}

#[tokio::test]
async fn reader_of_a_final_payment_causes_no_look_up() {
    for bench in Bench::both() {
        let (id, _) = bench.paid().await;
        let before = bench.look_ups();
        for _ in 0..10 {
            bench.gateway.read(&bench.merchant, &id).await.unwrap();
            bench.pass(MINUTE).await;
        }
        assert_eq!(bench.look_ups(), before);
    }
}

#[tokio::test]
async fn storm_of_hints_without_an_answer_costs_little() {
    for is_incomplete in [false, true] {
        let bench = Bench::before_confirm();
        let (_, order) = bench.opened().await;
        if !is_incomplete {
            bench.pg.fails(Op::Verify, unknown);
        }
        for _ in 0..600 {
            if is_incomplete {
                bench.pg.show(Vec::new(), false);
            }
            bench.webhook(json!({ "order_id": order })).await;
            bench.pass(SECOND).await;
        }
        // One every ten seconds as for any other, and each once more where it was put off.
        assert!(bench.look_ups() <= 130, "{}", bench.look_ups());
    }
}
