//! The payment window: what the page gets back and what the books keep.

use serde_json::{Value, json};

use super::super::{ClosedWindow, PortoneConfig};
use super::bench::{Bench, START, imp_uid, success};
use crate::{ActionOptions, PayMethod, PayOutcome, PayRequest};

#[tokio::test]
async fn an_approval_takes_the_money_and_gives_back_two_ids() {
    let bench = Bench::start().await;
    let answer = bench.visit("order-1", PayOutcome::Approve, 10_000);
    let imp_uid = imp_uid(&answer);
    let digits = imp_uid.strip_prefix("imp_").unwrap();
    assert!(digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{imp_uid}");
    let expected = json!({ "imp_uid": imp_uid, "merchant_uid": "order-1" });
    assert_eq!(Value::Object(answer.browser_result), expected);
    assert_eq!(answer.redirect_url, None);
    assert_eq!(bench.payment(&imp_uid).await["status"], "paid");
}

#[tokio::test]
async fn a_decline_fails_the_row_and_the_next_attempt_is_a_new_row() {
    let bench = Bench::start().await;
    let request = PayRequest {
        decline_code: Some("8324".to_owned()),
        ..PayRequest::new("order-1", PayOutcome::Decline, 10_000)
    };
    let declined = bench.control.pay(&request).unwrap();
    assert_eq!(declined.browser_result["error_code"], "8324");
    let row = bench.payment(&imp_uid(&declined)).await;
    assert_eq!((&row["status"], &row["failed_at"]), (&json!("failed"), &json!(START)));
    assert_eq!(row["fail_reason"], declined.browser_result["error_msg"]);
    assert_ne!(bench.paid("order-1", 10_000), imp_uid(&declined));
}

#[tokio::test]
async fn a_closed_window_leaves_what_the_pg_leaves() {
    for (closed_window, status) in [(ClosedWindow::Ready, "ready"), (ClosedWindow::Failed, "failed")] {
        let bench = Bench::with(PortoneConfig { closed_window, ..PortoneConfig::default() }).await;
        let closed = bench.visit("order-1", PayOutcome::Close, 10_000);
        assert!(closed.browser_result["error_code"].is_string(), "{closed:?}");
        assert_eq!(closed.browser_result["error_msg"], "사용자가 결제를 취소함");
        let row = bench.payment(&imp_uid(&closed)).await;
        assert_eq!((&row["status"], &row["vbank_num"]), (&json!(status), &Value::Null));
    }
}

#[tokio::test]
async fn text_of_the_pg_is_in_the_row_and_at_the_page() {
    let bench = Bench::start().await;
    for (outcome, text) in [
        (PayOutcome::Decline, "[8901] 미등록PG업체/거래정지업체"),
        (PayOutcome::Close, "사용자에 의한 취소입니다.(091)"),
    ] {
        let said =
            bench.control.with(ActionOptions { text: Some(text.to_owned()), ..ActionOptions::default() });
        let answer = said.pay(&PayRequest::new("order-1", outcome, 10_000)).unwrap();
        assert_eq!(answer.browser_result["error_msg"], text);
        let row = bench.payment(&imp_uid(&answer)).await;
        assert_eq!((&row["status"], &row["fail_reason"]), (&json!("failed"), &json!(text)));
    }
    let said = bench.control.with(ActionOptions { text: Some("x".to_owned()), ..ActionOptions::default() });
    assert!(said.pay(&PayRequest::new("order-1", PayOutcome::Approve, 10_000)).is_err());
}

#[tokio::test]
async fn a_paid_merchant_uid_does_not_open_a_window_again() {
    let bench = Bench::start().await;
    bench.paid("order-1", 10_000);
    let refused = bench.visit("order-1", PayOutcome::Approve, 10_000);
    let expected = json!({
        "imp_uid": null,
        "merchant_uid": "order-1",
        "error_code": "F1002",
        "error_msg": "이미 결제가 이루어진 거래건입니다.",
    });
    assert_eq!(Value::Object(refused.browser_result), expected);
    assert_eq!(bench.control.payments().len(), 1);
}

#[tokio::test]
async fn two_tabs_of_one_order_can_both_be_paid_in() {
    let bench = Bench::start().await;
    let first = bench.paid("order-1", 10_000);
    let tab = bench.control.with(ActionOptions { already_open: true, ..ActionOptions::default() });
    let second = imp_uid(&tab.pay(&PayRequest::new("order-1", PayOutcome::Approve, 10_000)).unwrap());
    let body = json!({ "order_id": "order-1", "outcome": "approve", "amount": 10_000, "already_open": true });
    let (status, answer) = bench.send(bench.request("POST", "/_sandbox/pay").json(&body)).await;
    let third = answer["browser_result"]["imp_uid"].as_str().unwrap();
    assert_eq!(status, 200);
    let all = success(bench.get("/payments/findAll/order-1/paid").await);
    let found: Vec<_> = all["list"].as_array().unwrap().iter().map(|row| row["imp_uid"].clone()).collect();
    assert_eq!(found, [third, &second, &first]);
    let fourth = bench.visit("order-1", PayOutcome::Approve, 10_000);
    assert_eq!(fourth.browser_result["error_code"], "F1002", "a window that opens only now");
}

#[tokio::test]
async fn a_permissive_portone_takes_every_payment_of_an_order() {
    let bench = Bench::with(PortoneConfig { permissive: true, ..PortoneConfig::default() }).await;
    bench.visit("order-1", PayOutcome::Decline, 10_000);
    let paid = [bench.paid("order-1", 10_000), bench.paid("order-1", 10_000)];
    bench.visit("order-1", PayOutcome::Close, 10_000);
    let statuses: Vec<_> = bench.control.payments().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "paid", "paid", "ready"]);
    for imp_uid in paid {
        assert_eq!(bench.payment(&imp_uid).await["merchant_uid"], "order-1");
    }
}

#[tokio::test]
async fn an_amount_below_the_minimum_fails() {
    let bench = Bench::start().await;
    let refused = bench.visit("order-1", PayOutcome::Approve, 99);
    assert_eq!(bench.payment(&imp_uid(&refused)).await["status"], "failed");
    bench.paid("order-1", 100);
}

#[tokio::test]
async fn a_redirect_carries_the_result_in_its_query() {
    let bench = Bench::start().await;
    let sdk = json!({
        "m_redirect_url": "https://shop.example/return?order=1",
        "buyer_name": "홍길동",
        "custom_data": { "cart": 17 },
        "name": "도서 1권",
    });
    let sdk = sdk.as_object().unwrap().clone();
    let request = PayRequest { sdk, ..PayRequest::new("order-1", PayOutcome::Approve, 1_000) };
    let answer = bench.control.pay(&request).unwrap();
    let imp_uid = imp_uid(&answer);
    let expected = format!("https://shop.example/return?order=1&imp_uid={imp_uid}&merchant_uid=order-1");
    assert_eq!(answer.redirect_url, Some(expected));
    let row = bench.payment(&imp_uid).await;
    assert_eq!((&row["buyer_name"], &row["name"]), (&json!("홍길동"), &json!("도서 1권")));
    assert_eq!(row["custom_data"], r#"{"cart":17}"#);

    let refused = bench.control.pay(&request).unwrap().redirect_url.unwrap();
    assert!(refused.contains("error_code=F1002") && !refused.contains("imp_uid="), "{refused}");
}

#[tokio::test]
async fn methods_have_their_v1_names() {
    let bench = Bench::start().await;
    for (method, name) in [
        (PayMethod::Card, "card"),
        (PayMethod::EasyPay, "kakaopay"),
        (PayMethod::Transfer, "trans"),
        (PayMethod::VirtualAccount, "vbank"),
        (PayMethod::MobilePhone, "phone"),
    ] {
        let request =
            PayRequest { method: Some(method), ..PayRequest::new(name, PayOutcome::Approve, 1_000) };
        let row = bench.payment(&imp_uid(&bench.control.pay(&request).unwrap())).await;
        assert_eq!(row["pay_method"], name);
        assert_eq!(row["card_name"].is_string(), method == PayMethod::Card);
        assert_eq!(row["bank_code"].is_string(), method == PayMethod::Transfer);
    }
}

#[tokio::test]
async fn the_card_company_the_page_opens_is_shown() {
    let bench = Bench::start().await;
    let sdk = json!({ "card": { "direct": { "code": "041", "quota": 0 } } }).as_object().unwrap().clone();
    let request = PayRequest { sdk, ..PayRequest::new("order-1", PayOutcome::Approve, 1_000) };
    let row = bench.payment(&imp_uid(&bench.control.pay(&request).unwrap())).await;
    assert_eq!((&row["card_code"], &row["card_name"]), (&json!("041"), &json!("우리카드")));
}

#[tokio::test]
async fn what_is_not_imitated_is_refused() {
    let bench = Bench::start().await;
    for sdk in [
        json!({ "customer_uid": "card-1" }),
        json!({ "notice_url": 1 }),
        json!({ "amount": "1000" }),
        json!({ "card": { "direct": { "code": "W1" } } }),
    ] {
        let sdk = sdk.as_object().unwrap().clone();
        let request = PayRequest { sdk, ..PayRequest::new("order-1", PayOutcome::Approve, 1_000) };
        assert!(bench.control.pay(&request).is_err(), "{request:?}");
    }
    let other = Some("imp99999999".to_owned());
    let request = PayRequest { client_key: other, ..PayRequest::new("order-1", PayOutcome::Approve, 1_000) };
    assert!(bench.control.pay(&request).is_err());
    assert!(bench.control.payments().is_empty());
}
