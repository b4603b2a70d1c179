//! The browser step: the SDK's calls, or a checkout page made by `POST /v1/payments`.

use std::time::Duration;

use paymux_core::{
    model::{
        BrowserStep, CashReceiptRequest, CashReceiptType, Currency, Customer, Device, Method, Money,
        MoneyMoves, ResultBy,
    },
    provider::{PaymentProvider, PaymentRequest, Prepared, ProviderError, Response},
};
use paymux_toss::{Checkout, TossConfig};
use serde_json::{Value, json};

use crate::stub::{CARD_KEY, Reply, Stub, card, order_id, toss_at};

const ON_CONFIRM: MoneyMoves = MoneyMoves::OnConfirm { within: Duration::from_secs(600) };

pub(crate) fn order(method: Method) -> PaymentRequest {
    PaymentRequest {
        order_id: order_id(),
        order_name: "원두 500g 외 1건".to_owned(),
        amount: Money::krw(27_500),
        tax_free_amount: None,
        method,
        customer: Customer::default(),
        card_issuer: None,
        installment_months: None,
        easy_pay_provider: None,
        deposit_due_at: None,
        cash_receipt: None,
        locale: None,
        device: Device::Desktop,
        return_url: "https://shop.example/return".to_owned(),
        idempotency_key: "pay_1_request_1_1".to_owned(),
    }
}

pub(crate) async fn prepare(
    order: &PaymentRequest,
    change: impl FnOnce(&mut TossConfig),
) -> Result<Prepared, ProviderError> {
    toss_at("http://127.0.0.1:9", change).request(order).await
}

/// The function names and arguments of a script step.
async fn calls(order: &PaymentRequest, change: impl FnOnce(&mut TossConfig)) -> Vec<(String, Vec<Value>)> {
    let prepared = prepare(order, change).await.unwrap();
    assert_eq!((prepared.pg_payment_id, prepared.money_moves), (None, ON_CONFIRM));
    let BrowserStep::Script { script_url, form, calls } = prepared.step else {
        panic!("{:?}", prepared.step)
    };
    assert_eq!((script_url.as_str(), form), ("https://js.tosspayments.com/v2/standard", None));
    assert!(calls.iter().all(|call| call.result == ResultBy::ReturnUrl));
    calls.into_iter().map(|call| (call.function, call.args)).collect()
}

/// The argument of `requestPayment`.
pub(crate) async fn parameters(order: &PaymentRequest) -> Value {
    calls(order, |_| ()).await.remove(2).1.remove(0)
}

fn common() -> Value {
    json!({
        "amount": {"currency": "KRW", "value": 27500},
        "orderId": order_id(), "orderName": "원두 500g 외 1건",
        "successUrl": "https://shop.example/return", "failUrl": "https://shop.example/return",
    })
}

fn and(mut object: Value, more: Value) -> Value {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

#[tokio::test]
async fn window_is_opened_by_three_calls() {
    let calls = calls(&order(Method::Card), |_| ()).await;
    let card = json!({"method": "CARD", "windowTarget": "self",
        "card": {"useEscrow": false, "flowMode": "DEFAULT"}});
    assert_eq!(
        calls,
        [
            ("TossPayments".to_owned(), vec![json!("test_ck_client")]),
            (".payment".to_owned(), vec![json!({"customerKey": "@@ANONYMOUS"})]),
            (".requestPayment".to_owned(), vec![and(common(), card)]),
        ]
    );
}

#[tokio::test]
async fn method_has_its_own_parameters() {
    let card = PaymentRequest {
        card_issuer: "366".parse().ok(),
        installment_months: Some(3),
        locale: Some("en-US".to_owned()),
        ..order(Method::Card)
    };
    let wallet = PaymentRequest { easy_pay_provider: Some("toss_pay".to_owned()), ..order(Method::EasyPay) };
    let receipt =
        CashReceiptRequest { kind: CashReceiptType::Personal, number: Some("01012341234".to_owned()) };
    let transfer = PaymentRequest { cash_receipt: Some(receipt.clone()), ..order(Method::Transfer) };
    let account = PaymentRequest {
        cash_receipt: Some(receipt),
        deposit_due_at: Some("2026-03-15T14:59:59Z".parse().unwrap()),
        ..order(Method::VirtualAccount)
    };
    for (order, name, sub_object) in [
        (
            card,
            "card",
            json!({"useEscrow": false, "flowMode": "DIRECT", "cardCompany": "41",
                "cardInstallmentPlan": 3, "language": "EN"}),
        ),
        (wallet, "card", json!({"useEscrow": false, "flowMode": "DIRECT", "easyPay": "TOSSPAY"})),
        (transfer, "transfer", json!({"useEscrow": false, "cashReceipt": {"type": "소득공제"}})),
        (
            account,
            "virtualAccount",
            json!({"useEscrow": false, "cashReceipt": {"type": "소득공제"},
                "dueDate": "2026-03-15T23:59:59"}),
        ),
    ] {
        assert_eq!(parameters(&order).await[name], sub_object, "{name}");
    }
    let phone = parameters(&order(Method::MobilePhone)).await;
    assert_eq!(phone, and(common(), json!({"method": "MOBILE_PHONE", "windowTarget": "self"})));
}

#[tokio::test]
async fn display_texts_are_cut_and_money_and_ids_never() {
    let customer = Customer {
        id: Some("member-1@shop.example".to_owned()),
        name: Some("김".repeat(150)),
        email: Some(format!("{}@shop.example", "a".repeat(100))),
        phone: Some("010-1234-1234".to_owned()),
    };
    let order = PaymentRequest {
        order_name: "가".repeat(150),
        amount: Money::new(18_156, Currency::Usd).unwrap(),
        tax_free_amount: Some(Money::new(50, Currency::Usd).unwrap()),
        customer,
        ..order(Method::Card)
    };
    let calls = calls(&order, |_| ()).await;
    let parameters = &calls[2].1[0];
    for name in ["orderName", "customerName"] {
        assert_eq!(parameters[name].as_str().unwrap().chars().count(), 100, "{name}");
    }
    for name in ["customerEmail", "customerMobilePhone"] {
        assert_eq!(parameters.get(name), None, "{name}");
    }
    assert_eq!(parameters["amount"], json!({"currency": "USD", "value": 181.56}));
    assert_eq!(parameters["taxFreeAmount"], json!(0.5));

    let key = calls[1].1[0]["customerKey"].as_str().unwrap();
    assert_eq!(key.len(), 36);
    assert!(key.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'), "{key}");
}

/// What a person sees as one character is never cut in two, so nothing may be left of it.
#[tokio::test]
async fn text_of_one_too_long_character_is_never_sent_empty() {
    let joined = ["👩"; 50].join("\u{200d}");
    let customer = Customer { name: Some(joined.clone()), ..Customer::default() };
    let order = PaymentRequest { order_name: joined, customer, ..order(Method::Card) };
    let window = parameters(&order).await;
    let stub = Stub::replying([Reply::Json(200, ready(json!({})))]).await;
    let toss = stub.toss_with(|config| config.checkout = Checkout::Server);
    toss.request(&order).await.unwrap();
    for sent in [window, stub.only().json()] {
        assert_eq!((&sent["orderName"], sent.get("customerName")), (&json!(order_id()), None));
    }
}

#[tokio::test]
async fn customer_has_one_key_and_no_other_has_it() {
    let mut keys = Vec::new();
    for id in ["a", "a", "b"] {
        let customer = Customer { id: Some(id.to_owned()), ..Customer::default() };
        let calls = calls(&PaymentRequest { customer, ..order(Method::Card) }, |_| ()).await;
        keys.push(calls[1].1[0]["customerKey"].clone());
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
}

#[tokio::test]
async fn widget_keys_open_the_widgets_own_window() {
    let widget = |config: &mut TossConfig| {
        config.client_key = "test_gck_client".to_owned();
        config.secret_key = "test_gsk_canary".into();
        config.variant_key = Some("CARDS".to_owned());
    };
    let calls = calls(&order(Method::Card), widget).await;
    let variant = json!({"variantKey": {"paymentMethod": "CARDS"}});
    assert_eq!(
        calls,
        [
            ("TossPayments".to_owned(), vec![json!("test_gck_client")]),
            (".widgets".to_owned(), vec![json!({"customerKey": "@@ANONYMOUS"})]),
            (".requestPaymentWindow".to_owned(), vec![common(), variant]),
        ]
    );
    let narrowed = PaymentRequest { card_issuer: "366".parse().ok(), ..order(Method::Card) };
    assert_eq!(prepare(&narrowed, widget).await.unwrap_err().name(), "unsupported");
}

#[tokio::test]
async fn script_comes_from_where_the_configuration_says() {
    let elsewhere = |config: &mut TossConfig| config.script_base_url = "http://127.0.0.1:9/toss/".to_owned();
    let prepared = prepare(&order(Method::Card), elsewhere).await.unwrap();
    let BrowserStep::Script { script_url, .. } = prepared.step else { panic!("a script") };
    assert_eq!(script_url, "http://127.0.0.1:9/toss/v2/standard");
}

#[tokio::test]
async fn instalments_that_toss_lacks_are_refused() {
    for (months, fine) in [(0, true), (1, false), (2, true), (12, true), (13, false)] {
        let order = PaymentRequest { installment_months: Some(months), ..order(Method::Card) };
        assert_eq!(prepare(&order, |_| ()).await.is_ok(), fine, "{months}");
    }
}

/// A payment as `POST /v1/payments` answers it, with these fields changed.
fn ready(changes: Value) -> String {
    let ready: Value = serde_json::from_str(&card()).unwrap();
    and(and(ready, json!({"status": "READY", "approvedAt": null})), changes).to_string()
}

#[tokio::test]
async fn server_checkout_sends_the_browser_to_its_page() {
    let stub = Stub::replying([Reply::Json(200, ready(json!({})))]).await;
    let toss = stub.toss_with(|config| config.checkout = Checkout::Server);
    let order = PaymentRequest { easy_pay_provider: Some("KAKAOPAY".to_owned()), ..order(Method::EasyPay) };
    let prepared = toss.request(&order).await.unwrap();
    let url = "https://api.tosspayments.com/v1/payments/tshop20260314103015Qe7Rd/checkout";
    assert_eq!(prepared.step, BrowserStep::Redirect { url: url.to_owned(), form: None });
    assert_eq!((prepared.pg_payment_id.unwrap().as_str(), prepared.money_moves), (CARD_KEY, ON_CONFIRM));

    let sent = stub.only();
    assert_eq!(sent.line, "POST /v1/payments");
    assert_eq!(sent.header("idempotency-key"), Some("pay_1_request_1_1"));
    assert_eq!(
        sent.json(),
        json!({
            "method": "CARD", "amount": 27500, "orderId": order_id(), "orderName": "원두 500g 외 1건",
            "successUrl": "https://shop.example/return", "failUrl": "https://shop.example/return",
            "flowMode": "DIRECT", "easyPay": "KAKAOPAY",
        })
    );
}

#[tokio::test]
async fn refused_creation_is_answered_and_an_unreadable_one_is_not() {
    let foreign = json!({"orderId": "ORD-20260314-8F21C0"});
    for (status, body, name, detail) in [
        (400, json!({"code": "A_CODE_OF_NEXT_YEAR"}).to_string(), "unknown", "A_CODE_OF_NEXT_YEAR"),
        (400, json!({"code": "DUPLICATED_ORDER_ID"}).to_string(), "unknown", "DUPLICATED_ORDER_ID"),
        (400, json!({"code": "INVALID_URL"}).to_string(), "invalid", "INVALID_URL"),
        (502, "<html>".to_owned(), "unanswered", "HTTP 502 without an error code or a payment"),
        (200, ready(json!({"checkout": null})), "unanswered", "the answer's checkout is missing"),
        (200, ready(json!({"checkout": {}})), "unanswered", "the answer's checkout.url is missing"),
        (200, ready(foreign), "unanswered", "the answer's orderId is not the one that was asked about"),
    ] {
        let stub = Stub::replying([Reply::Json(status, body)]).await;
        let toss = stub.toss_with(|config| config.checkout = Checkout::Server);
        let error = toss.request(&order(Method::Card)).await.unwrap_err();
        assert_eq!((error.name(), error.detail().as_str()), (name, detail));
        let answered =
            matches!(error, ProviderError::Unknown(Response::Error(_)) | ProviderError::Invalid(_));
        assert_eq!(answered, error.is_answered(), "{detail}");
    }
}

#[tokio::test]
async fn server_checkout_refuses_what_it_cannot_ask_for() {
    let due = PaymentRequest {
        deposit_due_at: Some("2026-03-15T14:59:59Z".parse().unwrap()),
        ..order(Method::VirtualAccount)
    };
    let tax_free = PaymentRequest { tax_free_amount: Some(Money::krw(1)), ..order(Method::Card) };
    let instalments = PaymentRequest { installment_months: Some(3), ..order(Method::Card) };
    for order in [due, tax_free, instalments] {
        let error = prepare(&order, |config| config.checkout = Checkout::Server).await.unwrap_err();
        assert_eq!(error.name(), "unsupported");
    }
}
