//! `GET /v1/transactions`.

use jiff::Timestamp;
use paymux_core::{
    model::Money,
    provider::{MovementKind, Page, PaymentProvider, PgMovement, ProviderError},
};
use serde_json::{Value, json};

use crate::stub::{CARD_KEY, Reply, Stub, order_id};

/// A payment and its two part cancels, as the documentation has them.
fn rows() -> Value {
    let row = |key: &str, status: &str, at: &str, amount: u64| {
        json!({
            "mId": "tshopkorea", "transactionKey": key, "paymentKey": CARD_KEY, "orderId": order_id(),
            "method": "카드", "customerKey": null, "useEscrow": false,
            "receiptUrl": "https://dashboard.tosspayments.com/receipt", "status": status, "transactionAt": at,
            "currency": "KRW", "amount": amount,
        })
    };
    json!([
        row("txrd_1", "DONE", "2026-03-14T10:31:02+09:00", 27_500),
        row("txrd_2", "PARTIAL_CANCELED", "2026-03-15T09:00:00+09:00", 7_500),
        row("txrd_3", "PARTIAL_CANCELED", "2026-03-16T09:00:00+09:00", 20_000),
    ])
}

async fn page(stub: &Stub, cursor: Option<&str>) -> Result<Page<PgMovement>, ProviderError> {
    let (from, to): (Timestamp, Timestamp) =
        ("2026-03-13T15:00:00.25Z".parse().unwrap(), "2026-03-16T14:59:59.75Z".parse().unwrap());
    stub.toss().movements().unwrap().page(from, to, cursor).await
}

#[tokio::test]
async fn window_is_asked_in_korean_time() {
    let stub = Stub::replying([Reply::Json(200, rows().to_string())]).await;
    page(&stub, None).await.unwrap();
    let sent = stub.only();
    assert_eq!(
        sent.line,
        "GET /v1/transactions?startDate=2026-03-14T00%3A00%3A00&endDate=2026-03-16T23%3A59%3A59&limit=500"
    );
    assert_eq!(sent.header("authorization"), Some("Basic dGVzdF9za19jYW5hcnk6"));
    assert_eq!((sent.header("accept-language"), sent.body.as_str()), (None, ""));
}

/// A page with as many rows as were asked for.
fn full_page() -> Reply {
    let row = |key: usize| json!({ "transactionKey": format!("txrd_{key}=1"), "status": "DONE" });
    Reply::Json(200, json!((1..=500).map(row).collect::<Vec<_>>()).to_string())
}

fn wrong_paging_key(code: &str) -> Reply {
    Reply::Json(400, json!({ "code": code, "message": "잘못된 페이징 키 입니다." }).to_string())
}

#[tokio::test]
async fn next_page_is_asked_behind_the_last_key() {
    let stub = Stub::replying([full_page(), Reply::Json(200, "[]".to_owned())]).await;
    let first = page(&stub, None).await.unwrap();
    let last = page(&stub, first.next.as_deref()).await.unwrap();
    assert_eq!(last, Page { rows: Vec::new(), unreadable: 0, next: None });
    let asked = stub.all();
    assert!(asked[1].line.ends_with("&limit=500&startingAfter=txrd_500%3D1"), "{}", asked[1].line);
}

#[tokio::test]
async fn window_whose_key_is_refused_is_asked_for_in_halves() {
    for code in ["INVALID_TRANSACTION_KEY", "INVALID_PAGING_KEY"] {
        let empty = || Reply::Json(200, "[]".to_owned());
        let stub = Stub::replying([full_page(), wrong_paging_key(code), empty(), empty()]).await;
        let (mut cursor, mut pages) = (None, 0);
        loop {
            let page = page(&stub, cursor.as_deref()).await.unwrap();
            pages += 1;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(pages, 4);
        let asked: Vec<_> = stub.all().into_iter().map(|sent| sent.line).collect();
        let window = |from: &str, to: &str| {
            format!("GET /v1/transactions?startDate={from}&endDate={to}&limit=500").replace(':', "%3A")
        };
        assert_eq!(asked[2], window("2026-03-14T00:00:00", "2026-03-15T11:59:59"));
        assert_eq!(asked[3], window("2026-03-15T12:00:00", "2026-03-16T23:59:59"));
    }
}

#[tokio::test]
async fn key_that_is_refused_within_a_second_is_an_error() {
    let stub = Stub::replying([wrong_paging_key("INVALID_PAGING_KEY")]).await;
    let error = page(&stub, Some("1773414000-1773414000|txrd_1")).await.unwrap_err();
    assert_eq!((error.name(), error.detail().as_str()), ("unknown", "INVALID_PAGING_KEY"));
}

#[tokio::test]
async fn every_approval_and_cancel_is_a_movement() {
    let stub = Stub::replying([Reply::Json(200, rows().to_string())]).await;
    let movement = |kind, amount, at: &str| PgMovement {
        pg_payment_id: Some(CARD_KEY.parse().unwrap()),
        order_id: Some(order_id().to_string()),
        kind,
        amount: Some(Money::krw(amount)),
        at: at.parse().unwrap(),
    };
    let rows = vec![
        movement(MovementKind::In, 27_500, "2026-03-14T01:31:02Z"),
        movement(MovementKind::Back, 7_500, "2026-03-15T00:00:00Z"),
        movement(MovementKind::Back, 20_000, "2026-03-16T00:00:00Z"),
    ];
    assert_eq!(page(&stub, None).await.unwrap(), Page { rows, unreadable: 0, next: None });
}

#[tokio::test]
async fn error_or_unreadable_list_is_no_empty_page() {
    for (status, body, name, detail) in [
        (401, r#"{"code": "UNAUTHORIZED_KEY", "message": "x"}"#, "misconfigured", "UNAUTHORIZED_KEY"),
        (429, "", "not_done", "HTTP_429"),
        (502, "<html>", "unanswered", "HTTP 502"),
        (200, "{}", "unanswered", "the body is not JSON of the documented kind: Data error"),
    ] {
        let stub = Stub::replying([Reply::Json(status, body.to_owned())]).await;
        let error = page(&stub, None).await.unwrap_err();
        assert_eq!(error.name(), name, "{body}");
        assert!(error.detail().starts_with(detail), "{}", error.detail());
    }
}
