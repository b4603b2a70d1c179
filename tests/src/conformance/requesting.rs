//! Preparing the browser step.

use paymux_core::{
    model::{BrowserStep, Method, MoneyMoves, PgStatus},
    provider::ClaimOutcome,
};
use paymux_sandbox::{Fault, FaultRule, PayOutcome};

use super::{
    bench::Bench,
    faulty::brief,
    requests::{AMOUNT, krw, order, payment_request},
};

pub async fn request_can_be_repeated_and_gives_the_same_step<B: Bench>() {
    let bench = B::start().await;
    let request = payment_request(&order(1), Method::Card);
    let first = bench.provider().request(&request).await.unwrap();
    let second = bench.provider().request(&request).await.unwrap();
    assert_eq!(first, second);
    match first.step {
        BrowserStep::Redirect { url, .. } => assert!(url.starts_with("http"), "{url}"),
        BrowserStep::Script { script_url, calls, .. } => {
            assert!(script_url.starts_with("https://") && !calls.is_empty(), "{script_url}");
        }
    }
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn every_method_offered_can_be_paid_with<B: Bench>() {
    let bench = B::start().await;
    for (n, terms) in (1..).zip(&bench.provider().describe().methods) {
        let snapshot = bench.confirmed(&order(n), terms.method).await;
        let account = terms.method == Method::VirtualAccount;
        let status = if account { PgStatus::AwaitingDeposit } else { PgStatus::Paid };
        assert_eq!((snapshot.method, snapshot.status), (Some(terms.method), status));
        assert_eq!(snapshot.virtual_account.is_some(), account, "{:?}", terms.method);
        assert_eq!(bench.money(&order(n)).0, if account { 0 } else { AMOUNT }, "{:?}", terms.method);
    }
}

pub async fn window_is_opened_for_what_was_asked<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let mut request = payment_request(&order, Method::Card);
    request.order_name = "긴 이름 ".repeat(100);
    let claim = bench.visit(&request, PayOutcome::Approve).await;
    assert!(claim.amount.is_none_or(|amount| amount == AMOUNT.to_string()));
    let found = bench.look_by_order(&order).await;
    let [snapshot] = &found[..] else { panic!("{found:?}") };
    assert_eq!((snapshot.total, snapshot.order_id.as_str()), (krw(AMOUNT), order.as_str()));
}

/// When money moves, the attempt says when it is prepared and the claim says again.
pub async fn money_moves_when_the_prepared_step_says<B: Bench>() {
    let bench = B::start().await;
    for (n, terms) in (1..).zip(bench.provider().describe().methods.clone()) {
        let order = order(n);
        let request = payment_request(&order, terms.method);
        let prepared = bench.provider().request(&request).await.unwrap();
        let claim = bench.visit(&request, PayOutcome::Approve).await;
        let came = bench.money(&order).0;
        match prepared.money_moves {
            MoneyMoves::OnConfirm { within } => {
                assert!(!within.is_zero());
                assert_eq!(came, 0, "{:?}", terms.method);
                assert!(matches!(claim.outcome, ClaimOutcome::Confirm(_)), "{claim:?}");
            }
            MoneyMoves::BeforeConfirm => {
                let in_window = if terms.method == Method::VirtualAccount { 0 } else { AMOUNT };
                assert_eq!(came, in_window, "{:?}", terms.method);
                assert_eq!(claim.outcome, ClaimOutcome::Verify);
            }
        }
    }
}

pub async fn step_that_could_not_be_prepared_can_be_asked_for_again<B: Bench>() {
    let Some(prepare) = B::CALLS.prepare else { return };
    let bench = B::start().await;
    let of_status = |status| FaultRule { status: Some(status), ..brief(prepare, Fault::ErrorBefore) };
    let faults = [
        (brief(prepare, Fault::ResetBefore), "unanswered"),
        (brief(prepare, Fault::ResetAfter), "unanswered"),
        (brief(prepare, Fault::TimeoutAfter), "unanswered"),
        (brief(prepare, Fault::Garbled), "unanswered"),
        (FaultRule { body: Some(B::error_of_next_year()), ..of_status(500) }, "unknown"),
        (FaultRule { body: Some(B::error_of_next_year()), ..of_status(429) }, "not_done"),
        (FaultRule { times: Some(9), ..brief(prepare, Fault::Unauthorized) }, "misconfigured"),
    ];
    for (n, (rule, name)) in (1..).zip(faults) {
        let (order, context) = (order(n), format!("{rule:?}"));
        let request = payment_request(&order, Method::Card);
        // Whatever it sends afterwards to find out meets the fault, too.
        bench.fault(FaultRule { times: Some(9), ..rule }).await;
        assert_eq!(bench.provider().request(&request).await.unwrap_err().name(), name, "{context}");
        bench.control().clear_faults();
        assert_eq!(bench.paid(&order).await.paid, krw(AMOUNT), "{context}");
        assert_eq!(bench.money(&order), (AMOUNT, 0), "{context}");
    }
}
