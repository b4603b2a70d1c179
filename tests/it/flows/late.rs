//! Money that comes when nobody waits for it any more.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop};

/// Longer than a payment may be paid here: half an hour, and the five minutes that a PG's clock may be behind.
const TIME_IS_UP: Duration = Duration::from_secs(36 * 60);

/// An order whose time is up while its window is open.
async fn expired(shop: &Shop) -> String {
    let id = shop.register("order-1").await;
    shop.next_action(&id).await.expect(200, "ready");
    shop.advance(TIME_IS_UP).await;
    shop.until_status(&id, "expired").await;
    id
}

/// Money that moves on confirm is not asked for any more.
pub(crate) async fn an_expired_payment_is_not_confirmed(shop: &mut Shop) {
    let id = expired(shop).await;
    let result = shop.buyer(&id, "approve").await;
    shop.confirm(&id, &result).await.expect(409, "invalid_state");
    assert_eq!(shop.calls("confirm").await.len(), 0);
    let again = shop.try_register("order-1").await.expect(200, "ready");
    assert_eq!(again.text("id"), id, "the same order is the same payment, with a new deadline");
    shop.pay(&id).await;
}

/// The buyer paid in a window that was still open.
pub(crate) async fn late_payment_is_kept_and_marked(shop: &mut Shop) {
    let id = expired(shop).await;
    shop.buyer(&id, "approve").await;
    let payment = shop.until_status(&id, "paid").await;
    assert_eq!(payment["late"], true);
    assert_eq!(payment["amount_paid"], AMOUNT);
}

/// The order was registered with other terms and paid meanwhile.
pub(crate) async fn late_payment_of_a_replaced_payment_is_cancelled(shop: &mut Shop) {
    let id = expired(shop).await;
    let new = shop.register_with("order-1", json!({ "order_name": "셔츠" })).await.expect(201, "ready");
    let new = new.text("id");
    shop.pay(&new).await;
    shop.buyer(&id, "approve").await;
    let payment = shop.wait_until(&id, |payment| went_back(payment, "duplicate")).await;
    assert_eq!((&payment["status"], &payment["amount_paid"]), (&json!("cancelled"), &json!(0)));
    assert_eq!(shop.payment(&new).await["status"], "paid");
}

/// Whether the only money beside the payment has this role and went back by itself.
fn went_back(payment: &Value, role: &str) -> bool {
    let beside = &payment["duplicates"];
    let cancel = &beside[0]["cancels"][0];
    beside[0]["role"] == role
        && (&cancel["origin"], &cancel["status"]) == (&json!("compensation"), &json!("done"))
        && (&cancel["amount"], &beside[1]) == (&json!(AMOUNT), &Value::Null)
}

/// No webhook comes for it: the sweep over the PG's list finds it.
pub(crate) async fn late_payment_without_a_webhook_is_found(shop: &mut Shop) {
    shop.faults(json!([{ "call": "webhook", "fault": "drop", "times": 100 }])).await;
    let id = expired(shop).await;
    shop.buyer(&id, "approve").await;
    shop.advance(Duration::from_secs(2 * 60 * 60)).await;
    let payment = shop.until_status(&id, "paid").await;
    assert_eq!(payment["late"], true);
}

/// The merchant has chosen not to keep late payments.
#[tokio::test]
async fn late_payment_is_cancelled_where_the_merchant_wants_it() {
    let policy = [("MERCHANTS__DEMO__LATE_PAYMENTS", "cancel")];
    let shop = Shop::open_with("portone", "card", &policy).await;
    let id = expired(&shop).await;
    shop.buyer(&id, "approve").await;
    let payment = shop.wait_until(&id, |payment| went_back(payment, "late")).await;
    assert_eq!((&payment["status"], &payment["amount_paid"]), (&json!("expired"), &json!(0)));
    let events = shop.events_of(&id).await;
    assert!(!events.contains(&"payment.paid".to_owned()), "nobody ships what goes back: {events:?}");
    shop.close().await;
}
