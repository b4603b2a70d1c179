//! The network and the PG fail; the payment ends as the PG has it.

use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop};

/// The call that makes a payment final: it takes the money, or reads what was taken.
fn confirming_call(shop: &Shop) -> &'static str {
    if shop.confirms() { "confirm" } else { "get" }
}

/// A payment whose webhooks never come and whose confirm meets a fault; gives the confirm's status.
async fn confirmed_under(shop: &Shop, mut fault: Value) -> (String, u16) {
    shop.faults(json!([{ "call": "webhook", "fault": "drop", "times": 100 }])).await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    fault["call"] = confirming_call(shop).into();
    shop.faults(json!([fault])).await;
    let reply = shop.confirm(&id, &result).await;
    assert!(reply.status != 402, "uncertainty is never shown as a decline: {:#}", reply.body);
    if reply.status == 202 {
        assert_eq!(reply["status"], "confirming");
        assert!(reply.headers.contains_key("retry-after") && reply["poll_after_ms"].is_u64());
        assert!(reply["message_ko"].as_str().unwrap().contains("다시 결제하지 말고"));
    }
    (id, reply.status)
}

/// Lets time pass until the payment is paid, and gives it.
async fn resolved(shop: &Shop, id: &str) -> Value {
    shop.until_in_time(id, |payment| payment["status"] == "paid").await
}

/// The PG takes longer than the caller may wait: "confirming", then paid.
pub(crate) async fn a_confirm_that_takes_too_long_is_answered_202(shop: &mut Shop) {
    let (id, status) = confirmed_under(shop, json!({ "fault": "timeout_after", "for_ms": 1_200 })).await;
    assert_eq!(status, 202);
    shop.until_status(&id, "paid").await;
    assert_eq!(shop.calls("confirm").await.len(), usize::from(shop.confirms()));
}

pub(crate) async fn an_error_after_the_money_moved_is_seen_through(shop: &mut Shop) {
    let (id, status) = confirmed_under(shop, json!({ "fault": "error_after", "status": 500 })).await;
    assert!(matches!(status, 200 | 202), "{status}");
    resolved(shop, &id).await;
    assert_eq!(shop.calls("confirm").await.len(), usize::from(shop.confirms()));
}

pub(crate) async fn an_answer_cut_in_half_is_seen_through(shop: &mut Shop) {
    let (id, status) = confirmed_under(shop, json!({ "fault": "garbled" })).await;
    assert!(matches!(status, 200 | 202), "{status}");
    resolved(shop, &id).await;
    assert_eq!(shop.calls("confirm").await.len(), usize::from(shop.confirms()));
}

/// The confirm never arrived. It is sent again, under the same key, until it does.
pub(crate) async fn a_confirm_that_got_lost_is_sent_again(shop: &mut Shop) {
    let (id, status) = confirmed_under(shop, json!({ "fault": "reset_before" })).await;
    assert!(matches!(status, 200 | 202), "{status}");
    resolved(shop, &id).await;
    if shop.confirms() {
        let keys = keys_of(&shop.calls("confirm").await);
        assert!(keys.len() >= 2 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }
}

/// The PG says an internal error, and executes the confirm a little later.
pub(crate) async fn a_confirm_executed_later_is_found(shop: &mut Shop) {
    let fault = json!({ "fault": "executes_later", "status": 500, "for_ms": 20_000 });
    let (id, _) = confirmed_under(shop, fault).await;
    resolved(shop, &id).await;
}

/// Nobody listens at the PG.
pub(crate) async fn a_pg_that_is_down_is_tried_again(shop: &mut Shop) {
    shop.faults(json!([{ "call": "webhook", "fault": "drop", "times": 100 }])).await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    shop.faults(json!([{ "call": confirming_call(shop), "fault": "refuse", "for_ms": 300 }])).await;
    let reply = shop.confirm(&id, &result).await;
    assert!(matches!(reply.status, 202 | 503), "{:#}", reply.body);
    resolved(shop, &id).await;
}

/// The cancel was done, its answer never came, and nor did a look-up's: unknown, then done, once.
pub(crate) async fn a_cancel_without_an_answer_is_done_once(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    shop.faults(json!([
        { "call": "webhook", "fault": "drop", "times": 100 },
        { "call": "cancel", "fault": "reset_after" },
        { "call": "get", "fault": "error_before", "status": 500, "times": 3 },
    ]))
    .await;
    let reply = shop.cancel(&id, "k-1", Some(5_000)).await;
    assert_eq!(reply.status, 202, "{:#}", reply.body);
    assert_eq!(reply["cancels"][0]["status"], "unknown");
    assert_eq!(reply["cancellable_amount"], AMOUNT - 5_000, "what may be gone cannot be cancelled again");
    shop.cancel(&id, "k-2", Some(5_000)).await.expect(409, "cancel_in_progress");

    let payment = shop.until_in_time(&id, |payment| payment["cancels"][0]["status"] == "done").await;
    assert_eq!(payment["amount_cancelled"], 5_000);
    assert_eq!(payment["cancels"].as_array().unwrap().len(), 1);
    shop.cancel(&id, "k-1", Some(5_000)).await.expect(200, "partially_cancelled");
}

/// The cancel never arrived: it is sent again, under the same key.
pub(crate) async fn a_cancel_that_got_lost_is_sent_again(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    shop.faults(json!([{ "call": "cancel", "fault": "reset_before" }])).await;
    let reply = shop.cancel(&id, "k-1", None).await;
    assert_eq!(reply.status, 202, "{:#}", reply.body);
    shop.until_in_time(&id, |payment| payment["status"] == "cancelled").await;
    let keys = keys_of(&shop.calls("cancel").await);
    assert!(keys.len() >= 2 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

/// The PG refuses a token before its time: another is fetched, and nobody notices.
pub(crate) async fn a_token_refused_early_is_fetched_anew(shop: &mut Shop) {
    let first = shop.paid("order-1").await;
    let tokens = shop.calls("get_token").await.len();
    shop.faults(json!([{ "call": "cancel", "fault": "unauthorized" }])).await;
    shop.cancel(&first, "k-1", None).await.expect(200, "cancelled");
    assert_eq!(shop.calls("get_token").await.len(), tokens + 1);
}

/// Keys that the PG refuses are an operator's matter, never the card's.
pub(crate) async fn refused_keys_are_not_a_decline(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    shop.faults(json!([{ "call": "confirm", "fault": "unauthorized" }])).await;
    shop.confirm(&id, &result).await.expect(502, "provider_misconfigured");
    let payment = shop.payment(&id).await;
    assert_eq!(payment["status"], "ready");
    shop.next_action(&id).await.expect(200, "ready");
    shop.pay(&id).await;
}

/// The server stops with a confirm that was not answered, and starts again on its data.
pub(crate) async fn a_restart_goes_on_with_a_confirm(shop: &mut Shop) {
    let (id, status) = confirmed_under(shop, json!({ "fault": "timeout_before", "for_ms": 1_200 })).await;
    assert_eq!(status, 202);
    shop.demo.stop().await;
    shop.demo.resume().await;
    let payment = resolved(shop, &id).await;
    assert_eq!(payment["amount_paid"], AMOUNT);
}

fn keys_of(calls: &[Value]) -> Vec<Value> {
    calls.iter().map(|call| call["headers"]["idempotency-key"].clone()).collect()
}
