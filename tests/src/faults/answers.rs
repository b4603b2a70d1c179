//! What a failing PG answers: statuses, codes of its error table and outside of it, and bodies that are none.

use serde_json::{Value, json};

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What stands for it in a report: the code, or what is wrong with the body.
    pub name: &'static str,
    /// A text is sent as it is, anything else as JSON.
    pub body: Value,
    /// Whether it is a definite no in the PG's own words. Only such a one may become a decline or a refusal.
    pub declines: bool,
}

/// The statuses of errors.
pub const STATUSES: [u16; 9] = [400, 401, 403, 404, 409, 429, 500, 502, 503];

/// A code, and whether it is a definite no.
type Code = (&'static str, bool);

/// Answers of Toss to a confirm (Toss docs, reference/error-codes).
const TOSS_CONFIRM: [Code; 11] = [
    ("PROVIDER_ERROR", false),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", false),
    ("ALREADY_PROCESSED_PAYMENT", false),
    ("IDEMPOTENT_REQUEST_PROCESSING", false),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", false),
    ("A_CODE_OF_NEXT_YEAR", false),
    ("UNAUTHORIZED_KEY", true),
    ("INVALID_REQUEST", true),
    ("NOT_FOUND_PAYMENT_SESSION", true),
    ("NOT_FOUND_PAYMENT", true),
    ("REJECT_CARD_COMPANY", true),
];

/// Answers of Toss to a cancel.
const TOSS_CANCEL: [Code; 11] = [
    ("PROVIDER_ERROR", false),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", false),
    ("ALREADY_CANCELED_PAYMENT", false),
    ("NOT_MATCHES_REFUNDABLE_AMOUNT", false),
    ("NOT_CANCELABLE_AMOUNT", true),
    ("FAILED_REFUND_PROCESS", false),
    ("IDEMPOTENT_REQUEST_PROCESSING", false),
    ("A_CODE_OF_NEXT_YEAR", false),
    ("UNAUTHORIZED_KEY", true),
    ("NOT_FOUND_PAYMENT", true),
    ("NOT_CANCELABLE_PAYMENT", true),
];

/// Answers of Toss to everything that moves no money.
const TOSS_OTHER: [Code; 7] = [
    ("PROVIDER_ERROR", false),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", false),
    ("NOT_FOUND_PAYMENT", false),
    ("UNAUTHORIZED_KEY", false),
    ("INVALID_REQUEST", false),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", false),
    ("A_CODE_OF_NEXT_YEAR", false),
];

/// Answers of `PortOne` V1: a code that is not 0, with any status. With 200 it is the answer of the PG behind it, and a
/// decline if its text gives a reason that is known.
const PORTONE: [(&str, i64, &str, bool); 5] = [
    ("-1 승인거절", -1, "[PG] 승인거절", true),
    ("-1 이미 처리된", -1, "이미 처리된 결제입니다.", false),
    ("1 이미 전액취소된", 1, "이미 전액취소된 주문입니다.", false),
    ("1 of next year", 1, "a sentence of next year", false),
    ("1 존재하지 않습니다", 1, "취소할 결제건이 존재하지 않습니다.", true),
];

/// Every code that may be answered to a call, each with so many statuses, and every status with some code.
#[must_use]
pub fn coded(pg: &str, call: &str, statuses_each: usize) -> Vec<Answer> {
    let statuses = if pg == "toss" { STATUSES.to_vec() } else { [&[200], &STATUSES[..]].concat() };
    let codes = codes(pg, call);
    let (all, most) = (statuses.len(), codes.len().saturating_mul(statuses_each));
    let answer = |(code, status): (&Answer, u16)| {
        let declines = code.declines && (pg == "toss" || status == 200);
        Answer { status, declines, ..code.clone() }
    };
    if statuses_each >= all {
        return codes
            .iter()
            .flat_map(|code| statuses.iter().map(move |status| (code, *status)))
            .map(answer)
            .collect();
    }
    // Shifted by one each time around, so that a code meets another status.
    let pairs = (0..most.max(all)).map(|n| (&codes[n % codes.len()], statuses[(n + n / all) % all]));
    pairs.map(answer).collect()
}

fn codes(pg: &str, call: &str) -> Vec<Answer> {
    let answer = |name, declines, body| Answer { status: 0, name, body, declines };
    if pg == "toss" {
        let codes: &[Code] = match call {
            "confirm" => &TOSS_CONFIRM,
            "cancel" => &TOSS_CANCEL,
            _ => &TOSS_OTHER,
        };
        let body = |code: &str| json!({ "code": code, "message": "canary" });
        return codes.iter().map(|(code, declines)| answer(*code, *declines, body(code))).collect();
    }
    let is_cancel = matches!(call, "cancel" | "vbank_delete");
    let body = |code: i64, message: &str| json!({ "code": code, "message": message, "response": null });
    PORTONE
        .iter()
        .map(|(name, code, message, declines)| answer(*name, *declines && is_cancel, body(*code, message)))
        .collect()
}

/// Bodies that say nothing, under statuses that say little.
#[must_use]
pub fn unreadable() -> Vec<Answer> {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let bodies = [
        ("empty", json!("")),
        ("a page", json!("<html><body>502 Bad Gateway</body></html>")),
        ("cut", json!("{\"code\": \"PROVIDER_ER")),
        ("of a wrong type", json!({ "code": [], "message": 7, "response": "paid", "status": {} })),
        ("a list", json!([])),
        ("deep", json!(deep)),
        ("not text", json!("\u{0}\u{1}\u{fffd}")),
    ];
    let statuses = [200, 400, 403, 404, 500, 503, 302];
    let pairs = bodies.into_iter().zip(statuses);
    pairs.map(|((name, body), status)| Answer { status, name, body, declines: false }).collect()
}

/// A body longer than any answer; `longest` bytes are still read.
#[must_use]
pub fn huge(pg: &str) -> Answer {
    const TOSS_READS: usize = 1024 * 1024;
    const PORTONE_READS: usize = 16 * 1024 * 1024;
    let length = if pg == "toss" { TOSS_READS } else { PORTONE_READS };
    let body = Value::String("9".repeat(length + 1));
    Answer { status: 200, name: "huge", body, declines: false }
}
