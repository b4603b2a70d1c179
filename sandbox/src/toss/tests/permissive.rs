//! Without the PG's guards, a gateway's mistakes become money.

use serde_json::json;

use super::{super::TossConfig, bench::Bench, bench::text};
use crate::PayMethod;

async fn permissive() -> Bench {
    Bench::with(TossConfig { permissive: true, ..TossConfig::default() }).await
}

#[tokio::test]
async fn a_repeated_confirm_takes_the_money_again() {
    let bench = permissive().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    assert_eq!(bench.confirm(text(&payment, "paymentKey"), "order-0001", 1_000).await.0, 200);
    let second = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    assert_eq!(bench.confirm(&second, "order-0001", 1_000).await.0, 200);
    assert_eq!(bench.money("order-0001"), (3_000, 0));
}

#[tokio::test]
async fn a_repeated_cancel_gives_the_money_back_again() {
    let bench = permissive().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    let path = format!("/v1/payments/{}/cancel", text(&payment, "paymentKey"));
    for key in ["k1", "k2"] {
        let body = json!({ "cancelReason": "변심", "refundableAmount": 1_000 });
        let request = bench.request("POST", &path).header("Idempotency-Key", key).json(&body);
        assert_eq!(bench.send(request).await.0, 200);
    }
    assert_eq!(bench.money("order-0001"), (1_000, 2_000));
}

#[tokio::test]
async fn a_key_is_replayed_all_the_same() {
    let bench = permissive().await;
    let key = bench.authenticate("order-0001", PayMethod::Card, 1_000);
    let body = json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000 });
    let cancel = json!({ "cancelReason": "변심" });
    for (path, body) in
        [("/v1/payments/confirm".to_owned(), body), (format!("/v1/payments/{key}/cancel"), cancel)]
    {
        let send = || bench.request("POST", &path).header("Idempotency-Key", "k1").json(&body);
        let (first, second) = (bench.send(send()).await, bench.send(send()).await);
        assert_eq!((first.0, &first.1), (200, &second.1), "{path}");
    }
    assert_eq!(bench.money("order-0001"), (1_000, 1_000));
}
