//! Bodies as Toss sends them, and what each must mean.

use jiff::Timestamp;
use paymux_core::model::{FailureReason, IdSource};
use serde_json::{Value, json};

use super::*;

const CARD: &str = include_str!("../../../tests/bodies/card.json");
const ACCOUNT: &str = include_str!("../../../tests/bodies/virtual_account.json");
const ACCOUNT_1_3: &str = include_str!("../../../tests/bodies/virtual_account_1_3.json");

/// `body` with the fields of `changes` in place of its own, at any depth.
fn with(body: &str, changes: Value) -> String {
    fn merge(into: &mut Value, changes: Value) {
        match (into, changes) {
            (Value::Object(fields), Value::Object(changes)) => {
                for (name, change) in changes {
                    merge(fields.entry(name).or_insert(Value::Null), change);
                }
            }
            (into, change) => *into = change,
        }
    }
    let mut body = serde_json::from_str(body).unwrap();
    merge(&mut body, changes);
    body.to_string()
}

fn snapshot(body: &str) -> Result<Snapshot, Unreadable> {
    super::snapshot(&Payment::read(body.as_bytes())?, body.as_bytes())
}

fn read(body: &str) -> Snapshot {
    snapshot(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn cancels_of(body: &str) -> Vec<SnapshotCancel> {
    read(body).cancels.unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn approved_card_is_read_whole() {
    let snapshot = read(CARD);
    let expected = Snapshot {
        pg_payment_id: "tshop20260314103015Qe7Rd".parse().unwrap(),
        order_id: "ORD-20260314-8F21C0".to_owned(),
        status: PgStatus::Paid,
        raw_status: "DONE".to_owned(),
        total: Money::krw(27_500),
        discount: Money::krw(0),
        paid: Money::krw(27_500),
        cancelled: Money::krw(0),
        cancellable: Money::krw(27_500),
        cancels: Some(Vec::new()),
        mode: None,
        disputed: None,
        paid_at: Some(at("2026-03-14T01:31:02Z")),
        failure: None,
        method: Some(Method::Card),
        method_detail: MethodDetail {
            pg_method: Some("카드".to_owned()),
            card_issuer: "366".parse().ok(),
            pg_card_issuer: Some("41".to_owned()),
            card_number: Some("51071234****567*".to_owned()),
            installment_months: Some(0),
            approval_number: Some("00000000".to_owned()),
            easy_pay_provider: None,
            bank_code: None,
            pg_bank: None,
        },
        virtual_account: None,
        channel_pg: None,
        receipt_url: Some(
            "https://dashboard.tosspayments.com/receipt/redirection?transactionId=tshop20260314103015Qe7Rd&ref=PX"
                .to_owned(),
        ),
        cash_receipt: None,
        raw: Secret::new(CARD),
    };
    assert_eq!(snapshot, expected);
}

#[test]
fn issued_account_is_no_money_yet() {
    let snapshot = read(ACCOUNT);
    assert_eq!((snapshot.status, snapshot.paid), (PgStatus::AwaitingDeposit, Money::krw(0)));
    assert_eq!((snapshot.total, snapshot.cancelled), (Money::krw(27_500), Money::krw(0)));
    assert_eq!(snapshot.method, Some(Method::VirtualAccount));
    assert_eq!(snapshot.cancellable, Money::krw(0), "the balance is the total before any money came");
    let account = snapshot.virtual_account.unwrap();
    assert_eq!((account.bank_code.unwrap().as_str(), account.pg_bank.as_deref()), ("020", Some("20")));
    assert_eq!(account.account_number, "X56204417730912");
    assert_eq!(account.holder_name.as_deref(), Some("김하늘"));
    assert_eq!(account.due_at, Some(at("2026-03-15T01:31:02Z")));
}

#[test]
fn version_1_3_is_read_by_its_own_names() {
    let snapshot = read(ACCOUNT_1_3);
    assert_eq!((snapshot.status, snapshot.total), (PgStatus::AwaitingDeposit, Money::krw(15_000)));
    let account = snapshot.virtual_account.unwrap();
    assert_eq!((account.bank_code.unwrap().as_str(), account.pg_bank.as_deref()), ("004", Some("국민")));
    let detail = snapshot.method_detail;
    assert_eq!((detail.bank_code.unwrap().as_str(), detail.pg_bank.as_deref()), ("004", Some("국민")));
    // Empty before the deposit.
    let receipt = snapshot.cash_receipt.unwrap();
    assert_eq!((receipt.kind.as_deref(), receipt.number, receipt.url), (Some("소득공제"), None, None));
}

#[test]
fn status_says_what_came_in_and_what_went_back() {
    let approved = "2026-03-14T10:31:02+09:00";
    let closed = json!([{"cancelAmount": 27500, "canceledAt": approved, "transactionKey": "c"}]);
    let cases = [
        (CARD, json!({"status": "DONE"}), PgStatus::Paid, 27_500, 0),
        (CARD, json!({"status": "PARTIAL_CANCELED", "balanceAmount": 20000}), PgStatus::Paid, 27_500, 7_500),
        (CARD, json!({"status": "PARTIAL_CANCELED", "balanceAmount": 0}), PgStatus::Paid, 27_500, 27_500),
        (
            CARD,
            json!({"status": "CANCELED", "balanceAmount": 0, "cancels": closed}),
            PgStatus::Paid,
            27_500,
            27_500,
        ),
        (CARD, json!({"status": "READY", "approvedAt": null}), PgStatus::Open, 0, 0),
        (CARD, json!({"status": "IN_PROGRESS", "approvedAt": null}), PgStatus::Open, 0, 0),
        (CARD, json!({"status": "ABORTED", "approvedAt": null}), PgStatus::Failed, 0, 0),
        (CARD, json!({"status": "EXPIRED", "approvedAt": null}), PgStatus::Expired, 0, 0),
        (ACCOUNT, json!({}), PgStatus::AwaitingDeposit, 0, 0),
        // A deposit of the last minute may be shown after the due date.
        (ACCOUNT, json!({"virtualAccount": {"expired": true}}), PgStatus::AwaitingDeposit, 0, 0),
        (ACCOUNT, json!({"status": "DONE", "approvedAt": approved}), PgStatus::Paid, 27_500, 0),
        // An account that has expired since its deposit.
        (
            ACCOUNT,
            json!({"status": "DONE", "approvedAt": approved, "virtualAccount": {"expired": true}}),
            PgStatus::Paid,
            27_500,
            0,
        ),
        // A deposit that turned out bad, since 2022-06-08: the approval time may still be there.
        (ACCOUNT, json!({"approvedAt": approved}), PgStatus::AwaitingDeposit, 0, 0),
        // The same up to 1.4.
        (
            ACCOUNT,
            json!({"status": "CANCELED", "approvedAt": approved, "balanceAmount": 0}),
            PgStatus::Closed,
            0,
            0,
        ),
        // Closed before the deposit.
        (
            ACCOUNT,
            json!({"status": "CANCELED", "balanceAmount": 0, "cancels": closed}),
            PgStatus::Closed,
            0,
            0,
        ),
        // Cancelled after the deposit.
        (
            ACCOUNT,
            json!({"status": "CANCELED", "approvedAt": approved, "balanceAmount": 0, "cancels": closed}),
            PgStatus::Paid,
            27_500,
            27_500,
        ),
    ];
    for (body, changes, status, paid, cancelled) in cases {
        let snapshot = read(&with(body, changes.clone()));
        let seen = (snapshot.status, snapshot.paid.amount(), snapshot.cancelled.amount());
        assert_eq!(seen, (status, paid, cancelled), "{changes}");
        assert_eq!(snapshot.cancellable.amount(), paid - cancelled, "{changes}");
        assert_eq!(snapshot.paid_at.is_some(), paid > 0, "{changes}");
    }
}

#[test]
fn unreadable_answer_names_the_field_and_the_kind_of_error() {
    for (changes, words) in [
        (json!({"status": "A_STATUS_OF_NEXT_YEAR"}), "status is newer than this code"),
        (json!({"status": 7}), "status is of another type"),
        (json!({"currency": "MUSD"}), "currency is not one we keep books in"),
        (json!({"totalAmount": -1}), "totalAmount is not an amount of its currency"),
        (json!({"totalAmount": "lots"}), "totalAmount is not an amount of its currency"),
        (json!({"totalAmount": null}), "totalAmount is missing"),
        (json!({"balanceAmount": 27501}), "balanceAmount is more than totalAmount"),
        (json!({"balanceAmount": 0.5}), "balanceAmount is not an amount of its currency"),
        (json!({"paymentKey": "a key with spaces"}), "paymentKey is not of the documented form"),
        (json!({"paymentKey": null}), "paymentKey is missing"),
        (json!({"orderId": null}), "orderId is missing"),
        (json!({"orderId": {}}), "orderId is of another type"),
        (json!({"status": "CANCELED", "approvedAt": 7}), "approvedAt is of another type"),
        (json!({"cancels": {}}), "cancels is of another type"),
        (json!({"cancels": [7]}), "cancels is of another type"),
        (json!({"cancels": [{}]}), "cancels[].cancelAmount is missing"),
        (json!({"cancels": [{"cancelAmount": "x"}]}), "cancels[].cancelAmount is not an amount"),
        (
            json!({"cancels": [{"cancelAmount": 1, "cancelReason": 7}]}),
            "cancels[].cancelReason is of another",
        ),
        (
            json!({"cancels": [{"cancelAmount": 1, "cancelStatus": 7}]}),
            "cancels[].cancelStatus is of another",
        ),
        (json!({"virtualAccount": "x"}), "virtualAccount is of another type"),
        (json!({"virtualAccount": {"refundStatus": 7}}), "virtualAccount.refundStatus is of another type"),
        (json!({"virtualAccount": {"accountNumber": 7}}), "virtualAccount.accountNumber is of another type"),
        (json!({"discount": 500}), "discount is of another type"),
        (json!({"discount": {"amount": "x"}}), "discount.amount is not an amount of its currency"),
        (json!({"discount": {"amount": 27501}}), "discount.amount is more than totalAmount"),
    ] {
        let error = snapshot(&with(CARD, changes.clone())).unwrap_err().to_string();
        assert!(error.contains(words), "{changes}: {error}");
    }
}

#[test]
fn body_that_is_no_payment_is_unreadable() {
    for body in ["", "null", "{}", "[]", "<html>", r#"{"paymentKey": "k""#] {
        assert!(snapshot(body).is_err(), "{body}");
    }
}

#[test]
fn unreadable_answer_is_not_quoted() {
    for changes in [json!({"cancels": "canary"}), json!({"status": "canary"}), json!({"currency": "canary"})]
    {
        let error = snapshot(&with(CARD, changes)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
    let broken = format!("{}canary", &CARD[..CARD.len() / 2]);
    assert!(!format!("{:?}", snapshot(&broken).unwrap_err()).contains("canary"));
}

#[test]
fn discount_is_what_the_buyer_does_not_pay_of_the_total() {
    for (changes, discount) in [
        (json!({"discount": null}), 0),
        (json!({"discount": {"amount": null}}), 0),
        // `card.amount` has the instant discount in it.
        (json!({"discount": {"amount": 2500}, "card": {"amount": 27500}}), 2_500),
        // A card in a wallet, its instant discount, and points.
        (
            json!({"method": "간편결제", "discount": {"amount": 2500}, "card": {"amount": 26500},
                "easyPay": {"provider": "토스페이", "amount": 0, "discountAmount": 1000}}),
            2_500,
        ),
        // Points alone: Toss calls it `DONE`, and it is paid.
        (
            json!({"method": "간편결제", "card": null,
                "easyPay": {"provider": "네이버페이", "amount": 0, "discountAmount": 27500}}),
            0,
        ),
    ] {
        let snapshot = read(&with(CARD, changes.clone()));
        assert_eq!(
            (snapshot.discount, snapshot.total),
            (Money::krw(discount), Money::krw(27_500)),
            "{changes}"
        );
        assert_eq!(snapshot.paid.checked_add(snapshot.discount), Ok(snapshot.total), "{changes}");
        assert!(snapshot.shows_outcome(), "{changes}");
    }
}

#[test]
fn cancels_count_with_the_discount() {
    let changes = json!({"status": "PARTIAL_CANCELED", "balanceAmount": 20000, "discount": {"amount": 2500}});
    let snapshot = read(&with(CARD, changes));
    assert_eq!((snapshot.paid, snapshot.cancelled), (Money::krw(25_000), Money::krw(7_500)));
    assert_eq!((snapshot.cancellable, snapshot.full_cancel()), (Money::krw(20_000), Money::krw(27_500)));

    let all = json!({"status": "CANCELED", "balanceAmount": 0, "discount": {"amount": 2500}});
    let snapshot = read(&with(CARD, all));
    assert!(snapshot.is_fully_cancelled(), "{snapshot:?}");
}

#[test]
fn webhook_secret_is_read_where_it_is_present() {
    let secret = |body: &str| Payment::read(body.as_bytes()).unwrap().webhook_secret();
    assert_eq!(secret(ACCOUNT), Some(Secret::new("ps_K3vZp8QmR1xTn6WdYb2LcHf7Jg9S")));
    for none in [json!(null), json!(""), json!(7)] {
        assert_eq!(secret(&with(ACCOUNT, json!({"secret": none}))), None, "{none}");
    }
}

#[test]
fn unreadable_display_field_is_left_out() {
    for changes in [
        json!({"card": "soon", "receipt": 7, "easyPay": 7, "failure": {}, "cashReceipt": "x",
            "transfer": false}),
        json!({"card": {"installmentPlanMonths": -1}, "approvedAt": "yesterday", "method": "문화상품권"}),
        json!({"card": null, "receipt": null, "method": 7, "currency": null, "unknownField": {"a": 1}}),
    ] {
        let snapshot = read(&with(CARD, changes.clone()));
        assert_eq!((snapshot.status, snapshot.paid), (PgStatus::Paid, Money::krw(27_500)), "{changes}");
    }
    let gift = read(&with(CARD, json!({"method": "문화상품권"})));
    assert_eq!((gift.method, gift.method_detail.pg_method.as_deref()), (None, Some("문화상품권")));
}

#[test]
fn code_that_is_none_of_ours_is_shown_as_toss_own() {
    for (changes, issuer, bank) in [
        (json!({"card": {"issuerCode": "6I"}}), Some("6I"), None),
        (json!({"card": {"issuerCode": null}}), None, None),
        (json!({"card": null, "transfer": {"bankCode": "Z9"}}), None, Some("Z9")),
    ] {
        let detail = read(&with(CARD, changes)).method_detail;
        assert_eq!((detail.card_issuer, detail.bank_code), (None, None));
        assert_eq!((detail.pg_card_issuer.as_deref(), detail.pg_bank.as_deref()), (issuer, bank));
    }
    let unknown = json!({"virtualAccount": {"accountNumber": "X1", "bankCode": "04"}});
    let account = read(&with(ACCOUNT, unknown)).virtual_account.unwrap();
    assert_eq!((account.bank_code, account.pg_bank.as_deref()), (None, Some("04")));
}

#[test]
fn fields_of_every_version_are_found() {
    let old = with(CARD, json!({"card": {"issuerCode": null}}));
    let mut old: Value = serde_json::from_str(&old).unwrap();
    let card = old["card"].as_object_mut().unwrap();
    card.remove("issuerCode");
    card.insert("company".to_owned(), json!("신한"));
    card.insert("receiptUrl".to_owned(), json!("https://old.example/receipt"));
    old["receipt"] = Value::Null;
    old["easyPay"] = json!("토스페이");
    let snapshot = read(&old.to_string());
    assert_eq!(snapshot.method_detail.card_issuer.unwrap().as_str(), "366");
    assert_eq!(snapshot.method_detail.pg_card_issuer.as_deref(), Some("신한"));
    assert_eq!(snapshot.receipt_url.as_deref(), Some("https://old.example/receipt"));
    assert_eq!(snapshot.method, Some(Method::EasyPay));
    assert_eq!(snapshot.method_detail.easy_pay_provider.as_deref(), Some("토스페이"));

    let wallet = json!({"method": "간편결제", "card": null,
        "easyPay": {"provider": "네이버페이", "amount": 27500, "discountAmount": 0}});
    let snapshot = read(&with(CARD, wallet));
    assert_eq!(snapshot.method, Some(Method::EasyPay));
    assert_eq!(snapshot.method_detail.easy_pay_provider.as_deref(), Some("네이버페이"));

    let transfer = json!({"method": "계좌이체", "card": null,
        "transfer": {"bankCode": "88", "settlementStatus": "INCOMPLETED"},
        "cashReceipt": {"type": "소득공제", "issueNumber": "276391", "receiptUrl": "https://r.example"}});
    let snapshot = read(&with(CARD, transfer));
    let bank = snapshot.method_detail.bank_code.unwrap();
    assert_eq!((snapshot.method, bank.as_str()), (Some(Method::Transfer), "088"));
    assert_eq!(snapshot.cash_receipt.unwrap().number.as_deref(), Some("276391"));

    let phone = json!({"method": "휴대폰", "card": null, "receipt": null,
        "mobilePhone": {"customerMobilePhone": "01012341234", "receiptUrl": "https://p.example"}});
    assert_eq!(read(&with(CARD, phone)).receipt_url.as_deref(), Some("https://p.example"));
}

#[test]
fn due_date_without_offset_is_korean_time() {
    let account = with(ACCOUNT, json!({"virtualAccount": {"dueDate": "2026-03-15T10:31:02"}}));
    assert_eq!(read(&account).virtual_account.unwrap().due_at, Some(at("2026-03-15T01:31:02Z")));
}

#[test]
fn dollars_are_read_to_the_cent() {
    let dollars = json!({"currency": "USD", "totalAmount": 181.56, "balanceAmount": 81.5,
        "status": "PARTIAL_CANCELED"});
    let snapshot = read(&with(CARD, dollars));
    assert_eq!((snapshot.paid.to_major(), snapshot.cancelled.to_major()), ("181.56".into(), "100.06".into()));
}

#[test]
fn failure_has_our_reason() {
    for (code, reason) in [
        ("EXPIRED_PAYMENT", FailureReason::SessionExpired),
        ("REJECT_CARD_COMPANY", FailureReason::IssuerDeclined),
        ("PAY_PROCESS_CANCELED", FailureReason::BuyerClosed),
        ("USER_CANCEL", FailureReason::BuyerClosed),
        ("INVALID_API_KEY", FailureReason::ProviderMisconfigured),
        ("A_CODE_OF_NEXT_YEAR", FailureReason::Other),
    ] {
        let changes =
            json!({"status": "ABORTED", "approvedAt": null, "failure": {"code": code, "message": "x"}});
        assert_eq!(read(&with(CARD, changes)).failure.unwrap().reason, reason, "{code}");
    }
}

#[test]
fn our_cancels_are_known_by_the_id_in_their_reason() {
    let id = IdSource::seeded(5).cancel(Timestamp::UNIX_EPOCH);
    let cancels = json!([
        {"cancelAmount": 7500, "cancelReason": format!("부분 품절 [{id}]"), "refundableAmount": 20000,
         "canceledAt": "2026-03-15T09:00:00+09:00", "transactionKey": "txrd_1", "cancelStatus": "DONE",
         "receiptKey": null},
        {"cancelAmount": 500, "cancelReason": "콘솔에서", "refundableAmount": 19500,
         "canceledAt": "2026-03-15T09:00:00+09:00"},
        {"cancelAmount": 500, "cancelReason": null, "refundableAmount": 19000,
         "canceledAt": "2026-03-15T09:00:00+09:00"},
    ]);
    let changes = json!({"status": "PARTIAL_CANCELED", "balanceAmount": 19000, "cancels": cancels});
    let cancels = cancels_of(&with(CARD, changes));
    let first = SnapshotCancel {
        pg_cancel_id: Some("txrd_1".to_owned()),
        id: Some(id.clone()),
        amount: Money::krw(7_500),
        reason: Some(format!("부분 품절 [{id}]")),
        status: PgCancelStatus::Done,
        chargeback: false,
        at: Some(at("2026-03-15T00:00:00Z")),
    };
    assert_eq!(cancels[0], first);
    assert_eq!((&cancels[1].id, &cancels[2].id), (&None, &None));
    // Old versions name no cancel: two that look alike still have two names.
    assert_ne!(cancels[1].pg_cancel_id, cancels[2].pg_cancel_id);
}

#[test]
fn deposit_is_back_only_when_its_refund_completed() {
    use PgCancelStatus::{Done, Failed, Pending};
    for (own, refund, expected) in [
        (json!("DONE"), json!("COMPLETED"), Done),
        (json!("DONE"), json!("PENDING"), Pending),
        (json!("DONE"), json!("NONE"), Pending),
        (json!("DONE"), json!("A_STATUS_OF_NEXT_YEAR"), Pending),
        (json!("DONE"), json!("FAILED"), Failed),
        (json!("DONE"), json!("PARTIAL_FAILED"), Failed),
        (json!("DONE"), json!(null), Done),
        (json!(null), json!("COMPLETED"), Done),
        (json!("IN_PROGRESS"), json!("COMPLETED"), Pending),
        (json!("ABORTED"), json!("NONE"), Failed),
        (json!("A_STATUS_OF_NEXT_YEAR"), json!("COMPLETED"), Pending),
    ] {
        let changes = json!({
            "status": "CANCELED", "approvedAt": "2026-03-14T10:31:02+09:00", "balanceAmount": 0,
            "virtualAccount": {"refundStatus": refund},
            "cancels": [{"cancelAmount": 27500, "cancelStatus": own, "transactionKey": "tx"}],
        });
        assert_eq!(cancels_of(&with(ACCOUNT, changes))[0].status, expected, "{own} {refund}");
    }
}

#[test]
fn of_several_refunds_none_is_done_until_all_are() {
    use PgCancelStatus::{Done, Failed, Pending};
    for (refund, newest, older) in [
        ("NONE", Pending, Pending),
        ("PENDING", Pending, Pending),
        ("A_STATUS_OF_NEXT_YEAR", Pending, Pending),
        ("COMPLETED", Done, Done),
        // The newest may be all it speaks of.
        ("FAILED", Failed, Pending),
        ("PARTIAL_FAILED", Failed, Pending),
    ] {
        let cancels = json!([
            {"cancelAmount": 500, "transactionKey": "newest", "cancelStatus": "DONE"},
            {"cancelAmount": 700, "transactionKey": "older", "cancelStatus": "DONE"},
        ]);
        let changes = json!({
            "status": "PARTIAL_CANCELED", "approvedAt": "2026-03-14T10:31:02+09:00", "balanceAmount": 26300,
            "virtualAccount": {"refundStatus": refund}, "cancels": cancels, "lastTransactionKey": "newest",
        });
        let statuses = |changes| {
            cancels_of(&with(ACCOUNT, changes)).iter().map(|cancel| cancel.status).collect::<Vec<_>>()
        };
        assert_eq!(statuses(changes.clone()), [newest, older], "{refund}");
        let mut unnamed = changes;
        unnamed["lastTransactionKey"] = Value::Null;
        assert_eq!(statuses(unnamed), [older, newest], "{refund}: without a name the last is the newest");
    }
}

/// A deposit of 27,500 won, cancelled by parts: their amounts, and what was left after each.
fn refunded(status: &str, balance: u64, refunds: &str, parts: &[(u64, u64)]) -> Snapshot {
    let cancel = |(amount, left): &(u64, u64)| json!({"cancelAmount": amount, "refundableAmount": left, "cancelStatus": "DONE"});
    let cancels: Vec<Value> = parts.iter().map(cancel).collect();
    read(&with(
        ACCOUNT,
        json!({
            "status": status, "approvedAt": "2026-03-14T10:31:02+09:00", "balanceAmount": balance,
            "virtualAccount": {"refundStatus": refunds}, "cancels": cancels,
        }),
    ))
}

#[test]
fn failed_refund_does_not_fail_the_next_one() {
    use PgCancelStatus::{Done, Failed, Pending};
    let all = (27_500, 0);
    for (status, balance, refunds, parts, newest) in [
        // The money came back: it can be cancelled again.
        ("DONE", 27_500, "FAILED", vec![all], Failed),
        ("CANCELED", 0, "PENDING", vec![all, all], Pending),
        ("CANCELED", 0, "COMPLETED", vec![all, all], Done),
        ("DONE", 27_500, "FAILED", vec![all, all], Failed),
        // The next one is taken, and the word is still that about the one before.
        ("CANCELED", 0, "FAILED", vec![all, all], Pending),
        // The second of two parts came back.
        ("PARTIAL_CANCELED", 20_000, "PARTIAL_FAILED", vec![(7_500, 20_000), (20_000, 0)], Failed),
        ("PARTIAL_CANCELED", 20_000, "FAILED", vec![(7_500, 20_000), (20_000, 0)], Failed),
        // The first came back, the second did not.
        ("PARTIAL_CANCELED", 7_500, "PARTIAL_FAILED", vec![(7_500, 20_000), (20_000, 7_500)], Pending),
        ("PARTIAL_CANCELED", 7_500, "COMPLETED", vec![(7_500, 20_000), (20_000, 7_500)], Done),
        // Nothing comes back: the amounts do not say whose failure it is.
        ("CANCELED", 0, "FAILED", vec![all], Failed),
        ("PARTIAL_CANCELED", 0, "PARTIAL_FAILED", vec![(7_500, 20_000), (20_000, 0)], Failed),
    ] {
        let snapshot = refunded(status, balance, refunds, &parts);
        let case = format!("{status} {balance} {refunds} {parts:?}");
        assert_eq!((snapshot.status, snapshot.balance()), (PgStatus::Paid, Money::krw(balance)), "{case}");
        let cancels = snapshot.cancels.unwrap();
        let (last, older) = cancels.split_last().unwrap();
        assert_eq!(last.status, newest, "{case}");
        assert!(
            older.iter().all(|cancel| cancel.status != Failed),
            "only the newest has surely failed: {case}"
        );
    }
}

#[test]
fn aborted_cancel_explains_no_failed_refund() {
    let cancels = json!([
        {"cancelAmount": 27500, "refundableAmount": 0, "cancelStatus": "ABORTED"},
        {"cancelAmount": 27500, "refundableAmount": 0, "cancelStatus": "DONE"},
    ]);
    let changes = json!({
        "status": "CANCELED", "approvedAt": "2026-03-14T10:31:02+09:00", "balanceAmount": 0,
        "virtualAccount": {"refundStatus": "FAILED"}, "cancels": cancels,
    });
    let cancels = cancels_of(&with(ACCOUNT, changes));
    assert!(cancels.iter().all(|cancel| cancel.status == PgCancelStatus::Failed), "{cancels:?}");
}

#[test]
fn closing_an_unpaid_account_is_done_and_moves_nothing() {
    let changes = json!({"status": "CANCELED", "balanceAmount": 0,
        "cancels": [{"cancelAmount": 27500, "cancelStatus": "DONE", "transactionKey": "tx"}]});
    let closed = &cancels_of(&with(ACCOUNT, changes))[0];
    assert_eq!((closed.status, closed.amount), (PgCancelStatus::Done, Money::krw(0)));
}

proptest::proptest! {
    #[test]
    fn cancelled_and_left_add_up_to_what_came_in(total in 0..=1_000_000_u64, left in 0..=1_000_000_u64) {
        let left = left.min(total);
        let changes = json!({"status": "PARTIAL_CANCELED", "totalAmount": total, "balanceAmount": left});
        let snapshot = read(&with(CARD, changes));
        proptest::prop_assert_eq!(snapshot.balance(), Money::krw(left));
        proptest::prop_assert_eq!(snapshot.cancelled.checked_add(snapshot.balance()), Ok(snapshot.paid));
    }
}
