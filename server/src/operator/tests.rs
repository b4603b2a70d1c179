use std::sync::{Arc, Mutex};

use poem::{Endpoint, Request, Response, Route, Server, endpoint::make_sync, listener::TcpAcceptor};
use serde_json::json;
use url::Url;

use super::{error::ClientError, *};

const PAYMENT: &str = "pay_06gzvtcprxw63b4hssbask691c";

/// What a listener was asked, by path and query.
type Asked = Arc<Mutex<Vec<String>>>;

/// An admin listener that says what a test wants.
async fn listener(answer: impl Fn(&str) -> Value + Send + Sync + 'static) -> (AdminArgs, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let endpoint = make_sync(move |request: Request| {
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        seen.lock().unwrap().push(path.clone());
        Response::builder().content_type("application/json").body(answer(&path).to_string())
    });
    (serve(endpoint).await, asked)
}

async fn serve(endpoint: impl Endpoint + 'static) -> AdminArgs {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener).unwrap());
    tokio::spawn(server.run(Route::new().nest("/", endpoint)));
    AdminArgs { admin_url: Some(Url::parse(&url).unwrap()), admin_key: None, json: false }
}

fn client(args: &AdminArgs) -> AdminClient {
    AdminClient::new(args, None, []).unwrap()
}

fn review(number: u16, closing: Option<Value>) -> Value {
    let mut review = json!({
        "object": "review", "id": format!("{PAYMENT}.{number}"), "number": number, "state": "open",
        "reason": "unknown_confirm", "advice": "Look it up.", "merchant": "demo", "account": "one", "payment_id": PAYMENT,
        "order_id": "주문-1", "payment_status": "confirming", "currency": "KRW", "amount": 27_500,
        "amount_paid": 0, "amount_cancelled": 0,
        "about": {
            "type": "charge", "attempt": 2, "pg_order_id": "pay06gzvtcprxw63b4hssbask691c02",
            "pg_payment_id": "pg-1", "charge_id": "chg_06gzvtcprxw63b4hssbask691c",
            "sent_at": "2026-11-21T12:00:00.123Z",
        },
        "opened_at": "2026-11-28T12:00:00Z",
    });
    if let Some(closing) = closing {
        review["state"] = json!("closed");
        review["closing"] = closing;
    }
    review
}

fn decided() -> Value {
    json!({
        "how": "decided", "at": "2026-11-28T13:00:00Z", "by": "kim", "outcome": "not_done",
        "reason": "the console shows nothing",
    })
}

#[tokio::test]
async fn every_page_is_read() {
    let (args, asked) = listener(|path| match path.split_once("cursor=") {
        None => json!({ "object": "list", "data": [review(1, None)], "next_cursor": "a" }),
        Some((_, "a")) => json!({ "object": "list", "data": [review(2, None)], "next_cursor": "b" }),
        Some(_) => json!({ "object": "list", "data": [review(3, None)] }),
    })
    .await;
    let (answer, text) = reviews::list(&client(&args), false).await.unwrap();
    assert_eq!(answer["data"].as_array().unwrap().len(), 3);
    assert!(text.ends_with("3 open reviews. `paymux reviews show REVIEW` says what to do.\n"), "{text}");
    assert_eq!(asked.lock().unwrap()[0], "/reviews?state=open&limit=100");
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_server_that_never_goes_on_is_not_asked_for_ever() {
    let (args, asked) = listener(|path| {
        if path.starts_with("/reviews") {
            json!({ "object": "list", "data": [], "next_cursor": "a" })
        } else {
            json!({ "payments": 1, "checked": 1, "differences": [], "next_cursor": "a" })
        }
    })
    .await;
    reviews::list(&client(&args), true).await.unwrap();
    ledger::check(&client(&args)).await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn reviews_are_a_table() {
    let closed = || Some(decided());
    let resolved = json!({ "how": "resolved", "at": "2026-11-28T13:00:00Z" });
    let all = [review(1, None), review(2, closed()), review(3, Some(resolved))];
    let (args, _) = listener(move |_| json!({ "object": "list", "data": all })).await;
    let (_, text) = reviews::list(&client(&args), true).await.unwrap();
    assert_eq!(
        text,
        "\
REVIEW                            REASON           OPENED (UTC)         ACCOUNT  AMOUNT      STATE     ORDER
pay_06gzvtcprxw63b4hssbask691c.1  unknown_confirm  2026-11-28 12:00:00  one      27,500 KRW  open      주문-1
pay_06gzvtcprxw63b4hssbask691c.2  unknown_confirm  2026-11-28 12:00:00  one      27,500 KRW  not_done  주문-1
pay_06gzvtcprxw63b4hssbask691c.3  unknown_confirm  2026-11-28 12:00:00  one      27,500 KRW  resolved  주문-1

1 open review. `paymux reviews show REVIEW` says what to do.
"
    );
}

#[tokio::test]
async fn no_reviews_are_no_table() {
    let (args, _) = listener(|_| json!({ "object": "list", "data": [] })).await;
    assert_eq!(reviews::list(&client(&args), false).await.unwrap().1, "No open reviews.\n");
    assert_eq!(reviews::list(&client(&args), true).await.unwrap().1, "No reviews.\n");
}

#[tokio::test]
async fn an_open_review_says_what_to_look_for_and_what_to_do() {
    let (args, asked) = listener(|_| review(1, None)).await;
    let (answer, text) = reviews::show(&client(&args), &format!("{PAYMENT}.1")).await.unwrap();
    assert_eq!(answer, review(1, None));
    assert_eq!(asked.lock().unwrap()[0], format!("/reviews/{PAYMENT}.1"));
    assert_eq!(
        text,
        "\
pay_06gzvtcprxw63b4hssbask691c.1 unknown_confirm

  state          open
  opened         2026-11-28 12:00:00 UTC
  merchant       demo
  account        one
  order          주문-1
  payment        pay_06gzvtcprxw63b4hssbask691c, confirming
  amount         27,500 KRW
  paid           0 KRW
  cancelled      0 KRW
  about          a charge under attempt 2
  PG order id    pay06gzvtcprxw63b4hssbask691c02
  PG payment id  pg-1
  charge         chg_06gzvtcprxw63b4hssbask691c
  last sent      2026-11-21 12:00:00 UTC

Look it up.

  paymux reviews close pay_06gzvtcprxw63b4hssbask691c.1 --as done --reason '…'
  paymux reviews close pay_06gzvtcprxw63b4hssbask691c.1 --as not-done --reason '…'
"
    );
}

#[tokio::test]
async fn an_order_that_the_pg_does_not_show_is_named() {
    let mut unshown = review(1, None);
    unshown["reason"] = json!("order_not_shown");
    unshown["about"] =
        json!({ "type": "attempt", "attempt": 2, "pg_order_id": "pay06gzvtcprxw63b4hssbask691c02" });
    let (args, _) = listener(move |_| unshown.clone()).await;
    let (_, text) = reviews::show(&client(&args), &format!("{PAYMENT}.1")).await.unwrap();
    assert!(text.contains("about        everything under attempt 2\n"), "{text}");
    assert!(text.contains("PG order id  pay06gzvtcprxw63b4hssbask691c02\n"), "{text}");
}

#[tokio::test]
async fn a_closed_review_says_who_closed_it_and_why() {
    let (args, _) = listener(|_| review(1, Some(decided()))).await;
    let (_, text) = reviews::show(&client(&args), "x").await.unwrap();
    assert!(text.contains("closed as not_done by kim at 2026-11-28 13:00:00 UTC"), "{text}");
    assert!(text.contains("the console shows nothing") && !text.contains("reviews close"), "{text}");
}

#[tokio::test]
async fn a_name_of_a_review_is_one_segment_of_the_path() {
    let (args, asked) = listener(|_| review(1, None)).await;
    reviews::show(&client(&args), "../ledger?x#y").await.unwrap();
    assert_eq!(asked.lock().unwrap()[0], "/reviews/..%2Fledger%3Fx%23y");
}

#[tokio::test]
async fn a_ledger_that_does_not_agree_is_a_failure() {
    let agrees = |agrees: bool| {
        move |path: &str| {
            let difference = json!({
                "merchant": "demo", "payment_id": PAYMENT, "problem": "status", "shown": 1, "recomputed": 0,
            });
            let differences = if agrees { vec![] } else { vec![difference] };
            match path {
                "/ledger" => json!({ "payments": 1 }),
                _ => json!({ "checked": 1, "differences": differences }),
            }
        }
    };
    for (is_right, code) in [(true, exit_code::OK), (false, exit_code::FAILED)] {
        let (admin, _) = listener(agrees(is_right)).await;
        let args = LedgerArgs { command: LedgerCommand::Check, admin };
        assert_eq!(ledger(args, None, []).await.unwrap(), code);
    }
}

#[tokio::test]
async fn somebody_else_on_the_port_is_not_believed() {
    for (status, body) in [(200, "<html>hello"), (404, "not found"), (502, "{}"), (200, "{}")] {
        let endpoint = make_sync(move |_| {
            Response::builder().status(poem::http::StatusCode::from_u16(status).unwrap()).body(body)
        });
        let args = serve(endpoint).await;
        let error = reviews::list(&client(&args), false).await.unwrap_err();
        assert!(matches!(error, ClientError::UnexpectedAnswer { .. }), "{status} {body}: {error}");
    }
}

#[tokio::test]
async fn a_busy_server_says_so_itself() {
    let endpoint = make_sync(|_| crate::http::problem_response(crate::http::ErrorCode::TimedOut, None));
    let args = serve(endpoint).await;
    let error = reviews::list(&client(&args), false).await.unwrap_err().to_string();
    assert!(error.contains("took too long") && error.contains("timed_out, req_"), "{error}");
}

#[test]
fn configured_key_is_sent_to_the_configured_server_only() {
    let variables = || [("PAYMUX__SERVER__ADMIN_KEY".into(), "correct-horse-battery".into())];
    let to = |url: Option<&str>, key: Option<&str>| {
        let admin_url = url.map(|url| Url::parse(url).unwrap());
        let args = AdminArgs { admin_url, admin_key: key.map(str::to_owned), json: false };
        AdminClient::new(&args, None, variables()).unwrap()
    };
    assert_eq!(to(None, None).key().as_deref(), Some("correct-horse-battery"));
    assert_eq!(to(None, Some("another")).key().as_deref(), Some("another"));
    assert_eq!(to(Some("http://127.0.0.1:9"), None).key(), None);
    assert_eq!(to(Some("http://127.0.0.1:9"), Some("another")).key().as_deref(), Some("another"));
}
