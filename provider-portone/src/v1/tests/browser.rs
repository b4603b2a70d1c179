//! The payment window, and what the browser brings back from it.

use paymux_core::{
    model::{
        BrowserStep, CardIssuer, CashReceiptRequest, CashReceiptType, Customer, FailureReason, Method, Money,
    },
    provider::{ClaimOutcome, PaymentProvider as _, PaymentRequest},
};
use serde_json::{Value, json};

use super::{IMP_UID, NOWHERE, config, order_id, payment_request, provider};
use crate::{
    Channel, PortOneV1Config,
    v1::{read_return::read, window::step},
};

fn offline() -> PortOneV1Config {
    config(NOWHERE)
}

/// The parameters of `IMP.request_pay`.
fn parameters(config: &PortOneV1Config, request: &PaymentRequest) -> Value {
    let BrowserStep::Script { calls, .. } = step(config, request).unwrap() else { panic!("no script") };
    calls[1].args[0].clone()
}

#[test]
fn window_is_a_script_and_two_calls() {
    let step = step(&offline(), &payment_request(Method::Card)).unwrap();
    let merchant = order_id();
    let expected = json!({
        "type": "script",
        "script_url": "https://cdn.iamport.kr/v1/iamport.js",
        "form": null,
        "calls": [
            { "function": "IMP.init", "args": ["imp00000000"], "result": "return_url" },
            { "function": "IMP.request_pay", "result": "callback", "args": [{
                "channelKey": "channel-key-1", "pay_method": "card", "merchant_uid": merchant,
                "name": "도서".repeat(20), "amount": 27_500, "currency": "KRW",
                "m_redirect_url": "https://shop.example/return"
            }] }
        ]
    });
    assert_eq!(serde_json::to_value(step).unwrap(), expected);
}

#[test]
fn merchants_wishes_reach_the_window() {
    let request = PaymentRequest {
        tax_free_amount: Some(Money::krw(500)),
        locale: Some("en-US".to_owned()),
        customer: Customer {
            id: Some("42".to_owned()),
            name: Some("가".repeat(20)),
            email: Some("buyer@example.com".to_owned()),
            phone: Some("01000000000".to_owned()),
        },
        ..payment_request(Method::Transfer)
    };
    let mut config = offline();
    config.channel = Channel::Pg("html5_inicis.INIpayTest".to_owned());
    let sent = parameters(&config, &request);
    assert_eq!(sent["pg"], "html5_inicis.INIpayTest");
    assert_eq!(sent.get("channelKey"), None);
    assert_eq!(
        (&sent["pay_method"], &sent["tax_free"], &sent["language"]),
        (&json!("trans"), &json!(500), &json!("en"))
    );
    assert_eq!(sent["buyer_name"], "가".repeat(16));
    assert_eq!(
        (&sent["buyer_email"], &sent["buyer_tel"]),
        (&json!("buyer@example.com"), &json!("01000000000"))
    );
    let long = Customer { email: Some(format!("{}@example.com", "a".repeat(60))), ..Customer::default() };
    let long = PaymentRequest { customer: long, locale: Some("fr".to_owned()), ..request };
    let sent = parameters(&config, &long);
    assert_eq!((sent.get("buyer_email"), sent.get("language")), (None, None));
}

#[test]
fn window_gets_what_its_pg_can_write() {
    let customer =
        Customer { name: Some("José 👨\u{200d}👩\u{200d}👧".to_owned()), ..Customer::default() };
    let order_name = "선물 🎁 세트".to_owned();
    let sent =
        parameters(&offline(), &PaymentRequest { order_name, customer, ..payment_request(Method::Card) });
    assert_eq!((&sent["name"], &sent["buyer_name"]), (&json!("선물 세트"), &json!("Jose")));
    let customer = Customer { name: Some("👧".to_owned()), ..Customer::default() };
    let order_name = "🎁".to_owned();
    let sent =
        parameters(&offline(), &PaymentRequest { order_name, customer, ..payment_request(Method::Card) });
    assert_eq!((&sent["name"], sent.get("buyer_name")), (&json!(order_id()), None));
}

#[test]
fn each_method_opens_its_window() {
    let of = |method, change: fn(&mut PaymentRequest)| {
        let mut request = payment_request(method);
        change(&mut request);
        parameters(&offline(), &request)
    };
    let easy = |wallet: &str| {
        let easy_pay_provider = Some(wallet.to_owned());
        let request = PaymentRequest { easy_pay_provider, ..payment_request(Method::EasyPay) };
        parameters(&offline(), &request)["pay_method"].clone()
    };
    for (wallet, code) in [
        ("kakaopay", "kakaopay"),
        ("KAKAOPAY", "kakaopay"),
        ("samsungpay", "samsungpay"),
        ("SSG", "ssgpay"),
        ("toss_pay", "tosspay"),
    ] {
        assert_eq!(easy(wallet), code, "{wallet}");
    }
    assert_eq!(of(Method::EasyPay, |_| {})["pay_method"], "card");
    assert_eq!(of(Method::MobilePhone, |_| {})["digital"], false);
    let account = of(Method::VirtualAccount, |r| r.deposit_due_at = "2026-03-01T15:30:00Z".parse().ok());
    assert_eq!(
        (&account["pay_method"], &account["vbank_due"]),
        (&json!("vbank"), &json!("2026-03-02 00:30:00"))
    );
    let months = of(Method::Card, |r| r.installment_months = Some(3));
    assert_eq!(months["display"], json!({"card_quota": [3]}));
    assert_eq!(of(Method::Card, |r| r.installment_months = Some(0))["display"], json!({"card_quota": []}));
    let issuer = of(Method::Card, |r| (r.card_issuer, r.installment_months) = ("366".parse().ok(), Some(2)));
    assert_eq!(issuer["card"], json!({"direct": {"code": "366", "quota": 2}}));
    assert_eq!(issuer.get("display"), None);
    for company in CardIssuer::ALL {
        let request = PaymentRequest { card_issuer: Some(company.code), ..payment_request(Method::Card) };
        let window = parameters(&offline(), &request);
        assert_eq!(window["card"]["direct"]["code"], company.code.as_str());
    }
}

#[test]
fn cash_receipt_the_window_cannot_issue_is_refused() {
    for (kind, refused) in [(CashReceiptType::Personal, true), (CashReceiptType::None, false)] {
        let cash_receipt = Some(CashReceiptRequest { kind, number: None });
        let request = PaymentRequest { cash_receipt, ..payment_request(Method::VirtualAccount) };
        assert_eq!(step(&offline(), &request).is_err(), refused);
    }
}

#[tokio::test]
async fn callback_and_redirect_ask_for_a_look_up() {
    let provider = provider(NOWHERE);
    for flags in
        [json!({}), json!({"success": true}), json!({"success": false}), json!({"imp_success": "false"})]
    {
        let mut result = json!({
            "imp_uid": IMP_UID, "merchant_uid": order_id(), "error_code": null, "paid_amount": 1, "status": "paid"
        });
        result.as_object_mut().unwrap().extend(flags.as_object().unwrap().clone());
        let claim = provider.read_return(&result).unwrap();
        assert_eq!(claim.pg_payment_id.unwrap().as_str(), IMP_UID);
        assert_eq!(claim.order_id.as_deref(), Some(order_id().as_str()));
        assert_eq!((claim.amount, claim.outcome), (None, ClaimOutcome::Verify), "{flags}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn result_is_failed_unless_it_says_the_order_is_paid() {
    for (code, message, reason) in [
        (json!("F400"), json!("[결제포기] 사용자가 결제를 취소하셨습니다"), Some(FailureReason::BuyerClosed)),
        (json!("PAY_PROCESS_CANCELED"), json!(""), Some(FailureReason::BuyerClosed)),
        (json!("F400"), json!("사용자에 의한 취소입니다.(091)"), Some(FailureReason::BuyerClosed)),
        (json!(null), json!("userCancel"), Some(FailureReason::BuyerClosed)),
        (
            json!("F0001"),
            json!("등록된 PG 설정 정보가 없습니다."),
            Some(FailureReason::ProviderMisconfigured),
        ),
        (json!("F0000"), json!("오류"), Some(FailureReason::Other)),
        (json!(null), json!("한도초과"), Some(FailureReason::LimitExceeded)),
        (json!(1114), json!("한도초과"), Some(FailureReason::LimitExceeded)),
        (json!("F1002"), json!("이미 결제가 이루어진 거래건입니다."), None),
        (json!(""), json!(""), None),
    ] {
        let result = json!({"imp_uid": null, "merchant_uid": "o", "error_code": code, "error_msg": message});
        let claim = read(&result).unwrap();
        assert_eq!((claim.pg_payment_id, claim.order_id.as_deref()), (None, Some("o")));
        match claim.outcome {
            ClaimOutcome::Failed(failure) => {
                assert_eq!(Some(failure.reason), reason, "{result}");
                let pg = failure.pg.unwrap();
                let said = if code.is_number() { code.to_string() } else { text(&code) };
                assert_eq!((pg.code, pg.message), (said, text(&message)));
            }
            outcome => assert_eq!((outcome, None), (ClaimOutcome::Verify, reason), "{result}"),
        }
    }
}

#[test]
fn result_of_no_v1_window_is_refused() {
    for result in [
        json!(null),
        json!([]),
        json!("imp_uid=imp_1"),
        json!({}),
        json!({"paymentKey": "k", "orderId": "o", "amount": "1"}),
        json!({"imp_uid": null, "merchant_uid": ""}),
        json!({"imp_uid": 1, "merchant_uid": "o"}),
        json!({"imp_uid": null, "merchant_uid": "o", "error_code": ["F400"]}),
        json!({"imp_uid": "..", "merchant_uid": "o"}),
        json!({"imp_uid": "a/b", "merchant_uid": "o"}),
        json!({"imp_uid": "9".repeat(33), "merchant_uid": "o"}),
        json!({"imp_uid": IMP_UID, "merchant_uid": "o".repeat(41)}),
        json!({"imp_uid": IMP_UID, "merchant_uid": ["o"]}),
    ] {
        assert!(read(&result).is_err(), "{result}");
    }
}
