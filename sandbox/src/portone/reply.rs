//! The envelope around every V1 answer, and the refusals whose texts are known.

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Answer;

/// What V1 answers: an HTTP status and `{code, message, response}`.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Reply {
    /// `code` 0 with what was asked for. V1 answers even its POSTs with exactly 200.
    pub(super) fn ok(response: &impl Serialize) -> Self {
        Self::with_status(StatusCode::OK, response)
    }

    /// `code` 0 under another status: 207 where only some of the rows were found.
    pub(super) fn with_status(status: StatusCode, response: &impl Serialize) -> Self {
        let response = serde_json::to_value(response).expect("a V1 object has text keys and whole numbers");
        Self { status, body: json!({ "code": 0, "message": null, "response": response }) }
    }
}

/// A failure of V1, which may well travel under HTTP 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: i64,
    pub(super) message: Cow<'static, str>,
}

impl Refusal {
    /// HTTP 200 with code 1: PortOne itself declines the request.
    pub(super) fn business(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::OK, code: 1, message: message.into() }
    }

    /// A request V1 cannot read. The texts are the simulator's own.
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: -1, message: message.into() }
    }

    /// No token, or one that is unknown or expired.
    pub(super) fn unauthorized() -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: -1, message: Cow::Borrowed("Unauthorized") }
    }

    /// No such payment, or none the caller may see.
    pub(super) fn no_payment() -> Self {
        Self::not_found("존재하지 않는 결제정보입니다.")
    }

    /// HTTP 404 inside the envelope.
    pub(super) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: -1, message: message.into() }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let body = json!({ "code": refusal.code, "message": refusal.message, "response": null });
        Self { status: refusal.status, body }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::json(reply.status, &reply.body)
    }
}
