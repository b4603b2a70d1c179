//! Refunds of deposits that the bank does not take.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::TossConfig,
    bench::{Bench, refund, refund_that_fails, refusal, refused},
};

/// How long a refund takes.
const A_REFUND: u64 = 2 * 24 * 60;

/// Status, balance, status of the refunds.
async fn shown(bench: &Bench, payment: &Value) -> (String, u64, String) {
    let shown = bench.look_up(payment).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let refunds = text(&shown["virtualAccount"]["refundStatus"]);
    (text(&shown["status"]), shown["balanceAmount"].as_u64().unwrap(), refunds)
}

fn says(status: &str, balance: u64, refunds: &str) -> (String, u64, String) {
    (status.to_owned(), balance, refunds.to_owned())
}

#[tokio::test]
async fn a_failed_refund_can_go_to_another_account() {
    let bench = Bench::start().await;
    let payment = bench.deposited("order-0001", 10_000).await;
    let (_, cancelled) = bench.cancel(&payment, refund_that_fails(10_000)).await;
    assert_eq!((&cancelled["status"], &cancelled["balanceAmount"]), (&json!("CANCELED"), &json!(0)));
    assert_eq!(bench.money("order-0001"), (10_000, 10_000), "on its way");
    bench.advance_minutes(A_REFUND);
    assert_eq!(shown(&bench, &payment).await, says("DONE", 10_000, "FAILED"));
    assert_eq!(bench.money("order-0001"), (10_000, 0), "and back");

    assert_eq!(bench.cancel(&payment, refund(10_000)).await.0, 200);
    assert_eq!(shown(&bench, &payment).await, says("CANCELED", 0, "PENDING"));
    bench.advance_minutes(A_REFUND);
    assert_eq!(shown(&bench, &payment).await, says("CANCELED", 0, "COMPLETED"));
    assert_eq!(bench.money("order-0001"), (10_000, 10_000));
    let shown = bench.look_up(&payment).await;
    let cancels = shown["cancels"].as_array().unwrap();
    let left: Vec<_> = cancels.iter().map(|cancel| cancel["refundableAmount"].clone()).collect();
    assert_eq!(left, [json!(0), json!(0)], "both entries stay, with what was left after each");
}

#[tokio::test]
async fn only_the_failed_part_comes_back() {
    let bench = Bench::start().await;
    let payment = bench.deposited("order-0001", 10_000).await;
    for (body, after, ended) in [
        (
            refund(4_000),
            says("PARTIAL_CANCELED", 6_000, "PENDING"),
            says("PARTIAL_CANCELED", 6_000, "COMPLETED"),
        ),
        (
            refund_that_fails(6_000),
            says("PARTIAL_CANCELED", 0, "PENDING"),
            says("PARTIAL_CANCELED", 6_000, "PARTIAL_FAILED"),
        ),
        (
            refund(1_000),
            says("PARTIAL_CANCELED", 5_000, "PENDING"),
            says("PARTIAL_CANCELED", 5_000, "COMPLETED"),
        ),
        (refund(5_000), says("PARTIAL_CANCELED", 0, "PENDING"), says("PARTIAL_CANCELED", 0, "COMPLETED")),
    ] {
        assert_eq!(bench.cancel(&payment, body).await.0, 200);
        assert_eq!(shown(&bench, &payment).await, after);
        bench.advance_minutes(A_REFUND);
        assert_eq!(shown(&bench, &payment).await, ended);
    }
    assert_eq!(bench.money("order-0001"), (10_000, 10_000));
    let too_much = refusal(bench.cancel(&payment, refund(1)).await);
    assert_eq!(too_much, refused(403, "NOT_CANCELABLE_AMOUNT"));
}

#[tokio::test]
async fn a_refund_may_fail_again_and_again() {
    let bench = Bench::start().await;
    let payment = bench.deposited("order-0001", 10_000).await;
    for _ in 0..3 {
        assert_eq!(bench.cancel(&payment, refund_that_fails(3_000)).await.0, 200);
        assert_eq!(shown(&bench, &payment).await, says("PARTIAL_CANCELED", 7_000, "PENDING"));
        bench.advance_minutes(A_REFUND);
        assert_eq!(shown(&bench, &payment).await, says("DONE", 10_000, "FAILED"));
    }
    assert_eq!(bench.money("order-0001"), (10_000, 0));
}

#[tokio::test]
async fn a_refund_that_takes_no_time_fails_at_once() {
    let bench = Bench::with(TossConfig { refund_takes: Duration::ZERO, ..TossConfig::default() }).await;
    let payment = bench.deposited("order-0001", 10_000).await;
    let (_, cancelled) = bench.cancel(&payment, refund_that_fails(10_000)).await;
    assert_eq!((&cancelled["status"], &cancelled["balanceAmount"]), (&json!("DONE"), &json!(10_000)));
    assert_eq!(cancelled["virtualAccount"]["refundStatus"], "FAILED");
    bench.cancel(&payment, refund(10_000)).await;
    assert_eq!(shown(&bench, &payment).await, says("CANCELED", 0, "COMPLETED"));
}

#[tokio::test]
async fn only_a_new_status_sends_a_webhook() {
    let mut bench = Bench::start().await;
    let payment = bench.deposited("order-0001", 10_000).await;
    bench.cancel(&payment, refund(4_000)).await;
    bench.advance_minutes(A_REFUND);
    bench.cancel(&payment, refund_that_fails(6_000)).await;
    bench.advance_minutes(A_REFUND);
    let other = bench.deposited("order-0002", 10_000).await;
    bench.cancel(&other, refund_that_fails(10_000)).await;
    bench.advance_minutes(A_REFUND);
    let mut seen = Vec::new();
    // Issued, deposited, cancelled twice; issued, deposited, cancelled, deposited as if nothing had been.
    while seen.len() < 8 {
        let body = bench.inbox.next().await.body;
        if body["eventType"] == "PAYMENT_STATUS_CHANGED" {
            seen.push(body["data"]["status"].as_str().unwrap().to_owned());
        }
    }
    seen.sort();
    let (waiting, part) = ("WAITING_FOR_DEPOSIT", "PARTIAL_CANCELED");
    assert_eq!(seen, ["CANCELED", "DONE", "DONE", "DONE", part, part, waiting, waiting]);
}

#[tokio::test]
async fn where_nothing_comes_back_it_is_not_cancelled_a_second_time() {
    let config = TossConfig { failed_refund_returns: false, ..TossConfig::default() };
    let bench = Bench::with(config).await;
    let payment = bench.deposited("order-0001", 10_000).await;
    bench.cancel(&payment, refund_that_fails(4_000)).await;
    bench.advance_minutes(A_REFUND);
    assert_eq!(shown(&bench, &payment).await, says("PARTIAL_CANCELED", 6_000, "FAILED"));
    bench.cancel(&payment, refund(6_000)).await;
    bench.advance_minutes(A_REFUND);
    assert_eq!(shown(&bench, &payment).await, says("PARTIAL_CANCELED", 0, "PARTIAL_FAILED"));
    assert_eq!(bench.money("order-0001"), (10_000, 10_000));
    let again = refusal(bench.cancel(&payment, refund(4_000)).await);
    assert_eq!(again, refused(403, "NOT_CANCELABLE_AMOUNT"));
}
