//! Payments as PortOne sends them, in our words.

use jiff::Timestamp;
use paymux_core::model::{
    CardIssuer, FailureReason, IdSource, Method, MethodDetail, Mode, Money, PgCancelStatus, PgStatus, Secret,
    Snapshot, SnapshotCancel,
};
use serde_json::{Value, json, value::RawValue};

use super::{IMP_UID, account, order_id, payment};
use crate::v1::wire::{Body, Unreadable, snapshot};

fn try_read(changes: Value) -> Result<Snapshot, Unreadable> {
    snapshot(&RawValue::from_string(payment(changes).to_string()).unwrap())
}

fn read(changes: Value) -> Option<Snapshot> {
    try_read(changes).ok()
}

fn with(mut fields: Value, more: &Value) -> Value {
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

#[test]
fn status_and_money_are_read_together() {
    let entry =
        json!([{"amount": 3000, "cancelled_at": 1, "reason": null, "cancellation_id": "c", "pg_tid": "t"}]);
    for (changes, status, paid, cancelled) in [
        (json!({}), PgStatus::Paid, 10_000, 0),
        (json!({"amount": 10_000.0, "cancel_amount": 0.0}), PgStatus::Paid, 10_000, 0),
        // Partly cancelled: the status stays paid.
        (json!({"cancel_amount": 3000, "cancel_history": entry}), PgStatus::Paid, 10_000, 3_000),
        (json!({"status": "cancelled", "cancel_amount": 10000}), PgStatus::Paid, 10_000, 10_000),
        // Closed before any money came, whatever stands in the amounts.
        (json!({"status": "cancelled", "paid_at": 0}), PgStatus::Closed, 0, 0),
        (json!({"status": "cancelled", "paid_at": 0, "cancel_amount": 10000}), PgStatus::Closed, 0, 0),
        (json!({"status": "ready", "paid_at": 0}), PgStatus::Open, 0, 0),
        (account(), PgStatus::AwaitingDeposit, 0, 0),
        // The window of an account, opened and left.
        (with(account(), &json!({"vbank_num": null})), PgStatus::Open, 0, 0),
        (with(account(), &json!({"vbank_num": ""})), PgStatus::Open, 0, 0),
        (with(account(), &json!({"pay_method": "card"})), PgStatus::Open, 0, 0),
        // Past its time: the core compares.
        (with(account(), &json!({"vbank_date": 1})), PgStatus::AwaitingDeposit, 0, 0),
        (with(account(), &json!({"status": "paid", "paid_at": 1_772_400_000})), PgStatus::Paid, 10_000, 0),
        (json!({"status": "failed", "paid_at": 0}), PgStatus::Failed, 0, 0),
        (with(account(), &json!({"status": "cancelled"})), PgStatus::Closed, 0, 0),
        (with(account(), &json!({"status": "failed"})), PgStatus::Closed, 0, 0),
        (with(account(), &json!({"status": "failed", "vbank_num": null})), PgStatus::Failed, 0, 0),
        (json!({"cancel_history": null}), PgStatus::Paid, 10_000, 0),
    ] {
        let snapshot = read(changes.clone()).unwrap_or_else(|| panic!("{changes}"));
        assert_eq!(snapshot.status, status, "{changes}");
        assert_eq!(snapshot.total, Money::krw(10_000), "{changes}");
        assert_eq!((snapshot.paid.amount(), snapshot.cancelled.amount()), (paid, cancelled), "{changes}");
        assert_eq!(snapshot.cancellable, Money::krw(paid - cancelled), "{changes}");
        assert!(snapshot.discount.is_zero() && snapshot.disputed.is_none(), "{changes}");
    }
}

#[test]
fn unreadable_payment_names_the_field_and_no_value() {
    for (changes, field) in [
        (json!({"status": "canary"}), "status"),
        (json!({"status": null}), "status"),
        (json!({"currency": "canary"}), "currency"),
        (json!({"currency": null}), "currency"),
        (json!({"amount": "canary"}), "amount"),
        (json!({"amount": null}), "amount"),
        (json!({"amount": -1}), "amount"),
        (json!({"amount": 10000.5}), "amount"),
        (json!({"cancel_amount": 10001}), "cancel_amount"),
        (json!({"cancel_amount": null}), "cancel_amount"),
        (json!({"status": "cancelled", "cancel_amount": 0}), "cancel_amount"),
        (json!({"status": "cancelled", "cancel_amount": 10000, "paid_at": null}), "paid_at"),
        (json!({"status": "cancelled", "cancel_amount": 10000, "paid_at": "canary"}), "paid_at"),
        (json!({"sandbox": null}), "sandbox"),
        (json!({"sandbox": "canary"}), "sandbox"),
        (json!({"imp_uid": ""}), "imp_uid"),
        (json!({"imp_uid": "../canary"}), "imp_uid"),
        (json!({"merchant_uid": null}), "merchant_uid"),
        (json!({"cancel_amount": 1, "cancel_history": [{"amount": "canary"}]}), "cancel_history.amount"),
        (json!({"cancel_amount": 1, "cancel_history": "canary"}), "cancel_history"),
        (json!({"promotion": {"discount": "canary"}}), "promotion.discount"),
        (json!({"promotion": {"discount": 10_001}}), "promotion.discount"),
    ] {
        let error = try_read(changes.clone()).expect_err(&changes.to_string()).to_string();
        assert!(error.contains(&format!("{field} is ")), "{changes}: {error}");
        assert!(!error.contains("canary"), "{changes}: {error}");
    }
}

#[test]
fn discount_is_part_of_the_amount_and_of_the_checksum() {
    for (promotion, discount) in [
        (json!({"id": "promotion-id-1", "discount": 1000}), 1_000),
        (json!({"id": "promotion-id-1", "discount": 1000.0}), 1_000),
        (json!({"id": "promotion-id-1", "discount": null}), 0),
        (json!({}), 0),
        (json!([]), 0),
        (json!("a text"), 0),
        (Value::Null, 0),
    ] {
        let snapshot = read(json!({"promotion": promotion, "cancel_amount": 3000})).unwrap();
        assert_eq!((snapshot.total, snapshot.cancelled), (Money::krw(10_000), Money::krw(3_000)));
        assert_eq!(snapshot.discount, Money::krw(discount), "{promotion}");
        assert_eq!(snapshot.paid, Money::krw(10_000 - discount), "{promotion}");
        assert_eq!(snapshot.cancellable, Money::krw(7_000), "{promotion}");
    }
    let promotion = json!({"promotion": {"discount": 1000}, "status": "cancelled", "cancel_amount": 10000});
    assert!(read(promotion).unwrap().is_fully_cancelled());
}

#[test]
fn cancels_are_none_only_without_a_history() {
    for (changes, cancels) in [
        (json!({"cancel_history": null}), None),
        (json!({"cancel_history": []}), Some(0)),
        (json!({"cancel_history": null, "cancel_amount": 3000}), None),
        // Of an unpaid account that was closed: no money went back.
        (json!({"status": "cancelled", "paid_at": 0, "cancel_history": [{"amount": 10000}]}), Some(0)),
    ] {
        let found = read(changes.clone()).unwrap().cancels;
        assert_eq!(found.map(|cancels| cancels.len()), cancels, "{changes}");
    }
}

#[test]
fn numbers_as_texts_and_texts_as_numbers_are_read() {
    let changes = json!({"merchant_uid": 20_260_301, "paid_at": "1772327712"});
    let snapshot = read(changes).unwrap();
    assert_eq!(snapshot.order_id, "20260301");
    assert_eq!(snapshot.paid_at, Timestamp::from_second(1_772_327_712).ok());
    assert_eq!(read(json!({"paid_at": null})).unwrap().paid_at, None);
}

#[test]
fn fields_of_a_paid_card_are_kept() {
    let raw = RawValue::from_string(payment(json!({"amount": 10_000.0})).to_string()).unwrap();
    let snapshot = snapshot(&raw).unwrap();
    assert_eq!(snapshot.pg_payment_id.as_str(), IMP_UID);
    assert_eq!(snapshot.order_id, order_id().as_str());
    assert_eq!(snapshot.raw_status, "paid");
    assert_eq!(snapshot.method, Some(Method::Card));
    assert_eq!(snapshot.mode, Some(Mode::Test));
    assert_eq!(snapshot.paid_at, Timestamp::from_second(1_772_327_712).ok());
    assert_eq!(snapshot.receipt_url.as_deref(), Some("https://example.invalid/r/1"));
    assert_eq!((snapshot.failure, snapshot.virtual_account, snapshot.cash_receipt), (None, None, None));
    assert_eq!(snapshot.raw.expose(), raw.get());
    let detail = snapshot.method_detail;
    assert_eq!(detail.pg_method.as_deref(), Some("card"));
    assert_eq!(detail.card_issuer.unwrap().as_str(), "366");
    assert_eq!(detail.pg_card_issuer.as_deref(), Some("366"));
    assert_eq!(detail.card_number.as_deref(), Some("543333******1234"));
    assert_eq!(detail.installment_months, Some(0));
    assert_eq!(detail.approval_number.as_deref(), Some("30012345"));
    assert_eq!(read(json!({"sandbox": false})).unwrap().mode, Some(Mode::Live));
    assert!(read(json!({"cash_receipt_issued": true})).unwrap().cash_receipt.is_some());
}

#[test]
fn issued_account_is_shown_with_its_deadline() {
    let account_of = |changes| read(with(account(), &changes)).unwrap().virtual_account.unwrap();
    let issued = account_of(json!({}));
    assert_eq!(issued.account_number, "110-123-456789");
    assert_eq!(issued.bank_code.unwrap().as_str(), "088");
    assert_eq!(issued.pg_bank.as_deref(), Some("088"));
    assert_eq!(issued.holder_name.as_deref(), Some("페이먹스"));
    assert_eq!(issued.due_at, Timestamp::from_second(1_772_500_000).ok());
    assert_eq!(account_of(json!({"vbank_date": 0})).due_at, None);
}

/// The table of PortOne's page of card codes, and the banks' codes where it names none.
#[test]
fn every_card_company_comes_back_as_it_went_out() {
    for issuer in CardIssuer::ALL {
        let code = issuer.code.as_str();
        let detail = read(json!({"card_code": code})).unwrap().method_detail;
        assert_eq!((detail.card_issuer, detail.pg_card_issuer.as_deref()), (Some(issuer.code), Some(code)));
    }
}

#[test]
fn code_that_is_none_of_ours_is_shown_as_the_pgs() {
    let unknown = json!({"card_code": "999", "bank_code": "Z9", "bank_name": "새 은행"});
    let detail = read(unknown).unwrap().method_detail;
    assert_eq!((detail.card_issuer, detail.pg_card_issuer.as_deref()), (None, Some("999")));
    assert_eq!((detail.bank_code, detail.pg_bank.as_deref()), (None, Some("Z9")));
    let named = read(json!({"card_code": null, "card_name": "새카드", "bank_name": "새 은행"})).unwrap();
    let detail = named.method_detail;
    assert_eq!((detail.card_issuer, detail.pg_card_issuer.as_deref()), (None, Some("새카드")));
    assert_eq!((detail.bank_code, detail.pg_bank.as_deref()), (None, Some("새 은행")));
    let account = read(with(account(), &json!({"vbank_code": "S3"}))).unwrap().virtual_account.unwrap();
    assert_eq!((account.bank_code, account.pg_bank.as_deref()), (None, Some("S3")));
}

#[test]
fn bank_is_read_as_the_pg_of_the_row_writes_it() {
    for (pg, written) in [("html5_inicis", "04"), ("kcp", "BK04"), ("daou", "04"), ("tosspayments", "004")] {
        let row = with(account(), &json!({"pg_provider": pg, "vbank_code": written}));
        let account = read(row).unwrap().virtual_account.unwrap();
        assert_eq!((account.bank_code.unwrap().as_str(), account.pg_bank.as_deref()), ("004", Some(written)));
    }
    let row = with(account(), &json!({"pg_provider": "daou", "vbank_code": "10"}));
    assert_eq!(read(row).unwrap().virtual_account.unwrap().bank_code.unwrap().as_str(), "088");
}

#[test]
fn our_cancels_are_found_by_the_id_in_the_reason() {
    let id = IdSource::seeded(7).cancel(Timestamp::UNIX_EPOCH);
    let entry = |reason: Value, amount: Value| {
        json!({"pg_tid": "t", "amount": amount, "cancelled_at": 1_772_331_000, "reason": reason,
               "cancellation_id": "cncl-1"})
    };
    let history = [entry(json!(format!("품절 [{id}]")), json!(1000.0)), entry(Value::Null, json!(2000))];
    let cancels = read(json!({"cancel_amount": 3000, "cancel_history": history})).unwrap().cancels.unwrap();
    assert_eq!(cancels.len(), 2);
    assert_eq!((cancels[0].id.as_ref(), cancels[0].amount), (Some(&id), Money::krw(1_000)));
    assert_eq!((cancels[1].id.as_ref(), cancels[1].amount), (None, Money::krw(2_000)));
    assert!(cancels.iter().all(|cancel| cancel.status == PgCancelStatus::Done));
    assert_eq!(cancels[0].pg_cancel_id.as_deref(), Some("cncl-1"));
    assert_eq!(cancels[0].at, Timestamp::from_second(1_772_331_000).ok());
}

#[test]
fn failure_has_a_reason_and_the_pgs_text() {
    let failure = |changes| read(changes).unwrap().failure;
    let closed = failure(json!({"status": "failed", "paid_at": 0, "fail_reason": "사용자가 결제를 취소함"}));
    let closed = closed.unwrap();
    assert_eq!(closed.reason, FailureReason::BuyerClosed);
    assert_eq!(closed.pg.unwrap().message, "사용자가 결제를 취소함");
    let paid = json!({"status": "failed", "paid_at": 1_772_327_712, "fail_reason": "사용자가 결제를 취소함"});
    assert_eq!(failure(paid).unwrap().reason, FailureReason::Other, "it was paid once");
    let contract =
        failure(json!({"status": "failed", "fail_reason": "[8901] 미등록PG업체/거래정지업체"})).unwrap();
    assert_eq!(contract.reason, FailureReason::ProviderMisconfigured);
    assert_eq!(contract.pg.unwrap().message, "[8901] 미등록PG업체/거래정지업체");
    assert_eq!(failure(json!({"status": "failed"})).unwrap().reason, FailureReason::Other);
    assert_eq!(failure(json!({"fail_reason": "text of an earlier attempt"})), None);
}

#[test]
fn methods_are_known_by_method_pg_and_wallet() {
    for (pay_method, pg, inside, method, wallet) in [
        ("card", "html5_inicis", None, Some(Method::Card), None),
        ("trans", "nice_v2", None, Some(Method::Transfer), None),
        ("phone", "danal", None, Some(Method::MobilePhone), None),
        ("vbank", "tosspayments", None, Some(Method::VirtualAccount), None),
        ("vbank", "tosspayments", Some("tosspay"), Some(Method::VirtualAccount), None),
        ("card", "html5_inicis", Some("kakaopay"), Some(Method::EasyPay), Some("kakaopay")),
        ("card", "html5_inicis", Some("kakopay"), Some(Method::EasyPay), Some("kakaopay")),
        ("samsung", "html5_inicis", None, Some(Method::EasyPay), Some("samsungpay")),
        ("samsungpay", "html5_inicis", None, Some(Method::EasyPay), Some("samsungpay")),
        ("point", "kakaopay", None, Some(Method::EasyPay), Some("kakaopay")),
        ("card", "tosspay_v2", None, Some(Method::EasyPay), Some("tosspay")),
        ("naverpay_point", "naverpay", None, Some(Method::EasyPay), Some("naverpay")),
        ("cultureland", "danal_tpay", None, None, None),
        ("a_method_of_next_year", "a_pg", None, None, None),
    ] {
        let changes = json!({"pay_method": pay_method, "pg_provider": pg, "emb_pg_provider": inside});
        let snapshot = read(changes).unwrap();
        assert_eq!(snapshot.method, method, "{pay_method} {pg}");
        assert_eq!(snapshot.method_detail.easy_pay_provider.as_deref(), wallet, "{pay_method} {pg}");
    }
}

#[test]
fn display_fields_of_any_type_hide_no_payment() {
    for field in
        ["pay_method", "card_quota", "card_number", "vbank_date", "receipt_url", "cash_receipt_issued"]
    {
        for value in [json!(null), json!(5), json!("5"), json!(true), json!({}), json!([])] {
            assert!(read(json!({ field: value })).is_some(), "{field}");
        }
    }
}

/// A card payment of 10,000 KRW with 3,000 cancelled, composed after PortOne's schema and real answers.
#[test]
fn part_cancelled_payment_is_read_whole() {
    let body = Body(include_bytes!("part_cancelled_payment.json").to_vec());
    let raw = body.envelope().unwrap().response.unwrap();
    let expected = Snapshot {
        pg_payment_id: "imp_310224879012".parse().unwrap(),
        order_id: "ord-20260301-0007".to_owned(),
        status: PgStatus::Paid,
        raw_status: "paid".to_owned(),
        total: Money::krw(10_000),
        discount: Money::krw(0),
        paid: Money::krw(10_000),
        cancelled: Money::krw(3_000),
        cancellable: Money::krw(7_000),
        cancels: Some(vec![SnapshotCancel {
            pg_cancel_id: Some("cncl-1".to_owned()),
            id: None,
            amount: Money::krw(3_000),
            reason: Some("부분 환불".to_owned()),
            status: PgCancelStatus::Done,
            chargeback: false,
            at: Timestamp::from_second(1_772_331_000).ok(),
        }]),
        mode: Some(Mode::Test),
        disputed: None,
        paid_at: Timestamp::from_second(1_772_327_712).ok(),
        failure: None,
        method: Some(Method::Card),
        method_detail: MethodDetail {
            pg_method: Some("card".to_owned()),
            card_issuer: "366".parse().ok(),
            pg_card_issuer: Some("366".to_owned()),
            card_number: Some("543333******1234".to_owned()),
            installment_months: Some(0),
            approval_number: Some("30012345".to_owned()),
            easy_pay_provider: None,
            bank_code: None,
            pg_bank: None,
        },
        virtual_account: None,
        channel_pg: Some("html5_inicis".to_owned()),
        receipt_url: Some("https://example.invalid/r/1".to_owned()),
        cash_receipt: None,
        raw: Secret::new(raw.get()),
    };
    assert_eq!(snapshot(&raw), Ok(expected));
}
