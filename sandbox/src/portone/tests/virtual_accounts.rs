//! Virtual accounts: issued, paid into, too late, closed, paid back.

use serde_json::{Value, json};

use super::super::{DeletedAccount, PortoneConfig};
use super::bench::{Bench, START, failure, imp_uid, success};
use crate::{ControlErrorCode, OrderAction, PayMethod, PayOutcome, PayRequest};

#[tokio::test]
async fn an_account_is_ready_until_the_money_comes() {
    let bench = Bench::start().await;
    let imp_uid = bench.account("order-1", 10_000);
    let issued = bench.payment(&imp_uid).await;
    assert_eq!((&issued["status"], &issued["pay_method"]), (&json!("ready"), &json!("vbank")));
    assert_eq!((&issued["vbank_issued_at"], &issued["paid_at"]), (&json!(START), &json!(0)));
    assert_eq!(issued["vbank_date"], START + 72 * 3_600);
    assert_eq!(issued["vbank_code"], "88", "in the form of KG Inicis");
    assert!(issued["vbank_num"].is_string() && issued["vbank_holder"].is_string(), "{issued}");

    let wrong = bench.control.deposit(&OrderAction::part_of("order-1", 9_999)).unwrap_err();
    assert_eq!(wrong.code, ControlErrorCode::WrongAmount);
    bench.advance(60);
    let row = bench.control.deposit(&OrderAction::part_of("order-1", 10_000)).unwrap();
    assert_eq!((&row["taken"], &row["order_id"]), (&json!(10_000), &json!("order-1")));
    let paid = bench.payment(&imp_uid).await;
    assert_eq!((&paid["status"], &paid["paid_at"]), (&json!("paid"), &json!(START + 60)));
    assert_eq!(paid["vbank_num"], issued["vbank_num"]);

    let again = bench.control.deposit(&OrderAction::all_of("order-1")).unwrap_err();
    assert_eq!(again.code, ControlErrorCode::InvalidState);
}

#[tokio::test]
async fn an_account_past_its_date_stays_ready_and_takes_no_money() {
    let bench = Bench::start().await;
    let sdk = json!({ "vbank_due": "2026-03-01 12:00:00" }).as_object().unwrap().clone();
    let method = Some(PayMethod::VirtualAccount);
    let request = PayRequest { method, sdk, ..PayRequest::new("order-1", PayOutcome::Approve, 1_000) };
    let imp_uid = imp_uid(&bench.control.pay(&request).unwrap());
    let due = bench.payment(&imp_uid).await["vbank_date"].as_u64().unwrap();
    assert_eq!(due, 1_772_334_000);

    bench.advance(due - START + 1);
    assert_eq!(bench.control.payments()[0]["status"], "ready");
    let late = bench.control.deposit(&OrderAction::all_of("order-1")).unwrap_err();
    assert_eq!(late.code, ControlErrorCode::InvalidState);
    assert_eq!(bench.control.payments()[0]["taken"], 0);
}

#[tokio::test]
async fn two_accounts_of_one_order_can_both_be_paid_into() {
    let bench = Bench::start().await;
    let (first, second) = (bench.account("order-1", 1_000), bench.account("order-1", 1_000));
    let third = bench.account("order-1", 1_000);
    let named = OrderAction { pg_id: Some(first.clone()), ..OrderAction::all_of("order-1") };
    bench.control.deposit(&named).unwrap();
    bench.control.deposit(&OrderAction::all_of("order-1")).unwrap();
    for (imp_uid, status) in [(first, "paid"), (second, "ready"), (third, "paid")] {
        assert_eq!(bench.payment(&imp_uid).await["status"], status, "the named one, then the newest");
    }
}

#[tokio::test]
async fn of_several_attempts_the_one_that_makes_sense_is_meant() {
    let bench = Bench::start().await;
    let account = bench.account("order-1", 1_000);
    bench.advance(10);
    bench.visit("order-1", PayOutcome::Close, 1_000);
    bench.control.deposit(&OrderAction::all_of("order-1")).unwrap();
    let cancel = json!({
        "merchant_uid": "order-1",
        "refund_holder": "홍길동",
        "refund_bank": "88",
        "refund_account": "110123456",
    });
    assert_eq!(success(bench.post("/payments/cancel", cancel).await)["imp_uid"], account.as_str());
}

#[tokio::test]
async fn an_account_without_a_deposit_can_be_deleted() {
    for (deleted_account, status) in
        [(DeletedAccount::Cancelled, "cancelled"), (DeletedAccount::Failed, "failed")]
    {
        let bench = Bench::with(PortoneConfig { deleted_account, ..PortoneConfig::default() }).await;
        let imp_uid = bench.account("order-1", 1_000);
        let deleted = success(bench.delete(&format!("/vbanks/{imp_uid}")).await);
        assert_eq!((&deleted["status"], &deleted["cancel_amount"]), (&json!(status), &json!(0)));
        assert!(bench.control.deposit(&OrderAction::all_of("order-1")).is_err());
        assert_eq!(failure(&bench.delete(&format!("/vbanks/{imp_uid}")).await).0, 400, "not ready");

        let card = bench.paid("order-2", 1_000);
        assert_eq!(failure(&bench.delete(&format!("/vbanks/{card}")).await).0, 400, "not vbank");
        assert_eq!(failure(&bench.delete("/vbanks/imp_none").await).0, 404);
    }
}

#[tokio::test]
async fn deposit_refund_is_sent_in_the_bank_codes_of_the_pg() {
    let bench = Bench::start().await;
    let imp_uid = bench.deposited("order-1", 10_000);
    let refund = |bank: &str| json!({ "imp_uid": imp_uid, "refund_holder": "홍길동", "refund_bank": bank, "refund_account": "110-123-456" });
    let without = bench.post("/payments/cancel", json!({ "imp_uid": imp_uid })).await;
    assert_eq!((failure(&without).0, failure(&without).1), (200, 1));
    let other = bench.post("/payments/cancel", refund("088")).await;
    assert_eq!((failure(&other).0, failure(&other).1), (200, -1), "the PG's own refusal");
    assert_eq!(bench.payment(&imp_uid).await["cancel_amount"], 0);
    let done = success(bench.post("/payments/cancel", refund("88")).await);
    assert_eq!((&done["status"], &done["cancel_amount"]), (&json!("cancelled"), &json!(10_000)));
}

#[tokio::test]
async fn an_unpaid_account_is_not_cancelled_by_a_cancel() {
    let bench = Bench::start().await;
    let imp_uid = bench.account("order-1", 1_000);
    let reply = bench.post("/payments/cancel", json!({ "imp_uid": imp_uid })).await;
    assert_eq!((failure(&reply).0, failure(&reply).1), (200, 1));
    assert_eq!(bench.payment(&imp_uid).await["status"], "ready");
}

#[tokio::test]
async fn a_deposit_is_never_reversed() {
    let bench = Bench::start().await;
    bench.deposited("order-1", 1_000);
    let refused = bench.control.reverse(&OrderAction::all_of("order-1")).unwrap_err();
    assert_eq!(refused.code, ControlErrorCode::Unsupported);
    let statuses: Vec<Value> = bench.control.payments().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["paid"]);
}
