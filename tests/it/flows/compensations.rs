//! Money that goes back by itself: what is announced of it, what it needs, and what it costs.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop, eventually};

/// A deposit of a tenth of the price: it has to go back, and PortOne gives deposits back only to an account that the buyer
/// names.
async fn deposited_too_little(shop: &Shop) -> String {
    let id = shop.register("order-1").await;
    let visit =
        json!({ "payment_id": id, "outcome": "approve", "amount": AMOUNT / 10, "bypass_prepare": true });
    let result = shop.buyer_with(visit).await;
    shop.confirm(&id, &result).await.expect(409, "payment_mismatch");
    shop.control("deposit", json!({ "payment_id": id })).await;
    id
}

/// Money that nobody can send back by itself lies at the PG, and only the merchant can ask the buyer for an account. Waiting a
/// week for a review, or blocking every other refund of the payment, would keep the buyer's money.
#[tokio::test]
async fn deposit_without_an_account_is_taken_over_by_the_merchant() {
    let shop = Shop::open("portone", "virtual_account").await;
    let id = deposited_too_little(&shop).await;
    let payment =
        shop.wait_until(&id, |payment| payment["duplicates"][0]["cancels"][0]["held"] == true).await;
    let waiting = payment["duplicates"][0]["cancels"][0]["id"].clone();
    let reviews = shop.open_reviews(&id).await;
    assert_eq!((reviews.len(), &reviews[0]["reason"]), (1, &json!("compensation_needs_account")));
    assert_eq!(shop.calls("cancel").await.len(), 0, "nothing is sent that must fail");

    // The order is paid all the same, and a part of that goes back as ever.
    shop.next_action(&id).await.expect(200, "ready");
    shop.pay(&id).await;
    shop.cancel(&id, "part", Some(5_000)).await.expect(200, "partially_cancelled");

    let account = json!({ "bank_code": "088", "account_number": "110123456789", "holder_name": "홍길동" });
    let mut body = json!({ "reason": "잘못된 입금 반환", "cancel_id": waiting, "refund_account": account });
    body["amount"] = (AMOUNT / 10).into();
    let refused = shop.cancel_with(&id, "over", &body).await.expect(400, "invalid_parameter");
    assert_eq!(refused["param"], "amount");
    body.as_object_mut().unwrap().remove("amount");
    // A worker may be faster than the request; then the same request is repeated.
    let taken = eventually(async || match shop.cancel_with(&id, "over", &body).await {
        reply if reply.status == 200 => Ok(reply),
        reply => Err(format!("{} {:#}", reply.status, reply.body)),
    })
    .await
    .expect(200, "partially_cancelled");
    let row = &taken["duplicates"][0]["cancels"][0];
    assert_eq!((&row["id"], &row["status"], &row["held"]), (&waiting, &json!("done"), &json!(false)));
    assert_eq!(taken["amount_cancelled"], 5_000, "it is not of the payment");
    let said = shop.calls("cancel").await.pop().unwrap()["body"].clone();
    assert_eq!(said["refund_account"], "110123456789", "{said:#}");
    shop.no_open_reviews(&id).await;
    let again = shop.cancel_with(&id, "over", &body).await;
    assert_eq!(again.status, 200, "{:#}", again.body);
    assert_eq!(shop.calls("cancel").await.len(), 2);
    shop.close().await;
}

/// A buyer who pays a second time gets that back. A shop that adds up what its events say would ship twice, or book a
/// refund of the order, if that money stood among the payment's own.
#[tokio::test]
async fn second_payment_has_movements_of_its_own() {
    let shop = Shop::open("portone", "card").await;
    let id = shop.paid("order-1").await;
    let visit = json!({ "payment_id": id, "outcome": "approve", "already_open": true });
    let second = shop.buyer_with(visit).await;
    let went_back = |payment: &Value| payment["duplicates"][0]["cancels"][0]["status"] == "done";
    let payment = shop.until_in_time(&id, went_back).await;
    assert_eq!((&payment["status"], &payment["cancels"]), (&json!("paid"), &json!([])));
    assert_eq!(payment["duplicates"][0]["pg_payment_id"], second["imp_uid"]);

    let events = shop.events().await;
    let moved = |kind: &str| {
        let announced: Vec<_> = events.iter().filter(|event| event["type"] == kind).collect();
        assert_eq!(announced.len(), 1, "{kind} in {events:#?}");
        announced[0]["movement"].clone()
    };
    let (own, found, back) =
        (moved("payment.paid"), moved("payment.duplicate_found"), moved("payment.duplicate_cancelled"));
    assert_eq!((&own["paid"], &own["cancelled"]), (&json!(AMOUNT), &json!(0)));
    assert_eq!((&found["paid"], &found["cancelled"]), (&json!(AMOUNT), &json!(0)));
    assert_eq!((&back["paid"], &back["cancelled"]), (&json!(0), &json!(AMOUNT)));
    assert_eq!(found["charge"], back["charge"]);
    assert_ne!(found["charge"], own["charge"]);
    let sum = |name: &str| events.iter().filter_map(|event| event["movement"][name].as_i64()).sum::<i64>();
    assert_eq!((sum("paid"), sum("cancelled")), (2 * 15_000, 15_000), "each won is in one event");
    shop.close().await;
}

/// The PG never answers the cancel of a second payment. Without a budget that costs it a request every few seconds, for
/// days, until it locks the merchant out.
#[tokio::test]
async fn stuck_compensation_costs_few_requests_an_hour() {
    const HOUR_MS: u64 = 60 * 60 * 1_000;
    let shop = Shop::open("portone", "card").await;
    let id = shop.paid("order-1").await;
    shop.no_webhooks().await;
    shop.faults(json!([{ "call": "cancel", "fault": "reset_before", "times": 1_000 }])).await;
    let visit = json!({ "payment_id": id, "outcome": "approve", "already_open": true });
    let second = shop.buyer_with(visit).await;
    shop.confirm(&id, &second).await.expect(200, "paid");
    for minutes in [2; 30].into_iter().chain([5; 12]) {
        shop.advance(Duration::from_secs(minutes * 60)).await;
        quiet(&shop).await;
    }
    let calls = shop.simulator("calls").await;
    let at = |call: &Value| call["received_at_ms"].as_u64().unwrap();
    let tried: Vec<_> = calls.iter().filter(|call| call["call"] == "cancel").map(at).collect();
    assert!(tried.len() > 3, "it is tried again: {tried:?}");
    for (hour, most) in [(0, 60), (1, 15)] {
        let within = tried[0] + hour * HOUR_MS..tried[0] + (hour + 1) * HOUR_MS;
        let of_it = calls.iter().filter(|call| within.contains(&at(call)) && is_about(call)).count();
        assert!(of_it <= most, "{of_it} requests in hour {hour}, at most {most}");
    }
    shop.no_faults().await;
    shop.advance(Duration::from_secs(7 * 60 * 60)).await;
    shop.until_in_time(&id, |payment| payment["duplicates"][0]["cancels"][0]["status"] == "done").await;
    shop.close().await;
}

/// Not the sweep, which costs the same however many payments there are.
fn is_about(call: &Value) -> bool {
    matches!(call["call"].as_str(), Some("cancel" | "get" | "find" | "find_all"))
}

/// Waits until what a step sets off has happened: the PG is asked nothing for a while.
async fn quiet(shop: &Shop) {
    let (mut seen, mut looks) = (0, 0_u32);
    eventually(async || {
        let calls = shop.simulator("calls").await.len();
        looks = if calls == seen { looks + 1 } else { 0 };
        seen = calls;
        if looks > 3 { Ok(()) } else { Err(format!("{calls} calls")) }
    })
    .await;
}
