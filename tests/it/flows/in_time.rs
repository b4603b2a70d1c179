//! Money that was paid in time and learned of late is paid: nothing is late, and nothing goes back.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tests::harness::{AMOUNT, Shop};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A merchant who keeps no late payments: what is wrongly called late goes back.
const KEEPS_NOTHING_LATE: [(&str, &str); 1] = [("MERCHANTS__DEMO__LATE_PAYMENTS", "cancel")];

/// The buyer deposits on the last day, and the PG learns of it two days after the account has expired. Called late, a
/// buyer who paid in time would get the money back and no goods.
#[tokio::test]
async fn deposit_made_in_time_and_booked_late_is_paid() {
    for account in ["toss", "portone"] {
        let shop = Shop::open_with(account, "virtual_account", &KEEPS_NOTHING_LATE).await;
        let id = shop.register("order-1").await;
        let result = shop.buyer(&id, "approve").await;
        let issued = shop.confirm(&id, &result).await.expect(200, "awaiting_deposit");
        let due_at: Timestamp = issued["virtual_account"]["due_at"].as_str().unwrap().parse().unwrap();
        shop.advance(Duration::try_from(due_at.duration_since(shop.now())).unwrap() + 2 * DAY).await;
        shop.until_status(&id, "expired").await;
        let paid_at = due_at - Duration::from_secs(60 * 60);
        let at_s = paid_at.duration_since(shop.now()).as_secs();
        shop.control("deposit", json!({ "payment_id": id, "at_s": at_s })).await;
        let payment = shop.until_status(&id, "paid").await;
        assert_eq!((&payment["late"], &payment["amount_paid"]), (&json!(false), &json!(AMOUNT)), "{account}");
        assert_eq!((&payment["cancels"], &payment["duplicates"]), (&json!([]), &json!([])));
        shop.close().await;
    }
}

/// The buyer pays by card in the window within the time, the page is lost, and the PG shows the payment only after the
/// deadline.
#[tokio::test]
async fn card_paid_in_time_and_shown_late_is_paid() {
    let shop = Shop::open_with("portone", "card", &KEEPS_NOTHING_LATE).await;
    let id = shop.register("order-1").await;
    shop.next_action(&id).await.expect(200, "ready");
    shop.advance(40 * MINUTE).await;
    shop.until_status(&id, "expired").await;
    let twenty_minutes_ago = -20 * 60;
    shop.buyer_with(json!({ "payment_id": id, "outcome": "approve", "at_s": twenty_minutes_ago })).await;
    let payment = shop.until_status(&id, "paid").await;
    assert_eq!((&payment["late"], &payment["amount_paid"]), (&json!(false), &json!(AMOUNT)));
    assert_eq!((&payment["cancels"], &payment["duplicates"]), (&json!([]), &json!([])));
    shop.close().await;
}
