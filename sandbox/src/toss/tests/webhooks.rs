//! Webhooks: what is sent, with which headers, how often.

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::{Bench, text};
use crate::{Fault, FaultRule, OrderAction, PayMethod, PayOutcome, PayRequest};

async fn script(bench: &Bench, fault: Fault) {
    bench.control.add_faults(vec![FaultRule::new("webhook", fault)]).await.unwrap();
}

/// Two payments in a row, and the orders their webhooks name in the order of arrival.
async fn orders_delivered(bench: &mut Bench, webhooks: usize) -> Vec<String> {
    bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    bench.confirmed("order-0002", PayMethod::Card, 1_000).await;
    let mut orders = Vec::new();
    for _ in 0..webhooks {
        orders.push(text(&bench.inbox.next().await.body["data"], "orderId").to_owned());
    }
    orders
}

#[tokio::test]
async fn card_payment_sends_one_webhook_with_the_payment() {
    let mut bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    let received = bench.inbox.next().await;
    assert_eq!(received.body["eventType"], "PAYMENT_STATUS_CHANGED");
    let mut delivered = received.body["data"].clone();
    // The only difference: a webhook does not know under which name the reader reached the API.
    delivered["checkout"] = payment["checkout"].clone();
    assert_eq!(delivered, payment);
    assert_eq!(received.header("tosspayments-webhook-transmission-time"), "2026-03-14T10:31:02+09:00");
    assert_eq!(received.header("tosspayments-webhook-transmission-retried-count"), "0");
    assert!(received.header("tosspayments-webhook-transmission-id").starts_with("whtrans_"));
    assert!(!received.headers.contains_key("tosspayments-webhook-signature"));
    assert_eq!(received.header("content-type"), "application/json");
}

#[tokio::test]
async fn virtual_account_sends_two_webhooks_at_each_change() {
    let mut bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::VirtualAccount, 1_000).await;
    bench.control.deposit(&OrderAction::all_of("order-0001")).unwrap();
    let (mut statuses, mut callbacks) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let body = bench.inbox.next().await.body;
        if body.get("eventType").is_some() {
            assert_eq!(body["data"]["secret"], Value::Null, "only the callback carries it");
            statuses.push(body["data"]["status"].clone());
        } else {
            assert_eq!(body["secret"], payment["secret"]);
            assert_eq!(body.as_object().unwrap().len(), 5);
            callbacks.push(body["status"].clone());
        }
    }
    // The two operations' deliveries may overtake each other, as the real ones do.
    for seen in [&mut statuses, &mut callbacks] {
        seen.sort_by_key(Value::to_string);
        assert_eq!(*seen, [json!("DONE"), json!("WAITING_FOR_DEPOSIT")]);
    }
}

#[tokio::test]
async fn declines_and_expiries_send_webhooks_closed_windows_do_not() {
    let mut bench = Bench::start().await;
    let key = bench.pay(&PayRequest::new("order-0001", PayOutcome::Decline, 1_000));
    bench.confirm(&key, "order-0001", 1_000).await;
    assert_eq!(bench.inbox.next().await.body["data"]["status"], "ABORTED");
    bench.control.pay(&PayRequest::new("order-0002", PayOutcome::Close, 1_000)).unwrap();
    assert!(bench.inbox.is_empty());
    bench.advance_minutes(30);
    assert_eq!(bench.inbox.next().await.body["data"]["status"], "EXPIRED");
}

#[tokio::test]
async fn what_is_not_answered_with_200_comes_again_up_to_seven_times() {
    let mut bench = Bench::start().await;
    bench.inbox.will_answer(&[201, 500, 404, 500, 500, 500, 500, 500]);
    bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    let first = bench.inbox.next().await;
    for (retried, minutes) in [1, 4, 16, 64, 256, 1_024, 4_096].into_iter().enumerate() {
        let noted = super::faults::wait_until(|| bench.control.webhooks().len() == retried + 1).await;
        assert!(noted, "attempt {retried} is over");
        // One second early is too early.
        bench.control.advance(Duration::from_secs(minutes * 60 - 1));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(bench.inbox.is_empty(), "retry {retried} came early");
        bench.control.advance(Duration::from_secs(1));
        let again = bench.inbox.next().await;
        assert_eq!(
            again.header("tosspayments-webhook-transmission-retried-count"),
            (retried + 1).to_string()
        );
        let id = "tosspayments-webhook-transmission-id";
        assert_eq!((again.header(id), &again.body), (first.header(id), &first.body));
    }
    assert!(super::faults::wait_until(|| bench.control.webhooks().len() == 8).await);
    bench.advance_minutes(30 * 24 * 60);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(bench.inbox.is_empty(), "it gave up");
}

#[tokio::test]
async fn a_dropped_webhook_never_comes() {
    let mut bench = Bench::start().await;
    script(&bench, Fault::Drop).await;
    assert_eq!(orders_delivered(&mut bench, 1).await, ["order-0002"]);
}

#[tokio::test]
async fn a_duplicated_webhook_comes_twice() {
    let mut bench = Bench::start().await;
    script(&bench, Fault::Duplicate).await;
    let mut delivered = orders_delivered(&mut bench, 3).await;
    delivered.sort();
    assert_eq!(delivered, ["order-0001", "order-0001", "order-0002"]);
}

#[tokio::test]
async fn a_reordered_webhook_comes_after_the_next() {
    let mut bench = Bench::start().await;
    script(&bench, Fault::Reorder).await;
    assert_eq!(orders_delivered(&mut bench, 2).await, ["order-0002", "order-0001"]);
}

#[tokio::test]
async fn a_delayed_webhook_waits_for_the_clock() {
    let mut bench = Bench::start().await;
    script(&bench, Fault::Delay).await;
    assert_eq!(orders_delivered(&mut bench, 1).await, ["order-0002"]);
    bench.control.advance(Duration::from_secs(60));
    assert_eq!(bench.inbox.next().await.body["data"]["orderId"], "order-0001");
}

#[tokio::test]
async fn an_early_webhook_is_there_before_the_answer() {
    let mut bench = Bench::start().await;
    script(&bench, Fault::Early).await;
    bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    assert!(!bench.inbox.is_empty());
}

#[tokio::test]
async fn a_target_gets_the_events_it_registered_for() {
    let mut bench = Bench::start().await;
    let mut target = bench.inbox.target();
    target.events = Some(vec!["DEPOSIT_CALLBACK".to_owned()]);
    bench.control.set_webhook_targets(vec![target]);
    bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    bench.confirmed("order-0002", PayMethod::VirtualAccount, 1_000).await;
    assert_eq!(bench.inbox.next().await.body["orderId"], "order-0002");
}
