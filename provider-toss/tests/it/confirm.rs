//! `POST /v1/payments/confirm`.

use paymux_core::{
    model::{Currency, Money, PgStatus},
    provider::{ConfirmRequest, PaymentProvider, ProviderError, Response},
};
use serde_json::{Value, json};

use crate::{
    lookup::subject,
    stub::{ACCOUNT_KEY, CARD_KEY, Reply, Stub, account, card, order_id},
};

pub(crate) fn request(amount: Money) -> ConfirmRequest {
    ConfirmRequest {
        charge: subject(Some(CARD_KEY)),
        amount,
        state: None,
        idempotency_key: "pay_1_confirm_chg_1_1".to_owned(),
    }
}

#[tokio::test]
async fn confirm_is_sent_as_documented() {
    let stub = Stub::replying([Reply::Json(200, card())]).await;
    let taken = stub.toss().confirm(&request(Money::krw(27_500))).await.unwrap();
    let snapshot = taken.snapshot.unwrap();
    assert_eq!((snapshot.status, snapshot.paid), (PgStatus::Paid, Money::krw(27_500)));
    assert_eq!(taken.webhook_secret, None);

    let sent = stub.only();
    assert_eq!(sent.line, "POST /v1/payments/confirm");
    // "test_sk_canary:" with the colon of the empty password, padded.
    assert_eq!(sent.header("authorization"), Some("Basic dGVzdF9za19jYW5hcnk6"));
    assert_eq!(sent.header("idempotency-key"), Some("pay_1_confirm_chg_1_1"));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(sent.header("accept-language"), None);
    let order = order_id();
    assert_eq!(
        sent.body,
        format!(r#"{{"paymentKey":"tshop20260314103015Qe7Rd","orderId":"{order}","amount":27500}}"#)
    );
}

#[tokio::test]
async fn money_is_sent_in_the_digits_it_has() {
    for (amount, currency, digits) in [
        (9_007_199_254_740_991, Currency::Krw, r#""amount":9007199254740991}"#),
        (5_000, Currency::Jpy, r#""amount":5000}"#),
        (18_150, Currency::Usd, r#""amount":181.50}"#),
        (9_007_199_254_740_991, Currency::Usd, r#""amount":90071992547409.91}"#),
    ] {
        let stub = Stub::replying([Reply::Json(200, card())]).await;
        let money = Money::new(amount, currency).unwrap();
        stub.toss().confirm(&request(money)).await.unwrap();
        let body = stub.only().body;
        assert!(body.ends_with(digits), "{body}");
    }
}

#[tokio::test]
async fn issued_account_comes_with_the_secret_of_its_webhooks() {
    let stub = Stub::replying([Reply::Json(200, account())]).await;
    let request = ConfirmRequest { charge: subject(Some(ACCOUNT_KEY)), ..request(Money::krw(27_500)) };
    let taken = stub.toss().confirm(&request).await.unwrap();
    let snapshot = taken.snapshot.unwrap();
    assert_eq!((snapshot.status, snapshot.paid), (PgStatus::AwaitingDeposit, Money::krw(0)));
    assert_eq!(taken.webhook_secret.unwrap().expose(), "ps_K3vZp8QmR1xTn6WdYb2LcHf7Jg9S");
}

#[tokio::test]
async fn payment_in_any_status_is_an_answer() {
    for (status, shown) in
        [("IN_PROGRESS", PgStatus::Open), ("ABORTED", PgStatus::Failed), ("EXPIRED", PgStatus::Expired)]
    {
        let mut body: Value = serde_json::from_str(&card()).unwrap();
        body["status"] = json!(status);
        let stub = Stub::replying([Reply::Json(200, body.to_string())]).await;
        let taken = stub.toss().confirm(&request(Money::krw(27_500))).await.unwrap();
        assert_eq!(taken.snapshot.unwrap().status, shown, "{status}");
    }
}

#[tokio::test]
async fn success_of_another_payment_or_order_is_unknown() {
    for (name, other) in [("paymentKey", ACCOUNT_KEY), ("orderId", "ORD-20260314-8F21C0")] {
        let mut body: Value = serde_json::from_str(&card()).unwrap();
        body[name] = json!(other);
        let stub = Stub::replying([Reply::Json(200, body.to_string())]).await;
        let error = stub.toss().confirm(&request(Money::krw(27_500))).await.unwrap_err();
        assert!(matches!(error, ProviderError::Unknown(Response::Unanswered(_))), "{error:?}");
        assert_eq!(error.detail(), format!("the answer's {name} is not the one that was asked about"));
    }
}

#[tokio::test]
async fn confirm_without_a_payment_key_is_not_sent() {
    let stub = Stub::replying([]).await;
    let request = ConfirmRequest { charge: subject(None), ..request(Money::krw(27_500)) };
    let error = stub.toss().confirm(&request).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unsupported(_)), "{error:?}");
    assert_eq!(stub.count(), 0);
}
