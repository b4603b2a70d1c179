//! What happened at the PG without a webhook: the sweep of its list, and look-ups, find it.

use std::time::Duration;

use paymux_sandbox::ForeignPayment;
use serde_json::{Value, json};
use tests::harness::{AMOUNT, Shop};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Somebody cancels in the PG's console. Unnoticed, the shop would ship what the buyer has got the money back for.
#[tokio::test]
async fn console_cancel_without_a_webhook_is_found() {
    for account in ["toss", "portone"] {
        let shop = Shop::open(account, "card").await;
        let (whole, part) = (shop.paid("order-1").await, shop.paid("order-2").await);
        shop.control("cancel", json!({ "payment_id": whole, "notify": false })).await;
        shop.control("cancel", json!({ "payment_id": part, "amount": 4_000, "notify": false })).await;
        shop.advance(3 * HOUR).await;
        let payment = shop.until_status(&whole, "cancelled").await;
        assert_eq!(payment["cancels"][0]["origin"], "pg");
        if !shop.confirms() {
            // PortOne's list shows no part cancels; the payment is looked up a day later.
            shop.advance(DAY).await;
        }
        let payment = shop.until_status(&part, "partially_cancelled").await;
        assert_eq!(payment["amount_cancelled"], 4_000);
        shop.close().await;
    }
}

/// A deposit is reversed. Unnoticed, the shop would ship what was never paid for.
#[tokio::test]
async fn reversed_deposit_without_a_webhook_is_found() {
    let shop = Shop::open("toss", "virtual_account").await;
    let id = shop.paid("order-1").await;
    shop.control("reverse", json!({ "payment_id": id, "notify": false })).await;
    shop.advance(DAY + 3 * HOUR).await;
    let payment = shop.until_in_time(&id, |payment| payment["status"] == "awaiting_deposit").await;
    assert_eq!(payment["amount_paid"], 0);
    assert!(shop.events_of(&id).await.contains(&"payment.deposit_reversed".to_owned()));
    shop.close().await;
}

/// Another system under the same contract writes rows into the PG's list that cannot be read. If one of them ended the sweep,
/// nothing without a webhook would be found any more, for all payments and for ever.
#[tokio::test]
async fn unreadable_row_of_another_system_hides_nothing() {
    let rows = [
        ("toss", json!({ "orderId": null, "currency": "USD", "amount": 12.5, "transactionAt": 17 })),
        (
            "portone",
            json!({ "merchant_uid": 17, "currency": null, "amount": "a lot", "_absent": ["cancel_amount"] }),
        ),
    ];
    for (account, row) in rows {
        let shop = Shop::open(account, "card").await;
        let foreign = |row: &Value| -> ForeignPayment { serde_json::from_value(row.clone()).unwrap() };
        shop.pg().add_foreign_payment(&foreign(&row)).unwrap();
        let id = shop.paid("order-1").await;
        shop.pg().add_foreign_payment(&foreign(&row)).unwrap();
        shop.control("cancel", json!({ "payment_id": id, "notify": false })).await;
        shop.advance(3 * HOUR).await;
        let payment = shop.until_status(&id, "cancelled").await;
        assert_eq!(payment["amount_cancelled"], AMOUNT, "{account}");
        shop.close().await;
    }
}
