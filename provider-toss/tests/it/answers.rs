//! What is made of answers, from the bytes on.

use std::time::Duration;

use gateway_core::{Money, PaymentProvider, ProviderError, UnknownOutcome};
use serde_json::{Value, json};

use crate::{
    confirm::request,
    stub::{CARD, Reply, Stub},
};

async fn confirm(reply: Reply) -> ProviderError {
    let stub = Stub::replying([reply]).await;
    let error = stub.toss().confirm(&request(Money::krw(27_500))).await.unwrap_err();
    assert_eq!(stub.count(), 1, "a POST is sent once, whatever comes back");
    error
}

fn is_no_answer(error: &ProviderError) -> bool {
    matches!(error, ProviderError::OutcomeUnknown(UnknownOutcome::NoAnswer(_)))
}

#[tokio::test]
async fn an_error_is_classified_by_its_code() {
    for (status, code, name) in [
        (403, "REJECT_CARD_COMPANY", "declined"),
        (404, "NOT_FOUND_PAYMENT_SESSION", "declined"),
        (400, "ALREADY_PROCESSED_PAYMENT", "conflict"),
        (400, "PROVIDER_ERROR", "outcome_unknown"),
        (401, "UNAUTHORIZED_KEY", "misconfigured"),
        (409, "IDEMPOTENT_REQUEST_PROCESSING", "still_running"),
        (403, "A_CODE_OF_NEXT_YEAR", "outcome_unknown"),
    ] {
        let body = json!({"code": code, "message": "메시지"}).to_string();
        assert_eq!(confirm(Reply::Json(status, body)).await.name(), name, "{code}");
    }
}

#[tokio::test]
async fn too_many_requests_tells_how_long_to_wait() {
    let error = confirm(Reply::With(429, "retry-after: 17", String::new())).await;
    let ProviderError::NotProcessed { retry_after, .. } = error else { panic!("{error:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(17)));
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_of_unknown_outcome() {
    let mut next_year: Value = serde_json::from_str(CARD).unwrap();
    next_year["status"] = json!("A_STATUS_OF_NEXT_YEAR");
    for body in ["", "{}", "<html>200 OK</html>", &CARD[..CARD.len() / 2], &next_year.to_string()] {
        let error = confirm(Reply::Json(200, body.to_owned())).await;
        assert!(is_no_answer(&error), "{error:?} {body}");
    }
}

#[tokio::test]
async fn an_answer_of_a_gateway_in_between_is_no_answer() {
    for status in [400, 403, 404, 409, 500, 502, 503, 504] {
        let error = confirm(Reply::Json(status, "<html>gateway</html>".to_owned())).await;
        assert!(is_no_answer(&error), "{status}: {error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let error = confirm(Reply::With(307, "location: /v1/payments/confirm", String::new())).await;
    assert!(is_no_answer(&error), "{error:?}");
}

#[tokio::test]
async fn a_body_without_end_is_not_read() {
    // A payment, if one were to read on.
    let error = confirm(Reply::Json(200, format!("{CARD}{}", " ".repeat(1024 * 1024)))).await;
    assert!(is_no_answer(&error), "{error:?}");
}
