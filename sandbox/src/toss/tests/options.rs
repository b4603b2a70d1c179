//! What control calls may say beside the action: `notify` and `at_s`.

use serde_json::{Value, json};

use super::bench::{Bench, Reply, text};
use crate::{
    ActionOptions, ControlErrorCode, Fault, FaultRule, OrderAction, PayMethod, PayOutcome, PayRequest,
};

const HOUR_S: i64 = 3_600;

fn at(at_s: i64) -> ActionOptions {
    ActionOptions { at_s, ..ActionOptions::default() }
}

/// A control call over HTTP.
async fn control(bench: &Bench, call: &str, body: Value) -> Reply {
    bench.send(bench.request("POST", &format!("/_sandbox/{call}")).json(&body)).await
}

/// An account that takes money for two hours.
async fn short_lived_account(bench: &Bench) -> Value {
    let Value::Object(sdk) = json!({ "virtualAccount": { "validHours": 2 } }) else { unreachable!() };
    let method = Some(PayMethod::VirtualAccount);
    let request = PayRequest { method, sdk, ..PayRequest::new("order-0001", PayOutcome::Approve, 10_000) };
    let key = bench.pay(&request);
    bench.confirm(&key, "order-0001", 10_000).await.1
}

#[tokio::test]
async fn an_action_may_go_without_a_webhook() {
    let mut bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::VirtualAccount, 10_000).await;
    for _ in 0..2 {
        bench.inbox.next().await;
    }
    bench.control.add_faults(vec![FaultRule::new("webhook", Fault::Duplicate)]).await.unwrap();
    let quiet = bench.control.with(ActionOptions { notify: false, ..ActionOptions::default() });
    let order = OrderAction::all_of("order-0001");
    quiet.deposit(&order).unwrap();
    quiet.reverse(&order).unwrap();
    let by_http = json!({ "order_id": "order-0001", "notify": false });
    assert_eq!(control(&bench, "deposit", by_http.clone()).await.1["status"], "DONE");
    quiet.cancel(&OrderAction::part_of("order-0001", 1_000)).unwrap();
    assert_eq!(bench.look_up(&payment).await["status"], "PARTIAL_CANCELED");
    assert_eq!(bench.control.faults().len(), 1, "no rule counted what was not sent");
    bench.control.clear_faults();

    let card = bench.confirmed("order-0002", PayMethod::Card, 1_000).await;
    let delivered = bench.inbox.next().await.body;
    assert_eq!(
        delivered["data"]["paymentKey"], card["paymentKey"],
        "the first webhook since the account was issued"
    );
    assert!(bench.inbox.is_empty());
}

#[tokio::test]
async fn a_deposit_in_time_may_be_booked_after_the_due_date() {
    let bench = Bench::start().await;
    let payment = short_lived_account(&bench).await;
    bench.advance_minutes(3 * 60);
    assert_eq!(bench.look_up(&payment).await["virtualAccount"]["expired"], true);
    let order = OrderAction::all_of("order-0001");
    for (at_s, code) in [
        (0, ControlErrorCode::InvalidState),
        (-HOUR_S, ControlErrorCode::InvalidState),
        (1, ControlErrorCode::InvalidRequest),
        (-3 * HOUR_S - 1, ControlErrorCode::InvalidRequest),
        (i64::MIN, ControlErrorCode::InvalidRequest),
    ] {
        assert_eq!(bench.control.with(at(at_s)).deposit(&order).unwrap_err().code, code, "{at_s}");
    }
    let (status, _) =
        control(&bench, "deposit", json!({ "order_id": "order-0001", "at_s": -HOUR_S - 1 })).await;
    assert_eq!(status, 200);
    let paid = bench.look_up(&payment).await;
    assert_eq!((text(&paid, "status"), text(&paid, "approvedAt")), ("DONE", "2026-03-14T12:31:01+09:00"));
    assert_eq!(paid["virtualAccount"]["expired"], false);
    let window = "/v1/transactions?startDate=2026-03-14T12:31:01&endDate=2026-03-14T12:31:01";
    let (_, rows) = bench.get(window).await;
    assert_eq!(rows[0]["transactionKey"], paid["lastTransactionKey"], "listed under the time of the deposit");
}

#[tokio::test]
async fn a_deposit_is_not_older_than_the_reversal_before_it() {
    let bench = Bench::start().await;
    bench.deposited("order-0001", 10_000).await;
    let order = OrderAction::all_of("order-0001");
    bench.advance_minutes(60);
    bench.control.reverse(&order).unwrap();
    bench.advance_minutes(60);
    let too_old = bench.control.with(at(-HOUR_S - 1)).deposit(&order).unwrap_err();
    assert_eq!(too_old.code, ControlErrorCode::InvalidRequest);
    bench.control.with(at(-HOUR_S)).deposit(&order).unwrap();
}

#[tokio::test]
async fn options_that_mean_nothing_to_a_call_are_refused() {
    let bench = Bench::start().await;
    bench.deposited("order-0001", 10_000).await;
    for (call, options, status, code) in [
        ("cancel", json!({ "at_s": -1 }), 400, "invalid_request"),
        ("reverse", json!({ "at_s": -1 }), 400, "invalid_request"),
        ("deposit", json!({ "already_open": true }), 400, "invalid_request"),
        ("reverse", json!({ "discount": 100 }), 400, "invalid_request"),
        ("cancel", json!({ "notify": "no" }), 400, "invalid_request"),
        ("cancel", json!({ "notfy": false }), 400, "invalid_request"),
        ("pay", json!({ "at_s": -1, "outcome": "approve", "amount": 1_000 }), 422, "unsupported"),
    ] {
        let mut body = options.clone();
        body["order_id"] = "order-0001".into();
        let (answered, error) = control(&bench, call, body).await;
        assert_eq!((answered, &error["code"]), (status, &json!(code)), "{call} {options}");
    }
    assert_eq!((bench.money("order-0001"), bench.control.payments().len()), ((10_000, 0), 1));
}
