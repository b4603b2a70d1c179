//! Look-ups, and what every Payment object has.

use serde_json::{Value, json};

use super::bench::{Bench, refusal, refused, text};
use crate::{PayMethod, PayOutcome, PayRequest};

/// Every key of the Payment object at 2022-11-16 and later.
const PAYMENT_KEYS: &[&str] = &[
    "approvedAt",
    "balanceAmount",
    "cancels",
    "card",
    "cashReceipt",
    "cashReceipts",
    "checkout",
    "country",
    "cultureExpense",
    "currency",
    "discount",
    "easyPay",
    "failure",
    "foreignEasyPay",
    "giftCertificate",
    "isPartialCancelable",
    "lastTransactionKey",
    "mId",
    "metadata",
    "method",
    "mobilePhone",
    "orderId",
    "orderName",
    "paymentKey",
    "receipt",
    "requestedAt",
    "secret",
    "status",
    "suppliedAmount",
    "taxExemptionAmount",
    "taxFreeAmount",
    "totalAmount",
    "transfer",
    "type",
    "useEscrow",
    "vat",
    "version",
    "virtualAccount",
];
const CARD_KEYS: &[&str] = &[
    "acquireStatus",
    "acquirerCode",
    "amount",
    "approveNo",
    "cardType",
    "installmentPlanMonths",
    "interestPayer",
    "isInterestFree",
    "issuerCode",
    "number",
    "ownerType",
    "useCardPoint",
];
const CANCEL_KEYS: &[&str] = &[
    "cancelAmount",
    "cancelReason",
    "cancelRequestId",
    "cancelStatus",
    "canceledAt",
    "cardDiscountAmount",
    "easyPayDiscountAmount",
    "receiptKey",
    "refundableAmount",
    "taxExemptionAmount",
    "taxFreeAmount",
    "transactionKey",
    "transferDiscountAmount",
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_field_is_there_in_every_state_and_of_every_method() {
    let bench = Bench::start().await;
    bench.control.pay(&PayRequest::new("order-ready", PayOutcome::Close, 1_000)).unwrap();
    let (_, ready) = bench.get("/v1/payments/orders/order-ready").await;
    assert_eq!(keys(&ready), PAYMENT_KEYS);
    let methods = [
        (PayMethod::Card, "card"),
        (PayMethod::EasyPay, "easyPay"),
        (PayMethod::Transfer, "transfer"),
        (PayMethod::VirtualAccount, "virtualAccount"),
        (PayMethod::MobilePhone, "mobilePhone"),
    ];
    for (method, detail) in methods {
        let payment = bench.confirmed(&format!("order-{detail}"), method, 1_000).await;
        assert_eq!(keys(&payment), PAYMENT_KEYS, "{detail}");
        for (_, other) in methods {
            assert_eq!(payment[other].is_object(), other == detail, "{other} of {detail}");
        }
    }
}

#[tokio::test]
async fn a_card_and_a_cancel_have_every_field() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    assert_eq!(keys(&payment["card"]), CARD_KEYS);
    assert_eq!(payment["card"]["amount"], 1_000);
    let (_, cancelled) = bench.cancel(&payment, json!({ "cancelReason": "변심" })).await;
    assert_eq!(keys(&cancelled["cancels"][0]), CANCEL_KEYS);
    assert_eq!(cancelled["cancels"][0]["cancelReason"], "변심");
}

#[tokio::test]
async fn what_is_unknown_is_not_found() {
    let bench = Bench::start().await;
    for path in ["/v1/payments/tunknown", "/v1/payments/orders/order-0001"] {
        assert_eq!(refusal(bench.get(path).await), refused(404, "NOT_FOUND_PAYMENT"));
    }
}

#[tokio::test]
async fn an_order_shows_its_approved_attempt_or_else_the_latest() {
    let bench = Bench::start().await;
    bench.authenticate("order-0001", PayMethod::Card, 1_000);
    let second = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    assert_eq!(bench.get("/v1/payments/orders/order-0001").await.1["paymentKey"], second);
    bench.confirm(&second, "order-0001", 1_000).await;
    bench.authenticate("order-0001", PayMethod::Card, 1_000);
    assert_eq!(bench.get("/v1/payments/orders/order-0001").await.1["paymentKey"], second);
}

#[tokio::test]
async fn ids_in_paths_may_be_percent_encoded() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-00=1", PayMethod::Card, 1_000).await;
    let (_, found) = bench.get("/v1/payments/orders/order-00%3D1").await;
    assert_eq!(text(&found, "paymentKey"), text(&payment, "paymentKey"));
}

#[tokio::test]
async fn english_is_spoken_on_request_only() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    assert_eq!((&payment["method"], &payment["card"]["cardType"]), (&json!("카드"), &json!("신용")));
    let path = format!("/v1/payments/{}", text(&payment, "paymentKey"));
    let english = |path: &str| bench.send(bench.request("GET", path).header("Accept-Language", "en-US"));
    let (_, payment) = english(&path).await;
    assert_eq!((&payment["method"], &payment["card"]["cardType"]), (&json!("CARD"), &json!("CREDIT")));
    assert_eq!(payment["orderName"], "테스트 주문", "what the merchant wrote stays");
    assert_eq!(english("/v1/payments/tunknown").await.1["message"], "Not found payment.");
}
