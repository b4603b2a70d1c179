//! Every error the API can answer: the one table that answers and documentation are made from.

use std::fmt::Write as _;

use poem::http::StatusCode;
use poem_openapi::Enum;

/// What the caller may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Retry {
    /// The same request will get the same answer.
    Never,
    /// The same request again, after the time in `Retry-After` if there is one. A POST with the
    /// same `Idempotency-Key`.
    SameKey,
    /// The buyer may try again: prepare a new browser step.
    NewAttempt,
}

impl Retry {
    const fn advice(self) -> &'static str {
        match self {
            Self::Never => "do not repeat",
            Self::SameKey => "repeat, with the same Idempotency-Key",
            Self::NewAttempt => "let the buyer try again",
        }
    }
}

/// A row of the table.
struct Row {
    code: &'static str,
    status: StatusCode,
    retry: Retry,
    message: &'static str,
    message_ko: &'static str,
}

macro_rules! error_codes {
    ($($variant:ident $code:literal $status:ident $retry:ident $message:literal $message_ko:literal;)+) => {
        /// The stable name of an error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $(#[doc = $message] $variant,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$variant => &Row {
                        code: $code,
                        status: StatusCode::$status,
                        retry: Retry::$retry,
                        message: $message,
                        message_ko: $message_ko,
                    },)+
                }
            }
        }
    };
}

error_codes! {
    MalformedRequest "malformed_request" BAD_REQUEST Never
        "The request is not valid HTTP for this API."
        "요청 형식이 올바르지 않습니다.";
    InvalidBody "invalid_body" BAD_REQUEST Never
        "The body is not the JSON this operation expects."
        "요청 본문이 올바르지 않습니다.";
    InvalidParameter "invalid_parameter" BAD_REQUEST Never
        "A parameter is missing or not valid; `param` names it."
        "요청 값이 누락되었거나 올바르지 않습니다.";
    IdempotencyKeyRequired "idempotency_key_required" BAD_REQUEST Never
        "This operation needs an `Idempotency-Key` header."
        "Idempotency-Key 헤더가 필요합니다.";
    Unauthenticated "unauthenticated" UNAUTHORIZED Never
        "Send a valid merchant key: `Authorization: Bearer <key>`."
        "인증 키가 없거나 올바르지 않습니다.";
    Forbidden "forbidden" FORBIDDEN Never
        "This caller may not do that here."
        "이 요청은 허용되지 않습니다.";
    PaymentDeclined "payment_declined" PAYMENT_REQUIRED NewAttempt
        "The payment was declined; no money was taken."
        "승인이 거절되었습니다. 결제되지 않았습니다.";
    NoSuchRoute "no_such_route" NOT_FOUND Never
        "There is nothing at this address."
        "요청한 주소가 없습니다.";
    NotFound "not_found" NOT_FOUND Never
        "There is no such object."
        "요청한 대상을 찾을 수 없습니다.";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED Never
        "This address does not take this method."
        "지원하지 않는 요청 메서드입니다.";
    OrderInProgress "order_in_progress" CONFLICT Never
        "This order already has an open or paid payment with other details."
        "이 주문에는 이미 진행 중이거나 완료된 결제가 있습니다.";
    PaymentMismatch "payment_mismatch" CONFLICT Never
        "What the payment gateway reports does not match the payment."
        "결제 정보가 주문 정보와 일치하지 않습니다.";
    InvalidState "invalid_state" CONFLICT Never
        "The payment's status does not allow this."
        "현재 결제 상태에서는 처리할 수 없는 요청입니다.";
    AccountRetired "account_retired" CONFLICT Never
        "The account is retired: it takes no payment and sends nothing. An operator has to act."
        "사용이 중지된 결제 계정입니다. 판매자에게 문의해 주세요.";
    CancelRefused "cancel_refused" CONFLICT Never
        "The payment gateway refused the cancel; no money moved."
        "결제사에서 취소를 거절했습니다.";
    CancelInProgress "cancel_in_progress" CONFLICT SameKey
        "The outcome of another cancel of this payment is open, or the buyer disputes the payment."
        "이 결제의 다른 취소 또는 이의 제기가 처리 중입니다.";
    IdempotencyInProgress "idempotency_in_progress" CONFLICT SameKey
        "The first request with this `Idempotency-Key` is still running."
        "같은 Idempotency-Key의 요청이 처리 중입니다.";
    ReviewClosed "review_closed" CONFLICT Never
        "The review is closed already; nothing was changed."
        "이미 종결된 검토 건입니다.";
    RequestUnderWay "request_under_way" CONFLICT SameKey
        "What the review is about was sent to the payment gateway a moment ago and may still be done: look again in two minutes."
        "결제사에 방금 다시 요청했습니다. 2분 뒤에 다시 확인해 주세요.";
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE Never
        "The body is too large."
        "요청 본문이 너무 큽니다.";
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE Never
        "Send the body as `application/json`."
        "요청 본문은 application/json 형식이어야 합니다.";
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY Never
        "This `Idempotency-Key` was used with another body."
        "같은 Idempotency-Key가 다른 요청에 이미 사용되었습니다.";
    AmountNotCancellable "amount_not_cancellable" UNPROCESSABLE_ENTITY Never
        "The amount is more than can still be cancelled, or not what was expected to be."
        "취소할 수 있는 금액을 초과했거나 예상 금액과 다릅니다.";
    Unsupported "unsupported" UNPROCESSABLE_ENTITY Never
        "The account does not offer this."
        "이 계정에서 지원하지 않는 기능입니다.";
    TooManyRequests "too_many_requests" TOO_MANY_REQUESTS SameKey
        "Too many requests; wait before the next one."
        "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.";
    Internal "internal" INTERNAL_SERVER_ERROR SameKey
        "Something went wrong in the gateway; it is logged under `request_id`."
        "내부 오류가 발생했습니다.";
    ProviderMisconfigured "provider_misconfigured" BAD_GATEWAY Never
        "The payment gateway refuses this account; its operator has to act."
        "결제사 계정 설정에 문제가 있습니다. 관리자에게 문의해 주세요.";
    ProviderUnavailable "provider_unavailable" SERVICE_UNAVAILABLE SameKey
        "The payment gateway cannot be reached or has no room, and nothing was begun: repeat the request. The buyer may have paid in the window, so do not let them pay again."
        "결제사에 연결할 수 없습니다. 다시 결제하지 말고 잠시 후 상태를 확인해 주세요.";
    Overloaded "overloaded" SERVICE_UNAVAILABLE SameKey
        "The gateway has too much to do; try again."
        "일시적으로 요청이 많습니다. 잠시 후 다시 시도해 주세요.";
    StorageUnavailable "storage_unavailable" SERVICE_UNAVAILABLE SameKey
        "The gateway cannot store anything right now; what was asked was not begun, or goes on and can be read later."
        "저장소를 사용할 수 없습니다. 잠시 후 다시 시도해 주세요.";
    NotReady "not_ready" SERVICE_UNAVAILABLE SameKey
        "The gateway is not ready; `reason` says why."
        "결제 서버가 아직 준비되지 않았습니다.";
    TimedOut "timed_out" SERVICE_UNAVAILABLE SameKey
        "The answer took too long; what was begun goes on, so ask for the current state."
        "응답 시간이 초과되었습니다. 현재 상태를 다시 조회해 주세요.";
}

impl ErrorCode {
    /// Those that merchants meet. The others are for operators, on the admin listener.
    pub fn of_the_api() -> impl Iterator<Item = Self> {
        let for_operators =
            |code: &Self| matches!(code, Self::Forbidden | Self::ReviewClosed | Self::RequestUnderWay);
        Self::ALL.iter().copied().filter(move |code| !for_operators(code))
    }

    /// The name: `payment_declined`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().code
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().status
    }

    /// What the caller may do about it.
    #[must_use]
    pub const fn retry(self) -> Retry {
        self.row().retry
    }

    /// For a developer, or for a buyer who reads English.
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.row().message
    }

    /// For a buyer who reads Korean.
    #[must_use]
    pub const fn message_ko(self) -> &'static str {
        self.row().message_ko
    }

    /// Where the error is explained: an address relative to the API's.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("/docs/errors#{}", self.name())
    }
}

/// The table in Markdown, for the description of the API.
#[must_use]
pub fn markdown_table() -> String {
    let mut table = "| code | status | what to do | meaning |\n|---|---|---|---|\n".to_owned();
    for code in ErrorCode::of_the_api() {
        let (name, status) = (code.name(), code.status().as_u16());
        let (advice, message) = (code.retry().advice(), code.message());
        writeln!(table, "| `{name}` | {status} | {advice} | {message} |").expect("a String takes everything");
    }
    table
}

/// The table as a page, with an anchor for every `type`.
#[must_use]
pub fn html_page() -> String {
    let rows: String = ErrorCode::ALL.iter().map(|code| html_row(*code)).collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Errors</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem}}\
         td,th{{border-bottom:1px solid #ddd;padding:.5rem;text-align:left;vertical-align:top}}\
         tr:target{{background:#fff3c4}}</style><h1>Errors</h1><table>\
         <tr><th>code<th>status<th>what to do<th>meaning</tr>{rows}</table></html>"
    )
}

/// Nothing in the table needs escaping but `<`, which one message holds.
fn html_row(code: ErrorCode) -> String {
    let name = code.name();
    let message = code.message().replace('<', "&lt;");
    format!(
        "<tr id=\"{name}\"><td><code>{name}</code><td>{}<td>{}<td>{message}<br>\
         <span lang=\"ko\">{}</span></tr>",
        code.status().as_u16(),
        code.retry().advice(),
        code.message_ko(),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_texts_in_both_languages() {
        let names: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(code.name().bytes().all(plain), "{}", code.name());
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(code.message().ends_with('.'), "{}", code.name());
            let hangul = |c: char| ('가'..='힣').contains(&c);
            assert!(code.message_ko().chars().any(hangul), "{}", code.name());
        }
    }

    #[test]
    fn the_documentation_has_every_code() {
        let (table, page) = (markdown_table(), html_page());
        for code in ErrorCode::of_the_api() {
            assert!(table.contains(&format!("| `{}` |", code.name())), "{}", code.name());
        }
        for code in ErrorCode::ALL {
            let anchor = code.type_uri().replace("/docs/errors#", "");
            assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
        }
        assert!(!page.contains("<key>"));
    }

    #[test]
    fn what_the_design_promises_stands_in_the_table() {
        for (code, status, retry) in [
            (ErrorCode::PaymentDeclined, 402, Retry::NewAttempt),
            (ErrorCode::PaymentMismatch, 409, Retry::Never),
            (ErrorCode::InvalidState, 409, Retry::Never),
            (ErrorCode::AccountRetired, 409, Retry::Never),
            (ErrorCode::CancelRefused, 409, Retry::Never),
            (ErrorCode::AmountNotCancellable, 422, Retry::Never),
            (ErrorCode::ProviderUnavailable, 503, Retry::SameKey),
            (ErrorCode::ProviderMisconfigured, 502, Retry::Never),
            (ErrorCode::Unsupported, 422, Retry::Never),
            (ErrorCode::IdempotencyKeyReused, 422, Retry::Never),
        ] {
            assert_eq!((code.status().as_u16(), code.retry()), (status, retry), "{}", code.name());
        }
    }
}
