//! A log that nobody reads: a full pipe to a collector that hangs.

use std::time::Duration;

use serde_json::json;

use super::process::{Process, answer, binary};

/// Longer than a start of a debug build takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(target_os = "linux")]
#[tokio::test]
async fn log_that_nobody_reads_stops_no_payment_and_no_sigterm() {
    binary();
    let start = tokio::time::timeout(PATIENCE, Process::start_unread());
    let (mut process, reader) = start.await.expect("it waits for somebody to read its log");
    let order = json!({
        "order_id": "order-1", "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "account": "toss", "method": "card", "return_url": "http://localhost:3000/return",
    });
    let id = answer(process.post("/v1/payments").json(&order)).await.expect(201, "ready")["id"].clone();
    let path = format!("/v1/payments/{}", id.as_str().unwrap());
    answer(process.post(&format!("{path}/next-action")).json(&json!({}))).await.expect(200, "ready");
    let paid = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    let result = json!({ "browser_result": paid["browser_result"] });
    answer(process.post(&format!("{path}/confirm")).json(&result)).await.expect(200, "paid");
    assert!(process.terminate().await, "it did not end well");
    drop(reader);
}
