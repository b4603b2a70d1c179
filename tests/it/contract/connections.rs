//! Clients that only cost, and a stop that loses nothing.

use std::time::Duration;

use serde_json::json;
use tests::harness::eventually;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{interval, timeout},
};

use super::process::{Process, answer};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_client_that_dribbles_its_headers_is_cut() {
    let process = Process::start_with(&[("SERVER__HEADER_TIME", "400ms")]).await;
    let (mut reader, mut writer) = TcpStream::connect(process.address()).await.unwrap().into_split();
    let dribble = tokio::spawn(async move {
        let mut sent = writer.write_all(b"GET /healthz HTTP/1.1\r\nX-Slow: ").await;
        let mut ticks = interval(Duration::from_millis(20));
        while sent.is_ok() {
            ticks.tick().await;
            sent = writer.write_all(b"a").await;
        }
    });
    let mut bytes = Vec::new();
    let _cleanly_or_not = timeout(PATIENCE, reader.read_to_end(&mut bytes)).await.expect("it was never cut");
    timeout(PATIENCE, dribble).await.expect("it still writes").unwrap();
    assert!(!String::from_utf8_lossy(&bytes).starts_with("HTTP/1.1 200"));
    answer(process.request(reqwest::Method::GET, "/healthz")).await.expect(200, "ok");
}

/// Writes this on a connection of its own, and gives the first line of the answer.
async fn first_line(process: &Process, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(process.address()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut line = Vec::new();
    let read = async {
        while !line.ends_with(b"\r\n") {
            match stream.read_u8().await {
                Ok(byte) => line.push(byte),
                Err(_) => break,
            }
        }
    };
    timeout(PATIENCE, read).await.expect("it was never answered");
    String::from_utf8(line).unwrap()
}

#[tokio::test]
async fn silent_connections_stop_no_payment() {
    let limits = [("SERVER__MAX_CONNECTIONS", "32"), ("SERVER__MAX_CONNECTIONS_PER_PEER", "32")];
    let process = Process::start_with(&limits).await;
    let mut silent = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(process.address()).await.unwrap();
        // Every second one in the middle of a header.
        if number % 2 == 0 {
            let _closed_already = stream.write_all(b"POST /v1/payments HTTP/1.1\r\nHost: a\r\n").await;
        }
        silent.push(stream);
    }
    let body = json!({
        "order_id": "order-1", "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "return_url": "http://localhost:3000/return",
    });
    answer(process.post("/v1/payments").json(&body)).await.expect(201, "ready");
}

#[tokio::test]
async fn body_without_a_known_sender_is_not_waited_for() {
    let process = Process::start().await;
    let half = "Host: a\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{";
    for (path, status) in [("/v1/payments", "401"), ("/webhooks/toss/guessed", "404")] {
        let line = first_line(&process, format!("POST {path} HTTP/1.1\r\n{half}").as_bytes()).await;
        assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {line}");
    }
}

#[tokio::test]
async fn http_2_and_requests_without_a_host_are_refused() {
    let process = Process::start().await;
    let preface = first_line(&process, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(preface, "", "closed, and nothing said");
    let nameless = first_line(&process, b"GET /healthz HTTP/1.1\r\n\r\n").await;
    assert!(nameless.starts_with("HTTP/1.1 400"), "{nameless}");
}

#[tokio::test]
async fn webhook_path_says_that_it_takes_a_post() {
    let process = Process::start().await;
    let response = process.request(reqwest::Method::GET, "/webhooks/toss/guessed").send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
}

#[tokio::test]
async fn a_server_out_of_descriptors_waits_and_recovers() {
    let process = Process::start_with(&[("SERVER__MAX_CONNECTIONS", "100000")]).await;
    let few = process.limit_descriptors(60);
    assert!(few, "prlimit is part of every Debian");
    let mut crowd = Vec::new();
    for _ in 0..120 {
        // Beyond the limit a connection waits in the queue of the kernel.
        let connected = timeout(Duration::from_millis(200), TcpStream::connect(process.address())).await;
        crowd.extend(connected.ok().and_then(Result::ok));
    }
    let before = process.cpu_ticks();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let spent = process.cpu_ticks() - before;
    assert!(spent < 50, "it spun: {spent} hundredths of a second in one second");
    drop(crowd);
    answer(process.request(reqwest::Method::GET, "/healthz")).await.expect(200, "ok");
}

#[tokio::test]
async fn a_stop_waits_for_money_that_is_on_its_way() {
    let mut process = Process::start_with(&[("SERVER__CONFIRM_WAIT", "100ms")]).await;
    let body = json!({
        "order_id": "order-1", "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "account": "toss", "method": "card", "return_url": "http://localhost:3000/return",
    });
    let id = answer(process.post("/v1/payments").json(&body)).await.expect(201, "ready")["id"].clone();
    let id = id.as_str().unwrap();
    let result = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    process
        .control("faults", &json!([{ "account": "toss", "call": "confirm", "fault": "slow", "for_ms": 800 }]))
        .await;
    let confirm = process.post(&format!("/v1/payments/{id}/confirm"));
    answer(confirm.json(&json!({ "browser_result": result["browser_result"] })))
        .await
        .expect(202, "confirming");
    // The caller has its answer; the payment gateway still works on it.
    assert!(process.terminate().await, "it did not end by itself");
    process.resume().await;
    let payment = process.get(&format!("/v1/payments/{id}")).await;
    assert_eq!(payment["status"], "paid", "the answer was dropped with the process");
    assert_eq!(process.get("/_sandbox/payments").await["toss"][0]["taken"], 15_000);
}

#[tokio::test]
async fn nobody_is_let_in_after_the_stop() {
    let mut process = Process::start().await;
    let address = process.address().to_owned();
    assert!(process.terminate().await);
    eventually(async || match TcpStream::connect(&address).await {
        Err(_) => Ok(()),
        Ok(_) => Err("it still listens".to_owned()),
    })
    .await;
}
