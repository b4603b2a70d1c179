//! The faults that only a simulator itself can play, and those that V1 gives its own form.

use serde_json::json;

use super::super::{PortoneConfig, PortoneSimulator};
use super::bench::{Bench, START, failure, imp_uid, success};
use crate::{ActionOptions, Fault, FaultRule, Outbox, PayOutcome, PayRequest, SandboxClock, Simulator};

#[tokio::test]
async fn a_stale_look_up_shows_the_row_before_its_last_change() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 10_000);
    success(bench.post("/payments/cancel", json!({ "imp_uid": imp_uid })).await);
    for call in ["get", "find"] {
        bench.control.add_faults(vec![FaultRule::new(call, Fault::StaleRead)]).await.unwrap();
    }
    assert_eq!(bench.payment(&imp_uid).await["status"], "paid");
    assert_eq!(bench.payment(&imp_uid).await["status"], "cancelled", "only once");
    assert_eq!(success(bench.get("/payments/find/order-1").await)["cancel_amount"], 0);
}

#[tokio::test]
async fn find_can_be_made_to_show_another_attempt() {
    let bench = Bench::start().await;
    let declined = imp_uid(&bench.visit("order-1", PayOutcome::Decline, 10_000));
    bench.paid("order-1", 10_000);
    bench.control.add_faults(vec![FaultRule::new("find", Fault::OtherAttemptByOrder)]).await.unwrap();
    let found = success(bench.get("/payments/find/order-1").await);
    assert_eq!(found["imp_uid"], declined.as_str());
}

#[tokio::test]
async fn an_unauthorized_call_did_nothing() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 10_000);
    bench.control.add_faults(vec![FaultRule::new("cancel", Fault::Unauthorized)]).await.unwrap();
    let refused = bench.post("/payments/cancel", json!({ "imp_uid": imp_uid })).await;
    assert_eq!(failure(&refused), (401, -1, "Unauthorized"));
    assert_eq!(bench.payment(&imp_uid).await["cancel_amount"], 0);
}

#[tokio::test]
async fn an_error_after_a_cancel_hides_that_it_was_done() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 10_000);
    bench.control.add_faults(vec![FaultRule::new("cancel", Fault::ErrorAfter)]).await.unwrap();
    let hidden = bench.post("/payments/cancel", json!({ "imp_uid": imp_uid })).await;
    assert_eq!((failure(&hidden).0, failure(&hidden).1), (500, -1));
    assert_eq!(bench.payment(&imp_uid).await["cancel_amount"], 10_000);
}

#[tokio::test]
async fn a_cancel_that_executes_later_needs_no_living_token_by_then() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 10_000);
    let late = FaultRule {
        for_ms: Some(3_600_000),
        status: Some(504),
        ..FaultRule::new("cancel", Fault::ExecutesLater)
    };
    bench.control.add_faults(vec![late]).await.unwrap();
    assert_eq!(bench.post("/payments/cancel", json!({ "imp_uid": imp_uid })).await.0, 504);
    assert_eq!(bench.control.payments()[0]["given_back"], 0);
    // The call is admitted by the time a later one is answered.
    bench.get("/payments/imp_none").await;
    bench.advance(3_600);
    bench.get_token().await;
    assert_eq!(bench.control.payments()[0]["given_back"], 10_000);
}

#[tokio::test]
async fn the_books_outlive_the_simulator_in_their_file() {
    let folder = std::env::temp_dir().join(format!("sandbox-portone-{}", std::process::id()));
    let open = || {
        let clock = SandboxClock::frozen_at(START * 1_000);
        PortoneSimulator::open(PortoneConfig::default(), clock, Some(folder.join("portone.json"))).unwrap()
    };
    let request = PayRequest::new("order-1", PayOutcome::Approve, 1_000);
    open().pay(&request, &ActionOptions::default(), &mut Outbox::default()).unwrap();
    let before = open().payments();
    assert_eq!(before[0]["taken"], 1_000);
    let again = open().pay(&request, &ActionOptions::default(), &mut Outbox::default()).unwrap();
    assert_eq!(again.browser_result["error_code"], "F1002");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn reset_clears_payments_registrations_and_the_token() {
    let bench = Bench::start().await;
    bench.paid("order-1", 10_000);
    bench.post("/payments/prepare", json!({ "merchant_uid": "order-1", "amount": 10_000 })).await;
    bench.control.reset();
    assert!(bench.control.payments().is_empty());
    assert_eq!(bench.get("/payments/prepare/order-1").await.0, 401);
    assert_ne!(success(bench.get_token().await)["access_token"], bench.token.as_str());
}
