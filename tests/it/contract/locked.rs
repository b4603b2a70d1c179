//! Somebody else has the database: a person with a SQL shell, or a second server.

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::harness::eventually;

use super::process::{Answer, Process, answer};

/// A folder for the database, whose path this process knows.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("paymux.db").display())
    }

    async fn start(&self) -> Process {
        Process::start_with(&[("DATABASE__URL", &self.url())]).await
    }

    /// Takes the lock that a statement of this kind takes, and keeps it.
    pub(super) fn lock(&self, how: &str) -> Connection {
        let other = Connection::open(self.0.path().join("paymux.db")).unwrap();
        other.execute_batch(how).unwrap();
        other
    }
}

async fn register(process: &Process, order: &str) -> Answer {
    let body = json!({
        "order_id": order, "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "account": "toss", "method": "card", "return_url": "http://localhost:3000/return",
    });
    answer(process.post("/v1/payments").header("Idempotency-Key", order).json(&body)).await
}

async fn confirm(process: &Process, id: &str, result: &Value) -> Answer {
    let body = json!({ "browser_result": result });
    answer(process.post(&format!("/v1/payments/{id}/confirm")).header("Idempotency-Key", "c").json(&body))
        .await
}

async fn confirms(process: &Process) -> usize {
    let calls = process.get("/_sandbox/calls").await;
    calls["toss"].as_array().unwrap().iter().filter(|call| call["call"] == "confirm").count()
}

/// Not stored, or not known to be: the same request again.
#[track_caller]
fn assert_to_be_repeated(answer: &Answer) {
    let body = answer.json();
    if answer.status == 202 {
        // It still waits for the lock, and nothing is said to be done.
        assert_eq!(body["status"], "ready");
        return;
    }
    assert_eq!(answer.status, 503, "{body:#}");
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
    assert_eq!(body["retry"], "same_key");
    assert!(matches!(body["code"].as_str(), Some("storage_unavailable" | "timed_out")), "{body:#}");
}

#[tokio::test]
async fn locked_database_asks_for_no_money_and_recovers() {
    let place = Place::new();
    let mut process = place.start().await;
    let id = register(&process, "order-1").await.expect(201, "ready")["id"].as_str().unwrap().to_owned();
    let result = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    let result = result["browser_result"].clone();

    let other = place.lock("BEGIN IMMEDIATE");
    let (registered, confirmed) =
        tokio::join!(register(&process, "order-2"), confirm(&process, &id, &result));
    assert_to_be_repeated(&registered);
    assert_to_be_repeated(&confirmed);
    assert_eq!(confirms(&process).await, 0, "money was asked for by a row that is not stored");
    assert_eq!(process.get(&format!("/v1/payments/{id}")).await["status"], "ready", "it can be read");

    drop(other);
    eventually(async || {
        // The first one may only now have got the lock.
        let answer = register(&process, "order-2").await;
        if matches!(answer.status.as_u16(), 200 | 201) { Ok(()) } else { Err(answer.text) }
    })
    .await;
    eventually(async || {
        let answer = confirm(&process, &id, &result).await;
        if answer.status == 200 { Ok(answer.expect(200, "paid")) } else { Err(answer.text) }
    })
    .await;
    assert_eq!(confirms(&process).await, 1);
    process.crash().await;
    assert_eq!(process.get(&format!("/v1/payments/{id}")).await["status"], "paid");
    assert_eq!(process.get("/v1/payments").await["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_database_that_stays_locked_stops_the_start_and_says_so() {
    let place = Place::new();
    let mut process = place.start().await;
    register(&process, "order-1").await.expect(201, "ready");
    assert!(process.terminate().await);

    let other = place.lock("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    let (code, said) = process.ends_at_once().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.lines().last().unwrap_or_default().contains("database is locked"), "{said}");
    drop(other);
    process.resume().await;
    assert_eq!(process.get("/v1/payments").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_second_server_on_the_same_database_does_not_start() {
    let place = Place::new();
    let process = place.start().await;
    register(&process, "order-1").await.expect(201, "ready");
    let mut second = Process::start().await;
    second.configure("DATABASE__URL", &place.url());
    assert!(second.terminate().await);
    let (code, said) = second.ends_at_once().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.lines().last().unwrap_or_default().contains("in use by another server"), "{said}");
    register(&process, "order-2").await.expect(201, "ready");
}
