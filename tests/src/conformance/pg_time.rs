//! The PG's clock.

use std::time::Duration;

use paymux_sandbox::{Fault, FaultRule};
use serde_json::json;

use super::{bench::Bench, faulty::brief};

pub async fn pg_time_is_the_pgs_clock<B: Bench>() {
    let bench = B::start().await;
    for _ in 0..2 {
        let pg_time = bench.provider().pg_time().await.unwrap();
        assert_eq!(pg_time.as_second(), bench.now().as_second());
        bench.advance(Duration::from_secs(36 * 60 * 60 + 59));
    }
}

pub async fn pg_time_is_one_request_that_changes_nothing<B: Bench>() {
    let bench = B::start().await;
    bench.provider().pg_time().await.unwrap();
    assert_eq!(bench.control().calls().len(), 1);
    assert!(bench.control().payments().is_empty());
}

/// The credentials may be wrong at the very time when the clock is in doubt.
pub async fn pg_time_is_read_from_errors_too<B: Bench>() {
    let Some(call) = B::CALLS.time else { return };
    let bench = B::start().await;
    let of_status = |status| FaultRule {
        status: Some(status),
        body: Some(json!("<html>")),
        ..FaultRule::new(call, Fault::ErrorBefore)
    };
    let faults = [of_status(500), of_status(503), of_status(429), FaultRule::new(call, Fault::Unauthorized)];
    for rule in faults {
        bench.fault(rule.clone()).await;
        let pg_time = bench.provider().pg_time().await.unwrap();
        assert_eq!(pg_time.as_second(), bench.now().as_second(), "{rule:?}");
        assert_eq!(bench.control().faults(), [], "the fault was met");
    }
}

pub async fn pg_time_without_an_answer_is_an_error<B: Bench>() {
    let bench = B::start().await;
    if let Some(call) = B::CALLS.time {
        for fault in [Fault::ResetBefore, Fault::ResetAfter, Fault::TimeoutBefore] {
            bench.fault(brief(call, fault)).await;
            let error = bench.provider().pg_time().await.unwrap_err();
            assert_eq!(error.name(), "unanswered", "{fault:?}");
        }
    }
    let refuse = FaultRule { for_ms: Some(600_000), ..FaultRule::new(B::CALLS.by_id, Fault::Refuse) };
    bench.fault(refuse).await;
    assert_eq!(bench.newcomer().pg_time().await.unwrap_err().name(), "not_sent");
}
