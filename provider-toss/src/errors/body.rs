//! The body of an error.

use paymux_core::model::PgMessage;
use serde::Deserialize;

/// Toss' own limit for a message is 510 characters; a code is a word.
const LONGEST_MESSAGE: usize = 510;
const LONGEST_CODE: usize = 100;

/// `{code, message}`, or, where a v2 endpoint answers, the same inside `error`.
#[derive(Deserialize)]
struct Body {
    code: Option<String>,
    message: Option<String>,
    error: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    code: String,
    message: Option<String>,
}

/// The code and text of an error, if the body is one. A payment has no `code`.
pub(crate) fn error_in(body: &[u8]) -> Option<PgMessage> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let (code, message) = match (body.code, body.error) {
        (Some(code), _) => (code, body.message),
        (None, Some(inner)) => (inner.code, inner.message),
        (None, None) => return None,
    };
    Some(message_of(&code, message.as_deref().unwrap_or_default()))
}

/// A code and text of Toss' or of a browser's, cut to a length one can show.
pub(crate) fn message_of(code: &str, message: &str) -> PgMessage {
    let cut = |text: &str, longest| text.chars().take(longest).collect::<String>();
    PgMessage::new(cut(code, LONGEST_CODE), cut(message, LONGEST_MESSAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_an_error_are_read_and_nothing_else_is_one() {
        for (body, code) in [
            (
                r#"{"code": "NOT_FOUND_PAYMENT", "message": "존재하지 않는 결제 정보 입니다."}"#,
                Some("NOT_FOUND_PAYMENT"),
            ),
            (r#"{"code": "COMMON_ERROR", "message": null, "data": null}"#, Some("COMMON_ERROR")),
            (
                r#"{"version": "v2", "error": {"code": "INVALID_REQUEST", "message": "x"}}"#,
                Some("INVALID_REQUEST"),
            ),
            (r#"{"paymentKey": "k", "failure": {"code": "REJECT_CARD_COMPANY", "message": "x"}}"#, None),
            ("<html>", None),
            ("", None),
            ("[]", None),
        ] {
            assert_eq!(error_in(body.as_bytes()).map(|pg| pg.code).as_deref(), code, "{body}");
        }
    }
}
