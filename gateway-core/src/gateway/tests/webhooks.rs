//! Webhooks are hints and nothing else.

use std::time::Duration;

use serde_json::json;

use super::{
    bench::{Bench, PRICE},
    fake_books::{Op, pg_message},
};
use crate::{Clock, InboxOutcome, PaymentStatus, ProviderError, Store};

#[tokio::test]
async fn a_webhook_has_the_payment_verified() {
    let bench = Bench::before_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    let outcomes = bench.webhook(json!({ "pg_id": pg_id.as_str(), "order_id": order })).await;
    assert_eq!(outcomes, [InboxOutcome::Marked { proved: false }]);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "the tab was closed after paying");
    assert_eq!(bench.inbox_length().await, 0);
}

#[tokio::test]
async fn a_forged_webhook_changes_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    let order = bench.read(&id).await.attempts[0].pg_order_id.to_string();
    for body in [
        json!({ "pg_id": pg_id.as_str(), "order_id": order, "status": "DONE" }),
        json!({ "pg_id": "made-up", "order_id": order }),
        json!({ "order_id": order }),
    ] {
        bench.webhook(body).await;
    }
    bench.pass(Duration::from_secs(1)).await;
    let record = bench.read(&id).await;
    assert_eq!((record.payment.status, record.accepted()), (PaymentStatus::Ready, None));
}

#[tokio::test]
async fn webhooks_of_unknown_payments_and_events_are_taken_and_counted() {
    let bench = Bench::on_confirm();
    bench.agreed().await;
    let outcomes = bench.webhook(json!({ "pg_id": "x", "order_id": "not-ours" })).await;
    assert_eq!(outcomes, [InboxOutcome::UnknownPayment]);
    assert_eq!(bench.webhook(json!({ "event": "SOMETHING_NEW" })).await, [InboxOutcome::Ignored]);
    assert_eq!(bench.inbox_length().await, 0);
}

#[tokio::test]
async fn the_deposit_secret_proves_and_a_wrong_one_only_proves_nothing() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.pg.books(|books| books.charge(&pg_id, bench.clock.now()));
    let wrong = bench.webhook(json!({ "pg_id": pg_id.as_str(), "secret": "ps_wrong" })).await;
    assert_eq!(wrong, [InboxOutcome::Marked { proved: false }]);
    bench.pass(Duration::from_secs(1)).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid, "verified all the same");
    let right = bench.webhook(json!({ "pg_id": pg_id.as_str(), "secret": "ps_secret" })).await;
    assert_eq!(right, [InboxOutcome::Marked { proved: true }]);
}

#[tokio::test]
async fn only_signed_deliveries_are_known_again() {
    let bench = Bench::on_confirm();
    let (_, pg_id) = bench.paid().await;
    let signed = json!({ "pg_id": pg_id.as_str(), "delivery": "d1" });
    assert_eq!(bench.webhook(signed.clone()).await, [InboxOutcome::Marked { proved: true }]);
    assert_eq!(bench.webhook(signed).await, [InboxOutcome::Duplicate]);
    let unsigned = json!({ "pg_id": pg_id.as_str() });
    for _ in 0..2 {
        assert_eq!(bench.webhook(unsigned.clone()).await, [InboxOutcome::Marked { proved: false }]);
    }
}

#[tokio::test]
async fn a_signed_delivery_that_failed_halfway_is_no_duplicate() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    // Paid at the PG without our confirm: only this webhook knows the PG's name for it.
    let pg_id = bench.pg.books(|books| books.pay(&order, PRICE, bench.clock.now()));
    bench.pg.instead(Op::Verify, || ProviderError::no_answer("the connection broke"));
    let delivery = json!({ "pg_id": pg_id.as_str(), "order_id": order, "delivery": "d1" });
    assert!(bench.webhook(delivery).await.is_empty(), "it stays in the inbox");
    bench.clock.advance(Duration::from_secs(121));
    let again = bench.process_inbox().await;
    assert_eq!(again, [InboxOutcome::Marked { proved: true }]);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_made_up_id_does_not_stay_in_the_inbox_for_ever() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    let order = bench.open(&id).await;
    bench.pg.instead(Op::Verify, || ProviderError::Invalid(pg_message("INVALID_PAYMENT_KEY")));
    bench.webhook(json!({ "pg_id": "made-up", "order_id": order })).await;
    assert_eq!(bench.inbox_length().await, 0);
}

#[tokio::test]
async fn a_hint_during_a_look_up_causes_one_more() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.awaiting_deposit().await;
    bench.webhook(json!({ "pg_id": pg_id.as_str() })).await;
    let (pg, store, payment, now) = (bench.pg.clone(), bench.store.clone(), id.clone(), bench.clock.now());
    // The PG has answered "not yet" already when the deposit and the webhook of it come.
    let deposited = pg_id.clone();
    bench.pg.meanwhile(Op::Verify, move || async move {
        pg.books(|books| books.charge(&deposited, now));
        store.mark_dirty(&payment, now).await.unwrap();
    });
    bench.resolve_due().await;
    assert_eq!(bench.pg.calls(Op::Verify).len(), 1, "a storm must cost little: the next look waits a little");
    bench.pass(Duration::from_secs(10)).await;
    assert_eq!(bench.pg.calls(Op::Verify).len(), 2);
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
}

#[tokio::test]
async fn a_hint_is_answered_by_a_look_and_by_no_other_change() {
    let bench = Bench::on_confirm();
    let id = bench.register().await;
    bench.store.mark_dirty(&id, bench.clock.now()).await.unwrap();
    // A change that asks nobody.
    bench.open(&id).await;
    let watch = bench.read(&id).await.payment.watch.unwrap();
    assert!(watch.at <= bench.clock.now(), "it still waits");
    bench.resolve_due().await;
    assert!(bench.read(&id).await.payment.watch.unwrap().at > bench.clock.now());
}

#[tokio::test]
async fn a_reader_who_never_stops_is_heard_again_and_again() {
    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.instead(Op::Confirm, || ProviderError::StillRunning);
    bench.confirm(&id, &pg_id).await.unwrap();
    bench.clock.advance(Duration::from_secs(10));
    for _ in 0..20 {
        bench.gateway.read(&bench.merchant, &id).await.unwrap();
        bench.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(bench.read(&id).await.hints, 2, "every ten seconds");
}
