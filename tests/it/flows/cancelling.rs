//! Money goes back, and what was not paid is closed.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop};

/// Longer than a PG takes to send a deposit back.
const REFUND_TAKES: Duration = Duration::from_secs(3 * 24 * 60 * 60);

pub(crate) async fn cancelled_in_part_and_then_in_full(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    let part = shop.cancel(&id, "part", Some(5_000)).await.expect(200, "partially_cancelled");
    assert_eq!(part["amount_cancelled"], 5_000);
    assert_eq!(part["cancellable_amount"], AMOUNT - 5_000);

    shop.cancel(&id, "too-much", Some(AMOUNT)).await.expect(422, "amount_not_cancellable");
    wait_until_done(shop, &id, &part["cancels"]).await;

    let rest = shop.cancel(&id, "rest", None).await.expect(200, "cancelled");
    assert_eq!(rest["amount_cancelled"], AMOUNT);
    assert_eq!(rest["cancellable_amount"], 0);
    wait_until_done(shop, &id, &rest["cancels"]).await;

    let payment = shop.payment(&id).await;
    let amounts: Vec<_> = cancels(&payment["cancels"]).map(|cancel| cancel["amount"].clone()).collect();
    assert_eq!(amounts, [json!(5_000), json!(AMOUNT - 5_000)]);
    assert!(cancels(&payment["cancels"]).all(|cancel| cancel["origin"] == "merchant"));
    shop.cancel(&id, "once-more", None).await.expect(409, "invalid_state");
}

/// A deposit's refund may be under way for days; then the answer says so.
async fn wait_until_done(shop: &Shop, id: &str, rows: &Value) {
    let pending = cancels(rows).any(|cancel| cancel["status"] == "pending");
    assert!(!pending || shop.deposits(), "a card's money goes back at once");
    if pending {
        shop.advance(REFUND_TAKES).await;
    }
    shop.wait_until(id, |payment| cancels(&payment["cancels"]).all(|cancel| cancel["status"] == "done"))
        .await;
}

fn cancels(rows: &Value) -> impl Iterator<Item = &Value> {
    rows.as_array().unwrap().iter()
}

/// The merchant gives up an order while the buyer has the window open.
pub(crate) async fn closed_before_paying(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    shop.next_action(&id).await.expect(200, "ready");
    let part = shop.cancel(&id, "part", Some(5_000)).await;
    assert_eq!(part.status, 422, "a close is full only: {:#}", part.body);
    let closed = shop.cancel(&id, "close", None).await.expect(200, "cancelled");
    assert_eq!(
        (&closed["cancels"][0]["type"], &closed["cancels"][0]["status"]),
        (&json!("close"), &json!("done"))
    );
    assert!(closed["cancels"][0].get("amount").is_none(), "a close gives nothing back");
    assert_eq!((&closed["amount_paid"], &closed["amount_cancelled"]), (&json!(0), &json!(0)));

    // The buyer goes on all the same: money is not taken, or goes back. A PG that shows whole seconds would date it before
    // the close if both were in one.
    shop.advance(Duration::from_secs(2)).await;
    let result = shop.buyer(&id, "approve").await;
    let confirmed = shop.confirm(&id, &result).await;
    assert_eq!(confirmed.status, 409, "{:#}", confirmed.body);
    if !shop.confirms() && !shop.deposits() {
        shop.wait_until(&id, |payment| payment["duplicates"][0]["cancels"][0]["status"] == "done").await;
    }
    let payment = shop.payment(&id).await;
    assert_eq!((&payment["status"], &payment["amount_paid"]), (&json!("cancelled"), &json!(0)));
}

pub(crate) async fn cancelled_in_the_console(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    shop.control("cancel", json!({ "payment_id": id, "amount": 4_000, "reason": "고객 요청" })).await;
    let payment = shop.until_status(&id, "partially_cancelled").await;
    assert_eq!(payment["amount_cancelled"], 4_000);
    assert_eq!(payment["cancels"][0]["origin"], "pg");
    assert_eq!(payment["cancels"][0]["reason"], "고객 요청");

    // A deposit's refund may be under way for days, and the next one waits for it.
    shop.advance(REFUND_TAKES).await;
    shop.control("cancel", json!({ "payment_id": id })).await;
    let payment = shop.until_status(&id, "cancelled").await;
    assert_eq!(payment["cancels"].as_array().unwrap().len(), 2);
}
