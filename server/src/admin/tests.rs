use gateway_core::{Case, CaseClosing, CaseKind, CaseSubject, Change, PaymentId};
use serde_json::Value;

use crate::{
    App,
    testing::{demo, registered},
};

/// A payment with so many cases, of which every second one is settled.
async fn payment_with_cases(app: &App, order_id: &str, cases: u16) -> PaymentId {
    let gateway = app.gateway();
    let account = gateway.accounts().next().unwrap().id.clone();
    let record = registered(gateway, &account, order_id).await;
    let (id, expected, now) = (record.payment.id.clone(), record.payment.version, gateway.clock().now());
    let mut payment = record.payment;
    payment.version += 1;
    payment.cases = (1..=cases)
        .map(|number| Case {
            number,
            about: CaseSubject::Confirm(number),
            kind: CaseKind::UnknownConfirm,
            opened_at: now,
            closing: number.is_multiple_of(2).then_some(CaseClosing::Settled { at: now }),
        })
        .collect();
    let change = Change {
        expected: Some(expected),
        payment,
        hints: record.hints,
        more_hints_at: None,
        attempts: Vec::new(),
        cancels: Vec::new(),
        events: Vec::new(),
        idempotency: None,
        supersedes: None,
    };
    gateway.store().commit(change).await.unwrap();
    id
}

/// The ids of all cases, in pages of a size.
async fn pages(app: &App, state: &str, limit: usize) -> Vec<String> {
    let url = format!("http://{}/cases?state={state}&limit={limit}", app.admin_address());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let text = http.get(format!("{url}{cursor}")).send().await.unwrap().text().await.unwrap();
        let page: Value = serde_json::from_str(&text).unwrap();
        let data = page["data"].as_array().unwrap_or_else(|| panic!("{page}"));
        assert!(data.len() <= limit);
        ids.extend(data.iter().map(|case| case["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => {
                assert_eq!(data.len(), limit, "a short page is the last");
                cursor = format!("&cursor={next}");
            }
            None => return ids,
        }
    }
}

#[tokio::test]
async fn no_page_size_skips_or_repeats_a_case() {
    let app = demo(&[]).await;
    let mut expected = Vec::new();
    for (order_id, cases) in [("order-1", 3), ("order-2", 0), ("order-3", 1), ("order-4", 4)] {
        let id = payment_with_cases(&app, order_id, cases).await;
        expected.extend((1..=cases).map(|number| format!("{id}.{number}")));
    }
    let open = |id: &&String| !id.ends_with(".2") && !id.ends_with(".4");
    let expected_open: Vec<_> = expected.iter().filter(open).cloned().collect();
    for limit in 1..=9 {
        assert_eq!(pages(&app, "all", limit).await, expected, "{limit}");
        assert_eq!(pages(&app, "open", limit).await, expected_open, "{limit}");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_documentation_says_what_needs_the_key() {
    let app = demo(&[]).await;
    let url = format!("http://{}/openapi.json", app.admin_address());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = http.get(url).send().await.unwrap().text().await.unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    for (path, method, needs_key) in [
        ("/cases", "get", true),
        ("/cases/{id}", "get", true),
        ("/cases/{id}/close", "post", true),
        ("/ledger", "get", true),
        ("/ledger/check", "get", true),
        ("/healthz", "get", false),
        ("/readyz", "get", false),
    ] {
        let operation = &document["paths"][path][method];
        let is_said = operation["security"].as_array().is_some_and(|security| !security.is_empty());
        assert_eq!(is_said, needs_key, "{path}");
        assert!(operation["responses"]["200"].is_object(), "{path}");
        assert!(operation["responses"]["402"].is_null(), "{path}: no operator is declined");
    }
    app.stop().await.unwrap();
}
