//! What floods one account stands in no other account's way.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::json;
use tests::harness::{AMOUNT, Shop};

use crate::storm::{AT_ONCE, IN_MEMORY, hint, made_up, pg_order};

/// How many payments the forged webhooks name, how often each, and how long the PG takes to say that it
/// knows none of them: half a minute of looking, eight at once.
const NAMED: u32 = 60;
const FORGED_EACH: u32 = 4;
const SLOW_MS: u64 = 1_000;

/// Somebody who knows one account's webhook address floods it with payments that are not there, and the PG takes
/// its time to say so: a payment of another account is looked up as if nothing happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_forged_webhooks_does_not_delay_another_account() {
    let shop = Shop::open_with("toss", "card", &IN_MEMORY).await;
    let slow = json!([{ "call": "get", "fault": "slow", "for_ms": SLOW_MS, "times": 100_000 }]);
    let mut named = Vec::new();
    for n in 0..NAMED {
        let id = shop.register(&format!("order-{n}")).await;
        shop.next_action(&id).await.expect(200, "ready");
        named.push(pg_order(&id));
    }
    let paid = registered_at_portone(&shop).await;
    shop.faults(slow).await;
    let forged = (0..NAMED * FORGED_EACH).map(|n| {
        let order = &named[usize::try_from(n % NAMED).unwrap()];
        hint(&shop, order, &made_up(&shop, n))
    });
    let forged: Vec<_> = forged.collect();
    let deliver = |hint| shop.deliver("demo-webhook-token-toss", hint);
    let statuses: Vec<_> = stream::iter(&forged).map(deliver).buffer_unordered(AT_ONCE).collect().await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)));

    // The page never comes back: only PortOne's webhook comes.
    let began = Instant::now();
    shop.buyer(&paid, "approve").await;
    shop.until_status(&paid, "paid").await;
    let waited = began.elapsed();
    println!("the other account waited {waited:?}");
    assert!(
        waited < Duration::from_secs(5),
        "another account's payment waited {waited:?} for the flood to pass"
    );
    shop.no_faults().await;
    shop.abandon().await;
}

/// An order of the same merchant at the other account.
async fn registered_at_portone(shop: &Shop) -> String {
    let body = json!({
        "order_id": "order-of-another-account", "order_name": "티셔츠", "amount": AMOUNT, "currency": "KRW",
        "account": "portone", "method": "card", "return_url": "http://localhost:3000/return",
    });
    let headers = [("authorization", "Bearer sk_test_demo")];
    let url = format!("{}/v1/payments", shop.demo.url());
    let registered = shop.client.send(Method::POST, &url, &headers, Some(&body)).await.expect(201, "ready");
    registered.text("id")
}
