//! Bad networks and failing PGs: every fault, on every call.

use std::time::{Duration, Instant};

use paymux_core::model::{Method, PgStatus};
use paymux_sandbox::{Fault, FaultRule, PayOutcome};
use serde_json::{Value, json};

use super::{
    Setup,
    bench::{Bench, charge},
    faulty::{Ask, Ready, brief, meaningless},
    requests::{AMOUNT, all_of, by_order, krw, order, payment_request},
};

pub async fn port_nobody_listens_at_is_not_sent<B: Bench>() {
    let bench = B::start().await;
    let mut asks = Vec::new();
    for (n, ask) in (1..).zip(Ask::all::<B>()) {
        asks.push((ask, Ready::new(&bench, ask, n).await));
    }
    // Far longer than the test; it ends with the simulator.
    let refuse = FaultRule { for_ms: Some(600_000), ..FaultRule::new(B::CALLS.by_id, Fault::Refuse) };
    bench.fault(refuse).await;
    for (ask, ready) in asks {
        let refused = ready.send(bench.newcomer().as_ref()).await.unwrap_err();
        assert_eq!(refused.name(), "not_sent", "{ask:?}: {refused:?}");
    }
}

pub async fn broken_connection_leaves_the_outcome_unknown<B: Bench>() {
    let bench = B::start().await;
    let faults =
        [Fault::ResetBefore, Fault::ResetAfter, Fault::TimeoutBefore, Fault::TimeoutAfter, Fault::Garbled];
    let cases = Ask::all::<B>().into_iter().flat_map(|ask| faults.map(|fault| (ask, fault)));
    for (n, (ask, fault)) in (1..).zip(cases) {
        let ready = Ready::new(&bench, ask, n).await;
        bench.fault(brief(ask.call(B::CALLS), fault)).await;
        let unknown = ready.send(bench.provider()).await.unwrap_err();
        assert_eq!(unknown.name(), "unanswered", "{ask:?} {fault:?}: {unknown:?}");
        ready.is_executed_once(&bench, &format!("{fault:?}")).await;
    }
}

pub async fn answer_that_takes_too_long_leaves_the_outcome_unknown<B: Bench>() {
    // The only real waiting of the suite: a second, the least a provider can be asked to wait.
    let read_timeout = Duration::from_secs(1);
    let bench = B::with(Setup { read_timeout, ..Setup::default() }).await;
    let ready = Ready::new(&bench, Ask::Cancel, 1).await;
    bench.fault(FaultRule::new(B::CALLS.cancel, Fault::TimeoutAfter)).await;
    let asked = Instant::now();
    assert_eq!(ready.send(bench.provider()).await.unwrap_err().name(), "unanswered");
    assert!(asked.elapsed() < 5 * read_timeout);
    ready.is_executed_once(&bench, "a timeout").await;
}

/// An error that is the PG's takes the next key, what cannot be read the same one: each is distinguished from the other.
pub async fn error_that_says_nothing_leaves_the_outcome_unknown<B: Bench>() {
    let bench = B::start().await;
    let mut n = 0;
    for ask in Ask::all::<B>() {
        for fault in [Fault::ErrorBefore, Fault::ErrorAfter] {
            for (status, body) in meaningless::<B>() {
                n += 1;
                let context = format!("{ask:?} {fault:?} {status} {body}");
                // A look-up that failed over there says nothing of the payment.
                let failed_look_up = status == 500 && matches!(ask, Ask::ById | Ask::ByOrder);
                let expected = match body == B::error_of_next_year() {
                    true if failed_look_up => "not_done",
                    true => "unknown",
                    false => "unanswered",
                };
                let ready = Ready::new(&bench, ask, n).await;
                let call = ask.call(B::CALLS);
                let rule = FaultRule { status: Some(status), body: Some(body), ..brief(call, fault) };
                bench.fault(rule).await;
                let unknown = ready.send(bench.provider()).await.unwrap_err();
                assert_eq!(unknown.name(), expected, "{context}: {unknown:?}");
                ready.is_executed_once(&bench, &context).await;
            }
        }
    }
}

pub async fn slow_answer_is_an_answer<B: Bench>() {
    let bench = B::start().await;
    for (n, ask) in (1..).zip(Ask::all::<B>()) {
        let ready = Ready::new(&bench, ask, n).await;
        bench.fault(brief(ask.call(B::CALLS), Fault::Slow)).await;
        ready.send(bench.provider()).await.unwrap();
        assert_eq!(bench.control().faults(), [], "the fault was met");
    }
}

pub async fn refused_credential_moves_nothing_or_is_renewed<B: Bench>() {
    let bench = B::start().await;
    for (n, ask) in (1..).zip(Ask::all::<B>()) {
        let ready = Ready::new(&bench, ask, n).await;
        bench.fault(FaultRule::new(ask.call(B::CALLS), Fault::Unauthorized)).await;
        if let Err(error) = ready.send(bench.provider()).await {
            assert_eq!(error.name(), "misconfigured", "{ask:?}");
        }
        assert_eq!(bench.control().faults(), [], "the fault was met");
        ready.is_executed_once(&bench, "a refused credential").await;
    }
}

pub async fn credentials_refused_for_good_are_misconfigured<B: Bench>() {
    let bench = B::start().await;
    for (n, ask) in (1..).zip(Ask::all::<B>()) {
        let ready = Ready::new(&bench, ask, n).await;
        let refused = FaultRule { times: Some(9), ..FaultRule::new(ask.call(B::CALLS), Fault::Unauthorized) };
        bench.fault(refused).await;
        let before = bench.money(&ready.order);
        assert_eq!(ready.send(bench.provider()).await.unwrap_err().name(), "misconfigured", "{ask:?}");
        assert_eq!(bench.money(&ready.order), before);
        bench.control().clear_faults();
    }
}

pub async fn too_many_requests_are_not_done<B: Bench>() {
    let bench = B::start().await;
    for (n, ask) in (1..).zip(Ask::all::<B>()) {
        for (n, body) in [(n, json!("slow down")), (n + 100, B::error_of_next_year())] {
            let ready = Ready::new(&bench, ask, n).await;
            let rule = brief(ask.call(B::CALLS), Fault::ErrorBefore);
            bench.fault(FaultRule { status: Some(429), body: Some(body), ..rule }).await;
            assert_eq!(ready.send(bench.provider()).await.unwrap_err().name(), "not_done", "{ask:?}");
            ready.is_executed_once(&bench, "429").await;
        }
    }
}

pub async fn what_executes_later_is_executed_once<B: Bench>() {
    let bench = B::start().await;
    for (n, ask) in (1..).zip(Ask::all::<B>()) {
        if matches!(ask, Ask::ById | Ask::ByOrder) {
            continue;
        }
        let ready = Ready::new(&bench, ask, n).await;
        bench.fault(FaultRule::new(ask.call(B::CALLS), Fault::ExecutesLater)).await;
        assert_eq!(ready.send(bench.provider()).await.unwrap_err().name(), "unanswered", "{ask:?}");
        // With a key the repeat is asked to wait; without one it goes first, and the guard stops the other.
        if let Err(error) = ready.send(bench.provider()).await {
            assert_eq!(error.name(), "still_running", "{ask:?}: {error:?}");
        }
        bench.advance(Duration::from_secs(5));
        for _ in 0..1_000 {
            let repeated = ready.send(bench.provider()).await;
            if repeated.is_err_and(|error| error.name() == "still_running") {
                continue;
            }
            break;
        }
        ready.is_executed_once(&bench, "a late execution").await;
    }
}

pub async fn stale_look_up_is_no_error<B: Bench>() {
    let bench = B::start().await;
    let paid = bench.paid(&order(1)).await;
    bench.provider().cancel(&all_of(&charge(&paid), 1, AMOUNT)).await.unwrap();
    for (subject, call) in [(charge(&paid), B::CALLS.by_id), (by_order(&order(1)), B::CALLS.by_order)] {
        bench.fault(FaultRule::new(call, Fault::StaleRead)).await;
        let stale = bench.provider().verify(&subject).await.unwrap().charges;
        assert_eq!((stale[0].paid, stale[0].cancelled), (krw(AMOUNT), krw(0)), "as it was before");
        let fresh = bench.provider().verify(&subject).await.unwrap().charges;
        assert_eq!(fresh[0].cancelled, krw(AMOUNT), "nothing is remembered");
    }
}

pub async fn another_attempt_by_order_is_still_one_of_the_order<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    bench.visit(&payment_request(&order, Method::Card), PayOutcome::Close).await;
    let paid = bench.paid(&order).await;
    let other = FaultRule { times: Some(9), ..FaultRule::new(B::CALLS.by_order, Fault::OtherAttemptByOrder) };
    bench.fault(other).await;
    for snapshot in bench.look_by_order(&order).await {
        assert_eq!(snapshot.order_id, order.as_str());
        assert_eq!(snapshot.status == PgStatus::Paid, snapshot.pg_payment_id == paid.pg_payment_id);
    }
    assert_eq!(bench.look(&paid).await.status, PgStatus::Paid, "a known id is asked for by that id");
    let cancelled = bench.provider().cancel(&all_of(&charge(&paid), 1, AMOUNT)).await.unwrap();
    assert_eq!(cancelled.snapshot.unwrap().pg_payment_id, paid.pg_payment_id);
}

/// A look-up by id that is answered with `payment`, once.
pub(super) async fn answered_with<B: Bench>(bench: &B, payment: Value) {
    let rule = FaultRule::new(B::CALLS.by_id, Fault::ErrorBefore);
    bench.fault(FaultRule { status: Some(200), body: Some(B::answer_with(payment)), ..rule }).await;
}
