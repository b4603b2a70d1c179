//! Requests that are broken as a whole.

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::process::{DEMO_KEY, Process, answer};

const CANARY: &str = "kanarienvogel";
const NOBODYS_PAYMENT: &str = "/v1/payments/pay_06gzvtcprxw63b4hssbask691c";

#[tokio::test]
async fn bodies_that_are_not_the_json_asked_for_are_refused() {
    let process = Process::start().await;
    let valid =
        r#""order_id":"o","order_name":"n","amount":1000,"currency":"KRW","return_url":"http://localhost/""#;
    for (body, kind, status, code) in [
        (String::new(), "application/json", 400, "invalid_body"),
        (CANARY.to_owned(), "application/json", 400, "invalid_body"),
        (format!("{{\"{CANARY}"), "application/json", 400, "invalid_body"),
        (format!("{{{valid}}}{CANARY}"), "application/json", 400, "invalid_body"),
        (format!("[\"{CANARY}\"]"), "application/json", 400, "invalid_body"),
        (format!("\"{CANARY}\""), "application/json", 400, "invalid_body"),
        ("null".to_owned(), "application/json", 400, "invalid_body"),
        ("[".repeat(10_000), "application/json", 400, "invalid_body"),
        (format!("{{{valid},\"amount\":1}}"), "application/json", 400, "invalid_body"),
        (format!("{{{valid},\"method\":null}}"), "application/json", 400, "invalid_body"),
        (format!("order_id={CANARY}"), "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (format!("{{{valid}}}"), "text/plain", 415, "unsupported_media_type"),
        (format!("{{{valid}}}"), CANARY, 415, "unsupported_media_type"),
        (
            format!("{{{valid},\"x\":\"{}\"}}", CANARY.repeat(6_000)),
            "application/json",
            413,
            "body_too_large",
        ),
    ] {
        let shown: String = body.chars().take(60).collect();
        let request = process.post("/v1/payments").header("Content-Type", kind).body(body);
        let answer = answer(request).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (status, &json!(code)),
            "{shown} as {kind}"
        );
        assert!(!answer.quotes(CANARY), "{shown}: {}", answer.text);
    }
    process.assert_untouched().await;
    assert!(!process.log().contains(CANARY));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let process = Process::start().await;
    let request = process.post("/v1/payments").header("Content-Type", "application/json");
    answer(request.body(b"{\"order_id\":\"\xff\xfe\"}".to_vec())).await.expect(400, "invalid_body");
    process.assert_untouched().await;
}

#[tokio::test]
async fn headers_two_readers_could_read_differently_are_refused() {
    let process = Process::start().await;
    let order = json!({
        "order_id": "o", "order_name": "n", "amount": 1000, "currency": "KRW", "return_url": "http://localhost/",
    });
    for (name, values) in [
        ("Idempotency-Key", ["a", CANARY]),
        ("Authorization", ["Bearer sk_test_other_merchant", "Bearer kanarienvogel"]),
        ("Content-Type", ["application/json", "text/kanarienvogel"]),
    ] {
        let request = process.post("/v1/payments").json(&order);
        let request = values.into_iter().fold(request, |request, value| request.header(name, value));
        let answer = answer(request).await;
        answer.expect(400, "malformed_request");
        assert!(!answer.quotes(CANARY));
    }
    for key in ["", " ", "a b", &"k".repeat(256)] {
        let answer = answer(process.post("/v1/payments").header("Idempotency-Key", key).json(&order)).await;
        assert_eq!(answer.status, 400, "{key:?}: {}", answer.text);
    }
    let unreadable = reqwest::header::HeaderValue::from_bytes(b"key-\xe9").unwrap();
    let answer =
        answer(process.post("/v1/payments").header("Idempotency-Key", unreadable).json(&order)).await;
    answer.expect(400, "malformed_request");
    process.assert_untouched().await;
}

#[tokio::test]
async fn a_cancel_needs_a_key() {
    let process = Process::start().await;
    let cancel = process.post(&format!("{NOBODYS_PAYMENT}/cancel")).json(&json!({ "reason": "r" }));
    answer(cancel).await.expect(400, "idempotency_key_required");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let process = Process::start().await;
    for (method, path, code) in [
        (Method::GET, NOBODYS_PAYMENT.to_owned(), "not_found"),
        (Method::POST, format!("{NOBODYS_PAYMENT}/verify"), "not_found"),
        (Method::POST, format!("{NOBODYS_PAYMENT}/next-action"), "not_found"),
        (Method::GET, format!("/v1/payments/{CANARY}"), "not_found"),
        (Method::GET, format!("/v1/payments/..%2f{CANARY}"), "not_found"),
        (Method::POST, format!("/v1/payments/{CANARY}/cancel"), "invalid_body"),
        (Method::GET, format!("/{CANARY}"), "no_such_route"),
        (Method::POST, format!("/webhooks/toss/{CANARY}"), "not_found"),
        (Method::POST, format!("/webhooks/{CANARY}/demo-webhook-token-toss"), "not_found"),
    ] {
        let status = if code == "invalid_body" { 400 } else { 404 };
        let request = process.request(method, &path).bearer_auth(DEMO_KEY);
        let request = if status == 400 { request.json(&json!({})) } else { request };
        let answer = answer(request).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)), "{path}");
        assert!(!answer.quotes(CANARY), "{path}: {}", answer.text);
    }
    process.assert_untouched().await;
    assert!(!process.log().contains(CANARY));
}

#[tokio::test]
async fn every_address_says_which_methods_it_takes() {
    let process = Process::start().await;
    let document = process.get("/openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "pay_06gzvtcprxw63b4hssbask691c");
        let answer = answer(process.request(Method::PATCH, &path).bearer_auth(DEMO_KEY)).await;
        answer.expect(405, "method_not_allowed");
        let allow = answer.header("Allow").unwrap().to_lowercase();
        let allowed: Vec<_> = allow.split(", ").filter(|method| *method != "head").collect();
        let described: Vec<_> = item.as_object().unwrap().keys().collect();
        assert_eq!(allowed, described, "{path}");
    }
}

/// The head of a request whose body comes in chunks of no announced number.
const CHUNKED: &str = "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test_demo\r\n\
    Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_body_in_chunks_is_bounded_too() {
    let process = Process::start().await;
    let (mut reader, mut writer) = TcpStream::connect(process.address()).await.unwrap().into_split();
    let flood = tokio::spawn(async move {
        let mut sent = writer.write_all(CHUNKED.as_bytes()).await;
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
        let mut bytes = 0;
        while sent.is_ok() && bytes < 64 << 20 {
            sent = writer.write_all(chunk.as_bytes()).await;
            bytes += chunk.len();
        }
        bytes
    });
    let mut head = [0; 12];
    reader.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 413");
    drop(reader);
    assert!(flood.await.unwrap() < 32 << 20, "it took all of it");
    process.assert_untouched().await;
}
