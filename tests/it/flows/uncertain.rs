//! How long an outcome stays uncertain, and what a buyer is shown meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop};

/// Far less than the hundred seconds after which a request can no longer be executed.
const SOON: Duration = Duration::from_secs(45);

/// How much time passed, on the server's clock, between two events of a payment.
async fn time_between(shop: &Shop, id: &str, first: &str, then: &str) -> Duration {
    let events = shop.events().await;
    let at = |kind: &str| -> Timestamp {
        let event = events.iter().find(|event| event["payment_id"] == id && event["type"] == kind);
        let event = event.unwrap_or_else(|| panic!("no {kind} in {events:#?}"));
        event["created_at"].as_str().unwrap().parse().unwrap()
    };
    Duration::try_from(at(then).duration_since(at(first))).unwrap()
}

/// The PG answers a confirm with an error and did nothing. Waiting out the PG's longest execution, the buyer would look at
/// "do not pay again" for a hundred seconds and leave.
#[tokio::test]
async fn confirm_that_did_nothing_is_repeated_within_seconds() {
    let shop = Shop::open("toss", "card").await;
    shop.no_webhooks().await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    shop.faults(json!([{ "call": "confirm", "fault": "error_before", "status": 500 }])).await;
    shop.confirm(&id, &result).await.expect(202, "confirming");
    shop.advance(Duration::from_secs(3)).await;
    shop.until_status(&id, "paid").await;
    let took = time_between(&shop, &id, "payment.confirming", "payment.paid").await;
    assert!(took < SOON, "{took:?}");
    let keys: Vec<_> = shop.calls("confirm").await.iter().map(key_of).collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "the PG replays an error under its key: {keys:?}");
    shop.close().await;
}

/// The same for a cancel: the buyer waits for the money, and the merchant for the next cancel. Behind PortOne another PG may
/// execute it a little later, and PortOne's own balance does not show that, so there it is waited for.
#[tokio::test]
async fn cancel_that_did_nothing_is_repeated_as_soon_as_it_is_safe() {
    for (account, soonest, latest) in [("toss", Duration::ZERO, SOON), ("portone", 2 * SOON, 4 * SOON)] {
        let shop = Shop::open(account, "card").await;
        shop.no_webhooks().await;
        let id = shop.paid("order-1").await;
        shop.faults(json!([{ "call": "cancel", "fault": "error_before", "status": 500 }])).await;
        let unknown = shop.cancel(&id, "k-1", Some(5_000)).await;
        assert_eq!(unknown.status, 202, "{:#}", unknown.body);
        shop.advance(Duration::from_secs(3)).await;
        shop.wait_until(&id, |payment| payment["cancels"][0]["status"] == "done").await;
        let took = time_between(&shop, &id, "cancel.requested", "cancel.done").await;
        assert!((soonest..latest).contains(&took), "{account}: {took:?}");
        assert_eq!(shop.payment(&id).await["amount_cancelled"], 5_000);
        shop.close().await;
    }
}

fn key_of(call: &Value) -> Value {
    call["headers"]["idempotency-key"].clone()
}

/// A paid buyer's confirm while the PG cannot be asked; the shop shows what it is answered.
async fn paid_without_a_webhook(shop: &Shop) -> String {
    shop.no_webhooks().await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    // Also the token that was fetched before is refused.
    let refused = ["get", "find_all", "get_token"]
        .map(|call| json!({ "call": call, "fault": "unauthorized", "times": 1_000 }));
    shop.faults(json!(refused)).await;
    let confirming = shop.confirm(&id, &result).await.expect(202, "confirming");
    assert!(confirming["message_ko"].as_str().unwrap().contains("다시 결제하지 말고"));
    id
}

/// The buyer has paid in the window, and the operator's key at the PG has expired. Answered with an error, the shop tells
/// the buyer that the payment failed, and the buyer pays again.
#[tokio::test]
async fn refused_key_leaves_a_paid_buyer_confirming() {
    let shop = Shop::open("portone", "card").await;
    let id = paid_without_a_webhook(&shop).await;
    let asked = shop
        .confirm(&id, &json!({ "imp_success": "true", "merchant_uid": order_id(&shop, &id).await }))
        .await;
    assert_eq!(asked.status, 202, "also for whoever asks again: {:#}", asked.body);
    shop.no_faults().await;
    let payment = shop.until_in_time(&id, |payment| payment["status"] == "paid").await;
    assert_eq!(payment["amount_paid"], AMOUNT);
    shop.close().await;
}

async fn order_id(shop: &Shop, id: &str) -> Value {
    shop.payment(id).await["pg"]["order_id"].clone()
}

/// The same while nobody listens at the PG.
#[tokio::test]
async fn unreachable_pg_leaves_a_paid_buyer_confirming() {
    let shop = Shop::open("portone", "card").await;
    shop.no_webhooks().await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    shop.faults(json!([{ "call": "get", "fault": "refuse", "for_ms": 1_500 }])).await;
    shop.confirm(&id, &result).await.expect(202, "confirming");
    let payment = shop.until_in_time(&id, |payment| payment["status"] == "paid").await;
    assert_eq!(payment["amount_paid"], AMOUNT);
    shop.close().await;
}
