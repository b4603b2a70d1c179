//! What the PG refuses, and what follows for the buyer and the shop.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop};

/// The buyer's page names the payment of another order, which is not paid yet, under its own order id. Toss refuses that as
/// it refuses wrong keys: as our mistake it would be answered 502, and the shop would call an operator.
#[tokio::test]
async fn another_orders_payment_under_this_order_id_is_a_mismatch() {
    let shop = Shop::open("toss", "card").await;
    let (own, other) = (shop.register("order-1").await, shop.register("order-2").await);
    let mut result = shop.buyer(&own, "approve").await;
    let honest = result.clone();
    let others = shop.buyer(&other, "approve").await;
    result["paymentKey"] = others["paymentKey"].clone();
    shop.confirm(&own, &result).await.expect(409, "payment_mismatch");
    assert_eq!(shop.payment(&own).await["status"], "ready");
    shop.confirm(&own, &honest).await.expect(200, "paid");
    shop.confirm(&other, &others).await.expect(200, "paid");
    shop.close().await;
}

/// Toss answers the creation of its checkout page with a code that nobody has listed, and repeats a 4xx for the same key for
/// 15 days. Asked again under the same order id, the buyer could not pay this order for two weeks.
#[tokio::test]
async fn unlisted_error_at_creation_is_followed_by_a_new_order_id() {
    let shop = Shop::open_with("toss", "card", &[("ACCOUNTS__TOSS__CHECKOUT", "server")]).await;
    let id = shop.register("order-1").await;
    let body = json!({ "code": "A_CODE_OF_NEXT_YEAR", "message": "내년에 생길 오류" }).to_string();
    shop.faults(json!([{ "call": "create", "fault": "error_before", "status": 400, "body": body }])).await;
    shop.next_action(&id).await.expect(503, "provider_unavailable");
    let refused = shop.payment(&id).await["pg"]["order_id"].clone();
    let prepared = shop.next_action(&id).await.expect(200, "ready");
    assert_eq!(prepared["next_action"]["type"], "redirect");
    assert_ne!(prepared["pg"]["order_id"], refused);
    let keys: Vec<_> =
        shop.calls("create").await.iter().map(|call| call["headers"]["idempotency-key"].clone()).collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
    shop.pay(&id).await;
    shop.close().await;
}

/// Nobody fixed a method, and the account's first one does not take the amount. The window would open for that one, and
/// refuse every buyer of a dear order.
#[tokio::test]
async fn limits_are_those_of_the_method_that_is_sent() {
    let methods = [("ACCOUNTS__TOSS__METHODS", "mobile_phone,card")];
    let shop = Shop::open_with("toss", "card", &methods).await;
    for (order, amount, sent) in [("cheap", AMOUNT, "MOBILE_PHONE"), ("dear", 2_000_000, "CARD")] {
        let fields = json!({ "method": null, "amount": amount });
        let id = shop.register_with(order, fields).await.expect(201, "ready").text("id");
        let prepared = shop.next_action(&id).await.expect(200, "ready");
        let window = prepared["next_action"]["calls"].as_array().unwrap().last().unwrap()["args"][0].clone();
        assert_eq!(window["method"], sent, "{window:#}");
    }
    let dear = json!({ "method": "mobile_phone", "amount": 2_000_000 });
    let refused = shop.register_with("fixed", dear).await.expect(400, "invalid_parameter");
    assert_eq!(refused["param"], "amount");
    shop.close().await;
}

/// PortOne refuses a cancel with HTTP 200, the code -1 and a text. Taken for an unknown outcome, the merchant would wait for
/// minutes, unable to cancel again, and never learn why.
#[tokio::test]
async fn refused_cancel_is_answered_at_once_and_replayed() {
    let shop = Shop::open("portone", "card").await;
    let id = shop.paid("order-1").await;
    let text = "취소 가능 기간이 지났습니다";
    let body = json!({ "code": -1, "message": text, "response": null }).to_string();
    shop.faults(json!([{ "call": "cancel", "fault": "error_before", "status": 200, "body": body }])).await;
    let refused = shop.cancel(&id, "k-1", Some(5_000)).await.expect(409, "cancel_refused");
    assert!(!refused.is_replayed());
    assert_eq!(refused["pg"], json!({ "code": "-1", "message": text }));
    let again = shop.cancel(&id, "k-1", Some(5_000)).await.expect(409, "cancel_refused");
    assert!(again.is_replayed());
    assert_eq!(again["pg"], refused["pg"]);
    assert_eq!(shop.calls("cancel").await.len(), 1, "nothing is asked again for the same key");
    let row = &shop.payment(&id).await["cancels"][0];
    assert_eq!((&row["status"], &row["failure"]["pg"]["message"]), (&json!("refused"), &json!(text)));
    let next: Value = shop.cancel(&id, "k-2", Some(5_000)).await.expect(200, "partially_cancelled").body;
    assert_eq!(next["amount_cancelled"], 5_000);
    shop.close().await;
}

/// A PG worded it as a refusal, and executed it a little later. With the refusal kept as the answer of its key, the shop
/// would cancel the same once more under another key.
#[tokio::test]
async fn cancel_that_was_refused_and_done_is_answered_done() {
    let shop = Shop::open("portone", "card").await;
    let id = shop.paid("order-1").await;
    let body = json!({ "code": -1, "message": "취소 가능 기간이 지났습니다", "response": null }).to_string();
    let fault =
        json!({ "call": "cancel", "fault": "executes_later", "status": 200, "body": body, "for_ms": 20_000 });
    shop.faults(json!([fault])).await;
    shop.cancel(&id, "k-1", Some(5_000)).await.expect(409, "cancel_refused");
    shop.advance(Duration::from_secs(60)).await;
    shop.verify(&id).await.expect(200, "partially_cancelled");
    let again = shop.cancel(&id, "k-1", Some(5_000)).await.expect(200, "partially_cancelled");
    assert_eq!(again["amount_cancelled"], 5_000);
    assert_eq!(shop.calls("cancel").await.len(), 1);
    shop.close().await;
}
