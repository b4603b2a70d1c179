//! Cancels in full, in part and too much.

use serde_json::{Value, json};

use super::bench::{Bench, refusal, refused};
use crate::{OrderAction, PayMethod};

fn part(amount: u64) -> Value {
    json!({ "cancelReason": "부분 품절", "cancelAmount": amount })
}

fn rest() -> Value {
    json!({ "cancelReason": "변심" })
}

#[tokio::test]
async fn a_cancel_of_all_in_one_go_is_canceled() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let (status, cancelled) = bench.cancel(&payment, rest()).await;
    assert_eq!(
        (status, &cancelled["status"], &cancelled["balanceAmount"]),
        (200, &json!("CANCELED"), &json!(0))
    );
    assert_eq!((&cancelled["totalAmount"], &cancelled["vat"]), (&json!(10_000), &json!(0)));
    assert_eq!(cancelled["lastTransactionKey"], cancelled["cancels"][0]["transactionKey"]);
    assert_eq!(refusal(bench.cancel(&payment, rest()).await), refused(400, "ALREADY_CANCELED_PAYMENT"));
    assert_eq!(bench.money("order-0001"), (10_000, 10_000));
}

#[tokio::test]
async fn part_cancels_stay_partially_canceled_with_nothing_left() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let (_, first) = bench.cancel(&payment, part(3_000)).await;
    assert_eq!((&first["status"], &first["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(7_000)));
    assert_eq!((&first["vat"], &first["suppliedAmount"]), (&json!(636), &json!(6_364)));
    let (_, second) = bench.cancel(&payment, rest()).await;
    assert_eq!((&second["status"], &second["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(0)));
    let refundable: Vec<&Value> =
        second["cancels"].as_array().unwrap().iter().map(|cancel| &cancel["refundableAmount"]).collect();
    assert_eq!(refundable, [&json!(7_000), &json!(0)], "what was left after each");
    assert_eq!(refusal(bench.cancel(&payment, rest()).await), refused(403, "NOT_CANCELABLE_AMOUNT"));
    assert_eq!(bench.money("order-0001"), (10_000, 10_000));
}

#[tokio::test]
async fn more_than_is_left_cannot_be_cancelled() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    assert_eq!(refusal(bench.cancel(&payment, part(10_001)).await), refused(403, "NOT_CANCELABLE_AMOUNT"));
    assert_eq!(refusal(bench.cancel(&payment, part(0)).await), refused(400, "INVALID_REQUEST"));
    assert_eq!(bench.money("order-0001"), (10_000, 0));
}

#[tokio::test]
async fn the_refundable_amount_guards_against_a_second_cancel() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let guarded = json!({ "cancelReason": "변심", "cancelAmount": 3_000, "refundableAmount": 10_000 });
    assert_eq!(bench.cancel(&payment, guarded.clone()).await.0, 200);
    assert_eq!(refusal(bench.cancel(&payment, guarded).await), refused(400, "NOT_MATCHES_REFUNDABLE_AMOUNT"));
    assert_eq!(bench.money("order-0001"), (10_000, 3_000));
}

#[tokio::test]
async fn what_is_not_paid_cannot_be_cancelled() {
    let bench = Bench::start().await;
    let key = bench.authenticate("order-0001", PayMethod::Card, 10_000);
    let payment = json!({ "paymentKey": key });
    assert_eq!(refusal(bench.cancel(&payment, rest()).await), refused(403, "NOT_CANCELABLE_PAYMENT"));
    let unknown = json!({ "paymentKey": "tunknown" });
    assert_eq!(refusal(bench.cancel(&unknown, rest()).await), refused(404, "NOT_FOUND_PAYMENT"));
}

#[tokio::test]
async fn requests_the_documents_do_not_allow_are_refused() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    let cases = [
        (json!({}), "INVALID_REQUEST"),
        (json!({ "cancelReason": "가".repeat(201) }), "INVALID_REQUEST"),
        (json!({ "cancelReason": "변심", "currency": "USD" }), "INVALID_CURRENCY"),
        (json!({ "cancelReason": "변심", "cancelamount": 1 }), "INVALID_REQUEST"),
        (
            json!({ "cancelReason": "변심", "refundReceiveAccount": super::bench::refund_account() }),
            "INVALID_REQUEST",
        ),
    ];
    for (body, code) in cases {
        assert_eq!(refusal(bench.cancel(&payment, body.clone()).await), refused(400, code), "{body}");
    }
    assert_eq!(bench.money("order-0001"), (10_000, 0));
}

#[tokio::test]
async fn a_phone_payment_is_cancelled_in_its_month_only() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::MobilePhone, 10_000).await;
    bench.advance_minutes(18 * 24 * 60);
    assert_eq!(refusal(bench.cancel(&payment, rest()).await), refused(403, "EXCEED_MAX_REFUND_DUE"));
}

#[tokio::test]
async fn a_cancel_in_the_console_shows_like_any_other() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    bench.control.cancel(&OrderAction::part_of("order-0001", 4_000)).unwrap();
    assert_eq!(bench.look_up(&payment).await["balanceAmount"], 6_000);
    let too_much = bench.control.cancel(&OrderAction::part_of("order-0001", 6_001)).unwrap_err();
    assert_eq!(too_much.code, crate::ControlErrorCode::InvalidState);
}
