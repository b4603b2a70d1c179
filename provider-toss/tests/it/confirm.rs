//! `POST /v1/payments/confirm`.

use gateway_core::{ConfirmRequest, Currency, Money, PaymentProvider, PgStatus, ProviderError};

use crate::stub::{ACCOUNT, CARD, Reply, Stub, order_id};

pub(crate) fn request(amount: Money) -> ConfirmRequest {
    ConfirmRequest {
        pg_order_id: order_id(),
        pg_id: Some("tshop20260314103015Qe7Rd".parse().unwrap()),
        amount,
        idempotency_key: "pay_1:confirm:1:1".to_owned(),
        state: None,
    }
}

#[tokio::test]
async fn a_confirm_is_sent_as_documented() {
    let stub = Stub::replying([Reply::Json(200, CARD.to_owned())]).await;
    let snapshot = stub.toss().confirm(&request(Money::krw(27_500))).await.unwrap();
    assert_eq!((snapshot.status, snapshot.paid), (PgStatus::Paid, Money::krw(27_500)));

    let sent = stub.only();
    assert_eq!(sent.line, "POST /v1/payments/confirm");
    // "test_sk_canary:" with the colon of the empty password, padded.
    assert_eq!(sent.header("authorization"), Some("Basic dGVzdF9za19jYW5hcnk6"));
    assert_eq!(sent.header("idempotency-key"), Some("pay_1:confirm:1:1"));
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
        let stub = Stub::replying([Reply::Json(200, CARD.to_owned())]).await;
        let money = Money::new(amount, currency).unwrap();
        stub.toss().confirm(&request(money)).await.unwrap();
        let body = stub.only().body;
        assert!(body.ends_with(digits), "{body}");
    }
}

#[tokio::test]
async fn an_issued_account_comes_with_the_secret_of_its_webhooks() {
    let stub = Stub::replying([Reply::Json(200, ACCOUNT.to_owned())]).await;
    let snapshot = stub.toss().confirm(&request(Money::krw(27_500))).await.unwrap();
    assert_eq!((snapshot.status, snapshot.paid), (PgStatus::AwaitingDeposit, Money::krw(0)));
    assert_eq!(snapshot.deposit_secret.unwrap().expose(), "ps_K3vZp8QmR1xTn6WdYb2LcHf7Jg9S");
}

#[tokio::test]
async fn a_confirm_without_a_payment_key_is_not_sent() {
    let stub = Stub::replying([]).await;
    let request = ConfirmRequest { pg_id: None, ..request(Money::krw(27_500)) };
    let error = stub.toss().confirm(&request).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unsupported(_)), "{error:?}");
    assert_eq!(stub.count(), 0);
}
