//! What is secret goes over the wire to whom it is for, and nowhere else: canaries in every place.

use reqwest::Method;
use serde_json::{Value, json};
use tests::harness::eventually;

use super::process::{DEMO_KEY, Process, answer};

/// The card number a careless page sends along, and other things that stand in a whole flow.
const CARD_NUMBER: &str = "4929123456781234";
const PHONE: &str = "01087654321";
const REFUND_ACCOUNT: &str = "110999888777";
const WEBHOOK_TOKEN: &str = "canary-webhook-token-toss";

/// The demo's own keys at its simulators: they stand for any merchant's.
const PG_SECRETS: [&str; 2] = ["test_sk_paymuxdemo", "paymux_demo_secret"];

/// Every way a secret may be written in a log: as it is, and as Basic authentication has it.
fn forms(secret: &str) -> Vec<String> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    vec![secret.to_owned(), BASE64_STANDARD.encode(format!("{secret}:"))]
}

/// Registers, pays, confirms, deposits and cancels at an account, with canaries wherever one fits.
async fn whole_flow(process: &Process, account: &str) -> Value {
    let body = json!({
        "order_id": format!("order-{account}"), "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "account": account, "method": "virtual_account", "return_url": "http://localhost:3000/return",
        "customer": { "id": "customer-1", "name": "김하늘", "phone": PHONE },
    });
    let id = answer(process.post("/v1/payments").json(&body)).await.expect(201, "ready")["id"].clone();
    let path = format!("/v1/payments/{}", id.as_str().unwrap());
    answer(process.post(&format!("{path}/next-action"))).await.expect(200, "ready");
    let paid = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    let mut result = paid["browser_result"].clone();
    result["cardNumber"] = json!(CARD_NUMBER);
    let confirm = process.post(&format!("{path}/confirm")).json(&json!({ "browser_result": result }));
    answer(confirm).await.expect(200, "awaiting_deposit");
    let deposit = process.control("deposit", &json!({ "payment_id": id })).await;
    eventually(async || match process.get(&path).await {
        payment if payment["status"] == "paid" => Ok(()),
        payment => Err(payment.to_string()),
    })
    .await;
    let refund = json!({
        "reason": "sold out",
        "refund_account": { "bank_code": "088", "account_number": REFUND_ACCOUNT, "holder_name": "김하늘" },
    });
    let cancel = process.post(&format!("{path}/cancel")).header("Idempotency-Key", account).json(&refund);
    let cancelled = answer(cancel).await;
    assert!(matches!(cancelled.status.as_u16(), 200 | 202), "{}", cancelled.text);
    deposit
}

/// What goes wrong: a garbled answer, refused keys, a forged webhook, a wrong key.
async fn misfortunes(process: &Process) -> Vec<String> {
    let mut answers = Vec::new();
    for fault in ["garbled", "unauthorized", "error_before", "reset_after"] {
        process.control("faults", &json!([{ "account": "toss", "call": "confirm", "fault": fault }])).await;
        let body = json!({
            "order_id": fault, "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
            "account": "toss", "method": "card", "return_url": "http://localhost:3000/return",
        });
        let id = answer(process.post("/v1/payments").json(&body)).await.json()["id"].clone();
        let paid = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
        let confirm = process.post(&format!("/v1/payments/{}/confirm", id.as_str().unwrap()));
        let result = json!({ "browser_result": paid["browser_result"], "card": CARD_NUMBER });
        answers.push(answer(process.post("/v1/payments").json(&result)).await.text);
        answers.push(answer(confirm.json(&json!({ "browser_result": paid["browser_result"] }))).await.text);
    }
    let forged =
        json!({ "eventType": "DEPOSIT_CALLBACK", "secret": CARD_NUMBER, "data": { "card": CARD_NUMBER } });
    let hook = process.request(Method::POST, &format!("/webhooks/toss/{WEBHOOK_TOKEN}"));
    answers.push(answer(hook.json(&forged)).await.text);
    let wrong = process.request(Method::GET, "/v1/payments").bearer_auth(format!("{DEMO_KEY}{CARD_NUMBER}"));
    answers.push(answer(wrong).await.text);
    let query =
        process.request(Method::GET, &format!("/v1/payments?status={CARD_NUMBER}")).bearer_auth(DEMO_KEY);
    answers.push(answer(query).await.text);
    answers
}

#[tokio::test]
async fn secrets_are_on_the_wire_and_nowhere_else() {
    let process = Process::start_with(&[("ACCOUNTS__TOSS__WEBHOOK_PATH_TOKEN", WEBHOOK_TOKEN)]).await;
    let deposit = whole_flow(&process, "toss").await;
    whole_flow(&process, "portone").await;
    let answers = misfortunes(&process).await;
    let deposit_secret = deposit["virtual_account"]["secret"].as_str().unwrap().to_owned();

    // Where they belong: the simulators were called with them, and showed the account's secret.
    let books = process.get("/_sandbox/payments").await.to_string();
    assert!(books.contains(&deposit_secret) && books.contains(REFUND_ACCOUNT), "{books}");

    let (log, database) = (process.log(), process.database());
    assert!(log.contains("paymux is ready"), "nothing was logged");
    let kept = |text: &str| database.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(kept("order-toss"), "the database was not read");
    let secrets = [DEMO_KEY, CARD_NUMBER, WEBHOOK_TOKEN, REFUND_ACCOUNT, &deposit_secret];
    for form in secrets.into_iter().chain(PG_SECRETS).flat_map(forms) {
        assert!(!log.contains(&form), "the log holds {form}");
        assert!(!kept(&form), "the database holds {form}");
        assert!(answers.iter().all(|answer| !answer.contains(&form)), "an answer holds {form}");
    }
    assert!(!log.contains(PHONE), "the log holds the buyer's phone number");
}

#[tokio::test]
async fn the_wire_to_a_gateway_carries_the_accounts_key() {
    let process = Process::start().await;
    whole_flow(&process, "toss").await;
    let calls = process.get("/_sandbox/calls").await;
    let confirm = calls["toss"].as_array().unwrap().iter().find(|call| call["call"] == "confirm").unwrap();
    // The sandbox accepts no other key; its own log shows only that there was one.
    assert_eq!(confirm["answer_status"], 200);
    assert!(confirm["headers"]["authorization"].is_string());
}
