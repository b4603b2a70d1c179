//! Preparing the browser step.

use gateway_core::{BrowserStep, Method, PgStatus};
use sandbox::PayOutcome;

use super::bench::{AMOUNT, Bench, krw, order, payment_request};

pub async fn a_request_can_be_repeated_and_gives_the_same_step<B: Bench>() {
    let bench = B::start().await;
    let request = payment_request(&order(1), Method::Card);
    let first = bench.provider().request(&request).await.unwrap();
    let second = bench.provider().request(&request).await.unwrap();
    assert_eq!(first, second);
    match first.step {
        BrowserStep::Redirect { url } => assert!(url.starts_with("http"), "{url}"),
        BrowserStep::Script { script_url, calls } => {
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

pub async fn a_window_is_opened_for_what_was_asked<B: Bench>() {
    let bench = B::start().await;
    let order = order(1);
    let mut request = payment_request(&order, Method::Card);
    request.order_name = "긴 이름 ".repeat(100);
    let claim = bench.visit(&request, PayOutcome::Approve).await;
    assert!(claim.amount.is_none_or(|amount| amount == AMOUNT.to_string()));
    let found = bench.provider().verify(&super::bench::by_order(&order)).await.unwrap();
    let [snapshot] = &found[..] else { panic!("{found:?}") };
    assert_eq!((snapshot.total, snapshot.pg_order_id.as_str()), (krw(AMOUNT), order.as_str()));
}
