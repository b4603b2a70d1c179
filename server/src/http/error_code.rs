//! Every error the API can answer: the one table that answers and documentation are made from.
//!
//! Each has two texts. One is for the developer and says what to change; the other may be shown to a buyer, who can do
//! nothing about a header, and says in both languages what the buyer can do.

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
    /// What is wrong, for the developer, in English and Korean.
    detail: (&'static str, &'static str),
    /// What the buyer may be shown, in English and Korean.
    message: (&'static str, &'static str),
}

/// The buyer can do nothing about it.
const ASK_SHOP: (&str, &str) =
    ("This could not be done. Please ask the shop.", "요청을 처리할 수 없습니다. 판매자에게 문의해 주세요.");
/// Money may have moved.
const NOT_KNOWN: (&str, &str) = (
    "The result cannot be checked right now. Do not pay again: you might be charged twice. Please look again in a moment.",
    "지금은 결과를 확인할 수 없습니다. 중복 결제될 수 있으니 다시 결제하지 말고 잠시 후 확인해 주세요.",
);
/// Something of the same payment is going on.
const UNDER_WAY: (&str, &str) = (
    "This payment is being worked on. Please look again in a moment.",
    "처리 중인 결제입니다. 잠시 후 다시 확인해 주세요.",
);
/// Nothing was begun.
const BUSY: (&str, &str) = (
    "There are too many requests right now. Please try again in a moment.",
    "요청이 많아 처리할 수 없습니다. 잠시 후 다시 시도해 주세요.",
);

macro_rules! error_codes {
    ($($variant:ident $code:literal $status:ident $retry:ident $detail:literal $detail_ko:literal $message:expr;)+) => {
        /// The stable name of an error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $(#[doc = $detail] $variant,)+
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
                        detail: ($detail, $detail_ko),
                        message: $message,
                    },)+
                }
            }
        }
    };
}

error_codes! {
    MalformedRequest "malformed_request" BAD_REQUEST Never
        "The request is not valid HTTP for this API."
        "API 요청 형식이 올바르지 않습니다."
        ASK_SHOP;
    InvalidBody "invalid_body" BAD_REQUEST Never
        "The body is not the JSON this operation expects."
        "요청 본문이 이 API에서 정한 JSON 형식과 다릅니다."
        ASK_SHOP;
    InvalidParameter "invalid_parameter" BAD_REQUEST Never
        "A parameter is missing or not valid; `param` names it."
        "누락되었거나 올바르지 않은 값이 있습니다. 어떤 값인지는 `param`에 있습니다."
        ASK_SHOP;
    IdempotencyKeyRequired "idempotency_key_required" BAD_REQUEST Never
        "This operation needs an `Idempotency-Key` header."
        "이 요청에는 `Idempotency-Key` 헤더가 필요합니다."
        ASK_SHOP;
    Unauthenticated "unauthenticated" UNAUTHORIZED Never
        "Send a valid merchant key: `Authorization: Bearer <key>`."
        "유효한 가맹점 키를 `Authorization: Bearer <key>` 헤더로 보내세요."
        ASK_SHOP;
    Forbidden "forbidden" FORBIDDEN Never
        "This caller may not do that here."
        "여기에서는 허용되지 않는 요청입니다."
        ASK_SHOP;
    PaymentDeclined "payment_declined" PAYMENT_REQUIRED NewAttempt
        "The payment was declined; no money was taken."
        "승인이 거절되었습니다(결제되지 않음)."
        ("The payment was declined and nothing was charged. Try another way to pay.", "승인이 거절되어 결제되지 않았습니다. 다른 결제 수단을 이용해 주세요.");
    NoSuchRoute "no_such_route" NOT_FOUND Never
        "There is nothing at this address."
        "이 주소에는 API가 없습니다."
        ASK_SHOP;
    NotFound "not_found" NOT_FOUND Never
        "There is no such object."
        "해당하는 객체가 없습니다."
        ("The payment was not found. Please ask the shop.", "결제 내역을 찾을 수 없습니다. 판매자에게 문의해 주세요.");
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED Never
        "This address does not take this method."
        "이 주소에서 지원하지 않는 HTTP 메서드입니다."
        ASK_SHOP;
    OrderInProgress "order_in_progress" CONFLICT Never
        "This order already has an open or paid payment with other details."
        "이 주문에는 내용이 다른 결제가 이미 진행 중이거나 완료되었습니다."
        ("A payment for this order is open or done already. Please check your order.", "이미 진행 중이거나 완료된 결제가 있습니다. 주문 내역을 확인해 주세요.");
    PaymentMismatch "payment_mismatch" CONFLICT Never
        "What the browser or the payment gateway reports does not match the payment."
        "브라우저 또는 PG에서 받은 내용이 이 결제와 일치하지 않습니다."
        ("The payment does not match the order and was not accepted. Please ask the shop.", "결제 내용이 주문과 일치하지 않아 결제를 완료할 수 없습니다. 판매자에게 문의해 주세요.");
    InvalidState "invalid_state" CONFLICT Never
        "The payment's status does not allow this."
        "현재 결제 상태에서는 처리할 수 없는 요청입니다."
        ("This is not possible for the payment as it is now. Please check your order.", "현재 결제 상태에서는 처리할 수 없습니다. 주문 내역을 확인해 주세요.");
    AccountRetired "account_retired" CONFLICT Never
        "The account is retired: it takes no payment and sends nothing. An operator has to act."
        "사용이 중지된 PG 계정이어서 결제를 받지 않고 요청도 보내지 않습니다. 운영자의 조치가 필요합니다."
        ASK_SHOP;
    CancelRefused "cancel_refused" CONFLICT Never
        "The payment gateway refused the cancel; no money moved."
        "PG에서 취소를 거절했습니다. 환불된 금액은 없습니다."
        ("The cancel was refused. Please ask the shop.", "결제 취소가 거절되었습니다. 판매자에게 문의해 주세요.");
    CancelInProgress "cancel_in_progress" CONFLICT SameKey
        "The outcome of another cancel of this payment is open, or the buyer disputes the payment."
        "이 결제의 다른 취소 결과가 아직 확정되지 않았거나, 구매자가 카드사에 이의를 제기했습니다."
        UNDER_WAY;
    IdempotencyInProgress "idempotency_in_progress" CONFLICT SameKey
        "The first request with this `Idempotency-Key` is still running."
        "같은 `Idempotency-Key`로 보낸 첫 요청이 아직 처리 중입니다."
        UNDER_WAY;
    ReviewClosed "review_closed" CONFLICT Never
        "The review is closed already; nothing was changed."
        "이미 종결된 검토 건입니다. 변경된 내용은 없습니다."
        ASK_SHOP;
    RequestUnderWay "request_under_way" CONFLICT SameKey
        "What the review is about was sent to the payment gateway a moment ago and may still be done: look again in two minutes."
        "검토 대상 요청을 방금 PG에 보냈고 아직 처리될 수 있습니다. 2분 뒤에 다시 확인하세요."
        UNDER_WAY;
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE Never
        "The body is too large."
        "요청 본문이 너무 큽니다."
        ASK_SHOP;
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE Never
        "Send the body as `application/json`."
        "요청 본문을 `application/json`으로 보내세요."
        ASK_SHOP;
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY Never
        "This `Idempotency-Key` was used with another body."
        "이 `Idempotency-Key`는 다른 요청 본문에 이미 사용되었습니다."
        ASK_SHOP;
    AmountNotCancellable "amount_not_cancellable" UNPROCESSABLE_ENTITY Never
        "The amount is more than can still be cancelled, or not what was expected to be."
        "취소 금액이 남은 취소 가능 금액보다 크거나, 취소 가능 금액이 예상과 다릅니다."
        ("This amount cannot be cancelled. Please check how much was cancelled already.", "취소할 수 없는 금액입니다. 이미 취소된 금액을 확인해 주세요.");
    Unsupported "unsupported" UNPROCESSABLE_ENTITY Never
        "The account does not offer this."
        "이 PG 계정에서 지원하지 않는 기능입니다."
        ASK_SHOP;
    TooManyRequests "too_many_requests" TOO_MANY_REQUESTS SameKey
        "Too many requests; wait before the next one."
        "요청이 너무 많습니다. 잠시 기다렸다가 다음 요청을 보내세요."
        BUSY;
    Internal "internal" INTERNAL_SERVER_ERROR SameKey
        "Something went wrong in the gateway; it is logged under `request_id`."
        "게이트웨이에서 오류가 발생했습니다. 로그에 `request_id`로 남아 있습니다."
        NOT_KNOWN;
    ProviderMisconfigured "provider_misconfigured" BAD_GATEWAY Never
        "The payment gateway refuses this account: its operator has to check keys, contract and channel. No money moved."
        "PG에서 이 계정의 요청을 거절했습니다. 운영자가 키, 계약, 채널 설정을 확인해야 합니다. 이동한 금액은 없습니다."
        ("This could not be done because of a problem on the shop's side. Please ask the shop.", "판매자 측 문제로 처리할 수 없습니다. 판매자에게 문의해 주세요.");
    ProviderUnavailable "provider_unavailable" SERVICE_UNAVAILABLE SameKey
        "The payment gateway cannot be reached or has no room, and nothing was begun: repeat the request. The buyer may have paid in the window, so do not let them pay again."
        "PG에 연결할 수 없거나 요청이 몰려 아무것도 시작하지 않았습니다. 같은 요청을 다시 보내세요. 구매자가 결제창에서 이미 결제했을 수 있으니 다시 결제하게 하지 마세요."
        NOT_KNOWN;
    Overloaded "overloaded" SERVICE_UNAVAILABLE SameKey
        "The gateway has too much to do; try again."
        "게이트웨이에 요청이 몰려 있습니다. 다시 시도하세요."
        BUSY;
    StorageUnavailable "storage_unavailable" SERVICE_UNAVAILABLE SameKey
        "The gateway cannot store anything right now; what was asked was not begun, or goes on and can be read later."
        "지금은 DB에 저장할 수 없습니다. 요청은 시작되지 않았거나 계속 처리되고 있으며, 결과는 나중에 조회할 수 있습니다."
        NOT_KNOWN;
    NotReady "not_ready" SERVICE_UNAVAILABLE SameKey
        "The gateway is not ready; `reason` says why."
        "게이트웨이가 아직 준비되지 않았습니다. 이유는 `reason`에 있습니다."
        BUSY;
    TimedOut "timed_out" SERVICE_UNAVAILABLE SameKey
        "The answer took too long; what was begun goes on, so ask for the current state."
        "응답 시간이 초과되었습니다. 시작된 처리는 계속되니 현재 상태를 조회하세요."
        NOT_KNOWN;
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

    /// What is wrong and what to change, for the developer.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        self.row().detail.0
    }

    /// The same in Korean.
    #[must_use]
    pub const fn detail_ko(self) -> &'static str {
        self.row().detail.1
    }

    /// What a buyer who reads English may be shown.
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.row().message.0
    }

    /// What a buyer who reads Korean may be shown. It says as much.
    #[must_use]
    pub const fn message_ko(self) -> &'static str {
        self.row().message.1
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
    let mut table = "| code | status | meaning |\n|---|---|---|\n".to_owned();
    for code in ErrorCode::of_the_api() {
        let (name, status) = (code.name(), code.status().as_u16());
        writeln!(table, "| `{name}` | {status} | {} |", code.detail()).expect("a String takes everything");
    }
    table
}

/// How the page looks. On a phone a row is a block, and says itself what the heads of the columns say.
const STYLE: &str = "\
    body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
    table{border-collapse:collapse}\
    td,th{border-bottom:1px solid #ddd;padding:.5rem;text-align:left;vertical-align:top}\
    tr:target{background:#fff3c4}[lang=ko]{word-break:keep-all}\
    @media(max-width:40rem){\
    table,tbody,tr,td{display:block}tr:first-child{display:none}\
    tr{border-bottom:1px solid #ddd;padding:.75rem 0}td{border:0;padding:.15rem 0}\
    td:nth-child(n+2)::before{color:#666;content:attr(data-label) ': '}}";

/// The table as a page, with an anchor for every `type`.
#[must_use]
pub fn html_page() -> String {
    let rows: String = ErrorCode::ALL.iter().map(|code| html_row(*code)).collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Paymux API: errors</title>\
         <style>{STYLE}</style><h1>Errors</h1><table>\
         <tr><th>code<th>status<th>what to do<th>meaning, for developers<th>what buyers may be shown</tr>{rows}</table></html>"
    )
}

fn html_row(code: ErrorCode) -> String {
    let name = code.name();
    format!(
        "<tr id=\"{name}\"><td><code>{name}</code><td data-label=\"status\">{}<td data-label=\"what to do\">{}\
         <td data-label=\"for developers\">{}<br><span lang=\"ko\">{}</span>\
         <td data-label=\"for buyers\">{}<br><span lang=\"ko\">{}</span></tr>",
        code.status().as_u16(),
        code.retry().advice(),
        html_text(code.detail()),
        html_text(code.detail_ko()),
        code.message(),
        code.message_ko(),
    )
}

/// A text of the table in HTML. Nothing needs escaping but `<`, which one row holds.
fn html_text(text: &str) -> String {
    let mut html = String::new();
    for (place, part) in text.replace('<', "&lt;").split('`').enumerate() {
        let is_code = place % 2 == 1;
        html += if is_code { "<code>" } else { "" };
        html += part;
        html += if is_code { "</code>" } else { "" };
    }
    html
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
            let hangul = |c: char| ('가'..='힣').contains(&c);
            for (english, korean) in [code.row().detail, code.row().message] {
                assert!(english.ends_with('.') && korean.ends_with('.'), "{}", code.name());
                assert!(korean.chars().any(hangul), "{}", code.name());
            }
        }
    }

    #[test]
    fn buyers_read_nothing_that_is_for_developers() {
        for code in ErrorCode::ALL {
            for text in [code.message(), code.message_ko()] {
                let is_technical = |word: &&str| text.to_lowercase().contains(*word);
                let words = [
                    "`",
                    "header",
                    "json",
                    "http",
                    "api",
                    "request_id",
                    "헤더",
                    "본문",
                    "메서드",
                    "운영자",
                    "pg",
                ];
                assert_eq!(words.iter().find(|word| is_technical(word)), None, "{}: {text}", code.name());
            }
        }
    }

    #[test]
    fn buyers_read_as_much_in_korean_as_in_english() {
        for code in ErrorCode::ALL {
            let sentences = |text: &str| text.matches('.').count();
            // "Do not pay again: you might be charged twice." is one sentence in either language.
            let (english, korean) = (sentences(code.message()), sentences(code.message_ko()));
            assert!(english.abs_diff(korean) <= 1, "{}: {english} {korean}", code.name());
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
        assert!(!page.contains("<key>") && !page.contains('`'));
        assert!(page.contains("<code>Authorization: Bearer &lt;key></code>"));
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
