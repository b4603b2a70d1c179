use paymux_core::{
    model::{PaymentId, Review, ReviewClosing, ReviewReason, ReviewSubject},
    store::{Change, ChecksChange, PaymentChange},
};
use serde_json::Value;

use crate::{
    App,
    testing::{demo, registered},
};

/// A payment with so many reviews, of which every second one is closed.
async fn payment_with_reviews(app: &App, order_id: &str, reviews: u16) -> PaymentId {
    let gateway = app.gateway();
    let account = gateway.accounts().next().unwrap().id.clone();
    let record = registered(gateway, &account, order_id).await;
    let (id, expected, now) = (record.payment.id.clone(), record.payment.version, gateway.clock().now());
    let mut payment = record.payment;
    payment.version += 1;
    payment.reviews = (1..=reviews)
        .map(|number| Review {
            number,
            about: ReviewSubject::Payment,
            reason: ReviewReason::AccountRetired,
            asked_for: None,
            key: None,
            opened_at: now,
            closing: number.is_multiple_of(2).then_some(ReviewClosing::Resolved { at: now }),
        })
        .collect();
    let change = PaymentChange {
        expected: Some(expected),
        payment,
        is_live: true,
        attempts: Vec::new(),
        charges: Vec::new(),
        events: Vec::new(),
        checks: ChecksChange::default(),
    };
    let change = Change { at: now, payments: vec![change], unchanged: Vec::new(), idempotency: None };
    gateway.store().commit(change).await.unwrap();
    id
}

/// The ids of all reviews, in pages of a size.
async fn pages(app: &App, state: &str, limit: usize) -> Vec<String> {
    let url = format!("http://{}/reviews?state={state}&limit={limit}", app.admin_address());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let text = http.get(format!("{url}{cursor}")).send().await.unwrap().text().await.unwrap();
        let page: Value = serde_json::from_str(&text).unwrap();
        let data = page["data"].as_array().unwrap_or_else(|| panic!("{page}"));
        assert!(data.len() <= limit);
        ids.extend(data.iter().map(|review| review["id"].as_str().unwrap().to_owned()));
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
async fn no_page_size_skips_or_repeats_a_review() {
    let app = demo(&[]).await;
    let mut expected = Vec::new();
    for (order_id, reviews) in [("order-1", 3), ("order-2", 0), ("order-3", 1), ("order-4", 4)] {
        let id = payment_with_reviews(&app, order_id, reviews).await;
        expected.extend((1..=reviews).map(|number| format!("{id}.{number}")));
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
        ("/reviews", "get", true),
        ("/reviews/{id}", "get", true),
        ("/reviews/{id}/close", "post", true),
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
