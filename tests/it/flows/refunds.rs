//! Refunds: what is remembered of them, what survives a new key, and what is sent to the PG.

use std::time::Duration;

use paymux_sandbox::{IssueKey, RevokeKey};
use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop, eventually};

/// From when on an answer to a confirm can no longer come, so that it is repeated.
const ANSWERED_BY: Duration = Duration::from_secs(75);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A confirm was done and its answer lost, and an operator who saw the money in the console gave it back. The repeat is
/// answered with what the PG stored the first time. Believed, it would be shown as paid, and the shop would ship.
#[tokio::test]
async fn replayed_confirm_of_refunded_money_is_not_paid() {
    let shop = Shop::open("toss", "card").await;
    shop.no_webhooks().await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    // Look-ups lag behind for all the while: only the repeat can tell.
    let untouched = json!({
        "version": "2022-11-16", "type": "NORMAL", "status": "IN_PROGRESS", "method": "카드", "currency": "KRW",
        "paymentKey": result["paymentKey"], "orderId": result["orderId"], "totalAmount": AMOUNT,
        "balanceAmount": AMOUNT, "requestedAt": "2026-01-01T09:00:00+09:00",
    });
    shop.faults(json!([
        { "call": "confirm", "fault": "timeout_after", "for_ms": 8_000 },
        { "call": "get", "fault": "garbled", "body": untouched, "times": 1_000 },
    ]))
    .await;
    shop.confirm(&id, &result).await.expect(202, "confirming");
    shop.control("cancel", json!({ "payment_id": id, "notify": false })).await;
    shop.advance(ANSWERED_BY).await;
    eventually(async || {
        let confirms = shop.calls("confirm").await;
        let is_replayed = confirms.iter().any(|call| call["answer_status"] == 200);
        if is_replayed { Ok(()) } else { Err(format!("{confirms:#?}")) }
    })
    .await;
    assert_eq!(shop.moved(&result["paymentKey"]).await, (AMOUNT, AMOUNT));
    shop.no_faults().await;
    let payment = shop.until_in_time(&id, |payment| payment["status"] == "cancelled").await;
    assert_eq!(payment["amount_cancelled"], AMOUNT);
    let events = shop.events_of(&id).await;
    assert!(!events.contains(&"payment.paid".to_owned()), "nobody ships: {events:?}");
    shop.close().await;
}

/// A refund's answer is lost, and the operator changes the key at the PG before it is known. The PG keeps idempotency keys per
/// secret key, so the repeat could give the money back twice, or wait for the old key for ever.
#[tokio::test]
async fn refund_without_an_answer_survives_a_new_secret_key() {
    for lost in ["reset_before", "reset_after"] {
        let mut shop = Shop::open_permissive("toss", "card").await;
        shop.no_webhooks().await;
        let id = shop.paid("order-1").await;
        let silent = json!({ "call": "get", "fault": "error_before", "status": 500, "times": 1_000 });
        shop.faults(json!([{ "call": "cancel", "fault": lost }, silent])).await;
        assert_eq!(shop.cancel(&id, "k-1", Some(5_000)).await.status, 202);

        shop.demo.stop().await;
        let old = shop.calls("cancel").await[0]["headers"]["idempotency-key"].clone();
        let issued = shop.pg().issue_key(&IssueKey::default()).unwrap();
        shop.demo.configure("ACCOUNTS__TOSS__SECRET_KEY", &issued.key);
        let pairs = paymux_sandbox::toss::TossConfig::default();
        shop.pg().revoke_key(&RevokeKey::new(&pairs.keys[0].secret_key)).unwrap();
        shop.no_faults().await;
        shop.no_webhooks().await;
        shop.demo.resume().await;

        let payment = shop.until_in_time(&id, |payment| payment["cancels"][0]["status"] == "done").await;
        assert_eq!(
            (&payment["amount_cancelled"], payment["cancels"].as_array().unwrap().len()),
            (&json!(5_000), 1)
        );
        let books = shop.simulator("payments").await;
        assert_eq!(books[0]["given_back"], 5_000, "given back once: {lost}, first under {old}");
        shop.cancel(&id, "k-2", Some(1_000)).await.expect(200, "partially_cancelled");
        shop.close().await;
    }
}

/// A merchant's server repeats a cancel after its own outage of two weeks. Forgotten, the key would give the part back a
/// second time.
#[tokio::test]
async fn cancel_is_remembered_after_other_keys_are_forgotten() {
    let shop = Shop::open("toss", "card").await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    shop.confirm_with_key(&id, &result, "c-1").await.expect(200, "paid");
    let first = shop.cancel(&id, "k-1", Some(5_000)).await.expect(200, "partially_cancelled");
    let other = json!({ "another": "body" });
    shop.confirm_with_key(&id, &other, "c-1").await.expect(422, "idempotency_key_reused");

    shop.advance(16 * DAY).await;
    eventually(async || match shop.confirm_with_key(&id, &other, "c-1").await.status {
        422 => Err("the confirm's key is not forgotten yet".to_owned()),
        _ => Ok(()),
    })
    .await;
    let again = shop.cancel(&id, "k-1", Some(5_000)).await.expect(200, "partially_cancelled");
    assert_eq!((&again["amount_cancelled"], &again["cancels"][1]), (&json!(5_000), &Value::Null));
    assert_eq!(again["cancels"][0]["id"], first["cancels"][0]["id"]);
    shop.cancel(&id, "k-1", Some(6_000)).await.expect(422, "idempotency_key_reused");
    assert_eq!(shop.calls("cancel").await.len(), 1);
    shop.close().await;
}

/// A third of the order is free of VAT. Without `tax_free` in the cancel, PortOne books VAT on the whole refund, and the
/// merchant's tax invoice is wrong.
#[tokio::test]
async fn full_cancel_names_the_part_free_of_vat() {
    let shop = Shop::open("portone", "card").await;
    let fields = json!({ "tax_free_amount": 5_000 });
    let id = shop.register_with("order-1", fields).await.expect(201, "ready").text("id");
    shop.pay(&id).await;
    let part = json!({ "reason": "하나 반품", "amount": 3_300, "tax_free_amount": 1_000, "vat_amount": 209 });
    shop.cancel_with(&id, "k-1", &part).await.expect(200, "partially_cancelled");
    shop.cancel(&id, "k-2", None).await.expect(200, "cancelled");
    let calls = shop.calls("cancel").await;
    let said = |call: &Value, name: &str| call["body"][name].clone();
    assert_eq!((said(&calls[0], "tax_free"), said(&calls[0], "vat_amount")), (json!(1_000), json!(209)));
    assert_eq!(said(&calls[1], "tax_free"), 4_000, "what is left of it: {:#}", calls[1]);
    assert_eq!(said(&calls[1], "vat_amount"), Value::Null, "the PG computes it");
    shop.close().await;
}
