//! `POST /v1/payments` and its checkout.

use serde_json::{Value, json};

use super::bench::{Bench, refusal, refused, text};
use crate::{PayMethod, PayOutcome, PayRequest};

fn body() -> Value {
    json!({
        "method": "CARD", "amount": 27_500, "orderId": "order-0001", "orderName": "원두 500g 외 1건",
        "successUrl": "http://localhost:8080/ok?shop=1", "failUrl": "http://localhost:8080/no",
    })
}

#[tokio::test]
async fn a_server_made_payment_is_paid_in_its_own_window() {
    let bench = Bench::start().await;
    let (status, payment) = bench.post("/v1/payments", body()).await;
    assert_eq!((status, &payment["status"], &payment["method"]), (200, &json!("READY"), &json!("카드")));
    let page = bench.http.get(text(&payment["checkout"], "url")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("원두 500g 외 1건"));
    let request = PayRequest { amount: None, ..PayRequest::new("order-0001", PayOutcome::Approve, 0) };
    let answer = bench.control.pay(&request).unwrap();
    assert_eq!(answer.browser_result["paymentKey"], payment["paymentKey"]);
    assert_eq!(answer.browser_result["amount"], "27500");
    assert!(answer.redirect_url.unwrap().starts_with("http://localhost:8080/ok?shop=1&amount=27500&"));
    assert_eq!(bench.confirm(text(&payment, "paymentKey"), "order-0001", 27_500).await.0, 200);
    assert_eq!(refusal(bench.post("/v1/payments", body()).await), refused(400, "DUPLICATED_ORDER_ID"));
}

#[tokio::test]
async fn two_server_made_payments_of_one_order_are_two_windows() {
    let bench = Bench::start().await;
    let made = [bench.post("/v1/payments", body()).await.1, bench.post("/v1/payments", body()).await.1];
    let request = PayRequest { amount: None, ..PayRequest::new("order-0001", PayOutcome::Approve, 0) };
    let mut gone_through = [bench.pay(&request), bench.pay(&request)];
    gone_through.reverse();
    assert_eq!(
        gone_through,
        [text(&made[0], "paymentKey"), text(&made[1], "paymentKey")],
        "the latest first"
    );
    assert_eq!(bench.confirm(&gone_through[0], "order-0001", 27_500).await.0, 200);
    let second = bench.confirm(&gone_through[1], "order-0001", 27_500).await;
    assert_eq!(refusal(second), refused(400, "DUPLICATED_ORDER_ID"));
}

#[tokio::test]
async fn wrong_parameters_have_codes_of_their_own() {
    let bench = Bench::start().await;
    let cases = [
        ("method", json!("BARTER"), "NOT_SUPPORTED_METHOD"),
        ("orderId", json!("short"), "INVALID_ORDER_ID"),
        ("orderId", json!("주문번호0001"), "INVALID_ORDER_ID"),
        ("orderName", json!("가".repeat(101)), "INVALID_ORDER_NAME"),
        ("successUrl", json!("/ok"), "INCORRECT_SUCCESS_URL_FORMAT"),
        ("failUrl", json!("javascript:alert(1)"), "INCORRECT_FAIL_URL_FORMAT"),
        ("flowMode", json!("DIRECT"), "INVALID_FLOW_MODE_PARAMETERS"),
        ("cardCompany", json!("366"), "INVALID_REQUEST"),
        ("amount", json!("27500"), "INVALID_REQUEST"),
        ("surprise", json!(true), "INVALID_REQUEST"),
    ];
    for (name, value, code) in cases {
        let mut body = body();
        body[name] = value;
        assert_eq!(refusal(bench.post("/v1/payments", body).await), refused(400, code), "{name}");
    }
}

#[tokio::test]
async fn a_page_has_to_say_its_amount() {
    let bench = Bench::start().await;
    let request = PayRequest { amount: None, ..PayRequest::new("order-0001", PayOutcome::Approve, 0) };
    assert_eq!(bench.control.pay(&request).unwrap_err().code, crate::ControlErrorCode::InvalidRequest);
    for amount in [json!(1_000), json!({ "currency": "KRW", "value": 1_000 })] {
        let mut said = request.clone();
        said.sdk.insert("amount".to_owned(), amount);
        assert_eq!(bench.control.pay(&said).unwrap().browser_result["amount"], "1000");
    }
    let key = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    assert!(key.starts_with("tpaym20260314103102"), "{key}");
}
