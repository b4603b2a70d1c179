//! The answer to a request that no operation answers: the members that every problem has.

use poem::Response;
use poem_openapi::types::ToJSON as _;
use serde_json::{Value, json};

use super::{ErrorCode, RequestId};

/// The media type of problems, of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What every problem of this code says, under the name of a request.
#[must_use]
pub fn members(code: ErrorCode, request_id: &str) -> Value {
    json!({
        "type": code.type_uri(),
        "code": code.name(),
        "message": code.message(),
        "message_ko": code.message_ko(),
        "detail": code.detail(),
        "retry": code.retry().to_json(),
        "request_id": request_id,
    })
}

/// The problem as a whole answer, for what is answered outside of any operation.
#[must_use]
pub fn problem_response(code: ErrorCode, param: Option<&str>) -> Response {
    problem_with(code, param, None)
}

/// The same, with more to say than the code does.
pub(super) fn problem_with(code: ErrorCode, param: Option<&str>, detail: Option<&str>) -> Response {
    let mut problem = members(code, RequestId::current().as_str());
    for (name, value) in [("param", param), ("detail", detail)] {
        if let Some(value) = value {
            problem[name] = json!(value);
        }
    }
    Response::builder().status(code.status()).content_type(PROBLEM_JSON).body(problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_has_the_members_the_api_promises_and_no_nulls() {
        let id = RequestId::generate();
        let code = ErrorCode::PaymentDeclined;
        let response = id.clone().scope(async { problem_response(code, None) }).await;
        assert_eq!(response.status(), 402);
        assert_eq!(response.content_type(), Some("application/problem+json"));
        let expected = json!({
            "type": "/docs/errors#payment_declined",
            "code": "payment_declined",
            "message": code.message(),
            "message_ko": code.message_ko(),
            "detail": code.detail(),
            "retry": "new_attempt",
            "request_id": id.as_str(),
        });
        assert_eq!(response.into_body().into_json::<Value>().await.unwrap(), expected);
    }
}
