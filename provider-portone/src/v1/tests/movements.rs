//! The lists of paid and cancelled payments, over the wire.

use jiff::Timestamp;
use paymux_core::{
    model::Money,
    provider::{MovementKind, Movements, Page, PaymentProvider as _, PgMovement},
};
use serde_json::{Value, json};

use super::{IMP_UID, NOWHERE, order_id, page, payment, provider, refused, stub::Stub};
use crate::PortOneV1;

const DAY: i64 = 24 * 60 * 60;
const PAID_AT: i64 = 1_772_327_712;
const CANCELLED_AT: i64 = 1_772_331_000;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn list(provider: &PortOneV1) -> &dyn Movements {
    provider.movements().unwrap()
}

/// Every page of a span, one by one.
async fn pages(stub: &Stub, from: i64, to: i64) -> Vec<Page<PgMovement>> {
    let provider = provider(&stub.url);
    let (mut pages, mut cursor): (Vec<Page<PgMovement>>, _) = (Vec::new(), None);
    loop {
        let sent = stub.calls().len();
        let page = list(&provider).page(second(from), second(to), cursor.as_deref()).await.unwrap();
        assert_eq!(stub.calls().len(), sent + 1, "a page is one request");
        cursor.clone_from(&page.next);
        pages.push(page);
        if cursor.is_none() {
            return pages;
        }
    }
}

/// The page with these rows of one list.
async fn read(kind: MovementKind, rows: Vec<Value>) -> Page<PgMovement> {
    let stub = Stub::start(move |_| page(0, &rows)).await;
    let cursor = if kind == MovementKind::In { "paid.0.1" } else { "cancelled.0.1" };
    list(&provider(&stub.url)).page(second(0), second(0), Some(cursor)).await.unwrap()
}

fn cancelled(mut changes: Value) -> Value {
    changes["status"] = "cancelled".into();
    changes["cancel_amount"] = 10_000.into();
    changes["cancelled_at"] = CANCELLED_AT.into();
    payment(changes)
}

fn lines(stub: &Stub) -> Vec<String> {
    stub.calls().into_iter().map(|call| call.line).collect()
}

#[tokio::test]
async fn paid_list_comes_before_the_cancelled_one() {
    let stub = Stub::start(|seen| {
        let paid = seen.line.contains("/paid?");
        page(0, &[if paid { payment(json!({})) } else { cancelled(json!({})) }])
    })
    .await;
    let pages = pages(&stub, 1_000, 2_000).await;
    let row = |kind, amount, at| PgMovement {
        pg_payment_id: IMP_UID.parse().ok(),
        order_id: Some(order_id().as_str().to_owned()),
        kind,
        amount: Some(Money::krw(amount)),
        at: second(at),
    };
    assert_eq!(pages[0].rows, [row(MovementKind::In, 10_000, PAID_AT)]);
    assert_eq!(pages[1].rows, [row(MovementKind::Back, 10_000, CANCELLED_AT)]);
    let query = |sorting| format!("from=1000&to=2000&sorting={sorting}&page=1&limit=1000");
    assert_eq!(
        lines(&stub),
        [
            format!("GET /payments/status/paid?{}", query("paid")),
            format!("GET /payments/status/cancelled?{}", query("updated")),
        ]
    );
    assert!(!list(&provider(NOWHERE)).shows_part_cancels());
}

#[tokio::test]
async fn long_span_is_asked_in_pieces_of_ninety_days() {
    let stub = Stub::start(|_| page(0, &[])).await;
    assert_eq!(pages(&stub, 0, 200 * DAY).await.len(), 6);
    let spans = [(0, 90 * DAY), (90 * DAY + 1, 180 * DAY + 1), (180 * DAY + 2, 200 * DAY)];
    let lines = lines(&stub);
    for (line, (from, to)) in lines.iter().zip(spans.iter().chain(&spans)) {
        assert!(line.contains(&format!("?from={from}&to={to}&")), "{line}");
    }
    assert!(lines[2].contains("/paid?") && lines[3].contains("/cancelled?"));
}

#[tokio::test]
async fn empty_list_is_empty_however_portone_says_it() {
    for answer in [page(0, &[]), refused(400, -1, "조회 가능한 페이지를 초과하였습니다.")] {
        let stub = Stub::start(move |_| answer.clone()).await;
        let pages = pages(&stub, 0, 0).await;
        assert!(pages.iter().all(|page| page.rows.is_empty() && page.unreadable == 0));
        assert_eq!(pages.len(), 2);
    }
}

#[tokio::test]
async fn paid_pages_go_on_at_the_time_of_the_last_row() {
    let at = |paid_at: i64| payment(json!({"paid_at": paid_at}));
    let stub = Stub::start(move |seen| match () {
        () if seen.line.contains("/cancelled?") => page(0, &[]),
        () if seen.line.contains("from=100&") => page(2, &[at(150), at(300)]),
        // A page with one second in it only.
        () if seen.line.contains("page=1&") => page(2, &[at(300), at(300)]),
        () => page(0, &[at(300), at(400)]),
    })
    .await;
    let pages = pages(&stub, 100, 500).await;
    let next: Vec<_> = pages.iter().map(|page| page.next.as_deref()).collect();
    assert_eq!(next, [Some("paid.300.1"), Some("paid.300.2"), Some("cancelled.100.1"), None]);
}

#[tokio::test]
async fn cancelled_pages_go_on_by_number() {
    let stub = Stub::start(|seen| match () {
        () if seen.line.contains("/paid?") => page(0, &[]),
        () if seen.line.contains("page=1&") => page(2, &[cancelled(json!({}))]),
        () => refused(400, -1, ""),
    })
    .await;
    let pages = pages(&stub, 100, 500).await;
    let next: Vec<_> = pages.iter().map(|page| page.next.as_deref()).collect();
    assert_eq!(next, [Some("cancelled.100.1"), Some("cancelled.100.2"), None]);
}

#[tokio::test]
async fn row_that_names_no_payment_or_time_is_counted() {
    let rows = |time: &str| {
        vec![
            payment(json!({})),
            payment(json!({"imp_uid": null, "merchant_uid": null})),
            payment(json!({ time: null })),
            payment(json!({ time: 0 })),
            payment(json!({ time: "2026-03-01" })),
            json!({}),
            json!("a text"),
            json!(null),
            cancelled(json!({})),
        ]
    };
    let page = read(MovementKind::In, rows("paid_at")).await;
    assert_eq!((page.rows.len(), page.unreadable), (2, 7));
    let page = read(MovementKind::Back, rows("cancelled_at")).await;
    assert_eq!((page.rows.len(), page.unreadable), (1, 8));
}

#[tokio::test]
async fn row_of_another_system_is_read_as_far_as_it_goes() {
    for (changes, order, amount) in [
        (json!({"merchant_uid": 20_260_301}), Some("20260301"), Some(10_000)),
        (json!({"merchant_uid": null}), None, Some(10_000)),
        (json!({"merchant_uid": "ord-1", "currency": "EUR"}), Some("ord-1"), None),
        (json!({"merchant_uid": "ord-1", "currency": null}), Some("ord-1"), None),
        (json!({"merchant_uid": "ord-1", "amount": "10000"}), Some("ord-1"), None),
        (json!({"merchant_uid": "ord-1", "amount": null}), Some("ord-1"), None),
        (json!({"merchant_uid": "ord-1", "status": null, "sandbox": null}), Some("ord-1"), Some(10_000)),
        (json!({"merchant_uid": "ord-1", "paid_at": "1772327712"}), Some("ord-1"), Some(10_000)),
    ] {
        let page = read(MovementKind::In, vec![payment(changes.clone())]).await;
        let row = &page.rows[0];
        assert_eq!(row.order_id.as_deref(), order, "{changes}");
        assert_eq!(row.amount.map(Money::amount), amount, "{changes}");
        assert_eq!((row.at, page.unreadable), (second(PAID_AT), 0), "{changes}");
    }
}

#[tokio::test]
async fn amounts_are_what_moved() {
    let discounted = payment(json!({"promotion": {"id": "promotion-id-1", "discount": 1000}}));
    let page = read(MovementKind::In, vec![discounted]).await;
    assert_eq!(page.rows[0].amount, Some(Money::krw(9_000)));
    let closed_account = cancelled(json!({"paid_at": 0}));
    let page = read(MovementKind::Back, vec![closed_account]).await;
    assert_eq!(page.rows[0].amount, Some(Money::krw(0)));
}

#[tokio::test]
async fn refused_list_is_an_error() {
    for (status, name) in [(403, "unknown"), (404, "unknown"), (500, "not_done")] {
        let stub = Stub::start(move |_| refused(status, -1, "")).await;
        let error = list(&provider(&stub.url)).page(second(0), second(0), None).await.unwrap_err();
        assert_eq!(error.name(), name, "{status}");
    }
}

#[tokio::test]
async fn foreign_cursor_and_empty_span_send_nothing() {
    let provider = provider(NOWHERE);
    let error = list(&provider).page(second(0), second(1), Some("1")).await.unwrap_err();
    assert_eq!(error.name(), "invalid");
    let page = list(&provider).page(second(2), second(1), None).await.unwrap();
    assert_eq!(page, Page { rows: vec![], unreadable: 0, next: None });
}
