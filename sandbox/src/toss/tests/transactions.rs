//! `GET /v1/transactions`.

use serde_json::{Value, json};

use super::{
    super::{ApiVersion, TossConfig},
    bench::{Bench, Reply, WIDGET_CLIENT_KEY, WIDGET_SECRET_KEY, refund, refusal, refused, text},
};
use crate::{Fault, FaultRule, OrderAction, PayMethod, PayOutcome, PayRequest};

const ALL_DAY: &str = "startDate=2026-03-14T00:00:00&endDate=2026-03-14T23:59:59";

async fn list(bench: &Bench, query: &str) -> Reply {
    bench.get(&format!("/v1/transactions?{query}")).await
}

async fn rows(bench: &Bench, query: &str) -> Vec<Value> {
    let (status, rows) = list(bench, query).await;
    assert_eq!(status, 200, "{query}: {rows}");
    rows.as_array().unwrap().clone()
}

/// Statuses and amounts.
fn steps(rows: &[Value]) -> Vec<(&str, u64)> {
    rows.iter().map(|row| (text(row, "status"), row["amount"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn an_approval_and_every_cancel_have_a_row_each() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    assert_eq!(payment["lastTransactionKey"], rows(&bench, ALL_DAY).await[0]["transactionKey"]);
    for amount in [3_000, 7_000] {
        bench.cancel(&payment, json!({ "cancelReason": "변심", "cancelAmount": amount })).await;
    }
    let rows = rows(&bench, ALL_DAY).await;
    let part = "PARTIAL_CANCELED";
    assert_eq!(steps(&rows), [("DONE", 10_000), (part, 3_000), (part, 7_000)]);
    let shown = bench.look_up(&payment).await;
    assert_eq!(shown["lastTransactionKey"], rows[2]["transactionKey"]);
    let of_cancels: Vec<_> = (0..2).map(|nth| &shown["cancels"][nth]["transactionKey"]).collect();
    assert_eq!(of_cancels, [&rows[1]["transactionKey"], &rows[2]["transactionKey"]]);
    assert!(rows.iter().all(|row| row["paymentKey"] == payment["paymentKey"]));
}

#[tokio::test]
async fn a_row_has_every_field() {
    let bench = Bench::start().await;
    let Value::Object(sdk) = json!({ "customerKey": "member-17", "card": { "useEscrow": true } }) else {
        unreachable!()
    };
    let key = bench.pay(&PayRequest { sdk, ..PayRequest::new("order-0001", PayOutcome::Approve, 10_000) });
    let (_, payment) = bench.confirm(&key, "order-0001", 10_000).await;
    let rows = rows(&bench, ALL_DAY).await;
    let expected = json!([{
        "mId": "tpaymuxsandbox", "transactionKey": payment["lastTransactionKey"], "paymentKey": key,
        "orderId": "order-0001", "method": "카드", "customerKey": "member-17", "useEscrow": true,
        "receiptUrl": payment["receipt"]["url"], "status": "DONE", "transactionAt": "2026-03-14T10:31:02+09:00",
        "currency": "KRW", "amount": 10_000,
    }]);
    assert_eq!(Value::from(rows), expected);
}

#[tokio::test]
async fn a_buyer_who_is_not_a_member_has_no_customer_key() {
    let bench = Bench::start().await;
    let Value::Object(sdk) = json!({ "customerKey": "@@ANONYMOUS" }) else { unreachable!() };
    let key = bench.pay(&PayRequest { sdk, ..PayRequest::new("order-0001", PayOutcome::Approve, 1_000) });
    bench.confirm(&key, "order-0001", 1_000).await;
    assert_eq!(rows(&bench, ALL_DAY).await[0]["customerKey"], Value::Null);
}

#[tokio::test]
async fn a_closed_account_shows_a_cancel_of_money_that_never_came() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::VirtualAccount, 22_400).await;
    bench.cancel(&payment, json!({ "cancelReason": "변심" })).await;
    assert_eq!(steps(&rows(&bench, ALL_DAY).await), [("WAITING_FOR_DEPOSIT", 0), ("CANCELED", 22_400)]);
    assert_eq!(bench.money("order-0001"), (0, 0));
}

#[tokio::test]
async fn a_deposit_its_reversal_and_its_refund_are_rows() {
    for (version, reversed) in
        [(ApiVersion::V2022November, ("WAITING_FOR_DEPOSIT", 0)), (ApiVersion::V1_4, ("CANCELED", 10_000))]
    {
        let mut config = TossConfig::default();
        config.keys[0].api_version = version;
        let bench = Bench::with(config).await;
        let payment = bench.deposited("order-0001", 10_000).await;
        bench.control.reverse(&OrderAction::all_of("order-0001")).unwrap();
        let seen = rows(&bench, ALL_DAY).await;
        assert_eq!(steps(&seen), [("WAITING_FOR_DEPOSIT", 0), ("DONE", 10_000), reversed]);
        let shown = bench.look_up(&payment).await;
        let last = [&shown["lastTransactionKey"], &shown["transactionKey"]];
        assert!(last.contains(&&seen[2]["transactionKey"]), "{last:?}");
        if version == ApiVersion::V1_4 {
            continue;
        }
        bench.control.deposit(&OrderAction::all_of("order-0001")).unwrap();
        bench.cancel(&payment, refund(4_000)).await;
        let seen = rows(&bench, ALL_DAY).await;
        assert_eq!(steps(&seen[3..]), [("DONE", 10_000), ("PARTIAL_CANCELED", 4_000)]);
    }
}

#[tokio::test]
async fn declines_and_expiries_are_no_transactions() {
    let bench = Bench::start().await;
    let declined = bench.pay(&PayRequest::new("order-0001", PayOutcome::Decline, 1_000));
    assert_eq!(bench.confirm(&declined, "order-0001", 1_000).await.0, 403);
    bench.authenticate("order-0002", PayMethod::Card, 1_000);
    bench.advance_minutes(11);
    let ended = |status: &str| bench.control.payments().iter().any(|row| row["status"] == status);
    assert!(ended("ABORTED") && ended("EXPIRED"));
    assert_eq!(rows(&bench, ALL_DAY).await, [] as [Value; 0]);
}

#[tokio::test]
async fn both_dates_are_inclusive_and_as_long_as_they_are_precise() {
    let bench = Bench::start().await;
    bench.control.advance(std::time::Duration::from_millis(417));
    bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    for (from, to, found) in [
        ("2026-03-14T10:31:02", "2026-03-14T10:31:02", true),
        ("2026-03-14T10:31:02.417", "2026-03-14T10:31:02.417", true),
        ("2026-03-14T10:31:02.418", "2026-03-14T23:59:59.999", false),
        ("2026-03-14T00:00:00.000", "2026-03-14T10:31:02.416", false),
        ("2026-03-14T10:31:03", "2026-03-14T23:59:59", false),
        ("2026-03-14", "2026-03-15", true),
        ("2026-03-14", "2026-03-14", false),
    ] {
        let rows = rows(&bench, &format!("startDate={from}&endDate={to}")).await;
        assert_eq!(rows.len(), usize::from(found), "{from} to {to}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_by_the_last_key() {
    let bench = Bench::start().await;
    for nth in 0..5 {
        bench.confirmed(&format!("order-000{nth}"), PayMethod::Card, 1_000 + nth).await;
    }
    let all = rows(&bench, &format!("{ALL_DAY}&startingAfter=")).await;
    assert_eq!(steps(&all), [1_000, 1_001, 1_002, 1_003, 1_004].map(|amount| ("DONE", amount)));
    let mut walked = rows(&bench, &format!("{ALL_DAY}&limit=2")).await;
    for left in [2, 1, 0] {
        let last = text(walked.last().unwrap(), "transactionKey").to_owned();
        let page = rows(&bench, &format!("{ALL_DAY}&limit=2&startingAfter={last}")).await;
        assert_eq!(page.len(), left);
        walked.extend(page);
    }
    assert_eq!(walked, all);
}

#[tokio::test]
async fn a_page_has_a_hundred_rows_unless_asked_otherwise() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 10_000).await;
    for _ in 0..100 {
        bench.control.cancel(&OrderAction::part_of("order-0001", 1)).unwrap();
    }
    assert_eq!(rows(&bench, ALL_DAY).await.len(), 100);
    let all = rows(&bench, &format!("{ALL_DAY}&limit=5000")).await;
    assert_eq!(all.len(), 101);
    assert_eq!(bench.look_up(&payment).await["lastTransactionKey"], all[100]["transactionKey"]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_by_its_own_code() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    let key = text(&payment, "lastTransactionKey");
    for (query, code) in [
        ("startDate=2026-03-14".to_owned(), "INVALID_REQUEST"),
        ("startDate=yesterday&endDate=2026-03-14".to_owned(), "INVALID_ISO_DATE_FORMAT"),
        ("startDate=2026-03-15&endDate=2026-03-14".to_owned(), "INVALID_DATE"),
        (format!("{ALL_DAY}&limit=0"), "INVALID_REQUEST"),
        (format!("{ALL_DAY}&limit=all"), "INVALID_REQUEST"),
        (format!("{ALL_DAY}&limit=5001"), "EXCEED_MAX_QUERY_LIMIT"),
        (format!("{ALL_DAY}&page=1"), "INVALID_REQUEST"),
        (format!("{ALL_DAY}&startingAfter=txrd_a01unknown"), "INVALID_TRANSACTION_KEY"),
        (format!("startDate=2026-03-15&endDate=2026-03-16&startingAfter={key}"), "INVALID_TRANSACTION_KEY"),
    ] {
        assert_eq!(refusal(list(&bench, &query).await), refused(400, code), "{query}");
    }
    let config =
        TossConfig { wrong_paging_key_code: "INVALID_PAGING_KEY".to_owned(), ..TossConfig::default() };
    let bench = Bench::with(config).await;
    let unknown = format!("{ALL_DAY}&startingAfter={key}");
    assert_eq!(refusal(list(&bench, &unknown).await), refused(400, "INVALID_PAGING_KEY"));
}

#[tokio::test]
async fn another_key_pair_has_other_transactions() {
    let mut bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    bench.secret_key = WIDGET_SECRET_KEY.to_owned();
    assert_eq!(rows(&bench, ALL_DAY).await, [] as [Value; 0]);
    let after = format!("{ALL_DAY}&startingAfter={}", text(&payment, "lastTransactionKey"));
    assert_eq!(refusal(list(&bench, &after).await), refused(400, "INVALID_TRANSACTION_KEY"));
    let client_key = Some(WIDGET_CLIENT_KEY.to_owned());
    let request = PayRequest { client_key, ..PayRequest::new("order-0002", PayOutcome::Approve, 2_000) };
    let key = bench.pay(&request);
    bench.confirm(&key, "order-0002", 2_000).await;
    assert_eq!(steps(&rows(&bench, ALL_DAY).await), [("DONE", 2_000)]);
    bench.secret_key = "test_sk_unknown".to_owned();
    assert_eq!(refusal(list(&bench, ALL_DAY).await), refused(401, "UNAUTHORIZED_KEY"));
}

#[tokio::test]
async fn the_list_has_faults_of_its_own() {
    let bench = Bench::start().await;
    let payment = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
    bench.cancel(&payment, json!({ "cancelReason": "변심" })).await;
    let stale = FaultRule::new("transactions", Fault::StaleRead);
    let body = json!({ "code": "INVALID_TRANSACTION_KEY", "message": "잘못된 페이징 키 입니다." });
    let refuses = FaultRule {
        nth: Some(2),
        status: Some(400),
        body: Some(body),
        ..FaultRule::new("transactions", Fault::ErrorBefore)
    };
    bench.control.add_faults(vec![stale, refuses]).await.unwrap();
    assert_eq!(steps(&rows(&bench, ALL_DAY).await), [("DONE", 1_000)], "the cancel is not there yet");
    assert_eq!(refusal(list(&bench, ALL_DAY).await), refused(400, "INVALID_TRANSACTION_KEY"));
    assert_eq!(steps(&rows(&bench, ALL_DAY).await), [("DONE", 1_000), ("CANCELED", 1_000)]);
}
