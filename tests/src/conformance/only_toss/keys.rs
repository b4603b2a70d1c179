//! Two kinds of keys, and a checkout that the server makes.

use paymux_core::{
    model::{BrowserStep, FailureReason, Method},
    provider::{Guard, PaymentRequest},
};
use paymux_sandbox::{
    Fault, FaultRule, PayOutcome, PayRequest,
    toss::{ApiVersion, KeyPair, TossConfig as SimulatorConfig},
};

use crate::conformance::{
    TossBench,
    bench::{Bench, failure_of},
    requests::{AMOUNT, FollowUp, by_id, by_order, krw, order, payment_request},
    toss::{per_api, widget},
};

pub async fn the_widget_opens_with_its_own_keys() {
    let bench = TossBench::with_widget().await;
    for (n, method) in (1..).zip(Method::ALL) {
        let snapshot = bench.confirmed(&order(n), method).await;
        assert_eq!((snapshot.method, snapshot.total), (Some(method), krw(AMOUNT)), "the buyer chooses");
    }
    let closed = bench.visit(&payment_request(&order(90), Method::Card), PayOutcome::Close).await;
    assert_eq!(failure_of(&closed).unwrap().reason, FailureReason::BuyerClosed);
}

pub async fn another_key_pairs_payments_are_not_seen() {
    let keys = vec![per_api(ApiVersion::default()), widget()];
    let bench = TossBench::of(SimulatorConfig { keys, ..SimulatorConfig::default() }, |_| ()).await;
    let window = bench.window(&payment_request(&order(1), Method::Card), PayOutcome::Approve).await;
    let claim = bench.return_from(&PayRequest { client_key: Some(widget().client_key), ..window });
    let id = claim.pg_payment_id.clone().unwrap();
    for subject in [by_id(&order(1), &id), by_order(&order(1))] {
        assert_eq!(bench.provider().verify(&subject).await.unwrap().charges, []);
    }
    let confirm = FollowUp::of(&order(1), &claim).unwrap();
    assert!(confirm.send(bench.provider()).await.is_err());
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn keys_toss_does_not_know_are_misconfigured() {
    let bench = TossBench::start().await;
    let confirm = bench.authenticated(&order(1), Method::Card).await;
    let url = bench.simulator().base_url();
    let adjust = |config: &mut paymux_toss::TossConfig| config.base_url = url;
    let keys = vec![KeyPair::new("test_ck_public", "test_sk_rotated")];
    let rotated = TossBench::of(SimulatorConfig { keys, ..SimulatorConfig::default() }, adjust).await;
    assert_eq!(confirm.send(rotated.provider()).await.unwrap_err().name(), "misconfigured");
    assert_eq!(bench.money(&order(1)), (0, 0));
}

pub async fn checkout_made_by_the_server_is_paid_like_any_other() {
    let bench = TossBench::with_checkout().await;
    assert!(matches!(bench.provider().describe().guards.window[..], [Guard::Key { .. }]));
    assert_eq!(bench.provider().describe().requests_per_window, 1);
    for (n, method) in
        (1..).zip([Method::Card, Method::Transfer, Method::MobilePhone, Method::VirtualAccount])
    {
        let request = payment_request(&order(n), method);
        let first = bench.provider().request(&request).await.unwrap();
        assert_eq!(bench.provider().request(&request).await.unwrap(), first, "the key makes one checkout");
        let BrowserStep::Redirect { url, form: None } = &first.step else { panic!("{first:?}") };
        assert!(reqwest::get(url).await.unwrap().status().is_success());
        let confirmed = bench.confirmed(&order(n), method).await;
        assert_eq!((confirmed.method, Some(confirmed.pg_payment_id)), (Some(method), first.pg_payment_id));
    }
}

pub async fn checkout_that_cannot_be_made_says_why() {
    let bench = TossBench::with_checkout().await;
    let request = payment_request(&order(1), Method::Card);
    for (fault, status, name) in [
        (Fault::Unauthorized, None, "misconfigured"),
        (Fault::ErrorBefore, Some(500), "unknown"),
        (Fault::ErrorBefore, Some(429), "not_done"),
        (Fault::ResetBefore, None, "unanswered"),
    ] {
        let body = (status == Some(429)).then(|| "slow down".into());
        bench.fault(FaultRule { status, body, ..FaultRule::new("create", fault) }).await;
        assert_eq!(bench.provider().request(&request).await.unwrap_err().name(), name, "{fault:?}");
    }
    let bad = PaymentRequest { return_url: "nowhere".to_owned(), ..payment_request(&order(2), Method::Card) };
    assert_eq!(bench.provider().request(&bad).await.unwrap_err().name(), "invalid");
}
