//! Looking up, over the wire.

use gateway_core::{ConfirmRequest, Mode, Money, PaymentProvider as _, PaymentRef, PgStatus};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    IMP_UID, account, config, done, order_id, payment, provider, provider_with, refused, stub::Stub,
    unknown_payment,
};

fn by_id() -> PaymentRef {
    PaymentRef { pg_order_id: order_id(), pg_id: Some(IMP_UID.parse().unwrap()), state: None }
}

fn by_order() -> PaymentRef {
    PaymentRef { pg_id: None, ..by_id() }
}

fn confirm(pg_id: Option<&str>) -> ConfirmRequest {
    ConfirmRequest {
        pg_order_id: order_id(),
        pg_id: pg_id.map(|id| id.parse().unwrap()),
        amount: Money::krw(10_000),
        idempotency_key: String::new(),
        state: None,
    }
}

fn page(next: u32, list: &[Value]) -> (u16, String) {
    done(&json!({ "total": 9, "previous": 0, "next": next, "list": list }))
}

fn row(imp_uid: &str, mut changes: Value) -> Value {
    changes["imp_uid"] = imp_uid.into();
    payment(changes)
}

#[tokio::test]
async fn test_mode_sees_payments_of_test_channels_and_live_mode_does_not() {
    for (mode, line) in [
        (Mode::Test, format!("GET /payments/{IMP_UID}?include_sandbox=true")),
        (Mode::Live, format!("GET /payments/{IMP_UID}")),
    ] {
        let stub = Stub::start(|_| done(&payment(json!({})))).await;
        let mut config = config(&stub.url);
        config.mode = mode;
        let provider = provider_with(config);
        let found = provider.verify(&by_id()).await.unwrap();
        assert_eq!((found.len(), found[0].pg_id.as_str()), (1, IMP_UID));
        assert_eq!(stub.calls().len(), 1);
        let call = &stub.calls()[0];
        assert_eq!((&call.line, call.body.as_str()), (&line, ""));
    }
}

#[tokio::test]
async fn an_unknown_payment_is_not_found() {
    let stub = Stub::start(|_| unknown_payment()).await;
    let provider = provider(&stub.url);
    assert_eq!(provider.verify(&by_id()).await.unwrap(), []);
    assert_eq!(provider.verify(&by_order()).await.unwrap(), []);
}

#[tokio::test]
async fn a_page_of_somebody_else_does_not_say_that_a_payment_is_unknown() {
    let stub = Stub::start(|_| (404, "<html>not found</html>".to_owned())).await;
    let provider = provider(&stub.url);
    assert_eq!(provider.verify(&by_id()).await.unwrap_err().name(), "outcome_unknown");
    assert_eq!(provider.verify(&by_order()).await.unwrap_err().name(), "outcome_unknown");
}

#[tokio::test]
async fn an_id_that_could_climb_to_another_call_is_never_sent() {
    let stub = Stub::start(|_| done(&payment(json!({})))).await;
    let provider = provider(&stub.url);
    for id in ["..", "a/b", "imp_1.", &"9".repeat(33)] {
        let subject = PaymentRef { pg_id: Some(id.parse().unwrap()), ..by_id() };
        assert_eq!(provider.verify(&subject).await.unwrap(), [], "{id}");
    }
    assert_eq!(stub.all(), []);
}

#[tokio::test]
async fn every_page_of_an_order_is_read() {
    let stub = Stub::start(|seen| {
        let at = |page: &str| seen.line.contains(&format!("page={page}&"));
        match () {
            () if at("1") => page(2, &[row("imp_1", json!({})), row("imp_2", json!({}))]),
            () if at("2") => page(0, &[row("imp_3", json!({}))]),
            () => unknown_payment(),
        }
    })
    .await;
    let found = provider(&stub.url).verify(&by_order()).await.unwrap();
    assert_eq!(found.iter().map(|row| row.pg_id.as_str()).collect::<Vec<_>>(), ["imp_1", "imp_2", "imp_3"]);
    let lines: Vec<_> = stub.calls().into_iter().map(|call| call.line).collect();
    let path = format!("GET /payments/findAll/{}?sorting=started", order_id());
    assert_eq!(lines, [1, 2].map(|page| format!("{path}&page={page}&limit=1000")));
}

#[tokio::test]
async fn a_page_beyond_the_data_is_the_end() {
    let stub = Stub::start(|seen| {
        let first = seen.line.contains("page=1&");
        if first { page(2, &[payment(json!({}))]) } else { refused(400, -1, "") }
    })
    .await;
    let provider = provider(&stub.url);
    assert_eq!(provider.verify(&by_order()).await.unwrap().len(), 1);
    let list = provider.paid_list().unwrap();
    assert_eq!(list.paid_between(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_too_long_to_be_one_is_not_read() {
    let stub = Stub::start(|_| {
        let (status, body) = done(&payment(json!({})));
        (status, body + &" ".repeat(17 * 1024 * 1024))
    })
    .await;
    assert_eq!(provider(&stub.url).verify(&by_id()).await.unwrap_err().name(), "outcome_unknown");
}

#[tokio::test]
async fn a_list_that_leads_back_is_no_answer() {
    let stub = Stub::start(|_| page(1, &[payment(json!({}))])).await;
    assert_eq!(provider(&stub.url).verify(&by_order()).await.unwrap_err().name(), "outcome_unknown");
    assert_eq!(stub.calls().len(), 1);
}

#[tokio::test]
async fn one_row_that_cannot_be_read_leaves_the_whole_order_open() {
    let stub = Stub::start(|_| page(0, &[payment(json!({})), payment(json!({"status": "held"}))])).await;
    assert_eq!(provider(&stub.url).verify(&by_order()).await.unwrap_err().name(), "outcome_unknown");
}

#[tokio::test]
async fn confirming_reads_the_claimed_payment() {
    let stub = Stub::start(|_| done(&payment(json!({})))).await;
    let snapshot = provider(&stub.url).confirm(&confirm(Some(IMP_UID))).await.unwrap();
    assert_eq!(snapshot.status, PgStatus::Paid);
    assert_eq!(stub.calls()[0].line, format!("GET /payments/{IMP_UID}?include_sandbox=true"));
}

#[tokio::test]
async fn confirming_an_order_takes_the_row_that_counts_most() {
    let failed = || row("imp_failed", json!({"status": "failed", "paid_at": 0}));
    let ready = |id| row(id, json!({"status": "ready", "paid_at": 0}));
    let issued = || row("imp_issued", account());
    let given_back = || row("imp_back", json!({"status": "cancelled", "cancel_amount": 10000}));
    let paid = |id| row(id, json!({}));
    for (rows, taken) in [
        (vec![paid("imp_paid"), given_back(), issued(), ready("imp_r")], "imp_paid"),
        (vec![given_back(), issued(), failed()], "imp_back"),
        (vec![ready("imp_r"), issued(), failed()], "imp_issued"),
        (vec![ready("imp_r1"), failed(), ready("imp_r2")], "imp_r2"),
        (vec![paid("imp_p1"), paid("imp_p2")], "imp_p2"),
    ] {
        let stub = Stub::start(move |_| page(0, &rows)).await;
        let snapshot = provider(&stub.url).confirm(&confirm(None)).await.unwrap();
        assert_eq!(snapshot.pg_id.as_str(), taken);
    }
}

#[tokio::test]
async fn nothing_found_when_confirming_is_no_decline() {
    let stub = Stub::start(|_| unknown_payment()).await;
    let provider = provider(&stub.url);
    for pg_id in [Some(IMP_UID), None, Some("..")] {
        let error = provider.confirm(&confirm(pg_id)).await.unwrap_err();
        assert_eq!(error.name(), "outcome_unknown", "{pg_id:?}");
    }
}

#[tokio::test]
async fn the_paid_list_asks_for_its_span() {
    let stub = Stub::start(|_| page(0, &[payment(json!({}))])).await;
    let provider = provider(&stub.url);
    let (from, to) = (Timestamp::from_second(1_000).unwrap(), Timestamp::from_second(8_000_000).unwrap());
    assert_eq!(provider.paid_list().unwrap().paid_between(from, to).await.unwrap().len(), 2);
    let lines: Vec<_> = stub.calls().into_iter().map(|call| call.line).collect();
    let line =
        |from, to| format!("GET /payments/status/paid?from={from}&to={to}&sorting=paid&page=1&limit=1000");
    assert_eq!(lines, [line(1_000, 7_777_000), line(7_777_001, 8_000_000)]);
}

#[tokio::test]
async fn a_span_without_payments_is_empty_however_portone_says_it() {
    for answer in [page(0, &[]), refused(400, -1, "")] {
        let stub = Stub::start(move |_| answer.clone()).await;
        let provider = provider(&stub.url);
        let list = provider.paid_list().unwrap();
        assert_eq!(list.paid_between(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_stranger_s_row_does_not_hide_ours_and_ours_is_never_passed_over() {
    let stranger = json!({"merchant_uid": "ord-1", "currency": "EUR"});
    for (row, found) in [(stranger, Some(1)), (json!({"currency": "EUR"}), None)] {
        let rows = [payment(row), payment(json!({}))];
        let stub = Stub::start(move |_| page(0, &rows)).await;
        let provider = provider(&stub.url);
        let list = provider.paid_list().unwrap();
        let listed = list.paid_between(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).await;
        assert_eq!(listed.ok().map(|rows| rows.len()), found);
    }
}
