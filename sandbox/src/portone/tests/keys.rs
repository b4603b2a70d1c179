//! API keys that are issued and revoked.

use serde_json::json;

use super::super::PortoneConfig;
use super::bench::{Bench, failure, success};
use crate::{ControlErrorCode, IssueKey, RevokeKey};

/// The token of a key that is in force.
async fn token(bench: &Bench, key: &str, secret: &str) -> String {
    success(bench.token_of(key, secret).await)["access_token"].as_str().unwrap().to_owned()
}

/// The status of a look-up of nothing with a token.
async fn look_up(bench: &Bench, token: &str) -> u16 {
    bench.send(bench.request("GET", "/payments/imp_none").bearer_auth(token)).await.0
}

#[tokio::test]
async fn an_old_and_a_new_key_work_until_the_old_is_revoked() {
    let mut bench = Bench::start().await;
    let old = PortoneConfig::default();
    let (status, new) = bench.send(bench.request("POST", "/_sandbox/issue-key").json(&json!({}))).await;
    let (key, secret) = (new["key"].as_str().unwrap(), new["secret"].as_str().unwrap());
    assert!(status == 200 && key.len() == 16 && secret.len() == 80, "{new}");
    let new_token = token(&bench, key, secret).await;
    assert_ne!(new_token, bench.token, "a token is of one key");
    assert_eq!(token(&bench, &old.imp_key, &old.imp_secret).await, bench.token);
    assert_eq!([look_up(&bench, &bench.token).await, look_up(&bench, &new_token).await], [404, 404]);

    let revoke = json!({ "key": old.imp_key });
    assert_eq!(bench.send(bench.request("POST", "/_sandbox/revoke-key").json(&revoke)).await.0, 200);
    assert_eq!([look_up(&bench, &bench.token).await, look_up(&bench, &new_token).await], [401, 404]);
    assert_eq!(failure(&bench.get_token().await).0, 401);
    let again = bench.control.revoke_key(&RevokeKey::new(old.imp_key)).unwrap_err();
    assert_eq!(again.code, ControlErrorCode::InvalidState);

    bench.token = new_token;
    let paid = bench.paid("order-1", 1_000);
    assert_eq!(bench.payment(&paid).await["status"], "paid", "the payments are the merchant's");
    bench.control.reset();
    assert_eq!(failure(&bench.token_of(key, secret).await).0, 401);
    success(bench.get_token().await);
}

#[tokio::test]
async fn a_key_may_have_two_secrets() {
    let bench = Bench::start().await;
    let config = PortoneConfig::default();
    let request = IssueKey {
        key: Some(config.imp_key.clone()),
        secret: Some("second secret".to_owned()),
        ..IssueKey::default()
    };
    bench.control.issue_key(&request).unwrap();
    assert_eq!(bench.control.issue_key(&request).unwrap_err().code, ControlErrorCode::InvalidState);
    let second = token(&bench, &config.imp_key, "second secret").await;
    assert_ne!(second, bench.token);
    let first = RevokeKey { key: config.imp_key.clone(), secret: Some(config.imp_secret) };
    bench.control.revoke_key(&first).unwrap();
    assert_eq!([look_up(&bench, &bench.token).await, look_up(&bench, &second).await], [401, 404]);
    bench.control.revoke_key(&RevokeKey::new(config.imp_key)).unwrap();
    assert_eq!(look_up(&bench, &second).await, 401);
    let foreign = IssueKey { client_key: Some("imp99999999".to_owned()), ..IssueKey::default() };
    assert_eq!(bench.control.issue_key(&foreign).unwrap_err().code, ControlErrorCode::InvalidRequest);
}
