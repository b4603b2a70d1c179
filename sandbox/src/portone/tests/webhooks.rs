//! Webhooks: when, what, how often.

use serde_json::json;

use super::super::{PortoneConfig, WebhookFormat};
use super::bench::{Bench, success};
use crate::{OrderAction, PayOutcome, PayRequest, testing::Inbox};

#[tokio::test]
async fn webhooks_are_sent_but_not_for_failures_or_own_cancels() {
    let bench = Bench::start().await;
    let mut inbox = bench.inbox().await;

    let paid = bench.paid("order-1", 10_000);
    let delivered = inbox.next().await;
    assert_eq!(delivered.header("content-type"), "application/json");
    assert_eq!(delivered.body, json!({ "imp_uid": paid, "merchant_uid": "order-1", "status": "paid" }));

    bench.visit("order-2", PayOutcome::Decline, 1_000);
    bench.visit("order-3", PayOutcome::Close, 1_000);
    success(bench.post("/payments/cancel", json!({ "imp_uid": paid, "amount": 1_000 })).await);

    let account = bench.account("order-4", 1_000);
    let issued = json!({ "imp_uid": account, "merchant_uid": "order-4", "status": "ready" });
    assert_eq!(inbox.next().await.body, issued, "nothing came in between");
    bench.control.deposit(&OrderAction::all_of("order-4")).unwrap();
    assert_eq!(inbox.next().await.body["status"], "paid");
}

#[tokio::test]
async fn console_and_requested_cancels_send_their_id() {
    let bench = Bench::start().await;
    let mut inbox = bench.inbox().await;
    let imp_uid = bench.paid("order-1", 10_000);
    inbox.next().await;

    let row = bench.control.cancel(&OrderAction::part_of("order-1", 4_000)).unwrap();
    assert_eq!((&row["status"], &row["given_back"]), (&json!("paid"), &json!(4_000)));
    let delivered = inbox.next().await.body;
    assert_eq!(delivered["status"], "cancelled");
    assert_eq!(delivered["cancellation_id"], row["cancel_history"][0]["cancellation_id"]);

    let asked = json!({ "imp_uid": imp_uid, "enable_webhook": true });
    let whole = success(bench.post("/payments/cancel", asked).await);
    let delivered = inbox.next().await.body;
    assert_eq!(delivered["cancellation_id"], whole["cancel_history"][1]["cancellation_id"]);
    assert!(bench.control.cancel(&OrderAction::all_of("order-1")).is_err(), "nothing is left");
}

#[tokio::test]
async fn a_notice_url_takes_the_place_of_the_consoles() {
    let bench = Bench::start().await;
    let mut console = bench.inbox().await;
    let mut own = Inbox::open().await;
    let sdk = json!({ "notice_url": own.target().url }).as_object().unwrap().clone();
    bench.control.pay(&PayRequest { sdk, ..PayRequest::new("order-1", PayOutcome::Approve, 1_000) }).unwrap();
    assert_eq!(own.next().await.body["status"], "paid");
    bench.control.cancel(&OrderAction::all_of("order-1")).unwrap();
    assert_eq!(own.next().await.body["status"], "cancelled");

    bench.paid("order-2", 1_000);
    assert_eq!(console.next().await.body["merchant_uid"], "order-2", "nothing of the other order");
}

#[tokio::test]
async fn a_console_may_choose_forms() {
    let config = PortoneConfig { webhook_format: WebhookFormat::Form, ..PortoneConfig::default() };
    let bench = Bench::with(config).await;
    let mut inbox = bench.inbox().await;
    let imp_uid = bench.paid("order-1", 1_000);
    let delivered = inbox.next().await;
    assert_eq!(delivered.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(delivered.body, format!("imp_uid={imp_uid}&merchant_uid=order-1&status=paid"));
}

#[tokio::test]
async fn a_failed_webhook_is_not_repeated_by_default() {
    let bench = Bench::start().await;
    let mut inbox = bench.inbox().await;
    inbox.will_answer(&[500; 99]);
    bench.paid("order-1", 1_000);
    inbox.next().await;
    assert_eq!(after_an_hour(&bench, &mut inbox).await, 0);
}

#[tokio::test]
async fn failed_webhook_repeats_five_times_where_support_turned_it_on() {
    let config = PortoneConfig { webhook_retries: true, ..PortoneConfig::default() };
    let bench = Bench::with(config.clone()).await;
    let mut inbox = bench.inbox().await;
    inbox.will_answer(&[500; 99]);
    bench.paid("order-1", 1_000);
    inbox.next().await;
    assert_eq!(after_an_hour(&bench, &mut inbox).await, 5);
    let sent: Vec<_> = bench.control.webhooks().iter().map(|sent| sent.sent_at_ms).collect();
    assert!(sent.windows(2).take(5).all(|pair| pair[1] - pair[0] >= 60_000), "{sent:?}");

    let refusing = Bench::with(config).await;
    let mut inbox = refusing.inbox().await;
    inbox.will_answer(&[400; 99]);
    refusing.paid("order-1", 1_000);
    inbox.next().await;
    assert_eq!(after_an_hour(&refusing, &mut inbox).await, 0, "a 4xx is an answer");
}

/// How many webhooks come in the next hour.
async fn after_an_hour(bench: &Bench, inbox: &mut Inbox) -> usize {
    let mut repeated = 0;
    for _ in 0..60 {
        bench.advance(60);
        // Calls of our own, so that what the advance woke gets to the inbox; what is slower than they
        // are comes with the next minute.
        for _ in 0..3 {
            bench.get("/payments/imp_none").await;
        }
        while !inbox.is_empty() {
            repeated += 1;
        }
    }
    repeated
}
