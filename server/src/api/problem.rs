//! The body of every error, and the type handlers answer it with.

use poem::{IntoResponse, Response, http::StatusCode};
use poem_openapi::{
    ApiResponse, Object,
    payload::Payload,
    registry::{MetaSchemaRef, Registry},
    types::{ParseFromJSON as _, ToJSON, Type},
};

use super::{PaymentBody, PgMessageBody};
use crate::http::{ErrorCode, PROBLEM_JSON, RequestId, Retry};

/// Why a request was not done, and what to do about it.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Problem {
    /// Where the error is explained, relative to the API's address.
    #[oai(rename = "type")]
    pub kind: String,
    /// The stable name of the error: what programs look at.
    pub code: String,
    /// What you may show a buyer, in English. Of a decline or a refused cancel: that of its `reason`.
    pub message: String,
    /// The same in Korean.
    pub message_ko: String,
    /// What is wrong and what to change, in English. For you, the developer: never show it to a buyer.
    pub detail: String,
    /// The parameter or body field that is wrong, where it is known.
    pub param: Option<String>,
    /// What the caller may do.
    pub retry: Retry,
    /// What the payment gateway said, where it said something. For you and your support: never show it to a buyer.
    pub pg: Option<PgMessageBody>,
    /// The payment concerned, where there is one.
    pub payment_id: Option<String>,
    /// The status of that payment.
    pub payment_status: Option<String>,
    /// Our reason for a decline or a refused cancel, the same whichever payment gateway refused: `insufficient_funds`.
    /// Of `not_ready`: why.
    pub reason: Option<String>,
    /// That payment, as it is now.
    pub payment: Option<Box<PaymentBody>>,
    /// Tell us this when you ask about the error; also in the header `X-Request-Id`.
    pub request_id: String,
}

impl Problem {
    /// The problem of this code in the request being handled.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self {
            kind: code.type_uri(),
            code: code.name().to_owned(),
            message: code.message().to_owned(),
            message_ko: code.message_ko().to_owned(),
            detail: code.detail().to_owned(),
            param: None,
            retry: code.retry(),
            pg: None,
            payment_id: None,
            payment_status: None,
            reason: None,
            payment: None,
            request_id: RequestId::current().to_string(),
        }
    }
}

/// A JSON payload under the media type of problems.
#[derive(Clone, Debug)]
pub struct ProblemJson<T>(pub T);

impl<T: Type> Payload for ProblemJson<T> {
    const CONTENT_TYPE: &'static str = PROBLEM_JSON;

    fn check_content_type(content_type: &str) -> bool {
        content_type.split(';').next().is_some_and(|kind| kind.trim() == PROBLEM_JSON)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ToJSON> IntoResponse for ProblemJson<T> {
    fn into_response(self) -> Response {
        Response::builder().content_type(PROBLEM_JSON).body(self.0.to_json_string())
    }
}

/// Boxed, so that a `Result` in every handler stays small.
type Body = ProblemJson<Box<Problem>>;

/// The error of every operation.
#[derive(Debug, ApiResponse)]
pub enum ApiError {
    /// The request is not valid
    #[oai(status = 400)]
    BadRequest(Body),
    /// There is no valid merchant key
    #[oai(status = 401)]
    Unauthenticated(Body),
    /// The payment was declined
    #[oai(status = 402)]
    Declined(
        Body,
        /// `true` if this is the stored answer to an earlier request with the same key.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
    /// Not from there, or not without a key
    #[oai(status = 403)]
    Forbidden(Body),
    /// There is no such object
    #[oai(status = 404)]
    NotFound(Body),
    /// Not in the current state
    #[oai(status = 409)]
    Conflict(
        Body,
        /// Seconds to wait before the next try.
        #[oai(header = "Retry-After")]
        Option<u32>,
        /// `true` if this is the stored answer to an earlier request with the same key.
        #[oai(header = "Idempotent-Replayed")]
        Option<bool>,
    ),
    /// The body is too large
    #[oai(status = 413)]
    TooLarge(Body),
    /// The body is not JSON
    #[oai(status = 415)]
    MediaType(Body),
    /// Understood and not possible
    #[oai(status = 422)]
    Unprocessable(Body),
    /// Too many requests
    #[oai(status = 429)]
    TooMany(
        Body,
        /// Seconds to wait before the next try.
        #[oai(header = "Retry-After")]
        Option<u32>,
    ),
    /// Something went wrong in the gateway
    #[oai(status = 500)]
    Internal(Body),
    /// The payment gateway refuses the account
    #[oai(status = 502)]
    Misconfigured(Body),
    /// Not now
    #[oai(status = 503)]
    Unavailable(
        Body,
        /// Seconds to wait before the next try.
        #[oai(header = "Retry-After")]
        Option<u32>,
    ),
}

impl ApiError {
    /// The error of this code.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self::with(code, |_| {})
    }

    /// The error of this code, with what `fill` knows about it.
    #[must_use]
    pub fn with(code: ErrorCode, fill: impl FnOnce(&mut Problem)) -> Self {
        let mut problem = Box::new(Problem::new(code));
        fill(&mut problem);
        Self::of_status(code.status(), problem)
    }

    /// The error an earlier request was answered with, from its body as it was kept.
    #[must_use]
    pub fn replayed(body: &str) -> Option<Self> {
        let problem = Problem::parse_from_json_string(body).ok()?;
        let code = ErrorCode::ALL.iter().find(|code| code.name() == problem.code)?;
        let mut error = Self::of_status(code.status(), Box::new(problem));
        if let Self::Declined(_, replayed) | Self::Conflict(_, _, replayed) = &mut error {
            *replayed = Some(true);
        }
        Some(error)
    }

    /// The body as it is sent.
    #[must_use]
    pub fn body_json(&self) -> String {
        self.body().0.to_json_string()
    }

    fn body(&self) -> &Body {
        match self {
            Self::BadRequest(body)
            | Self::Unauthenticated(body)
            | Self::Declined(body, _)
            | Self::Forbidden(body)
            | Self::NotFound(body)
            | Self::Conflict(body, _, _)
            | Self::TooLarge(body)
            | Self::MediaType(body)
            | Self::Unprocessable(body)
            | Self::TooMany(body, _)
            | Self::Internal(body)
            | Self::Misconfigured(body)
            | Self::Unavailable(body, _) => body,
        }
    }

    fn of_status(status: StatusCode, problem: Box<Problem>) -> Self {
        let body = ProblemJson(problem);
        match status {
            StatusCode::BAD_REQUEST => Self::BadRequest(body),
            StatusCode::UNAUTHORIZED => Self::Unauthenticated(body),
            StatusCode::PAYMENT_REQUIRED => Self::Declined(body, None),
            StatusCode::FORBIDDEN => Self::Forbidden(body),
            StatusCode::NOT_FOUND => Self::NotFound(body),
            StatusCode::CONFLICT => Self::Conflict(body, None, None),
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge(body),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::MediaType(body),
            StatusCode::UNPROCESSABLE_ENTITY => Self::Unprocessable(body),
            StatusCode::TOO_MANY_REQUESTS => Self::TooMany(body, None),
            StatusCode::BAD_GATEWAY => Self::Misconfigured(body),
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable(body, None),
            _ => Self::Internal(body),
        }
    }

    /// The same error with advice on when to try again. Only where trying again may help
    /// (409, 429, 503); elsewhere it changes nothing.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        if let Self::Conflict(_, after, _) | Self::TooMany(_, after) | Self::Unavailable(_, after) = &mut self
        {
            *after = Some(seconds);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    async fn body_of(response: Response) -> Value {
        response.into_body().into_json().await.unwrap()
    }

    #[tokio::test]
    async fn every_code_is_answered_with_its_own_status() {
        for code in ErrorCode::ALL {
            // 405 is never a handler's answer: the operation exists.
            if *code != ErrorCode::MethodNotAllowed {
                let error: poem::Error = ApiError::new(*code).into();
                assert_eq!(error.status(), code.status(), "{}", code.name());
                let body = body_of(error.into_response()).await;
                assert_eq!(body["code"], code.name());
            }
        }
    }

    #[tokio::test]
    async fn an_error_carries_what_the_gateway_said() {
        let error = ApiError::with(ErrorCode::PaymentDeclined, |problem| {
            let (code, message) = ("REJECT_CARD_COMPANY".to_owned(), "승인 거절".to_owned());
            problem.pg = Some(PgMessageBody { code, message });
            problem.payment_id = Some("pay_1".to_owned());
        });
        let body = body_of(poem::Error::from(error).into_response()).await;
        assert_eq!(body["pg"], json!({ "code": "REJECT_CARD_COMPANY", "message": "승인 거절" }));
        assert_eq!(body["payment_id"], "pay_1");
    }

    #[test]
    fn stored_problem_is_marked_as_replayed() {
        for code in [ErrorCode::PaymentDeclined, ErrorCode::CancelRefused] {
            let stored = ApiError::new(code).body_json();
            let response = poem::Error::from(ApiError::replayed(&stored).unwrap()).into_response();
            assert_eq!(response.status(), code.status());
            assert_eq!(response.header("Idempotent-Replayed"), Some("true"), "{}", code.name());
        }
    }

    #[test]
    fn advice_on_when_to_try_again_is_a_header() {
        let error = ApiError::new(ErrorCode::ProviderUnavailable).retry_after(3);
        let response = poem::Error::from(error).into_response();
        assert_eq!(response.header("Retry-After"), Some("3"));
    }
}
