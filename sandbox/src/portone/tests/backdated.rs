//! Money that moved before PortOne learned of it, and actions without a webhook.

use serde_json::json;

use super::super::PortoneConfig;
use super::bench::{Bench, START, imp_uid, success};
use crate::{ActionOptions, ControlErrorCode, OrderAction, PayOutcome, PayRequest};

fn at(at_s: i64) -> ActionOptions {
    ActionOptions { at_s, ..ActionOptions::default() }
}

#[tokio::test]
async fn a_payment_may_be_older_than_its_row() {
    let bench = Bench::start().await;
    let request = PayRequest::new("order-1", PayOutcome::Approve, 1_000);
    assert_eq!(bench.control.with(at(1)).pay(&request).unwrap_err().code, ControlErrorCode::InvalidRequest);
    bench.advance(100);
    let prompt = bench.paid("order-2", 1_000);
    bench.advance(100);
    let late = imp_uid(&bench.control.with(at(-150)).pay(&request).unwrap());
    let row = bench.payment(&late).await;
    assert_eq!((&row["started_at"], &row["paid_at"]), (&json!(START + 50), &json!(START + 50)));

    for (sorting, first) in
        [("-started", &prompt), ("-paid", &prompt), ("-updated", &late), ("updated", &prompt)]
    {
        let list = success(bench.get(&format!("/payments/status/paid?sorting={sorting}")).await);
        assert_eq!(list["list"][0]["imp_uid"], first.as_str(), "{sorting}");
    }
    let window = format!("/payments/status/paid?from={START}&to={}", START + 99);
    let list = success(bench.get(&window).await);
    assert_eq!((&list["total"], &list["list"][0]["imp_uid"]), (&json!(1), &json!(late)));
}

#[tokio::test]
async fn a_deposit_in_time_may_be_booked_after_the_date() {
    let bench = Bench::with(PortoneConfig { vbank_hours: 1, ..PortoneConfig::default() }).await;
    let account = bench.account("order-1", 1_000);
    bench.advance(2 * 3_600);
    let order = OrderAction::all_of("order-1");
    for (at_s, code) in [
        (0, ControlErrorCode::InvalidState),
        (-3_599, ControlErrorCode::InvalidState),
        (-7_201, ControlErrorCode::InvalidRequest),
    ] {
        assert_eq!(bench.control.with(at(at_s)).deposit(&order).unwrap_err().code, code, "{at_s}");
    }
    let paid = bench.control.with(at(-3_600)).deposit(&order).unwrap();
    assert_eq!(paid["imp_uid"], account.as_str());
    assert_eq!((&paid["status"], &paid["paid_at"]), (&json!("paid"), &json!(START + 3_600)));
}

#[tokio::test]
async fn an_action_may_go_without_a_webhook() {
    let bench = Bench::start().await;
    let mut inbox = bench.inbox().await;
    let quiet = bench.control.with(ActionOptions { notify: false, ..ActionOptions::default() });
    quiet.pay(&PayRequest::new("order-1", PayOutcome::Approve, 1_000)).unwrap();
    quiet.cancel(&OrderAction::part_of("order-1", 400)).unwrap();
    let delivered = bench.paid("order-2", 1_000);
    assert_eq!(inbox.next().await.body["imp_uid"], delivered);
    assert!(inbox.is_empty());
}
