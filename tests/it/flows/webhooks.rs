//! Webhooks: twice, too early, alone, or not at all.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::{Shop, eventually};

/// How often a payment's events say that it was paid.
async fn times_paid(shop: &Shop, id: &str) -> usize {
    shop.events_of(id).await.iter().filter(|event| *event == "payment.paid").count()
}

pub(crate) async fn webhook_sent_twice(shop: &mut Shop) {
    shop.faults(json!([{ "call": "webhook", "fault": "duplicate", "times": 100 }])).await;
    let id = shop.paid("order-1").await;
    all_taken(shop, 2).await;
    shop.verify(&id).await.expect(200, "paid");
    assert_eq!(times_paid(shop, &id).await, 1);
}

/// Waits until so many webhooks were delivered, and all of them taken.
async fn all_taken(shop: &Shop, at_least: usize) {
    eventually(async || {
        let webhooks = shop.simulator("webhooks").await;
        let taken = webhooks.iter().all(|webhook| webhook["answer_status"] == 200);
        if taken && webhooks.len() >= at_least { Ok(()) } else { Err(format!("{webhooks:#?}")) }
    })
    .await;
}

/// The PG's webhook arrives, and is worked on, before the browser's result.
pub(crate) async fn webhook_before_the_browser(shop: &mut Shop) {
    shop.faults(json!([{ "call": "webhook", "fault": "early", "times": 100 }])).await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    let status = if shop.deposits() { "awaiting_deposit" } else { "paid" };
    if !shop.confirms() {
        shop.until_status(&id, status).await;
    }
    shop.confirm(&id, &result).await.expect(200, status);
    if shop.deposits() {
        shop.control("deposit", json!({ "payment_id": id })).await;
        shop.until_status(&id, "paid").await;
    }
    assert_eq!(times_paid(shop, &id).await, 1);
}

/// The page never comes back; or, where the money moves on confirm, its answer never does.
pub(crate) async fn only_the_webhook_came(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let status = if shop.deposits() { "awaiting_deposit" } else { "paid" };
    if shop.confirms() {
        let result = shop.buyer(&id, "approve").await;
        // Nor can the PG be asked, until the webhook has come.
        shop.faults(json!([
            { "call": "confirm", "fault": "reset_after" },
            { "call": "get", "fault": "error_before", "status": 500 },
        ]))
        .await;
        let reply = shop.confirm(&id, &result).await;
        assert!(matches!(reply.status, 200 | 202), "{:#}", reply.body);
    } else {
        shop.buyer(&id, "approve").await;
    }
    shop.until_status(&id, status).await;
    if shop.confirms() {
        assert_looked_up_at_once(shop).await;
    }
    if shop.deposits() {
        shop.control("deposit", json!({ "payment_id": id })).await;
        shop.until_status(&id, "paid").await;
    }
    assert_eq!(shop.calls("confirm").await.len(), usize::from(shop.confirms()), "asked for the money once");
}

/// The PG was asked before the resolver, two seconds after the confirm, would have asked by itself.
async fn assert_looked_up_at_once(shop: &Shop) {
    let at = |call: &Value| call["received_at_ms"].as_u64().unwrap();
    let (confirms, looks) = (shop.calls("confirm").await, shop.calls("get").await);
    let answered = looks.iter().find(|look| look["answer_status"] == 200).unwrap();
    assert!(
        at(answered) < at(&confirms[0]) + 2_000,
        "the webhook caused no look-up: {confirms:#?} {looks:#?}"
    );
}

/// Webhooks come late, and the newer before the older.
pub(crate) async fn webhooks_late_and_out_of_order(shop: &mut Shop) {
    shop.faults(json!([
        { "call": "webhook", "fault": "delay", "times": 2, "for_ms": 60_000 },
        { "call": "webhook", "fault": "reorder", "nth": 3, "times": 2 },
    ]))
    .await;
    let id = shop.paid("order-1").await;
    shop.control("cancel", json!({ "payment_id": id, "amount": 4_000 })).await;
    shop.advance(Duration::from_secs(3 * 24 * 60 * 60)).await;
    shop.control("cancel", json!({ "payment_id": id })).await;
    shop.advance(Duration::from_secs(3 * 24 * 60 * 60)).await;
    let payment = shop.until_in_time(&id, |payment| payment["status"] == "cancelled").await;
    assert_eq!(payment["cancels"].as_array().unwrap().len(), 2);
    assert_eq!(times_paid(shop, &id).await, 1);
}

/// Whoever knows the address may say what he likes: the PG is asked, and nothing else happens.
pub(crate) async fn forged(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    shop.next_action(&id).await.expect(200, "ready");
    let result = shop.buyer(&id, "close").await;
    let webhook = forged_webhook(shop, &id);
    let token = format!("demo-webhook-token-{}", shop.account);
    assert_eq!(shop.deliver("wrong-token-of-a-webhook", &webhook).await, 404);
    assert_eq!(shop.deliver(&token, &webhook).await, 200);
    assert_eq!(shop.deliver(&token, &json!({ "nothing": ["we", "know"] })).await, 200);
    asked_about(shop, &id).await;
    assert_eq!(shop.payment(&id).await["status"], "ready");
    assert_eq!(times_paid(shop, &id).await, 0);

    // The real one causes its look-up all the same.
    shop.confirm(&id, &result).await.expect(200, "ready");
    shop.pay(&id).await;
    shop.deliver(&token, &webhook).await;
    shop.verify(&id).await.expect(200, "paid");
    assert_eq!(times_paid(shop, &id).await, 1);
}

/// "Paid", in the PG's words, of the first attempt of a payment.
fn forged_webhook(shop: &Shop, id: &str) -> Value {
    let order = format!("{}01", id.replace("pay_", "pay"));
    if shop.account == "toss" {
        let data = json!({
            "paymentKey": "tpaymuxforged20260101000000abcde", "orderId": order, "status": "DONE",
            "totalAmount": 15_000, "balanceAmount": 15_000, "secret": "ps_forged",
        });
        json!({ "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-01-01T00:00:00.000000", "data": data })
    } else {
        json!({ "imp_uid": "imp_123456789012", "merchant_uid": order, "status": "paid" })
    }
}

/// Waits until the PG was asked about the payment the forger named.
async fn asked_about(shop: &Shop, id: &str) {
    let unique = id.strip_prefix("pay_").unwrap();
    eventually(async || {
        let calls = shop.simulator("calls").await;
        let named = |call: &Value| {
            let path = call["path"].as_str().unwrap_or_default();
            path.contains(unique) || path.contains("forged") || path.contains("imp_123456789012")
        };
        let asked = calls.iter().any(|call| call["method"] == "GET" && named(call));
        if asked { Ok(()) } else { Err(format!("{calls:#?}")) }
    })
    .await;
}
