//! The buyer deposits into an account, or does not.

use std::time::Duration;

use serde_json::json;
use tests::harness::{AMOUNT, Shop};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Longer than any account is open here.
const PAST_DUE: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// A registered order with an account that waits for its deposit.
async fn awaiting(shop: &Shop) -> String {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    let payment = shop.confirm(&id, &result).await.expect(200, "awaiting_deposit");
    assert!(payment["virtual_account"]["account_number"].is_string());
    assert_eq!(payment["amount_paid"], 0);
    id
}

pub(crate) async fn closed_before_the_deposit(shop: &mut Shop) {
    let id = awaiting(shop).await;
    let closed = shop.cancel(&id, "close", None).await.expect(200, "cancelled");
    assert_eq!(closed["amount_cancelled"], 0);
    let refused = shop.try_control("deposit", json!({ "payment_id": id })).await;
    assert_eq!(refused.status, 409, "the account was closed at the PG: {:#}", refused.body);
}

pub(crate) async fn expired_without_a_deposit(shop: &mut Shop) {
    let id = awaiting(shop).await;
    shop.advance(PAST_DUE).await;
    let payment = shop.until_status(&id, "expired").await;
    assert_eq!(payment["failure"]["reason"], "deposit_expired");
    let new = shop.try_register("order-1").await.expect(201, "ready");
    assert_ne!(new.text("id"), id, "an expired order may be paid anew");
}

/// The money came in time, its webhook never did, and the look at the due time saw an old state.
pub(crate) async fn deposit_told_late(shop: &mut Shop) {
    let id = awaiting(shop).await;
    shop.faults(json!([
        { "call": "webhook", "fault": "drop", "times": 100 },
        { "call": "get", "fault": "stale_read", "times": 100 },
    ]))
    .await;
    shop.control("deposit", json!({ "payment_id": id })).await;
    shop.advance(PAST_DUE).await;
    shop.until_status(&id, "expired").await;
    shop.no_faults().await;
    shop.advance(HOUR * 27).await;
    let payment = shop.until_status(&id, "paid").await;
    assert_eq!(payment["amount_paid"], AMOUNT);
    assert_eq!(payment["late"], true);
}

/// The merchant closes the account just after the buyer has deposited, which nobody has told us yet.
pub(crate) async fn the_deposit_wins_against_a_close(shop: &mut Shop) {
    // Nor may the account's own webhook cause a look-up that comes late enough to see the deposit.
    shop.faults(json!([{ "call": "webhook", "fault": "drop", "times": 100 }])).await;
    let id = awaiting(shop).await;
    shop.control("deposit", json!({ "payment_id": id })).await;
    let reply = shop.cancel(&id, "close", None).await;
    // A PG whose refusal is not a definite one is asked again before it is believed.
    assert!(matches!(reply.status, 202 | 409), "{:#}", reply.body);
    shop.until_status(&id, "paid").await;
    let payment = shop.until_in_time(&id, |payment| payment["cancels"][0]["status"] == "refused").await;
    assert_eq!(payment["status"], "paid");
    assert_eq!(payment["amount_cancelled"], 0);
    assert_eq!(payment["cancellable_amount"], AMOUNT);
}

pub(crate) async fn reversed_and_made_again(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    shop.control("reverse", json!({ "payment_id": id })).await;
    let payment = shop.until_status(&id, "awaiting_deposit").await;
    assert_eq!(payment["amount_paid"], 0);
    assert!(payment.get("paid_at").is_none());
    shop.control("deposit", json!({ "payment_id": id })).await;
    let payment = shop.until_status(&id, "paid").await;
    assert_eq!(payment["amount_paid"], AMOUNT);
}
