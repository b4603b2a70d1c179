//! The look-ups: by id, by several ids, by `merchant_uid`, by status and time.

use serde_json::{Value, json};

use super::super::PortoneConfig;
use super::bench::{Bench, START, failure, imp_uid, success};
use crate::PayOutcome;

const NO_PAYMENT: (u16, i64, &str) = (404, -1, "존재하지 않는 결제정보입니다.");

/// Every key of a V1 payment.
const KEYS: &str = "amount apply_num bank_code bank_name buyer_addr buyer_email buyer_name buyer_postcode \
    buyer_tel cancel_amount cancel_history cancel_reason cancel_receipt_urls cancelled_at card_code \
    card_issuer_code card_issuer_name card_name card_number card_publisher_code card_publisher_name \
    card_quota card_type cash_receipt_issued channel currency custom_data customer_uid customer_uid_usage \
    deposit_history emb_pg_provider escrow fail_reason failed_at imp_uid merchant_uid name paid_at \
    pay_method pg_id pg_provider pg_tid promotion receipt_url sandbox started_at status user_agent \
    vbank_code vbank_date vbank_holder vbank_issued_at vbank_name vbank_num";

fn ids(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["imp_uid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_key_is_there_in_the_order_of_the_alphabet() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 10_000);
    let path = format!("/payments/{imp_uid}?include_sandbox=true");
    let request = bench.request("GET", &path).bearer_auth(&bench.token);
    let text = request.send().await.unwrap().text().await.unwrap();
    let places: Vec<_> = KEYS.split_whitespace().map(|key| text.find(&format!("\"{key}\":"))).collect();
    assert!(places.iter().all(Option::is_some), "{text}");
    assert!(places.is_sorted(), "{text}");

    let payment = bench.payment(&imp_uid).await;
    assert_eq!(payment.as_object().unwrap().len(), KEYS.split_whitespace().count());
    for (key, value) in [
        ("amount", json!(10_000)),
        ("cancel_amount", json!(0)),
        ("cancel_history", json!([])),
        ("cancelled_at", json!(0)),
        ("fail_reason", Value::Null),
        ("paid_at", json!(START)),
        ("pay_method", json!("card")),
        ("status", json!("paid")),
        ("vbank_date", json!(0)),
        ("vbank_num", Value::Null),
    ] {
        assert_eq!(payment[key], value, "{key}");
    }
}

#[tokio::test]
async fn a_row_of_a_test_channel_is_not_found_by_id_unless_asked_for() {
    let bench = Bench::start().await;
    let imp_uid = bench.paid("order-1", 1_000);
    assert_eq!(failure(&bench.get(&format!("/payments/{imp_uid}")).await), NO_PAYMENT);
    assert_eq!(failure(&bench.get(&format!("/payments/{imp_uid}?include_sandbox=false")).await), NO_PAYMENT);
    assert_eq!(bench.payment(&imp_uid).await["sandbox"], true);

    let live = Bench::with(PortoneConfig { test_channel: false, ..PortoneConfig::default() }).await;
    let imp_uid = live.paid("order-1", 1_000);
    assert_eq!(success(live.get(&format!("/payments/{imp_uid}")).await)["sandbox"], false);
}

#[tokio::test]
async fn several_ids_at_once_answer_207_where_one_is_missing() {
    let bench = Bench::start().await;
    let (first, second) = (bench.paid("order-1", 1_000), bench.paid("order-2", 2_000));
    let all = bench.get(&format!("/payments?imp_uid[]={first}&merchant_uid%5B%5D=order-2")).await;
    assert_eq!(ids(&success(all)), [first.as_str(), &second]);

    let (status, some) = bench.get(&format!("/payments?imp_uid[]={first}&imp_uid[]=imp_none")).await;
    assert_eq!((status, &some["code"]), (207, &json!(0)));
    assert_eq!(ids(&some["response"]), [&first]);

    assert_eq!(failure(&bench.get("/payments?imp_uid[]=imp_none").await), NO_PAYMENT);
    let many = "imp_uid[]=imp_none&".repeat(101);
    assert_eq!(bench.get(&format!("/payments?{many}")).await.0, 400);
}

#[tokio::test]
async fn find_gives_the_first_attempt_in_the_asked_order_and_status() {
    let bench = Bench::start().await;
    let failed = imp_uid(&bench.visit("order-1", PayOutcome::Decline, 1_000));
    bench.advance(10);
    let paid = bench.paid("order-1", 1_000);
    bench.advance(10);
    bench.paid("order-2", 5_000);

    for (path, expected) in [
        ("order-1", &paid),
        ("order-1?sorting=-started", &paid),
        ("order-1?sorting=started", &failed),
        ("order-1?sorting=paid", &failed),
        ("order-1/failed", &failed),
        ("order-1/paid", &paid),
    ] {
        let found = success(bench.get(&format!("/payments/find/{path}")).await);
        assert_eq!(found["imp_uid"], expected.as_str(), "{path}");
    }
    assert_eq!(failure(&bench.get("/payments/find/order-3").await), NO_PAYMENT);
    assert_eq!(failure(&bench.get("/payments/find/order-1/cancelled").await), NO_PAYMENT);
    assert_eq!(bench.get("/payments/find/order-1?sorting=amount").await.0, 400);
    assert_eq!(bench.get("/payments/find/order-1?order=started").await.0, 400, "an unknown name");
}

#[tokio::test]
async fn attempts_of_one_second_are_listed_newest_first() {
    let bench = Bench::start().await;
    let first = imp_uid(&bench.visit("order-1", PayOutcome::Close, 1_000));
    let second = imp_uid(&bench.visit("order-1", PayOutcome::Decline, 1_000));
    let third = bench.paid("order-1", 1_000);

    let all = success(bench.get("/payments/findAll/order-1").await);
    assert_eq!(ids(&all["list"]), [&third, &second, &first]);
    assert_eq!((&all["total"], &all["previous"], &all["next"]), (&json!(3), &json!(0), &json!(0)));

    let page = success(bench.get("/payments/findAll/order-1?page=2&limit=1").await);
    assert_eq!(ids(&page["list"]), [&second]);
    assert_eq!((&page["total"], &page["previous"], &page["next"]), (&json!(3), &json!(1), &json!(3)));

    let ready = success(bench.get("/payments/findAll/order-1/ready").await);
    assert_eq!(ids(&ready["list"]), [&first], "an abandoned window");
    assert_eq!(failure(&bench.get("/payments/findAll/order-2").await), NO_PAYMENT);
    assert_eq!(bench.get("/payments/findAll/order-1/done").await.0, 400);
}

#[tokio::test]
async fn a_search_by_status_compares_the_time_that_status_came() {
    let bench = Bench::start().await;
    let account = bench.account("order-1", 1_000);
    bench.advance(100);
    bench.control.deposit(&crate::OrderAction::all_of("order-1")).unwrap();
    let list = async |query: String| success(bench.get(&format!("/payments/status/{query}")).await);

    let paid = START + 100;
    for (query, found) in [
        (format!("paid?from={paid}&to={paid}"), true),
        (format!("all?from={paid}&to={paid}"), true),
        (format!("paid?from={START}&to={}", paid - 1), false),
        (format!("ready?from={START}"), false),
        ("paid".to_owned(), true),
    ] {
        let expected: &[&str] = if found { &[&account] } else { &[] };
        assert_eq!(ids(&list(query.clone()).await["list"]), expected, "{query}");
    }
}

#[tokio::test]
async fn a_search_by_status_has_limits() {
    let bench = Bench::start().await;
    bench.paid("order-1", 1_000);
    bench.paid("order-2", 1_000);
    let days = |days: u64| START - days * 24 * 60 * 60;
    for (query, status) in [
        ("all?limit=1&page=2".to_owned(), 200),
        ("all?limit=1&page=3".to_owned(), 400),
        ("failed".to_owned(), 200),
        ("failed?page=2".to_owned(), 400),
        ("all?limit=0".to_owned(), 400),
        ("all?limit=1000".to_owned(), 200),
        ("all?limit=1001".to_owned(), 400),
        ("done".to_owned(), 400),
        (format!("all?from={}", days(90)), 200),
        (format!("all?from={}", days(91)), 400),
        (format!("all?from={START}&to={}", days(1)), 400),
    ] {
        assert_eq!(bench.get(&format!("/payments/status/{query}")).await.0, status, "{query}");
    }
}
