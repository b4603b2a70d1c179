//! An account that is retired and of which nobody has the credentials any more: what may hold money there waits for a person.

use std::time::Duration;

use serde_json::json;
use tests::harness::{Shop, eventually};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The buyer has an account to pay into when the credentials go. The PG never answers whether they did: without a
/// worker that hands it over the payment would wait for ever, and no operator would be alerted.
#[tokio::test]
async fn account_that_nobody_can_ask_about_waits_for_a_person() {
    let mut shop = Shop::open_permissive("toss", "virtual_account").await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    shop.confirm(&id, &result).await.expect(200, "awaiting_deposit");

    shop.demo.stop().await;
    shop.demo.configure("ACCOUNTS__TOSS__RETIRED", "true");
    shop.demo.configure("MERCHANTS__DEMO__DEFAULT_ACCOUNT", "portone");
    shop.demo.unset("ACCOUNTS__TOSS__SECRET_KEY");
    shop.demo.resume().await;
    shop.control("deposit", json!({ "payment_id": id })).await;
    shop.advance(2 * DAY).await;
    let reviews = eventually(async || match shop.open_reviews(&id).await {
        reviews if reviews.is_empty() => Err("nobody is asked".to_owned()),
        reviews => Ok(reviews),
    })
    .await;
    assert_eq!((reviews.len(), &reviews[0]["reason"]), (1, &json!("account_retired")));
    shop.close_review(&reviews[0], "done").await;
    assert_eq!(shop.payment(&id).await["status"], "paid");
    shop.close().await;
}
