//! The buyer deposits into an account, or does not.

use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::{AMOUNT, Reply, Shop};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Longer than any account is open here.
const PAST_DUE: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// How long the PG is on its way with a refund.
const REFUND_TAKES: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// An account that takes no money, and one that does.
const CLOSED: &str = "999123456789";
const OPEN: &str = "110123456789";

/// A registered order with an account that waits for its deposit.
async fn awaiting(shop: &Shop) -> String {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "approve").await;
    let payment = shop.confirm(&id, &result).await.expect(200, "awaiting_deposit");
    assert!(payment["virtual_account"]["account_number"].is_string());
    assert_eq!(payment["amount_paid"], 0);
    id
}

pub(crate) async fn closed_before_the_deposit(shop: &mut Shop) {
    let id = awaiting(shop).await;
    let closed = shop.cancel(&id, "close", None).await.expect(200, "cancelled");
    assert_eq!(closed["amount_cancelled"], 0);
    let refused = shop.try_control("deposit", json!({ "payment_id": id })).await;
    assert_eq!(refused.status, 409, "the account was closed at the PG: {:#}", refused.body);
}

pub(crate) async fn expired_without_a_deposit(shop: &mut Shop) {
    let id = awaiting(shop).await;
    shop.advance(PAST_DUE).await;
    let payment = shop.until_status(&id, "expired").await;
    assert_eq!(payment["failure"]["reason"], "deposit_expired");
    let again = shop.try_register("order-1").await.expect(200, "ready");
    assert_eq!(again.text("id"), id, "an order that expired is opened again");
    shop.pay(&id).await;
}

/// The money came in time, its webhook never did, and the look at the due time saw an old state.
pub(crate) async fn deposit_announced_late(shop: &mut Shop) {
    let id = awaiting(shop).await;
    shop.faults(json!([
        { "call": "webhook", "fault": "drop", "times": 100 },
        { "call": "get", "fault": "stale_read", "times": 100 },
    ]))
    .await;
    shop.control("deposit", json!({ "payment_id": id })).await;
    shop.advance(PAST_DUE).await;
    shop.until_status(&id, "expired").await;
    shop.no_faults().await;
    shop.advance(HOUR * 27).await;
    let payment = shop.until_in_time(&id, |payment| payment["status"] == "paid").await;
    assert_eq!(payment["amount_paid"], AMOUNT);
    assert_eq!(payment["late"], false, "it was paid in time");
}

/// The merchant closes the account just after the buyer has deposited, which no webhook has announced yet.
pub(crate) async fn the_deposit_wins_against_a_close(shop: &mut Shop) {
    // Nor may the account's own webhook cause a look-up that comes late enough to see the deposit.
    shop.faults(json!([{ "call": "webhook", "fault": "drop", "times": 100 }])).await;
    let id = awaiting(shop).await;
    shop.control("deposit", json!({ "payment_id": id })).await;
    let reply = shop.cancel(&id, "close", None).await;
    // A PG whose refusal is not a definite one is asked again before it is believed.
    assert!(matches!(reply.status, 202 | 409), "{:#}", reply.body);
    shop.until_status(&id, "paid").await;
    let payment = shop.until_in_time(&id, |payment| payment["cancels"][0]["status"] == "refused").await;
    assert_eq!(payment["status"], "paid");
    assert_eq!(payment["amount_cancelled"], 0);
    assert_eq!(payment["cancellable_amount"], AMOUNT);
}

pub(crate) async fn reversed_and_made_again(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    shop.control("reverse", json!({ "payment_id": id })).await;
    // What shows less than before is believed the second time, when no answer can be stale any more.
    let payment = shop.until_in_time(&id, |payment| payment["status"] == "awaiting_deposit").await;
    assert_eq!(payment["amount_paid"], 0);
    assert!(payment.get("paid_at").is_none());
    shop.control("deposit", json!({ "payment_id": id })).await;
    let payment = shop.until_status(&id, "paid").await;
    assert_eq!(payment["amount_paid"], AMOUNT);
}

/// Cancels to an account of the buyer's; `None` is all that is left.
async fn cancel_to(shop: &Shop, id: &str, key: &str, amount: Option<u64>, account: &str) -> Reply {
    let refund_account = json!({ "bank_code": "088", "account_number": account, "holder_name": "홍길동" });
    let mut body = json!({ "reason": "재고 없음", "refund_account": refund_account });
    if let Some(amount) = amount {
        body["amount"] = amount.into();
    }
    shop.cancel_with(id, key, &body).await
}

/// KB국민 is `004` to the merchant, `06` at Toss and `04` at KG Inicis, which is behind the demo's PortOne.
pub(crate) async fn a_refund_reaches_the_bank_that_was_named(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    let refund_account = json!({ "bank_code": "004", "account_number": OPEN, "holder_name": "홍길동" });
    let body = json!({ "reason": "재고 없음", "refund_account": refund_account });
    shop.cancel_with(&id, "kb", &body).await.expect(200, "cancelled");
    shop.advance(REFUND_TAKES).await;
    let payment = shop.wait_until(&id, |payment| statuses(payment) == ["done"]).await;
    assert_eq!((&payment["status"], &payment["amount_cancelled"]), (&json!("cancelled"), &json!(AMOUNT)));
    let [sent] = &shop.calls("cancel").await[..] else { panic!("it is sent once") };
    let bank = (&sent["body"]["refundReceiveAccount"]["bank"], &sent["body"]["refund_bank"]);
    let expected =
        if shop.account == "toss" { (json!("06"), Value::Null) } else { (Value::Null, json!("04")) };
    assert_eq!(bank, (&expected.0, &expected.1));
}

/// LS증권: neither Toss nor KG Inicis has a code for it that we know.
pub(crate) async fn a_bank_the_pg_lacks_is_refused_before_it_is_sent(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    let account = |bank: &str| json!({ "bank_code": bank, "account_number": OPEN, "holder_name": "홍길동" });
    let body = json!({ "reason": "재고 없음", "refund_account": account("265") });
    let refused = shop.cancel_with(&id, "ls", &body).await.expect(409, "cancel_refused");
    assert_eq!(refused["reason"], "invalid_refund_account");
    assert!(refused.body.get("pg").is_none(), "{:#}", refused.body);
    assert_eq!(shop.calls("cancel").await.len(), 0);
    let body = json!({ "reason": "재고 없음", "refund_account": account("020") });
    shop.cancel_with(&id, "woori", &body).await.expect(200, "cancelled");
}

/// The status of every cancel, oldest first.
fn statuses(payment: &Value) -> Vec<&str> {
    let rows = payment["cancels"].as_array().unwrap().iter();
    rows.map(|row| row["status"].as_str().unwrap()).collect()
}

/// How often a payment's events say this.
async fn times_announced(shop: &Shop, id: &str, event: &str) -> usize {
    shop.events_of(id).await.iter().filter(|announced| *announced == event).count()
}

/// How many reviews wait for an operator: as the events tell, and as operators see it.
async fn open_reviews(shop: &Shop, id: &str) -> usize {
    let listed = shop.open_reviews(id).await.len();
    let opened = times_announced(shop, id, "payment.review_opened").await;
    assert_eq!(opened - times_announced(shop, id, "payment.review_closed").await, listed);
    listed
}

/// The bank does not take the refund: the payment is paid again, and can be cancelled to another account.
pub(crate) async fn a_refund_that_failed_goes_to_another_account(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    for (so_far, key) in [(1, "first"), (2, "second")] {
        let sent = cancel_to(shop, &id, key, None, CLOSED).await.expect(200, "cancelled");
        assert_eq!(statuses(&sent.body).last(), Some(&"pending"));
        shop.advance(REFUND_TAKES).await;
        let payment = shop.until_status(&id, "paid").await;
        assert_eq!(statuses(&payment), vec!["refused"; so_far]);
        assert_eq!(payment["cancels"][so_far - 1]["failure"]["reason"], "refund_failed");
        cancel_to(shop, &id, key, None, CLOSED).await.expect(409, "cancel_refused");
        assert_eq!(
            (&payment["amount_cancelled"], &payment["cancellable_amount"]),
            (&json!(0), &json!(AMOUNT))
        );
        assert_eq!(open_reviews(shop, &id).await, so_far, "a person is asked at once");
    }

    cancel_to(shop, &id, "third", None, OPEN).await.expect(200, "cancelled");
    shop.advance(REFUND_TAKES).await;
    let payment = shop.wait_until(&id, |payment| statuses(payment) == ["refused", "refused", "done"]).await;
    assert_eq!((&payment["status"], &payment["amount_cancelled"]), (&json!("cancelled"), &json!(AMOUNT)));
    assert_eq!(payment["cancels"][0]["failure"]["reason"], "refund_failed", "what failed stays failed");
    assert_eq!(open_reviews(shop, &id).await, 0, "nobody is needed any more");
    assert_eq!(times_announced(shop, &id, "payment.paid").await, 1, "who ships on it must not ship again");
    assert_eq!(shop.calls("cancel").await.len(), 3);
}

/// The same of one part after another that was paid out. No webhook comes for the failure: a look-up finds it.
pub(crate) async fn a_part_that_failed_goes_to_another_account(shop: &mut Shop) {
    let id = shop.paid("order-1").await;
    shop.faults(json!([{ "call": "webhook", "fault": "drop", "times": 100 }])).await;
    cancel_to(shop, &id, "part", Some(4_000), OPEN).await.expect(200, "partially_cancelled");
    shop.advance(REFUND_TAKES).await;
    shop.wait_until(&id, |payment| statuses(payment) == ["done"]).await;

    cancel_to(shop, &id, "rest", None, CLOSED).await.expect(200, "cancelled");
    shop.advance(REFUND_TAKES).await;
    let payment = shop.wait_until(&id, |payment| statuses(payment) == ["done", "refused"]).await;
    assert_eq!(
        (&payment["status"], &payment["amount_cancelled"]),
        (&json!("partially_cancelled"), &json!(4_000))
    );
    assert_eq!(payment["cancels"][1]["failure"]["reason"], "refund_failed");
    assert_eq!(payment["cancellable_amount"], AMOUNT - 4_000);
    assert_eq!(open_reviews(shop, &id).await, 1);

    cancel_to(shop, &id, "some", Some(1_000), OPEN).await.expect(200, "partially_cancelled");
    shop.advance(REFUND_TAKES).await;
    shop.wait_until(&id, |payment| statuses(payment) == ["done", "refused", "done"]).await;
    assert_eq!(open_reviews(shop, &id).await, 1);

    cancel_to(shop, &id, "all", None, OPEN).await.expect(200, "cancelled");
    shop.advance(REFUND_TAKES).await;
    let payment =
        shop.wait_until(&id, |payment| statuses(payment) == ["done", "refused", "done", "done"]).await;
    assert_eq!((&payment["status"], &payment["amount_cancelled"]), (&json!("cancelled"), &json!(AMOUNT)));
    assert_eq!(open_reviews(shop, &id).await, 0);
}
