//! One integration: the PG is chosen by configuration, and the merchant's server does not notice.

use serde_json::{Value, json};
use tests::harness::{SentRequest, Shop};

/// Everything a shop does: a decline, a payment, a cancel of a part and of the rest; gives what it sent,
/// with its own address, the payment's id and what the browser brought back taken out.
async fn a_days_work(account: &str, method: &str) -> Vec<SentRequest> {
    let shop = Shop::open(account, method).await;
    let id = shop.register("order-1").await;
    shop.next_action(&id).await.expect(200, "ready");
    let declined = shop.buyer(&id, "decline").await;
    shop.confirm_with_key(&id, &declined, "confirm-1").await.expect(402, "payment_declined");
    shop.next_action(&id).await.expect(200, "failed");
    let approved = shop.buyer(&id, "approve").await;
    let confirmed = shop.confirm_with_key(&id, &approved, "confirm-2").await;
    assert_eq!(confirmed.status, 200, "{:#}", confirmed.body);
    if shop.deposits() {
        shop.control("deposit", json!({ "payment_id": id })).await;
    }
    // How often a server looks is not part of what it says.
    eventually_paid(&shop, &id).await;
    shop.cancel(&id, "cancel-1", Some(5_000)).await.expect(200, "partially_cancelled");
    let sent = shop.client.sent();
    shop.close().await;

    let host = |(name, _): &(String, String)| name == "host";
    let mut requests: Vec<SentRequest> = sent
        .into_iter()
        .map(|mut request| {
            request.headers.retain(|header| !host(header));
            request.path = request.path.replace(&id, "pay_…");
            for result in [&declined, &approved] {
                let body = json!({ "browser_result": result }).to_string();
                if request.body == body {
                    request.body = "{\"browser_result\":…}".to_owned();
                }
            }
            request
        })
        .collect();
    requests.dedup();
    requests
}

async fn eventually_paid(shop: &Shop, id: &str) -> Value {
    shop.until_status(id, "paid").await
}

async fn the_same_from_both(method: &str) {
    let (toss, portone) = (a_days_work("toss", method).await, a_days_work("portone", method).await);
    assert!(toss.len() >= 7, "{toss:#?}");
    let spoken = toss.iter().filter(|request| request.body.contains("browser_result")).count();
    assert_eq!(spoken, 2, "the browser result is passed on as it came: {toss:#?}");
    assert_eq!(toss, portone, "byte for byte");
}

#[tokio::test]
async fn by_card() {
    the_same_from_both("card").await;
}

#[tokio::test]
async fn by_virtual_account() {
    the_same_from_both("virtual_account").await;
}
