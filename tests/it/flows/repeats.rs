//! The merchant's server asks again, asks twice at once, or stops listening.

use std::time::Duration;

use serde_json::json;
use tests::harness::{AMOUNT, Shop, eventually};

pub(crate) async fn a_confirm_is_done_once(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    let first = shop.confirm_with_key(&id, &result, "c-1").await.expect(200, "paid");
    assert!(!first.is_replayed());
    let again = shop.confirm_with_key(&id, &result, "c-1").await.expect(200, "paid");
    assert!(again.is_replayed());
    assert_eq!(again.body, first.body);

    // Under another key, or none, it is the same confirm and so the same payment.
    let other = shop.confirm_with_key(&id, &result, "c-2").await.expect(200, "paid");
    assert!(!other.is_replayed());
    shop.confirm(&id, &result).await.expect(200, "paid");
    shop.confirm_with_key(&id, &json!({ "another": "body" }), "c-1")
        .await
        .expect(422, "idempotency_key_reused");
    assert_eq!(shop.calls("confirm").await.len(), usize::from(shop.confirms()));
}

pub(crate) async fn a_declined_confirm_is_replayed(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "decline").await;
    let first = shop.confirm_with_key(&id, &result, "c-1").await.expect(402, "payment_declined");
    shop.next_action(&id).await.expect(200, "failed");
    shop.pay(&id).await;
    let again = shop.confirm_with_key(&id, &result, "c-1").await.expect(402, "payment_declined");
    assert!(again.is_replayed());
    assert_eq!(again["payment"], first["payment"]);
}

/// Two tabs of one browser, or a page that is loaded twice.
pub(crate) async fn two_confirms_at_once_take_the_money_once(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    let (one, two) = tokio::join!(shop.confirm(&id, &result), shop.confirm(&id, &result));
    for reply in [one, two] {
        assert!(matches!(reply.status, 200 | 202), "{:#}", reply.body);
    }
    shop.until_status(&id, "paid").await;
    assert_eq!(shop.calls("confirm").await.len(), usize::from(shop.confirms()));
}

/// The buyer pays in two tabs that were both open.
pub(crate) async fn two_tabs_pay_once(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    shop.next_action(&id).await.expect(200, "ready");
    let first = shop.buyer(&id, "approve").await;
    let second = shop.buyer(&id, "approve").await;
    let (one, two) = tokio::join!(shop.confirm(&id, &first), shop.confirm(&id, &second));
    for reply in [&one, &two] {
        assert!(reply.status < 500, "{:#}", reply.body);
    }
    let payment = shop.until_status(&id, "paid").await;
    assert_eq!(payment["amount_paid"], AMOUNT);
    shop.verify(&id).await.expect(200, "paid");
    let taken = shop.simulator("payments").await.iter().filter(|row| row["taken"] != 0).count();
    if taken > 1 {
        // Only a PG that takes money before we are asked, and does not mind taking it twice.
        assert!(!shop.confirms());
        shop.wait_until(&id, |payment| payment["duplicates"][0]["cancels"][0]["status"] == "done").await;
        let events = shop.events_of(&id).await;
        for kind in ["payment.duplicate_found", "payment.duplicate_cancelled"] {
            assert_eq!(events.iter().filter(|event| *event == kind).count(), 1, "{kind} in {events:?}");
        }
    }
}

pub(crate) async fn a_cancel_is_done_once(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    let first = shop.cancel(&id, "k-1", Some(5_000)).await.expect(200, "partially_cancelled");
    let again = shop.cancel(&id, "k-1", Some(5_000)).await.expect(200, "partially_cancelled");
    assert!(again.is_replayed() && !first.is_replayed());
    assert_eq!(again.body, first.body);
    shop.cancel(&id, "k-1", Some(6_000)).await.expect(422, "idempotency_key_reused");
    assert_eq!(shop.calls("cancel").await.len(), 1);
    // Under another key it is another cancel.
    shop.cancel(&id, "k-2", Some(5_000)).await.expect(200, "partially_cancelled");
    assert_eq!(shop.payment(&id).await["amount_cancelled"], 10_000);
}

pub(crate) async fn a_cancel_needs_a_key(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    shop.cancel_as(&id, None, &[]).await.expect(400, "idempotency_key_required");
    assert_eq!(shop.calls("cancel").await.len(), 0);
    assert_eq!(shop.payment(&id).await["cancels"], json!([]));
}

/// Two clerks give back two thirds each.
pub(crate) async fn two_cancels_at_once_never_give_back_too_much(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    let (one, two) =
        tokio::join!(shop.cancel(&id, "k-1", Some(10_000)), shop.cancel(&id, "k-2", Some(10_000)));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200, "{:#} {:#}", one.body, two.body);
    assert!(matches!(statuses[1], 409 | 422), "{:#} {:#}", one.body, two.body);
    assert_eq!(shop.payment(&id).await["amount_cancelled"], 10_000);
}

/// The merchant's server hangs up while the PG works on the confirm.
pub(crate) async fn a_caller_who_hangs_up_changes_nothing(shop: &mut Shop) {
    // No other look-up must show it.
    shop.faults(json!([{ "call": "webhook", "fault": "drop", "times": 100 }])).await;
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    let call = if shop.confirms() { "confirm" } else { "get" };
    shop.faults(json!([{ "call": call, "fault": "slow", "for_ms": 300 }])).await;
    let hung_up = tokio::time::timeout(Duration::from_millis(100), shop.confirm(&id, &result)).await;
    assert!(hung_up.is_err(), "the PG was meant to be slow: {hung_up:?}");
    // The events are read and not the payment: reading what is uncertain has it looked up.
    eventually(async || match shop.events_of(&id).await {
        events if events.contains(&"payment.paid".to_owned()) => Ok(()),
        events => Err(format!("{events:?}")),
    })
    .await;
    // The confirm itself went on: nobody had to find out what became of it.
    assert_eq!(shop.calls("get").await.len(), usize::from(!shop.confirms()));
    shop.confirm(&id, &result).await.expect(200, "paid");
}
