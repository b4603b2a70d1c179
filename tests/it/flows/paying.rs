//! The buyer pays, or tries to.

use serde_json::json;
use tests::harness::{AMOUNT, Shop};

pub(crate) async fn paid(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let prepared = shop.next_action(&id).await.expect(200, "ready");
    assert_eq!(prepared["next_action"]["type"], "script");

    let payment = shop.pay(&id).await;
    assert_eq!(payment["amount_paid"], AMOUNT);
    assert_eq!(payment["cancellable_amount"], AMOUNT);
    assert_eq!(payment["method"], shop.method);
    assert_eq!(payment["late"], false);
    assert!(payment["paid_at"].is_string() && payment.get("next_action").is_none());
    assert_eq!(payment.get("virtual_account").is_some(), shop.deposits());

    let events = shop.events_of(&id).await;
    assert_eq!(events.first().unwrap(), "payment.registered");
    assert_eq!(events.last().unwrap(), "payment.paid");
    let again = shop.try_register("order-1").await.expect(200, "paid");
    assert_eq!(again.text("id"), id, "an order is paid once");
}

/// The window of one card company, named by our code, and its card: by our code and the PG's own.
pub(crate) async fn paid_by_one_card_company(shop: &mut Shop) {
    for (issuer, at_toss) in [("366", "41"), ("041", "W1"), ("381", "11"), ("092", "24")] {
        let card = json!({ "card": { "issuer": issuer } });
        let id = shop.register_with(&format!("order-{issuer}"), card).await.expect(201, "ready").text("id");
        let payment = shop.pay(&id).await;
        let detail = &payment["method_detail"];
        let at_pg = if shop.account == "toss" { at_toss } else { issuer };
        assert_eq!((&detail["card_issuer"], &detail["pg_card_issuer"]), (&json!(issuer), &json!(at_pg)));
    }
}

pub(crate) async fn declined_then_paid(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "decline").await;
    let declined = shop.confirm(&id, &result).await.expect(402, "payment_declined");
    assert_eq!(declined["retry"], "new_attempt");
    assert_eq!(declined["payment"]["amount_paid"], 0);
    assert!(declined["pg"]["code"].is_string() && declined["message_ko"].is_string());

    let again = shop.next_action(&id).await.expect(200, "failed");
    assert!(again["next_action"].is_object(), "a declined payment can be paid again");
    shop.pay(&id).await;
}

pub(crate) async fn window_closed(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "close").await;
    let closed = shop.confirm(&id, &result).await.expect(200, "ready");
    assert_eq!(closed["last_attempt"]["code"], "buyer_closed");

    shop.next_action(&id).await.expect(200, "ready");
    shop.pay(&id).await;
}

/// The page asks the window for a tenth of the price.
pub(crate) async fn amount_tampered(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let visit = json!({
        "payment_id": id, "outcome": "approve", "amount": AMOUNT / 10, "bypass_prepare": true,
    });
    let result = shop.buyer_with(visit).await;
    let refused = shop.confirm(&id, &result).await.expect(409, "payment_mismatch");
    assert_eq!(refused["payment"]["status"], "ready");
    assert_eq!(refused["payment"]["amount_paid"], 0);

    shop.next_action(&id).await.expect(200, "ready");
    shop.pay(&id).await;
}

/// The page asks the window for a tenth of the price, and what comes back is made to look right.
pub(crate) async fn amount_tampered_and_hidden(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let visit = json!({ "payment_id": id, "outcome": "approve", "amount": AMOUNT / 10 });
    let mut result = shop.buyer_with(visit).await;
    result["amount"] = AMOUNT.to_string().into();
    shop.confirm(&id, &result).await.expect(409, "payment_mismatch");
    assert_eq!(shop.payment(&id).await["amount_paid"], 0);

    shop.next_action(&id).await.expect(200, "ready");
    shop.pay(&id).await;
}

/// The window itself compares the page's amount with the one that was registered beforehand.
pub(crate) async fn amount_tampered_and_noticed_by_the_window(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let visit = json!({ "payment_id": id, "outcome": "approve", "amount": AMOUNT / 10 });
    let result = shop.buyer_with(visit).await;
    let refused = shop.confirm(&id, &result).await;
    assert_eq!(refused.status, 402, "{:#}", refused.body);
    assert!(shop.simulator("payments").await.iter().all(|row| row["taken"] == 0));

    shop.next_action(&id).await.expect(200, "ready");
    shop.pay(&id).await;
}

/// The browser of one payment brings back what belongs to another.
pub(crate) async fn another_payments_return(shop: &mut Shop) {
    let (own, other) = (shop.register("order-1").await, shop.register("order-2").await);
    shop.next_action(&own).await.expect(200, "ready");
    let result = shop.buyer(&other, "approve").await;
    shop.confirm(&own, &result).await.expect(409, "payment_mismatch");
    let confirmed = shop.confirm(&other, &result).await;
    assert_eq!(confirmed.status, 200, "{:#}", confirmed.body);

    // What the other payment has accepted is refused as well, and stays the other's.
    shop.confirm(&own, &result).await.expect(409, "payment_mismatch");
    if shop.deposits() {
        shop.control("deposit", json!({ "payment_id": other })).await;
    }
    let other = shop.until_status(&other, "paid").await;
    assert_eq!(other["cancels"], json!([]));
    assert_eq!(shop.payment(&own).await["status"], "ready");
    shop.pay(&own).await;
}
