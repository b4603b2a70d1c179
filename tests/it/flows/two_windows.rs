//! Several windows of one order: each may pay it, and none decides for the others.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop, eventually};

const MINUTE: Duration = Duration::from_secs(60);

/// The first tab's confirm is lost and executed twenty seconds later; meanwhile the buyer's second tab is declined.
/// Shown as failed, the buyer would pay again, and the shop would never learn of the first charge.
#[tokio::test]
async fn decline_of_one_tab_leaves_the_other_uncertain() {
    let shop = Shop::open("toss", "card").await;
    shop.no_webhooks().await;
    let id = shop.register("order-1").await;
    let first = shop.buyer(&id, "approve").await;
    let second = shop.buyer(&id, "decline").await;
    assert_eq!(first["orderId"], second["orderId"], "one order id, two payment keys");
    shop.faults(json!([{ "call": "confirm", "fault": "executes_later", "for_ms": 20_000 }])).await;
    shop.confirm(&id, &first).await.expect(202, "confirming");
    shop.confirm(&id, &second).await.expect(202, "confirming");
    let declined = json!({ "code": "REJECT_CARD_COMPANY", "message": "거절", "orderId": first["orderId"] });
    shop.confirm(&id, &declined).await.expect(202, "confirming");

    let payment = shop.until_in_time(&id, |payment| payment["status"] == "paid").await;
    assert_eq!((&payment["amount_paid"], &payment["duplicates"]), (&json!(AMOUNT), &json!([])));
    shop.confirm(&id, &second).await.expect(200, "paid");
    assert_eq!(shop.moved(&first["paymentKey"]).await, (AMOUNT, 0));
    assert_eq!(shop.moved(&second["paymentKey"]).await, (0, 0), "the buyer pays once");
    let events = shop.events_of(&id).await;
    assert!(!events.contains(&"payment.failed".to_owned()), "{events:?}");
    shop.close().await;
}

/// The PG shows that the window which the buyer gave up has expired. If that ended the attempt, the buyer who has just
/// agreed in the other window would be shown that the payment failed.
#[tokio::test]
async fn expiry_of_one_window_leaves_the_other_payable() {
    let shop = Shop::open_with("toss", "card", &[("MERCHANTS__DEMO__PAYABLE_FOR", "2h")]).await;
    let id = shop.register("order-1").await;
    let given_up = shop.buyer(&id, "approve").await;
    shop.advance(9 * MINUTE).await;
    let agreed = shop.buyer(&id, "approve").await;
    assert_eq!(given_up["orderId"], agreed["orderId"]);
    shop.advance(2 * MINUTE).await;
    let key = given_up["paymentKey"].as_str().unwrap();
    eventually(async || match shop.looks_at(key).await {
        0 => Err("the webhook of its expiry is not worked on yet".to_owned()),
        _ => Ok(()),
    })
    .await;
    assert_eq!(shop.payment(&id).await["status"], "ready");
    shop.confirm(&id, &agreed).await.expect(200, "paid");
    let events = shop.events_of(&id).await;
    assert!(!events.contains(&"payment.failed".to_owned()), "{events:?}");
    shop.close().await;
}

/// Somebody, or a broken page, sends a payment key that does not exist. If that spoiled the order id, the buyer who has
/// really agreed (or paid) could not be served.
#[tokio::test]
async fn made_up_payment_id_leaves_the_honest_one_payable() {
    for (account, name, made_up) in
        [("toss", "paymentKey", "tpaym20260101000000madeu"), ("portone", "imp_uid", "imp_000000000001")]
    {
        let shop = Shop::open(account, "card").await;
        shop.no_webhooks().await;
        let id = shop.register("order-1").await;
        let honest = shop.buyer(&id, "approve").await;
        let mut forged = honest.clone();
        forged[name] = made_up.into();
        let answer = shop.confirm(&id, &forged).await;
        if shop.confirms() {
            answer.expect(402, "payment_declined");
        } else {
            // The PG is asked by the order id as well, and shows what the buyer has paid.
            answer.expect(200, "paid");
        }
        let paid = shop.confirm(&id, &honest).await.expect(200, "paid");
        assert_eq!(paid["pg"]["payment_id"], honest[name]);
        shop.close().await;
    }
}

/// The buyer pays twice, and an operator who sees that cancels one of the two in the PG's console. If the other went back
/// by itself as well, the shop would have shipped for nothing.
#[tokio::test]
async fn other_payment_is_kept_when_one_is_cancelled_by_hand() {
    let shop = Shop::open("portone", "card").await;
    let id = shop.register("order-1").await;
    let first = shop.buyer(&id, "approve").await;
    shop.confirm(&id, &first).await.expect(200, "paid");
    shop.no_webhooks().await;
    let visit = json!({ "payment_id": id, "outcome": "approve", "already_open": true });
    let second = shop.buyer_with(visit).await;
    let by_hand = json!({ "payment_id": id, "pg_id": first["imp_uid"], "notify": false });
    shop.control("cancel", by_hand).await;

    shop.confirm(&id, &second).await;
    let payment =
        shop.until_in_time(&id, |payment| payment["duplicates"][0]["cancels"][0]["held"] == true).await;
    assert_eq!((&payment["status"], &payment["amount_cancelled"]), (&json!("cancelled"), &json!(AMOUNT)));
    assert_eq!(shop.moved(&second["imp_uid"]).await, (AMOUNT, 0), "nothing goes back by itself");
    assert_eq!(shop.calls("cancel").await.len(), 0);
    let reviews = shop.open_reviews(&id).await;
    assert_eq!((reviews.len(), &reviews[0]["reason"]), (1, &json!("compensation_held")), "a person decides");

    // The person gives it back as well, so that the books agree at the end.
    shop.control("cancel", json!({ "payment_id": id, "pg_id": second["imp_uid"] })).await;
    shop.verify(&id).await;
    shop.no_open_reviews(&id).await;
    shop.close().await;
}

/// The buyer has an account issued, and then pays by card in the window that is still open. If the account went on holding
/// the order, the card's money would go back as a duplicate, or the buyer would deposit on top of it.
#[tokio::test]
async fn unpaid_account_yields_to_a_card_payment() {
    let shop = Shop::open("portone", "virtual_account").await;
    let registered = shop.register_with("order-1", json!({ "method": null })).await.expect(201, "ready");
    let id = registered.text("id");
    let visit = |method: &str| json!({ "payment_id": id, "outcome": "approve", "method": method });
    let account = shop.buyer_with(visit("virtual_account")).await;
    shop.confirm(&id, &account).await.expect(200, "awaiting_deposit");
    let card = shop.buyer_with(visit("card")).await;
    shop.confirm(&id, &card).await.expect(200, "paid");

    let is_closed = |payment: &Value| {
        let close = &payment["cancels"][0];
        (&close["type"], &close["origin"], &close["status"])
            == (&json!("close"), &json!("compensation"), &json!("done"))
    };
    let payment = shop.until_in_time(&id, is_closed).await;
    assert_eq!((&payment["method"], &payment["amount_paid"]), (&json!("card"), &json!(AMOUNT)));
    assert_eq!(payment["pg"]["payment_id"], card["imp_uid"]);
    assert!(payment.get("virtual_account").is_none(), "nobody is to deposit any more");
    let deposit = json!({ "payment_id": id, "pg_id": account["imp_uid"] });
    let deposit = shop.try_control("deposit", deposit).await;
    assert_eq!(deposit.status, 409, "the account is closed at the PG: {:#}", deposit.body);
    shop.close().await;
}
