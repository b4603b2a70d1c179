//! Toss' own codes and what its keys replay.

use std::time::Duration;

use paymux_core::{
    model::{FailureReason, Method, PgStatus},
    provider::{ConfirmRequest, ProviderError},
};
use paymux_sandbox::{Fault, FaultRule, PayOutcome, PayRequest};
use serde_json::json;

use crate::conformance::{
    TossBench,
    bench::{Bench, charge},
    requests::{AMOUNT, FollowUp, krw, order, part_of, payment_request},
};

/// The buyer agreed, and the confirm will be declined with a code.
async fn declined_with(bench: &TossBench, n: u64, code: &str) -> FollowUp {
    let window = bench.window(&payment_request(&order(n), Method::Card), PayOutcome::Decline).await;
    let claim = bench.return_from(&PayRequest { decline_code: Some(code.to_owned()), ..window });
    FollowUp::of(&order(n), &claim).unwrap()
}

pub async fn declines_have_our_reasons() {
    let bench = TossBench::start().await;
    for (n, (code, reason)) in (1..).zip([
        ("REJECT_CARD_PAYMENT", FailureReason::InsufficientFunds),
        ("INVALID_STOPPED_CARD", FailureReason::StoppedCard),
        ("EXCEED_MAX_DAILY_PAYMENT_COUNT", FailureReason::LimitExceeded),
        ("INVALID_PASSWORD", FailureReason::AuthenticationFailed),
        ("FDS_ERROR", FailureReason::FraudSuspected),
        ("INVALID_CARD_EXPIRATION", FailureReason::InvalidCard),
    ]) {
        let confirm = declined_with(&bench, n, code).await;
        for _ in 0..2 {
            let declined = confirm.send(bench.provider()).await.unwrap_err();
            let ProviderError::Declined(failure) = declined else { panic!("{declined:?}") };
            assert_eq!((failure.reason, failure.pg.unwrap().code.as_str()), (reason, code), "and replayed");
        }
        let found = bench.look_by_order(&order(n)).await;
        assert_eq!((found[0].status, found[0].failure.as_ref().unwrap().reason), (PgStatus::Failed, reason));
    }
}

pub async fn temporary_error_is_unknown_and_not_a_decline() {
    let bench = TossBench::start().await;
    let confirm = declined_with(&bench, 1, "PROVIDER_ERROR").await;
    assert_eq!(confirm.send(bench.provider()).await.unwrap_err().name(), "unknown");
    let found = bench.look_by_order(&order(1)).await;
    assert_eq!((found[0].status, found[0].shows_outcome()), (PgStatus::Open, false));
    assert_eq!(confirm.send(bench.provider()).await.unwrap_err().name(), "unknown", "replayed");
    let taken = confirm.with_key("the_next_key").send(bench.provider()).await.unwrap();
    assert_eq!(taken.snapshot.unwrap().paid, krw(AMOUNT));
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn refusal_is_replayed_for_fifteen_days() {
    let bench = TossBench::start().await;
    let paid = charge(&bench.paid(&order(1)).await);
    let request = part_of(&paid, 1, 1_000, AMOUNT - 1);
    assert_eq!(bench.provider().cancel(&request).await.unwrap_err().name(), "unknown");
    let better = part_of(&paid, 1, 1_000, AMOUNT);
    assert_eq!(better.idempotency_key, request.idempotency_key);
    assert_eq!(bench.provider().cancel(&better).await.unwrap_err().name(), "unknown", "replayed");
    bench.advance(Duration::from_secs(15 * 24 * 60 * 60));
    assert!(bench.provider().cancel(&better).await.is_ok(), "a new request after fifteen days");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 1_000));
}

pub async fn running_key_is_still_running() {
    let bench = TossBench::start().await;
    let confirm = bench.authenticated(&order(1), Method::Card).await;
    bench.fault(FaultRule::new("confirm", Fault::ExecutesLater)).await;
    assert_eq!(confirm.send(bench.provider()).await.unwrap_err().name(), "unanswered");
    for _ in 0..3 {
        assert_eq!(confirm.send(bench.provider()).await.unwrap_err().name(), "still_running");
    }
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn second_charge_of_an_approved_order_is_looked_up() {
    let bench = TossBench::start().await;
    let first = bench.authenticated(&order(1), Method::Card).await;
    let second = bench.authenticated(&order(1), Method::Card).await.with_key("of_the_second_charge");
    assert_ne!(first.charge(), second.charge());
    assert!(first.send(bench.provider()).await.is_ok());
    assert_eq!(second.send(bench.provider()).await.unwrap_err().name(), "unknown");
    let found = bench.provider().verify(second.charge()).await.unwrap();
    assert_eq!(found.charges[0].status, PgStatus::Open, "which shows that it took nothing");
    assert_eq!(bench.money(&order(1)), (AMOUNT, 0));
}

pub async fn unknown_key_at_the_confirm_is_a_window_to_open_again() {
    let bench = TossBench::start().await;
    let FollowUp::Confirm(request) = bench.authenticated(&order(1), Method::Card).await else { panic!() };
    for (n, code) in (1..).zip(["NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION"]) {
        let body = Some(json!({ "code": code, "message": "존재하지 않는 결제 정보 입니다." }));
        let rule = FaultRule::new("confirm", Fault::ErrorBefore);
        bench.fault(FaultRule { status: Some(404), body, ..rule }).await;
        let request = ConfirmRequest { idempotency_key: format!("confirm_{n}"), ..request.clone() };
        let declined = bench.provider().confirm(&request).await.unwrap_err();
        let ProviderError::Declined(failure) = declined else { panic!("{declined:?}") };
        assert_eq!(failure.reason, FailureReason::SessionExpired, "{code}");
    }
    assert_eq!(bench.money(&order(1)), (0, 0));
}
