//! Instant discounts: the card company or the bank pays a part.

use serde_json::{Value, json};

use super::bench::{Bench, refusal, refused, text};
use crate::{ActionOptions, ControlErrorCode, PayMethod, PayOutcome, PayRequest};

fn off(discount: u64) -> ActionOptions {
    ActionOptions { discount: Some(discount), ..ActionOptions::default() }
}

/// A confirmed payment of 10,000 with a discount of 3,000.
async fn discounted(bench: &Bench, method: PayMethod) -> Value {
    let request =
        PayRequest { method: Some(method), ..PayRequest::new("order-0001", PayOutcome::Approve, 10_000) };
    let answer = bench.control.with(off(3_000)).pay(&request).unwrap();
    assert_eq!(answer.browser_result["amount"], "10000", "the page learns nothing of it");
    let key = answer.browser_result["paymentKey"].as_str().unwrap();
    assert_eq!(
        bench.get(&format!("/v1/payments/{key}")).await.1["discount"],
        Value::Null,
        "not yet approved"
    );
    bench.confirm(key, "order-0001", 10_000).await.1
}

fn part(amount: u64) -> Value {
    json!({ "cancelReason": "변심", "cancelAmount": amount })
}

#[tokio::test]
async fn all_amounts_are_with_the_discount() {
    let bench = Bench::start().await;
    let payment = discounted(&bench, PayMethod::Card).await;
    assert_eq!(payment["discount"], json!({ "amount": 3_000 }));
    for amount in [&payment["totalAmount"], &payment["balanceAmount"], &payment["card"]["amount"]] {
        assert_eq!(*amount, 10_000);
    }
    assert_eq!(bench.money("order-0001"), (10_000, 0));
    assert_eq!(bench.control.payments()[0]["discount"], 3_000);
    let window = "/v1/transactions?startDate=2026-03-14&endDate=2026-03-15";
    assert_eq!(bench.get(window).await.1[0]["amount"], 10_000);
}

#[tokio::test]
async fn a_part_below_the_discount_is_refused_unless_it_is_the_rest() {
    let bench = Bench::start().await;
    let payment = discounted(&bench, PayMethod::Card).await;
    let too_small = refused(400, "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT");
    assert_eq!(refusal(bench.cancel(&payment, part(2_999)).await), too_small);
    assert_eq!(bench.cancel(&payment, part(3_000)).await.0, 200);
    assert_eq!(bench.cancel(&payment, part(5_000)).await.0, 200);
    assert_eq!(refusal(bench.cancel(&payment, part(1_999)).await), too_small);
    let (status, rest) = bench.cancel(&payment, part(2_000)).await;
    assert_eq!((status, &rest["balanceAmount"]), (200, &json!(0)));
    let of_cancels =
        |name: &str| -> Vec<_> { (0..3).map(|nth| rest["cancels"][nth][name].clone()).collect() };
    assert_eq!(of_cancels("cancelAmount"), [3_000, 5_000, 2_000], "gross");
    assert_eq!(of_cancels("cardDiscountAmount"), [3_000, 0, 0]);
    assert_eq!(of_cancels("transferDiscountAmount"), [0, 0, 0]);
    assert_eq!(rest["discount"]["amount"], 3_000);
    assert_eq!(bench.money("order-0001"), (10_000, 10_000));
}

#[tokio::test]
async fn the_bank_of_a_transfer_may_give_one_too() {
    let bench = Bench::start().await;
    let payment = discounted(&bench, PayMethod::Transfer).await;
    assert_eq!(payment["discount"]["amount"], 3_000);
    let (_, cancelled) = bench.cancel(&payment, json!({ "cancelReason": "변심" })).await;
    let cancel = &cancelled["cancels"][0];
    assert_eq!(
        (&cancel["cardDiscountAmount"], &cancel["transferDiscountAmount"]),
        (&json!(0), &json!(3_000))
    );
    assert_eq!(text(&cancelled, "status"), "CANCELED");
}

#[tokio::test]
async fn a_discount_that_cannot_be_is_refused() {
    let bench = Bench::start().await;
    let wrong = ControlErrorCode::InvalidRequest;
    for (outcome, method, discount, code) in [
        (PayOutcome::Approve, PayMethod::Card, 0, wrong),
        (PayOutcome::Approve, PayMethod::Card, 1_000, wrong),
        (PayOutcome::Decline, PayMethod::Card, 100, wrong),
        (PayOutcome::Close, PayMethod::Card, 100, wrong),
        (PayOutcome::Approve, PayMethod::EasyPay, 100, ControlErrorCode::Unsupported),
        (PayOutcome::Approve, PayMethod::VirtualAccount, 100, ControlErrorCode::Unsupported),
    ] {
        let request = PayRequest { method: Some(method), ..PayRequest::new("order-0001", outcome, 1_000) };
        let refused = bench.control.with(off(discount)).pay(&request).unwrap_err();
        assert_eq!(refused.code, code, "{outcome:?} {method:?} {discount}");
    }
}
