//! What is made of answers, from the bytes on.

use std::time::Duration;

use paymux_core::{
    model::Money,
    provider::{PaymentProvider, ProviderError, Response},
};
use serde_json::{Value, json};

use crate::{
    confirm::request,
    stub::{Reply, Stub, card},
};

async fn confirm(reply: Reply) -> ProviderError {
    let stub = Stub::replying([reply]).await;
    let error = stub.toss().confirm(&request(Money::krw(27_500))).await.unwrap_err();
    assert_eq!(stub.count(), 1, "a POST is sent once, whatever comes back");
    error
}

fn is_unanswered(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Unknown(Response::Unanswered(_)))
}

#[tokio::test]
async fn error_is_classified_by_its_code() {
    for (status, code, name) in [
        (403, "REJECT_CARD_COMPANY", "declined"),
        (404, "NOT_FOUND_PAYMENT_SESSION", "declined"),
        (400, "ALREADY_PROCESSED_PAYMENT", "unknown"),
        (400, "PROVIDER_ERROR", "unknown"),
        (401, "UNAUTHORIZED_KEY", "misconfigured"),
        (403, "FORBIDDEN_REQUEST", "invalid"),
        (403, "FORBIDDEN_CONSECUTIVE_REQUEST", "not_done"),
        (409, "IDEMPOTENT_REQUEST_PROCESSING", "still_running"),
        (403, "A_CODE_OF_NEXT_YEAR", "unknown"),
    ] {
        let body = json!({"code": code, "message": "메시지"}).to_string();
        assert_eq!(confirm(Reply::Json(status, body)).await.name(), name, "{code}");
    }
}

#[tokio::test]
async fn too_many_requests_tells_how_long_to_wait() {
    let error = confirm(Reply::With(429, "retry-after: 17", String::new())).await;
    let ProviderError::NotDone { response: Response::Error(_), retry_after } = error else {
        panic!("{error:?}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(17)));
}

#[tokio::test]
async fn unreadable_success_is_unknown_and_names_the_field() {
    let card = card();
    let mut next_year: Value = serde_json::from_str(&card).unwrap();
    next_year["status"] = json!("A_STATUS_OF_NEXT_YEAR");
    for (body, detail) in [
        ("", "the body is not JSON"),
        ("{}", "the answer's orderId is missing"),
        ("<html>200 OK</html>", "the body is not JSON"),
        (&card[..200], "the body is not JSON"),
        (&next_year.to_string(), "the answer's status is newer than this code"),
    ] {
        let error = confirm(Reply::Json(200, body.to_owned())).await;
        assert!(is_unanswered(&error), "{error:?} {body}");
        assert!(error.detail().contains(detail), "{}", error.detail());
    }
}

#[tokio::test]
async fn answer_of_a_proxy_in_between_is_none() {
    for status in [400, 403, 404, 409, 500, 502, 503, 504] {
        let error = confirm(Reply::Json(status, "<html>gateway</html>".to_owned())).await;
        assert!(is_unanswered(&error), "{status}: {error:?}");
    }
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let error = confirm(Reply::With(307, "location: /v1/payments/confirm", String::new())).await;
    assert!(is_unanswered(&error), "{error:?}");
}

#[tokio::test]
async fn body_without_end_is_not_read() {
    // A payment, if one were to read on.
    let error = confirm(Reply::Json(200, format!("{}{}", card(), " ".repeat(1024 * 1024)))).await;
    assert!(is_unanswered(&error), "{error:?}");
}
