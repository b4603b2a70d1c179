//! Whose key opens what.

use reqwest::Method;
use serde_json::{Value, json};

use super::process::{DEMO_KEY, OTHER_KEY, Process, answer};

async fn register(process: &Process, key: &str, order_id: &str) -> Value {
    let body = json!({
        "order_id": order_id, "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "method": "card", "return_url": "http://localhost:3000/return",
    });
    let request = process.request(Method::POST, "/v1/payments").bearer_auth(key).json(&body);
    answer(request).await.expect(201, "ready")
}

#[tokio::test]
async fn request_without_a_valid_key_reveals_nothing() {
    let process = Process::start().await;
    let document = process.get("/openapi.json").await;
    let long = format!("Bearer {}", "x".repeat(7_000));
    let wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer kanarienvogel",
        "Basic c2tfdGVzdF9kZW1vOg==",
        "Bearer sk_test_dem",
        &long,
    ];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] == json!([]) {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let url = path.replace("{id}", "pay_06gzvtcprxw63b4hssbask691c");
            for header in wrong.iter().map(|header| Some(*header)).chain([None]) {
                let request = process.request(method.clone(), &url).json(&json!({}));
                let request = header
                    .into_iter()
                    .fold(request, |request, header| request.header("Authorization", header));
                let answer = answer(request).await;
                answer.expect(401, "unauthenticated");
                assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"), "{url}");
                assert!(!answer.quotes("kanarienvogel"));
            }
        }
    }
    process.assert_untouched().await;
    assert!(!process.log().contains("kanarienvogel"));
}

#[tokio::test]
async fn another_merchants_payment_does_not_exist() {
    let process = Process::start().await;
    let id = register(&process, DEMO_KEY, "order-1").await["id"].as_str().unwrap().to_owned();
    for (method, path, body) in [
        (Method::GET, format!("/v1/payments/{id}"), json!(null)),
        (Method::POST, format!("/v1/payments/{id}/next-action"), json!(null)),
        (Method::POST, format!("/v1/payments/{id}/verify"), json!(null)),
        (Method::POST, format!("/v1/payments/{id}/confirm"), json!({ "browser_result": {} })),
        (Method::POST, format!("/v1/payments/{id}/cancel"), json!({ "reason": "r" })),
    ] {
        let request =
            process.request(method, &path).bearer_auth(OTHER_KEY).header("Idempotency-Key", path.as_str());
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = answer(request).await;
        answer.expect(404, "not_found");
        assert!(!answer.quotes(&id), "{path}");
    }
    for path in ["/v1/payments", "/v1/payments?order_id=order-1", "/v1/events"] {
        let list = answer(process.request(Method::GET, path).bearer_auth(OTHER_KEY)).await.json();
        assert_eq!(list["data"], json!([]), "{path}");
    }
    assert_eq!(process.get(&format!("/v1/payments/{id}")).await["version"], 1, "it was touched");
}

#[tokio::test]
async fn two_merchants_may_use_the_same_order_id_and_key() {
    let process = Process::start().await;
    let mut ids = Vec::new();
    for key in [DEMO_KEY, OTHER_KEY] {
        ids.push(register(&process, key, "order-1").await["id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    let accounts = answer(process.request(Method::GET, "/v1/providers").bearer_auth(OTHER_KEY)).await.json();
    let names: Vec<_> =
        accounts["data"].as_array().unwrap().iter().map(|account| &account["account"]).collect();
    assert_eq!(names, ["others"], "a merchant sees its own accounts only");
}
