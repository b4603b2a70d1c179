use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::{App, testing::demo};

/// A demo and somebody who calls it.
struct Shop {
    app: App,
    http: Client,
}

/// What was answered.
#[derive(Debug)]
struct Reply {
    status: u16,
    replayed: bool,
    retry_after: bool,
    body: Value,
}

impl Shop {
    async fn open(further: &[(&str, &str)]) -> Self {
        let app = demo(further).await;
        Self { app, http: Client::builder().no_proxy().build().unwrap() }
    }

    async fn send(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Reply {
        let url = format!("http://{}{path}", self.app.address());
        let mut request = self.http.request(method, url);
        if path.starts_with("/v1") {
            request = request.bearer_auth("sk_test_demo");
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        Reply::of(request.send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, None, Some(body)).await
    }

    async fn cancel(&self, id: &str, key: &str, body: &Value) -> Reply {
        self.send(Method::POST, &format!("/v1/payments/{id}/cancel"), Some(key), Some(body)).await
    }

    async fn register(&self, account: &str, method: &str) -> String {
        let body = json!({
            "order_id": format!("order-{account}"), "order_name": "티셔츠", "amount": 15_000, "currency": "KRW",
            "method": method, "account": account, "return_url": "http://localhost:3000/return",
        });
        self.post("/v1/payments", &body).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// The buyer goes through the window, and the browser result is confirmed.
    async fn pay(&self, id: &str, outcome: &str) -> Reply {
        let visit = json!({ "payment_id": id, "outcome": outcome });
        let visit = self.post("/_sandbox/pay", &visit).await.expect(200);
        let body = json!({ "browser_result": visit["browser_result"] });
        self.post(&format!("/v1/payments/{id}/confirm"), &body).await
    }

    async fn paid(&self, account: &str) -> String {
        let id = self.register(account, "card").await;
        assert_eq!(self.pay(&id, "approve").await.expect(200)["status"], "paid");
        id
    }

    async fn close(self) {
        self.app.stop().await.unwrap();
    }
}

impl Reply {
    async fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().contains_key(name);
        let (replayed, retry_after) = (header("idempotent-replayed"), header("retry-after"));
        let text = response.text().await.unwrap();
        Self { status, replayed, retry_after, body: serde_json::from_str(&text).unwrap_or_default() }
    }

    #[track_caller]
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }
}

const ACCOUNTS: [&str; 2] = ["toss", "portone"];

#[tokio::test]
async fn repeat_is_answered_by_what_the_first_left() {
    let shop = Shop::open(&[]).await;
    let due_at =
        shop.app.gateway().clock().now().saturating_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let body = json!({
        "order_id": "order-1", "order_name": "티셔츠", "amount": 15_000, "currency": "KRW", "method": "virtual_account",
        "virtual_account": { "due_at": due_at.to_string() }, "return_url": "http://localhost:3000/return",
    });
    let register = || shop.send(Method::POST, "/v1/payments", Some("k-1"), Some(&body));
    let first = register().await.expect(201);
    shop.post("/_sandbox/clock", &json!({ "advance_s": 7_200 })).await.expect(200);
    let again = register().await;
    assert!(again.replayed, "the time that it asked for has passed meanwhile");
    assert_eq!(again.expect(201)["id"], first["id"]);
    let other_key = shop.send(Method::POST, "/v1/payments", Some("k-2"), Some(&body)).await;
    assert_eq!(other_key.expect(400)["param"], "virtual_account.due_at");
    shop.close().await;
}

#[tokio::test]
async fn next_action_takes_a_device_and_no_body() {
    let shop = Shop::open(&[]).await;
    for account in ACCOUNTS {
        let id = shop.register(account, "card").await;
        let path = format!("/v1/payments/{id}/next-action");
        let first = shop.send(Method::POST, &path, None, None).await.expect(200);
        let calls = first["next_action"]["calls"].as_array().unwrap();
        assert!(calls.iter().all(|call| call["result"].is_string()), "{calls:?}");
        assert!(first["pg"]["order_id"].as_str().unwrap().starts_with("pay"));
        for (body, status) in [
            (json!({}), 200),
            (json!({ "device": "desktop" }), 200),
            (json!({ "device": "mobile" }), 200),
            (json!({ "device": "watch" }), 400),
            (json!({ "device": null }), 400),
            (json!({ "phone": true }), 400),
        ] {
            let reply = shop.post(&path, &body).await;
            assert_eq!(reply.status, status, "{body}");
        }
        let read = shop.send(Method::GET, &format!("/v1/payments/{id}"), None, None).await.expect(200);
        assert!(read["next_action"].is_object(), "it can be paid");
        shop.pay(&id, "approve").await.expect(200);
        let read = shop.send(Method::GET, &format!("/v1/payments/{id}"), None, None).await.expect(200);
        assert!(read.get("next_action").is_none(), "it is paid");
    }
    shop.close().await;
}

#[tokio::test]
async fn declined_payment_can_be_prepared_again() {
    let shop = Shop::open(&[]).await;
    for account in ACCOUNTS {
        let id = shop.register(account, "card").await;
        let declined = shop.pay(&id, "decline").await.expect(402);
        assert_eq!(declined["payment"]["last_attempt"]["failure"]["reason"], declined["reason"]);
        assert_eq!(declined["payment"]["failure"]["pg"], declined["pg"]);
        assert!(declined["payment"].get("next_action").is_none());
        let path = format!("/v1/payments/{id}/next-action");
        let again = shop.send(Method::POST, &path, None, None).await.expect(200);
        assert_eq!(again["status"], "failed");
        assert!(again["next_action"].is_object());
    }
    shop.close().await;
}

#[tokio::test]
async fn refused_cancel_is_replayed_with_the_same_key() {
    let shop = Shop::open(&[]).await;
    let id = shop.paid("toss").await;
    let refusal = r#"{"code": "NOT_CANCELABLE_PAYMENT", "message": "취소 할 수 없는 결제 입니다."}"#;
    let fault = json!({ "call": "cancel", "fault": "error_before", "status": 403, "body": refusal });
    shop.post("/_sandbox/faults", &json!([fault])).await.expect(200);
    let all = json!({ "reason": "품절" });
    let refused = shop.cancel(&id, "all", &all).await;
    assert!(!refused.replayed);
    let refused = refused.expect(409);
    assert_eq!((&refused["code"], &refused["reason"]), (&json!("cancel_refused"), &json!("not_cancellable")));
    assert_eq!(refused["pg"]["code"], "NOT_CANCELABLE_PAYMENT");
    let again = shop.cancel(&id, "all", &all).await;
    assert!(again.replayed, "{again:?}");
    assert_eq!(again.expect(409)["code"], "cancel_refused");
    let next = shop.cancel(&id, "next", &all).await.expect(200);
    assert_eq!(next["cancels"][0]["failure"]["reason"], "not_cancellable");
    shop.close().await;
}

#[tokio::test]
async fn close_of_an_unpaid_payment_has_no_amount() {
    let shop = Shop::open(&[]).await;
    let id = shop.register("toss", "card").await;
    let closed = shop.cancel(&id, "close", &json!({ "reason": "품절" })).await.expect(200);
    assert_eq!(closed["status"], "cancelled");
    assert_eq!(closed["cancels"][0]["type"], "close");
    assert!(closed["cancels"][0].get("amount").is_none());
    shop.close().await;
}

#[tokio::test]
async fn cancel_with_an_open_outcome_is_answered_202() {
    let shop = Shop::open(&[]).await;
    let id = shop.paid("toss").await;
    let faults = json!([
        { "call": "cancel", "fault": "reset_after" },
        { "account": "toss", "call": "get", "fault": "error_before", "times": 100 },
    ]);
    shop.post("/_sandbox/faults", &faults).await.expect(200);
    let part = json!({ "reason": "부분 취소", "amount": 5_000, "vat_amount": 454 });
    let reply = shop.cancel(&id, "part", &part).await;
    assert!(reply.retry_after && !reply.replayed);
    assert_eq!(reply.expect(202)["cancels"][0]["status"], "unknown");
    let other = shop.cancel(&id, "other", &part).await.expect(409);
    assert_eq!(other["code"], "cancel_in_progress");
    shop.close().await;
}

#[tokio::test]
async fn second_payment_stands_in_duplicates() {
    let shop = Shop::open(&[]).await;
    let id = shop.paid("portone").await;
    let visit = json!({ "payment_id": id, "outcome": "approve", "already_open": true });
    let visit = shop.post("/_sandbox/pay", &visit).await.expect(200);
    let body = json!({ "browser_result": visit["browser_result"] });
    let paid = shop.post(&format!("/v1/payments/{id}/confirm"), &body).await.expect(200);
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(15_000)));
    let second = &paid["duplicates"][0];
    assert_eq!((&second["role"], &second["amount"]), (&json!("duplicate"), &json!(15_000)));
    assert_eq!(second["pg_payment_id"], visit["browser_result"]["imp_uid"]);
    assert_eq!(second["cancels"][0]["origin"], "compensation");
    shop.close().await;
}

#[tokio::test]
async fn every_amount_is_moved_by_one_event() {
    let shop = Shop::open(&[]).await;
    let id = shop.paid("toss").await;
    let cancelled = shop.cancel(&id, "all", &json!({ "reason": "품절" })).await.expect(200);
    let events = shop.send(Method::GET, "/v1/events", None, None).await.expect(200);
    let events = events["data"].as_array().unwrap();
    let sum =
        |field: &str| -> i64 { events.iter().filter_map(|event| event["movement"][field].as_i64()).sum() };
    assert_eq!((sum("paid"), sum("cancelled")), (15_000, 15_000));
    let of_cancel = |event: &&Value| event["cancel_id"] == cancelled["cancels"][0]["id"];
    let names: Vec<_> =
        events.iter().filter(of_cancel).map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(names, ["cancel.requested", "cancel.done"]);
    shop.close().await;
}

#[tokio::test]
async fn banks_and_card_companies_are_listed_to_merchants() {
    let shop = Shop::open(&[]).await;
    let banks = shop.send(Method::GET, "/v1/banks", None, None).await.expect(200);
    let named = |list: &Value, code: &str| {
        let found = list["data"].as_array().unwrap().iter().find(|entry| entry["code"] == code);
        found.map(|entry| entry["name_ko"].as_str().unwrap().to_owned())
    };
    assert_eq!((&banks["object"], named(&banks, "004").as_deref()), (&json!("list"), Some("KB국민은행")));
    assert_eq!(named(&banks, "240").as_deref(), Some("삼성증권"));
    let issuers = shop.send(Method::GET, "/v1/card-issuers", None, None).await.expect(200);
    assert_eq!(named(&issuers, "366").as_deref(), Some("신한카드"));
    for path in ["/v1/banks", "/v1/card-issuers"] {
        let url = format!("http://{}{path}", shop.app.address());
        let unknown = Reply::of(shop.http.get(url).bearer_auth("sk_test_none").send().await.unwrap()).await;
        assert_eq!((unknown.status, &unknown.body["code"]), (401, &json!("unauthenticated")));
    }
    shop.close().await;
}

#[tokio::test]
async fn code_that_is_in_no_list_is_refused_with_the_list() {
    let shop = Shop::open(&[]).await;
    let id = shop.paid("toss").await;
    for code in ["88", "04", "S3", "BK88", "999"] {
        let account = json!({ "bank_code": code, "account_number": "110123456789", "holder_name": "홍길동" });
        let body = json!({ "reason": "품절", "refund_account": account });
        let refused = shop.cancel(&id, code, &body).await.expect(400);
        assert_eq!(refused["param"], "refund_account.bank_code", "{code}");
        assert!(refused["detail"].as_str().unwrap().contains("GET /v1/banks"), "{refused}");
    }
    let payment = shop.send(Method::GET, &format!("/v1/payments/{id}"), None, None).await.expect(200);
    assert_eq!(payment["cancels"], json!([]), "nothing is stored");
    for code in ["41", "W1", "SHINHAN", "088"] {
        let body = json!({
            "order_id": "order-2", "order_name": "티셔츠", "amount": 15_000, "currency": "KRW", "method": "card",
            "card": { "issuer": code }, "return_url": "http://localhost:3000/return",
        });
        let refused = shop.post("/v1/payments", &body).await.expect(400);
        assert_eq!(refused["param"], "card.issuer", "{code}");
        assert!(refused["detail"].as_str().unwrap().contains("GET /v1/card-issuers"), "{refused}");
    }
    shop.close().await;
}

#[tokio::test]
async fn retired_account_refuses_what_moves_money() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("paymux.db").display());
    // The second process takes the file once the first has let it go.
    let (database, wait) = (("DATABASE__URL", url.as_str()), ("SERVER__SHUTDOWN_WAIT", "20s"));
    let shop = Shop::open(&[database, wait]).await;
    let id = shop.paid("toss").await;
    shop.close().await;

    let retired = ("ACCOUNTS__TOSS__RETIRED", "true");
    let shop = Shop::open(&[database, retired, ("MERCHANTS__DEMO__DEFAULT_ACCOUNT", "portone")]).await;
    let accounts = shop.send(Method::GET, "/v1/providers", None, None).await.expect(200);
    let is_shown = |account: &Value| account["retired"] == (account["account"] == "toss");
    assert!(accounts["data"].as_array().unwrap().iter().all(is_shown), "{accounts:#}");
    let refused = shop.cancel(&id, "key", &json!({ "reason": "품절" })).await.expect(409);
    assert_eq!((&refused["code"], &refused["payment"]["id"]), (&json!("account_retired"), &json!(id)));
    let verify = format!("/v1/payments/{id}/verify");
    assert_eq!(shop.send(Method::POST, &verify, None, None).await.expect(200)["status"], "paid");
    let body = json!({
        "order_id": "order-2", "order_name": "티셔츠", "amount": 15_000, "currency": "KRW", "account": "toss",
        "return_url": "http://localhost:3000/return",
    });
    assert_eq!(shop.post("/v1/payments", &body).await.expect(400)["param"], "account");
    shop.close().await;
}
