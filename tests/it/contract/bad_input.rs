//! Bad fields of requests that are otherwise good: the documented 4xx, and nothing else happens.

use serde_json::{Value, json};

use super::process::{Answer, Process, answer};

/// Stands in every bad value, and must come back in no answer and no line of the log.
const CANARY: &str = "kanarienvogel";
/// The same among digits.
const CANARY_DIGITS: &str = "4929123456781234";

fn order() -> Value {
    json!({
        "order_id": "order-1",
        "order_name": "T-shirt",
        "amount": 15_000,
        "currency": "KRW",
        "method": "card",
        "return_url": "http://localhost:3000/return",
    })
}

/// Registers an order changed in one place, named by a JSON pointer. `Null` takes the field away.
async fn register(process: &Process, place: &str, value: &Value) -> Answer {
    let mut body = order();
    let mut at = &mut body;
    let mut names = place.split('.').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() && value.is_null() {
            at.as_object_mut().unwrap().remove(name);
            break;
        }
        at = &mut at[name];
        if names.peek().is_none() {
            *at = value.clone();
        }
    }
    answer(process.post("/v1/payments").json(&body)).await
}

/// Sends every row and asserts that it is refused so, that nothing is quoted and nothing happened.
async fn assert_refused(rows: &[(&str, Value, u16, &str)]) {
    let process = Process::start().await;
    for (place, value, status, code) in rows {
        let answer = register(&process, place, value).await;
        let body = answer.json();
        assert!(
            answer.status == *status && body["code"] == *code,
            "{place} = {value:.80}: not {status} {code} but {} {}",
            answer.status,
            answer.text
        );
        for canary in [CANARY, CANARY_DIGITS] {
            assert!(!answer.quotes(canary), "{place}: {}", answer.text);
        }
    }
    process.assert_untouched().await;
    let log = process.log();
    for canary in [CANARY, CANARY_DIGITS] {
        assert!(!log.contains(canary), "the log quotes what was submitted");
    }
}

#[tokio::test]
async fn amounts_that_are_none_are_refused() {
    assert_refused(&[
        ("amount", json!(-1), 400, "invalid_body"),
        ("amount", json!(0), 400, "invalid_body"),
        ("amount", json!(0.5), 400, "invalid_body"),
        ("amount", json!(15_000.5), 400, "invalid_body"),
        ("amount", json!("15000"), 400, "invalid_body"),
        ("amount", json!(format!("15000{CANARY}")), 400, "invalid_body"),
        ("amount", json!(true), 400, "invalid_body"),
        ("amount", json!([15_000]), 400, "invalid_body"),
        ("amount", json!(9_007_199_254_740_992_u64), 400, "invalid_body"),
        ("amount", json!(u64::MAX), 400, "invalid_body"),
        ("amount", json!(1e300), 400, "invalid_body"),
        ("amount", json!(-4_929_123_456_781_234_i64), 400, "invalid_body"),
        ("amount", Value::Null, 400, "invalid_body"),
        ("tax_free_amount", json!(15_001), 400, "invalid_parameter"),
        ("tax_free_amount", json!(-1), 400, "invalid_body"),
    ])
    .await;
}

#[tokio::test]
async fn amounts_the_account_does_not_take_are_refused() {
    let process = Process::start().await;
    for (account, method, amount, status) in [
        ("toss", "card", 99, 400),
        ("toss", "transfer", 199, 400),
        ("toss", "virtual_account", 199, 400),
        ("toss", "transfer", 10_000_001, 400),
        ("toss", "mobile_phone", 1_000_001, 400),
        ("portone", "card", 99, 400),
        ("portone", "virtual_account", 99, 400),
    ] {
        let mut body = order();
        body["account"] = account.into();
        body["method"] = method.into();
        body["amount"] = amount.into();
        let answer = answer(process.post("/v1/payments").json(&body)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["param"]),
            (status, &json!("amount")),
            "{account} {method}"
        );
    }
    process.assert_untouched().await;
    for (method, amount) in [("card", 100), ("transfer", 200)] {
        let mut body = order();
        body["order_id"] = method.into();
        body["method"] = method.into();
        body["amount"] = amount.into();
        answer(process.post("/v1/payments").json(&body)).await.expect(201, "ready");
    }
}

#[tokio::test]
async fn names_nobody_knows_are_refused() {
    assert_refused(&[
        ("currency", json!("EUR"), 400, "invalid_body"),
        ("currency", json!(CANARY), 400, "invalid_body"),
        ("currency", json!("krw"), 400, "invalid_body"),
        ("currency", json!("USD"), 422, "unsupported"),
        ("currency", Value::Null, 400, "invalid_body"),
        ("method", json!(CANARY), 400, "invalid_body"),
        ("method", json!("CARD"), 400, "invalid_body"),
        ("account", json!(CANARY), 400, "invalid_parameter"),
        ("account", json!("others"), 400, "invalid_parameter"),
        ("account", json!(format!("../{CANARY}")), 400, "invalid_parameter"),
        ("account", json!(CANARY.repeat(10)), 400, "invalid_body"),
        (CANARY, json!(1), 400, "invalid_body"),
        ("card.kanarienvogel", json!(1), 400, "invalid_body"),
        ("customer.card_number", json!(CANARY_DIGITS), 400, "invalid_body"),
        ("virtual_account.cash_receipt.type", json!(CANARY), 400, "invalid_body"),
        ("card.installment_months", json!(1), 400, "invalid_parameter"),
        ("card.installment_months", json!(61), 400, "invalid_body"),
        ("card.issuer", json!(CANARY), 400, "invalid_parameter"),
        ("easy_pay.provider", json!(format!("{CANARY} {CANARY}")), 400, "invalid_body"),
        ("locale", json!(CANARY), 400, "invalid_body"),
    ])
    .await;
}

#[tokio::test]
async fn texts_that_nobody_can_read_are_refused() {
    let hidden = |character: char| json!(format!("{CANARY}{character}"));
    let mut rows = vec![
        ("order_id", json!(""), 400, "invalid_body"),
        ("order_id", json!("   "), 400, "invalid_parameter"),
        ("order_id", json!(CANARY.repeat(5)), 400, "invalid_body"),
        ("order_id", json!(4_929_123_456_781_234_u64), 400, "invalid_body"),
        ("order_id", Value::Null, 400, "invalid_body"),
        ("order_name", json!(CANARY.repeat(8)), 400, "invalid_body"),
        ("order_name", json!(true), 400, "invalid_body"),
        ("order_name", json!("\u{200b}\n"), 400, "invalid_parameter"),
        ("customer.email", json!(CANARY), 400, "invalid_parameter"),
        ("customer.email", json!(format!("{CANARY}@{CANARY}")), 400, "invalid_parameter"),
        ("customer.email", json!(format!("a@{CANARY}.kr\r\nBcc: b@c.kr")), 400, "invalid_parameter"),
        ("customer.phone", json!(format!("{CANARY_DIGITS}")), 400, "invalid_parameter"),
        ("customer.phone", json!(format!("010{CANARY}")), 400, "invalid_parameter"),
        ("metadata.note", json!(CANARY.repeat(40)), 400, "invalid_parameter"),
        ("metadata.note", json!(4_929_123_456_781_234_u64), 400, "invalid_body"),
        ("metadata.kanarienvogelkanarienvogelkanarienvogelkan", json!("a"), 400, "invalid_parameter"),
        ("virtual_account.due_at", json!(CANARY), 400, "invalid_body"),
        ("virtual_account.due_at", json!("2001-01-01T00:00:00Z"), 400, "invalid_parameter"),
        ("virtual_account.due_at", json!("9999-01-01T00:00:00Z"), 400, "invalid_parameter"),
    ];
    for character in
        ['\0', '\n', '\r', '\t', '\u{1b}', '\u{7f}', '\u{85}', '\u{200b}', '\u{2028}', '\u{202e}', '\u{feff}']
    {
        // Of texts for display they are taken out.
        for place in ["order_id", "customer.id"] {
            rows.push((place, hidden(character), 400, "invalid_parameter"));
        }
    }
    rows.push(("metadata.note", hidden('\0'), 400, "invalid_parameter"));
    assert_refused(&rows).await;
}

#[tokio::test]
async fn addresses_that_are_not_the_merchants_are_refused() {
    let rows: Vec<_> = [
        "javascript:alert('kanarienvogel')",
        "JaVaScRiPt:alert('kanarienvogel')",
        "data:text/html,kanarienvogel",
        "file:///kanarienvogel",
        "https://kanarienvogel.example/return",
        "http://localhost.kanarienvogel.example/",
        "http://localhost@kanarienvogel.example/",
        "http://kanarienvogel.example#http://localhost/",
        "http://kanarienvogel.example\\@localhost/",
        "//kanarienvogel.example/",
        "/kanarienvogel",
        "kanarienvogel",
        "http://",
        " ",
    ]
    .map(|address| ("return_url", json!(address), 400, "invalid_parameter"))
    .into();
    assert_refused(&rows).await;
    assert_refused(&[
        ("return_url", json!(format!("http://localhost/{}", CANARY.repeat(200))), 400, "invalid_body"),
        ("return_url", json!(""), 400, "invalid_body"),
        ("return_url", Value::Null, 400, "invalid_body"),
    ])
    .await;
}

#[tokio::test]
async fn name_in_a_query_that_nobody_knows_is_refused() {
    let process = Process::start().await;
    let get = async |path: &str| {
        answer(process.request(reqwest::Method::GET, path).bearer_auth(super::process::DEMO_KEY)).await
    };
    for (path, param, said) in [
        ("/v1/payments?created_from=2026-01-01", Some("created_from"), "`created_from` is not a parameter"),
        ("/v1/payments?orderId=order-1", Some("orderId"), "Did you mean `order_id`?"),
        ("/v1/banks?limit=1", Some("limit"), "it takes none"),
        ("/v1/payments?kanarienvogel4=1", None, "A name in the query is not a parameter"),
    ] {
        let answer = get(path).await;
        let body = answer.expect(400, "invalid_parameter");
        assert_eq!(body.get("param").and_then(Value::as_str), param, "{path}");
        assert!(body["detail"].as_str().unwrap().contains(said), "{}", answer.text);
        assert!(!answer.quotes(CANARY), "{}", answer.text);
    }
    assert_eq!(get("/v1/payments?order_id=order-1&limit=1").await.status, 200);
    // Nothing is done by a request that says more than is understood.
    let posted = answer(process.post("/v1/payments?dry_run=true").json(&order())).await;
    posted.expect(400, "invalid_parameter");
    process.assert_untouched().await;
}
