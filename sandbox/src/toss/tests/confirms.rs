//! Authentication, confirm, and the time between them.

use serde_json::{Value, json};

use super::{
    super::{KeyPair, TossConfig},
    bench::{Bench, WIDGET_CLIENT_KEY, WIDGET_SECRET_KEY, refusal, refused, text},
};
use crate::{PayMethod, PayOutcome, PayRequest};

#[tokio::test]
async fn a_confirm_takes_the_money_once() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 27_500).await;
    assert_eq!(payment["status"], "DONE");
    assert_eq!(payment["method"], "카드");
    assert_eq!(payment["approvedAt"], "2026-03-14T10:31:02+09:00");
    assert_eq!((&payment["suppliedAmount"], &payment["vat"]), (&json!(25_000), &json!(2_500)));
    let again = bench.confirm(text(&payment, "paymentKey"), "order-0001", 27_500).await;
    assert_eq!(refusal(again), refused(400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(bench.money("order-0001"), (27_500, 0));
}

#[tokio::test]
async fn the_older_confirm_has_the_key_in_its_path() {
    let bench = Bench::start().await;
    let key = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    let path = format!("/v1/payments/{key}");
    let (status, payment) = bench.post(&path, json!({ "orderId": "order-0001", "amount": 1_000 })).await;
    assert_eq!((status, &payment["status"]), (200, &json!("DONE")));
}

#[tokio::test]
async fn another_amount_or_order_than_authenticated_moves_nothing() {
    let bench = Bench::start().await;
    let key = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    assert_eq!(refusal(bench.confirm(&key, "order-0001", 999).await), refused(400, "INVALID_REQUEST"));
    assert_eq!(refusal(bench.confirm(&key, "order-0002", 1_000).await), refused(403, "FORBIDDEN_REQUEST"));
    assert_eq!(
        refusal(bench.confirm("tunknown", "order-0001", 1_000).await),
        refused(404, "NOT_FOUND_PAYMENT_SESSION")
    );
    assert_eq!(bench.money("order-0001"), (0, 0));
    assert_eq!(bench.confirm(&key, "order-0001", 1_000).await.0, 200, "it is still waiting");
}

#[tokio::test]
async fn of_two_payment_keys_under_one_order_one_is_confirmed() {
    let bench = Bench::start().await;
    let tabs = [(); 2].map(|()| bench.authenticate("order-0001", PayMethod::Card, 1_000));
    assert_ne!(tabs[0], tabs[1]);
    for key in &tabs {
        let (_, payment) = bench.get(&format!("/v1/payments/{key}")).await;
        assert_eq!((&payment["status"], &payment["orderId"]), (&json!("IN_PROGRESS"), &json!("order-0001")));
    }
    let (status, paid) = bench.confirm(&tabs[0], "order-0001", 1_000).await;
    assert_eq!((status, paid["paymentKey"].as_str()), (200, Some(tabs[0].as_str())));
    let duplicate = refused(400, "DUPLICATED_ORDER_ID");
    assert_eq!(refusal(bench.confirm(&tabs[1], "order-0001", 1_000).await), duplicate);
    bench.cancel(&paid, json!({ "cancelReason": "변심" })).await;
    assert_eq!(
        refusal(bench.confirm(&tabs[1], "order-0001", 1_000).await),
        duplicate,
        "cancelled counts, too"
    );
    assert_eq!(bench.money("order-0001"), (1_000, 1_000));
}

#[tokio::test]
async fn an_order_is_approved_once_whichever_attempt() {
    let bench = Bench::start().await;
    bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    let second = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    assert_eq!(
        refusal(bench.confirm(&second, "order-0001", 1_000).await),
        refused(400, "DUPLICATED_ORDER_ID")
    );
    assert_eq!(bench.money("order-0001"), (1_000, 0));
}

#[tokio::test]
async fn confirm_ten_minutes_after_authentication_is_too_late() {
    let bench = Bench::start().await;
    let early = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    let late = bench.authenticate("order-0002", PayMethod::Card, 1_000);
    bench.advance_minutes(9);
    assert_eq!(bench.confirm(&early, "order-0001", 1_000).await.0, 200);
    bench.advance_minutes(1);
    assert_eq!(
        refusal(bench.confirm(&late, "order-0002", 1_000).await),
        refused(404, "NOT_FOUND_PAYMENT_SESSION")
    );
    let (_, payment) = bench.get("/v1/payments/orders/order-0002").await;
    assert_eq!(
        (&payment["status"], &payment["failure"]["code"]),
        (&json!("EXPIRED"), &json!("EXPIRED_PAYMENT"))
    );
}

#[tokio::test]
async fn window_nobody_goes_through_expires_after_30_minutes() {
    let bench = Bench::start().await;
    let answer = bench.control.pay(&PayRequest::new("order-0001", PayOutcome::Close, 1_000)).unwrap();
    assert_eq!(answer.browser_result["code"], "PAY_PROCESS_CANCELED");
    assert!(!answer.browser_result.contains_key("orderId"), "a closed window does not name the order");
    bench.advance_minutes(29);
    assert_eq!(bench.get("/v1/payments/orders/order-0001").await.1["status"], "READY");
    bench.advance_minutes(1);
    assert_eq!(bench.get("/v1/payments/orders/order-0001").await.1["status"], "EXPIRED");
}

#[tokio::test]
async fn an_issuer_declines_at_the_confirm_and_ends_the_payment() {
    let bench = Bench::start().await;
    let key = bench.pay(&PayRequest::new("order-0001", PayOutcome::Decline, 1_000));
    assert_eq!(refusal(bench.confirm(&key, "order-0001", 1_000).await), refused(403, "REJECT_CARD_PAYMENT"));
    let (_, payment) = bench.get(&format!("/v1/payments/{key}")).await;
    assert_eq!(
        (&payment["status"], &payment["failure"]["code"]),
        (&json!("ABORTED"), &json!("REJECT_CARD_PAYMENT"))
    );
    assert_eq!(
        refusal(bench.confirm(&key, "order-0001", 1_000).await),
        refused(400, "ALREADY_PROCESSED_PAYMENT")
    );
    assert_eq!(bench.money("order-0001"), (0, 0));
}

#[tokio::test]
async fn a_temporary_refusal_leaves_the_payment_waiting() {
    let bench = Bench::start().await;
    let decline_code = Some("PROVIDER_ERROR".to_owned());
    let key =
        bench.pay(&PayRequest { decline_code, ..PayRequest::new("order-0001", PayOutcome::Decline, 1_000) });
    assert_eq!(refusal(bench.confirm(&key, "order-0001", 1_000).await), refused(400, "PROVIDER_ERROR"));
    assert_eq!(bench.confirm(&key, "order-0001", 1_000).await.0, 200);
}

#[tokio::test]
async fn some_declines_show_in_the_window_already() {
    let bench = Bench::start().await;
    let decline_code = Some("REJECT_CARD_COMPANY".to_owned());
    let request = PayRequest { decline_code, ..PayRequest::new("order-0001", PayOutcome::Decline, 1_000) };
    let result = bench.control.pay(&request).unwrap().browser_result;
    assert_eq!((&result["code"], &result["orderId"]), (&json!("REJECT_CARD_COMPANY"), &json!("order-0001")));
    assert!(!result.contains_key("paymentKey"));
}

#[tokio::test]
async fn a_key_pair_cannot_touch_what_another_pair_opened() {
    let mut bench = Bench::start().await;
    let client_key = Some(WIDGET_CLIENT_KEY.to_owned());
    let request = PayRequest { client_key, ..PayRequest::new("order-0001", PayOutcome::Approve, 1_000) };
    let result = bench.control.pay(&request).unwrap().browser_result;
    assert_eq!(result["paymentType"], "NORMAL", "only the widget says so");
    let key = result["paymentKey"].as_str().unwrap();
    assert_eq!(
        refusal(bench.confirm(key, "order-0001", 1_000).await),
        refused(404, "NOT_FOUND_PAYMENT_SESSION")
    );
    assert_eq!(refusal(bench.get(&format!("/v1/payments/{key}")).await), refused(404, "NOT_FOUND_PAYMENT"));
    bench.secret_key = WIDGET_SECRET_KEY.to_owned();
    assert_eq!(bench.confirm(key, "order-0001", 1_000).await.0, 200);
}

#[tokio::test]
async fn minimum_amounts_depend_on_the_method() {
    let bench = Bench::start().await;
    let cases = [
        (PayMethod::Card, 99, Some("BELOW_MINIMUM_AMOUNT")),
        (PayMethod::Card, 100, None),
        (PayMethod::Transfer, 199, Some("BELOW_MINIMUM_AMOUNT")),
        (PayMethod::Transfer, 10_000_001, Some("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM")),
        (PayMethod::Transfer, 10_000_000, None),
    ];
    for (number, (method, amount, code)) in cases.into_iter().enumerate() {
        let order_id = format!("order-{number:04}");
        let key = bench.authenticate(&order_id, method, amount);
        let (_, body) = bench.confirm(&key, &order_id, amount).await;
        assert_eq!(body.get("code").and_then(|code| code.as_str()), code, "{method:?} {amount}");
    }
}

#[tokio::test]
async fn a_test_code_comes_before_everything_but_the_key() {
    let bench = Bench::start().await;
    let force =
        |code: &str| bench.request("POST", "/v1/payments/confirm").header("TossPayments-Test-Code", code);
    let cases = [
        ("REJECT_CARD_PAYMENT", refused(403, "REJECT_CARD_PAYMENT")),
        ("IDEMPOTENT_REQUEST_PROCESSING", refused(409, "IDEMPOTENT_REQUEST_PROCESSING")),
        (
            "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
            refused(500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"),
        ),
        ("NO_SUCH_CODE", refused(400, "INVALID_TEST_CODE")),
    ];
    for (code, expected) in cases {
        assert_eq!(refusal(bench.send(force(code)).await), expected);
    }
    let url = format!("{}/v1/payments/confirm", bench.running.base_url());
    let nobody = bench.http.post(url).header("TossPayments-Test-Code", "REJECT_CARD_PAYMENT");
    assert_eq!(refusal(bench.send(nobody).await), refused(401, "UNAUTHORIZED_KEY"));
}

#[tokio::test]
async fn a_live_key_ignores_test_codes() {
    let keys = vec![KeyPair::new("live_ck_1", "live_sk_1")];
    let bench = Bench::with(TossConfig { keys, ..TossConfig::default() }).await;
    let request =
        bench.request("GET", "/v1/payments/tunknown").header("TossPayments-Test-Code", "COMMON_ERROR");
    assert_eq!(refusal(bench.send(request).await), refused(404, "NOT_FOUND_PAYMENT"));
}

#[tokio::test]
async fn unknown_and_mistyped_parameters_are_refused() {
    let bench = Bench::start().await;
    let key = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    let bodies = [
        json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000, "extra": 1 }),
        json!({ "paymentKey": key, "orderId": "order-0001", "amount": "1000" }),
        json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000.5 }),
        json!({ "paymentKey": key, "orderId": "order-0001" }),
        json!([]),
    ];
    for body in bodies {
        assert_eq!(refusal(bench.post("/v1/payments/confirm", body).await), refused(400, "INVALID_REQUEST"));
    }
    assert_eq!(refusal(bench.get("/v1/nothing").await), refused(404, "NOT_FOUND"));
}

#[tokio::test]
async fn the_card_company_the_page_names_is_shown() {
    let bench = Bench::start().await;
    let request = |order: &str, company: &str| {
        let Value::Object(sdk) = json!({ "card": { "cardCompany": company } }) else { unreachable!() };
        PayRequest { sdk, ..PayRequest::new(order, PayOutcome::Approve, 10_000) }
    };
    for (order, named, code) in
        [("order-0001", "우리", "W1"), ("order-0002", "33", "33"), ("order-0003", "SHINHAN|HYUNDAI", "41")]
    {
        let key = bench.pay(&request(order, named));
        let (_, payment) = bench.confirm(&key, order, 10_000).await;
        assert_eq!(payment["card"]["issuerCode"], code, "{named}");
    }
    for named in ["366", "신한카드", "SHINHAN|366", ""] {
        let refused = bench.control.pay(&request("order-0004", named)).unwrap_err();
        assert_eq!(refused.message, "INVALID_CARD_COMPANY", "{named}");
    }
}
