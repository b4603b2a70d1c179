//! `POST /users/getToken`, and how a token is shown.

use serde_json::json;

use super::super::PortoneConfig;
use super::bench::{Bench, START, failure, success};

#[tokio::test]
async fn a_token_stays_the_same_until_its_last_minute() {
    let bench = Bench::start().await;
    let ask = async || success(bench.get_token().await);

    let first = ask().await;
    assert_eq!(first["now"], START);
    assert_eq!(first["expired_at"], START + 1_800);

    bench.advance(1_740);
    assert_eq!(ask().await["expired_at"], START + 1_800, "a whole minute is left");
    bench.advance(1);
    let extended = ask().await;
    assert_eq!(extended["access_token"], first["access_token"]);
    assert_eq!(extended["expired_at"], START + 2_100);

    bench.advance(358);
    assert_eq!(bench.get("/payments/imp_none").await.0, 404, "the last second of the token");
    bench.advance(1);
    assert_eq!(failure(&bench.get("/payments/imp_none").await), (401, -1, "Unauthorized"));
    assert_ne!(ask().await["access_token"], first["access_token"]);
}

#[tokio::test]
async fn the_key_pair_may_come_as_json_or_form_and_must_be_right() {
    let bench = Bench::start().await;
    let config = PortoneConfig::default();
    let form = [("imp_key", &config.imp_key), ("imp_secret", &config.imp_secret)];
    let by_form = bench.send(bench.request("POST", "/users/getToken").form(&form)).await;
    assert_eq!(success(by_form)["access_token"], bench.token.as_str());

    let wrong = json!({ "imp_key": config.imp_key, "imp_secret": "guess" });
    let refused = bench.send(bench.request("POST", "/users/getToken").json(&wrong)).await;
    let message = "인증에 실패하였습니다. API키와 secret을 확인하세요.";
    assert_eq!(failure(&refused), (401, -1, message));

    let half = json!({ "imp_key": config.imp_key });
    let refused = bench.send(bench.request("POST", "/users/getToken").json(&half)).await;
    assert_eq!(failure(&refused), (400, -1, "imp_key, imp_secret 파라메터가 누락되었습니다."));
}

#[tokio::test]
async fn a_token_is_taken_bare_after_bearer_and_in_its_old_header() {
    let bench = Bench::start().await;
    let bearer = format!("Bearer {}", bench.token);
    for (headers, status) in [
        (vec![("authorization", bench.token.as_str())], 404),
        (vec![("authorization", bearer.as_str())], 404),
        (vec![("x-imptokenheader", bench.token.as_str())], 404),
        (vec![("authorization", "wrong"), ("x-imptokenheader", bench.token.as_str())], 401),
        (vec![], 401),
    ] {
        let mut request = bench.request("GET", "/payments/imp_none");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        assert_eq!(bench.send(request).await.0, status, "{headers:?}");
    }
}
