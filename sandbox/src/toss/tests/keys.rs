//! Secret keys that are issued anew and revoked.

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::{Bench, WIDGET_CLIENT_KEY, WIDGET_SECRET_KEY, refusal, refused, text};
use crate::{ControlErrorCode, IssueKey, PayMethod, RevokeKey};

const OLD: &str = "test_sk_paymux_sandbox";
const NEW: &str = "test_sk_rotated";

fn issue(bench: &Bench, key: &str) {
    let request = IssueKey { key: Some(key.to_owned()), ..IssueKey::default() };
    assert_eq!(bench.control.issue_key(&request).unwrap().key, key);
}

/// The status of a look-up of an order with a secret key.
async fn look_up(bench: &mut Bench, secret_key: &str) -> u16 {
    bench.secret_key = secret_key.to_owned();
    bench.get("/v1/payments/orders/order-0001").await.0
}

#[tokio::test]
async fn an_older_secret_key_works_for_seven_more_days() {
    let mut bench = Bench::start().await;
    bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    issue(&bench, NEW);
    bench.control.advance(Duration::from_secs(7 * 24 * 60 * 60 - 1));
    assert_eq!([look_up(&mut bench, OLD).await, look_up(&mut bench, NEW).await], [200, 200]);
    bench.control.advance(Duration::from_secs(1));
    assert_eq!([look_up(&mut bench, OLD).await, look_up(&mut bench, NEW).await], [401, 200]);
    bench.confirmed("order-0002", PayMethod::Card, 1_000).await;
    bench.control.reset();
    assert_eq!([look_up(&mut bench, OLD).await, look_up(&mut bench, NEW).await], [404, 401], "as configured");
}

#[tokio::test]
async fn a_revoked_key_is_unknown_at_once() {
    let mut bench = Bench::start().await;
    let url = "/_sandbox/issue-key";
    let (status, issued) = bench.send(bench.request("POST", url).json(&json!({}))).await;
    let new = text(&issued, "key");
    assert!(status == 200 && new.starts_with("test_sk_") && new.len() == 40, "{issued}");
    let revoke = json!({ "key": OLD });
    let (status, _) = bench.send(bench.request("POST", "/_sandbox/revoke-key").json(&revoke)).await;
    assert_eq!(status, 200);
    bench.secret_key = OLD.to_owned();
    let unknown = bench.get("/v1/payments/orders/order-0001").await;
    assert_eq!(refusal(unknown), refused(401, "UNAUTHORIZED_KEY"));
    assert_eq!(look_up(&mut bench, new).await, 404, "the other works");
    let again = bench.control.revoke_key(&RevokeKey::new(OLD)).unwrap_err();
    assert_eq!(again.code, ControlErrorCode::InvalidState);
}

#[tokio::test]
async fn two_secret_keys_share_payments_and_no_idempotency_keys() {
    let mut bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    issue(&bench, NEW);
    let path = format!("/v1/payments/{}/cancel", text(&payment, "paymentKey"));
    let cancel = json!({ "cancelReason": "변심", "cancelAmount": 1_000 });
    for (secret_key, given_back) in [(OLD, 1_000), (NEW, 2_000), (OLD, 2_000), (NEW, 2_000)] {
        bench.secret_key = secret_key.to_owned();
        let request = bench.request("POST", &path).header("Idempotency-Key", "k1").json(&cancel);
        assert_eq!(bench.send(request).await.0, 200);
        assert_eq!(bench.money("order-0001"), (10_000, given_back), "{secret_key}");
    }
}

#[tokio::test]
async fn toss_issues_a_second_key_of_the_same_kind_and_no_third() {
    let mut bench = Bench::start().await;
    let with = |fields: Value| serde_json::from_value::<IssueKey>(fields).unwrap();
    let widget = bench.control.issue_key(&with(json!({ "client_key": WIDGET_CLIENT_KEY }))).unwrap().key;
    assert!(widget.starts_with("test_gsk_"), "{widget}");
    for (fields, code) in [
        (json!({ "key": OLD }), ControlErrorCode::InvalidState),
        (json!({ "client_key": WIDGET_CLIENT_KEY }), ControlErrorCode::InvalidState),
        (json!({ "key": "live_sk_new" }), ControlErrorCode::InvalidRequest),
        (json!({ "key": "test_gsk_new" }), ControlErrorCode::InvalidRequest),
        (json!({ "key": "test_sk_" }), ControlErrorCode::InvalidRequest),
        (json!({ "secret": "of PortOne" }), ControlErrorCode::InvalidRequest),
        (json!({ "client_key": "test_ck_unknown" }), ControlErrorCode::InvalidRequest),
    ] {
        let refused = bench.control.issue_key(&with(fields.clone())).unwrap_err();
        assert_eq!(refused.code, code, "{fields}");
    }
    bench.control.revoke_key(&RevokeKey::new(WIDGET_SECRET_KEY)).unwrap();
    bench.control.issue_key(&with(json!({ "client_key": WIDGET_CLIENT_KEY }))).unwrap();
    bench.control.advance(Duration::from_secs(7 * 24 * 60 * 60 - 1));
    assert_eq!(look_up(&mut bench, &widget).await, 404, "the older of two");
    bench.control.advance(Duration::from_secs(1));
    assert_eq!([look_up(&mut bench, &widget).await, look_up(&mut bench, OLD).await], [401, 404]);
}
