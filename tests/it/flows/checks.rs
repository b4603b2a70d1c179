//! Money is accepted as ours only if everything about it is right: each check fails alone here.
//!
//! One field of the PG's answer is changed, which no simulated PG would do by itself.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::{AMOUNT, Reply, Shop};

/// The buyer has paid, and the PG answers every question about it with its payment as `change` leaves it.
async fn confirmed_with(shop: &Shop, id: &str, change: impl FnOnce(&mut Value)) -> Reply {
    let result = shop.buyer(id, "approve").await;
    let mut payment = as_the_pg_shows_it(shop, &result).await;
    change(&mut payment);
    let by_order =
        json!({ "code": 0, "response": { "total": 1, "previous": 0, "next": 0, "list": [payment] } });
    let by_id = json!({ "code": 0, "response": payment });
    let answers = if shop.confirms() {
        vec![("confirm", payment.clone()), ("get", payment)]
    } else {
        vec![("get", by_id), ("find_all", by_order)]
    };
    let rule =
        |(call, body): (&str, Value)| json!({ "call": call, "fault": "garbled", "body": body, "times": 100 });
    let mut rules: Vec<_> = answers.into_iter().map(rule).collect();
    // A cancel because of the changed answer is not accepted while it lasts.
    rules.push(json!({ "call": "cancel", "fault": "error_before", "status": 429, "times": 100 }));
    shop.faults(json!(rules)).await;
    shop.confirm(id, &result).await
}

/// The payment as the PG's API shows it once it is paid.
async fn as_the_pg_shows_it(shop: &Shop, result: &Value) -> Value {
    if shop.confirms() {
        return json!({
            "version": "2022-11-16", "type": "NORMAL", "status": "DONE", "method": "카드",
            "paymentKey": result["paymentKey"], "orderId": result["orderId"],
            "currency": "KRW", "totalAmount": AMOUNT, "balanceAmount": AMOUNT,
            "requestedAt": "2026-01-01T09:00:00+09:00", "approvedAt": "2026-01-01T09:00:00+09:00",
        });
    }
    let books = shop.simulator("payments").await;
    let row = books.iter().find(|row| row["pg_id"] == result["imp_uid"]).unwrap();
    json!({
        "imp_uid": result["imp_uid"], "merchant_uid": result["merchant_uid"], "status": "paid",
        "pay_method": "card", "amount": AMOUNT, "cancel_amount": 0, "currency": "KRW", "sandbox": true,
        "paid_at": row["paid_at"],
    })
}

/// A shop in which no webhook comes: only the answers count.
async fn registered(shop: &Shop) -> String {
    shop.faults(json!([{ "call": "webhook", "fault": "drop", "times": 100 }])).await;
    shop.register("order-1").await
}

/// The changed answer was refused: nothing of it is ours.
fn assert_refused(reply: Reply) {
    let refused = reply.expect(409, "payment_mismatch");
    assert_eq!(refused["payment"]["amount_paid"], 0);
    assert_ne!(refused["payment"]["status"], "paid");
}

/// The PG comes to its senses; nobody's money is lost.
async fn the_truth_is_found(shop: &Shop, id: &str) {
    shop.no_faults().await;
    // The real state shows less or more than the false answer: for a while that looks like a stale answer.
    shop.advance(Duration::from_secs(120)).await;
    let verified = shop.verify(id).await;
    assert_eq!(verified.status, 200, "{:#}", verified.body);
}

/// What only differs in currency or mode is nobody's to give back: an operator who finds the money in order accepts it.
async fn a_person_decides(shop: &Shop, id: &str) {
    assert_eq!(shop.calls("cancel").await.len(), 0, "nothing goes back by itself");
    assert_eq!(shop.payment(id).await["duplicates"][0]["role"], "mismatched");
    the_truth_is_found(shop, id).await;
    let reviews = shop.open_reviews(id).await;
    assert_eq!(reviews.len(), 1, "{reviews:#?}");
    assert_eq!(reviews[0]["reason"], "mismatch_not_cancelled");
    shop.close_review(&reviews[0], "done").await;
    assert_eq!(shop.payment(id).await["status"], "paid");
}

/// The same without a change is paid: what the others refuse, they refuse because of it.
pub(crate) async fn the_truth_is_accepted(shop: &mut Shop) {
    let id = registered(shop).await;
    confirmed_with(shop, &id, |_| {}).await.expect(200, "paid");
}

pub(crate) async fn another_order_id_is_not_ours(shop: &mut Shop) {
    let id = registered(shop).await;
    let name = if shop.confirms() { "orderId" } else { "merchant_uid" };
    let reply = confirmed_with(shop, &id, |payment| payment[name] = "somebody-elses-order".into()).await;
    // An answer about another order than was asked answers nothing: neither paid nor failed.
    let expected = if shop.confirms() { (202, "confirming") } else { (503, "provider_unavailable") };
    reply.expect(expected.0, expected.1);
    assert_eq!(shop.payment(&id).await["amount_paid"], 0);
    assert_eq!(shop.calls("cancel").await.len(), 0, "what is not ours is not given back by us");
    shop.no_faults().await;
    shop.until_in_time(&id, |payment| payment["status"] == "paid").await;
}

pub(crate) async fn another_amount_is_not_ours(shop: &mut Shop) {
    let id = registered(shop).await;
    let reply = confirmed_with(shop, &id, |payment| {
        for name in ["totalAmount", "balanceAmount", "amount"] {
            if payment.get(name).is_some() {
                payment[name] = (AMOUNT - 1).into();
            }
        }
    })
    .await;
    assert_refused(reply);
    let beside = shop.payment(&id).await["duplicates"][0].take();
    assert_eq!((&beside["role"], &beside["amount"]), (&json!("mismatched"), &json!(AMOUNT - 1)));
    assert_eq!(beside["cancels"][0]["origin"], "compensation");
    the_truth_is_found(shop, &id).await;
    // What would go back is not what it was when that was decided: nothing is sent until a person has looked.
    let held =
        shop.until_in_time(&id, |payment| payment["duplicates"][0]["cancels"][0]["held"] == true).await;
    assert_eq!(held["duplicates"][0]["amount"], AMOUNT);
    let reviews = shop.open_reviews(&id).await;
    assert_eq!((reviews.len(), &reviews[0]["reason"]), (1, &json!("compensation_held")));
    // Given back by hand, it needs nobody any more.
    shop.control("cancel", json!({ "payment_id": id })).await;
    shop.advance(Duration::from_secs(120)).await;
    shop.verify(&id).await.expect(200, "ready");
    shop.no_open_reviews(&id).await;
}

pub(crate) async fn another_currency_is_not_ours(shop: &mut Shop) {
    let id = registered(shop).await;
    let reply = confirmed_with(shop, &id, |payment| payment["currency"] = "JPY".into()).await;
    assert_refused(reply);
    a_person_decides(shop, &id).await;
}

/// A payment of the live world in an account for tests.
pub(crate) async fn another_mode_is_not_ours(shop: &mut Shop) {
    let id = registered(shop).await;
    let reply = confirmed_with(shop, &id, |payment| payment["sandbox"] = false.into()).await;
    assert_refused(reply);
    a_person_decides(shop, &id).await;
}

/// "Paid", and no time at which money came; "ready", and a time.
pub(crate) async fn another_status_is_not_paid(shop: &mut Shop) {
    let id = registered(shop).await;
    let (name, status) = if shop.confirms() { ("status", "IN_PROGRESS") } else { ("status", "ready") };
    let reply = confirmed_with(shop, &id, |payment| payment[name] = status.into()).await;
    assert!(matches!(reply["status"].as_str(), Some("ready" | "confirming")), "{:#}", reply.body);
    assert_eq!(reply["amount_paid"], 0);
    shop.no_faults().await;
    shop.until_in_time(&id, |payment| payment["status"] == "paid").await;
}

/// The browser brings our order id with the payment that another order was paid with.
pub(crate) async fn a_pg_payment_pays_one_order(shop: &mut Shop) {
    let other = shop.paid("order-2").await;
    let id = registered(shop).await;
    let used = used_pg_id(shop, &other).await;
    let mut result = shop.buyer(&id, "approve").await;
    let own = result.clone();
    result[pg_id_of(shop)] = used.into();
    shop.confirm(&id, &result).await.expect(409, "payment_mismatch");
    shop.confirm(&id, &own).await.expect(200, "paid");
    assert_eq!(shop.calls("cancel").await.len(), 0, "the other's money stays");
    assert_eq!(shop.payment(&other).await["status"], "paid");
}

/// The PG shows what another order was paid with under our order id.
pub(crate) async fn a_pg_payment_shown_under_two_orders_pays_the_first(shop: &mut Shop) {
    let other = shop.paid("order-2").await;
    let used = used_pg_id(shop, &other).await;
    let id = registered(shop).await;
    let reply = confirmed_with(shop, &id, |payment| payment["imp_uid"] = used.into()).await;
    assert_eq!(reply["amount_paid"].as_u64().unwrap_or(0), 0, "{:#}", reply.body);
    assert_ne!(shop.payment(&id).await["status"], "paid");
    assert_eq!(shop.calls("cancel").await.len(), 0, "the other's money stays");
    shop.no_faults().await;
    shop.until_in_time(&id, |payment| payment["status"] == "paid").await;
    assert_eq!(shop.payment(&other).await["status"], "paid");
}

fn pg_id_of(shop: &Shop) -> &'static str {
    if shop.confirms() { "paymentKey" } else { "imp_uid" }
}

async fn used_pg_id(shop: &Shop, payment: &str) -> String {
    let unique = payment.strip_prefix("pay_").unwrap();
    let books = shop.simulator("payments").await;
    let row = books.iter().find(|row| row["order_id"].as_str().unwrap().contains(unique)).unwrap();
    row["pg_id"].as_str().unwrap().to_owned()
}
