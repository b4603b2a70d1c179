//! Webhooks are hints: a reason to look up, with a proof or without (design §4).

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, SECOND, account},
    errors::{invalid, no_answer},
    fake_pg::Op,
    log::Log,
};
use crate::{
    gateway::{GatewayError, InboxOutcome},
    lifecycle::tests::sample::PRICE,
    model::{PaymentStatus, PgStatus},
    provider::ProviderError,
    store::{StoreError, Why},
};

const MARKED: InboxOutcome = InboxOutcome::Marked { proved: false };
const PROVED: InboxOutcome = InboxOutcome::Marked { proved: true };

/// A payment whose buyer has paid in the window without coming back, its order id and the PG's.
async fn unreturned(bench: &Bench) -> (crate::model::PaymentId, String, crate::model::PgPaymentId) {
    let (id, order) = bench.opened().await;
    let pg_id = bench.in_window(&order);
    (id, order, pg_id)
}

#[tokio::test]
async fn webhook_has_the_payment_looked_up() {
    let bench = Bench::before_confirm();
    let (id, order, _) = unreturned(&bench).await;
    assert_eq!(bench.webhook(json!({ "order_id": order })).await, [MARKED]);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.look_ups(), 1);
}

#[tokio::test]
async fn forged_webhook_changes_nothing() {
    for bench in Bench::both() {
        let (id, order) = bench.opened().await;
        bench.webhook(json!({ "pg_id": "forged", "order_id": order, "status": "DONE" })).await;
        bench.run(HOUR).await;
        assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
        assert!(bench.read(&id).await.charges.is_empty());
    }
}

#[tokio::test]
async fn webhook_without_an_order_finds_its_payment_by_the_pgs_id() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    bench.advance(MINUTE);
    assert_eq!(bench.webhook(json!({ "pg_id": pg_id.as_str() })).await, [MARKED]);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn unknown_payments_and_events_are_taken_and_counted() {
    let bench = Bench::on_confirm();
    for (body, outcome) in [
        (json!({ "order_id": "order-of-somebody" }), InboxOutcome::UnknownPayment),
        (json!({ "pg_id": "unknown" }), InboxOutcome::UnknownPayment),
        (json!({ "cancel": "c1" }), InboxOutcome::Ignored),
        (json!({ "type": "SETTLEMENT" }), InboxOutcome::Ignored),
    ] {
        assert_eq!(bench.webhook(body.clone()).await, [outcome], "{body}");
    }
    assert!(bench.pg.all_calls().is_empty());
}

#[tokio::test]
async fn unreadable_webhooks_are_counted_and_alerted_now_and_then() {
    let log = Log::begin();
    let bench = Bench::on_confirm();
    for _ in 0..100 {
        bench.try_receive(b"not JSON, secret=canary".to_vec()).await.unwrap();
    }
    let outcomes = bench.process_inbox().await;
    assert_eq!(outcomes, vec![InboxOutcome::Unreadable; 100]);
    let alerts = |log: &Log| {
        log.errors().into_iter().filter(|line| line.contains("cannot be read")).collect::<Vec<_>>()
    };
    let [line] = &alerts(&log)[..] else { panic!("{:?}", alerts(&log)) };
    assert!(line.contains("the body is not JSON") && line.contains("fake"), "{line}");
    assert!(!line.contains("canary"), "never the value: {line}");
    bench.advance(10 * MINUTE);
    bench.try_receive(b"<xml>".to_vec()).await.unwrap();
    bench.process_inbox().await;
    assert!(alerts(&log)[1].contains("count=101"), "{:?}", alerts(&log));
}

#[tokio::test]
async fn unreadable_answer_logs_the_error_and_never_the_value() {
    let log = Log::begin();
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Verify, || ProviderError::no_answer("field `amount`: expected a number"));
    let _ = bench.gateway.verify(&bench.merchant, &id).await;
    let lines = log.warnings();
    assert!(lines.iter().any(|line| line.contains("field `amount`: expected a number")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(id.as_str()) && line.contains("fake")), "{lines:?}");
}

#[tokio::test]
async fn secret_of_the_charge_proves_and_a_wrong_one_lowers_the_proof() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    let secret = format!("secret-of-{pg_id}");
    assert_eq!(bench.read(&id).await.charges[0].webhook_secret.as_ref().unwrap().expose(), secret);
    for (secret, outcome) in [(secret.as_str(), PROVED), ("guessed", MARKED)] {
        let answer = bench.webhook(json!({ "pg_id": pg_id.as_str(), "secret": secret })).await;
        assert_eq!(answer, [outcome], "it never rejects");
    }
}

#[tokio::test]
async fn only_signed_deliveries_are_known_again() {
    let bench = Bench::before_confirm();
    let (_, order, _) = unreturned(&bench).await;
    let signed = json!({ "order_id": order, "delivery": "d1" });
    assert_eq!(bench.webhook(signed.clone()).await, [PROVED]);
    assert_eq!(bench.webhook(signed).await, [InboxOutcome::Duplicate]);
    let unsigned = json!({ "order_id": order });
    for _ in 0..2 {
        assert_eq!(bench.webhook(unsigned.clone()).await, [MARKED]);
    }
}

#[tokio::test]
async fn forged_delivery_id_does_not_silence_the_real_one() {
    let bench = Bench::before_confirm();
    let (id, order, _) = unreturned(&bench).await;
    bench.webhook(json!({ "order_id": "somebody", "secret": "x" })).await;
    assert_eq!(bench.webhook(json!({ "order_id": order, "delivery": "d1" })).await, [PROVED]);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn hint_that_could_not_be_stored_is_not_acknowledged_or_lost() {
    let bench = Bench::before_confirm();
    let (id, order, _) = unreturned(&bench).await;
    bench.store.set_down(true);
    let answer = bench.try_receive(json!({ "order_id": order }).to_string().into_bytes()).await;
    assert!(matches!(answer, Err(GatewayError::Store(StoreError::Unavailable(_)))), "{answer:?}");
    bench.store.set_down(false);
    bench.receive(json!({ "order_id": order, "delivery": "d1" })).await;
    bench.store.set_down(true);
    assert!(bench.process_inbox().await.is_empty(), "it stays in the inbox");
    bench.store.set_down(false);
    bench.advance(2 * MINUTE);
    assert_eq!(bench.process_inbox().await, [PROVED], "one that failed halfway is no duplicate");
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn webhook_of_a_dead_worker_is_free_after_two_minutes() {
    use crate::store::Inbox as _;
    let bench = Bench::before_confirm();
    let (_, order, _) = unreturned(&bench).await;
    bench.receive(json!({ "order_id": order })).await;
    let now = bench.pg.clock_now();
    bench.store.lease_inbox(&account(), now, super::bench::after(now, 2 * MINUTE), 8).await.unwrap();
    bench.advance(2 * MINUTE - SECOND);
    assert!(bench.process_inbox().await.is_empty());
    bench.advance(SECOND);
    assert_eq!(bench.process_inbox().await, [MARKED]);
}

#[tokio::test]
async fn hint_ahead_of_a_lagging_pg_causes_one_more_look_up() {
    let bench = Bench::before_confirm();
    let (id, order, _) = unreturned(&bench).await;
    // The look-up that it causes lags.
    bench.pg.show(Vec::new(), true);
    bench.webhook(json!({ "order_id": order })).await;
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.look_ups(), 2);
}

#[tokio::test]
async fn hint_is_paid_by_a_look_up_and_by_no_other_change() {
    let bench = Bench::before_confirm();
    let (id, order, _) = unreturned(&bench).await;
    bench.pg.fails(Op::Verify, no_answer);
    bench.webhook(json!({ "order_id": order })).await;
    bench.resolve_due().await;
    drop(bench.bring(&id, json!({ "failure": "closed" })).await);
    assert!(bench.read(&id).await.checks.owed.iter().any(|owed| owed.why == Why::Hint));
    bench.pg.heal();
    bench.run(MINUTE).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn hint_during_a_look_up_causes_one_more() {
    let bench = Bench::before_confirm();
    let (id, order) = bench.opened().await;
    bench.webhook(json!({ "order_id": order })).await;
    let (gateway, pg, hinted) = (bench.gateway.clone(), bench.pg.clone(), order.clone());
    bench.pg.meanwhile(Op::Verify, move || async move {
        pg.books(|books| books.pay(&hinted, PRICE, pg.clock_now()));
        let raw = crate::provider::RawWebhook {
            headers: Vec::new(),
            body: json!({ "order_id": hinted }).to_string().into_bytes(),
            received_at: pg.clock_now(),
        };
        gateway.receive(&account(), raw).await.unwrap();
        gateway.process_inbox(&account()).await.unwrap();
    });
    bench.resolve_due().await;
    bench.run(11 * SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "it came after the look-up was answered");
}

#[tokio::test]
async fn hint_soon_after_a_look_up_is_delayed_and_not_dropped() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    let hint = json!({ "pg_id": pg_id.as_str() });
    bench.webhook(hint.clone()).await;
    bench.resolve_due().await;
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    bench.webhook(hint).await;
    bench.pass(9 * SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::AwaitingDeposit);
    bench.pass(SECOND).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn proved_hint_is_not_delayed() {
    let bench = Bench::over(crate::lifecycle::tests::sample::ON_CONFIRM, |settings| {
        settings.limits.unverified_webhooks_per_minute = 1;
    });
    let (id, pg_id) = bench.awaiting_deposit(DAY).await;
    // Others have taken every turn of the next minutes, and a forger names this very charge.
    for number in 0..5 {
        let other = bench.try_register(&format!("other-{number}"), PRICE).await.unwrap().record.payment.id;
        let order = bench.open(&other).await;
        bench.webhook(json!({ "order_id": order })).await;
    }
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    bench.resolve_due().await;
    bench.pg.books(|books| books.take(&pg_id, bench.pg.clock_now()));
    let proved = json!({ "pg_id": pg_id.as_str(), "secret": format!("secret-of-{pg_id}") });
    assert_eq!(bench.webhook(proved).await, [PROVED]);
    bench.resolve_due().await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn id_that_the_pg_calls_invalid_is_made_up_and_over() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    bench.pg.fails(Op::Verify, invalid);
    bench.webhook(json!({ "pg_id": "made-up", "order_id": order })).await;
    bench.run(DAY / 2).await;
    assert!(bench.look_ups() <= 2, "{}", bench.look_ups());
    assert!(bench.read(&id).await.checks.owed.is_empty());
}

#[tokio::test]
async fn made_up_id_writes_no_false_line_about_the_pg() {
    let log = Log::begin();
    let bench = Bench::on_confirm();
    let (_, order) = bench.opened().await;
    bench.pg.fails(Op::Verify, invalid);
    bench.webhook(json!({ "pg_id": "made-up", "order_id": order })).await;
    bench.run(HOUR).await;
    assert_eq!((log.errors(), log.warnings()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn window_of_a_closed_charge_is_no_news() {
    let bench = Bench::on_confirm();
    let (id, order) = bench.opened().await;
    let pg_id = bench.in_window(&order);
    bench.pg.books(|books| books.change(&pg_id, |shown| shown.status = PgStatus::Expired));
    bench.webhook(json!({ "pg_id": pg_id.as_str(), "order_id": order })).await;
    bench.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Ready);
    assert_eq!(bench.kinds().await, ["payment.registered"]);
}
