//! Every documented code, per call, and what it must mean. Written from the documentation, not from the tables.

use super::*;
use crate::call::Call::{Cancel, Confirm, Create, List, LookUp};

const ALL: [Call; 5] = [Confirm, Cancel, LookUp, List, Create];

const KEYS: &[(u16, &str)] =
    &[(401, "UNAUTHORIZED_KEY"), (403, "INCORRECT_BASIC_AUTH_FORMAT"), (400, "INVALID_API_KEY")];

fn answer(status: u16, code: &str) -> Answer {
    let body = serde_json::json!({"code": code, "message": "메시지"}).to_string().into_bytes();
    Answer { status, retry_after: Some(std::time::Duration::from_secs(3)), date: None, body }
}

fn without_code(status: u16, retry_after: Option<std::time::Duration>) -> Answer {
    Answer { status, retry_after, date: None, body: b"<html>gateway</html>".to_vec() }
}

/// `declined:invalid_card`, `not_done`, … as one word.
fn word(error: &ProviderError) -> String {
    match error {
        ProviderError::Declined(failure) => format!("declined:{}", failure.reason.name()),
        other => other.name().to_owned(),
    }
}

fn means(call: Call, word_: &str, codes: &[(u16, &str)]) {
    for (status, code) in codes {
        let error = accepted(call, &answer(*status, code)).unwrap_err();
        assert_eq!(word(&error), word_, "{call:?} {status} {code}");
        if !matches!(error, ProviderError::StillRunning) {
            assert_eq!(error.pg(), Some(&PgMessage::new(*code, "메시지")), "{code}");
        }
    }
}

#[test]
fn confirm_is_declined_only_where_nothing_was_taken() {
    for (reason, codes) in [
        ("session_expired", &[(404, "NOT_FOUND_PAYMENT_SESSION"), (404, "NOT_FOUND_PAYMENT")][..]),
        ("amount_too_small", &[(400, "BELOW_MINIMUM_AMOUNT")]),
        (
            "invalid_installment",
            &[
                (400, "EXCEED_MAX_CARD_INSTALLMENT_PLAN"),
                (400, "INVALID_CARD_INSTALLMENT_PLAN"),
                (400, "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT"),
                (400, "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN"),
            ],
        ),
        (
            "invalid_card",
            &[
                (400, "INVALID_CARD_EXPIRATION"),
                (400, "INVALID_CARD_NUMBER"),
                (400, "INVALID_ACCOUNT_INFO_RE_REGISTER"),
                (403, "REJECT_TOSSPAY_INVALID_ACCOUNT"),
            ],
        ),
        ("stopped_card", &[(400, "INVALID_STOPPED_CARD"), (400, "INVALID_CARD_LOST_OR_STOLEN")]),
        (
            "limit_exceeded",
            &[
                (400, "EXCEED_MAX_DAILY_PAYMENT_COUNT"),
                (400, "EXCEED_MAX_PAYMENT_AMOUNT"),
                (400, "EXCEED_MAX_AMOUNT"),
                (400, "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT"),
                (400, "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT"),
                (400, "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT"),
                (400, "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM"),
                (403, "EXCEED_MAX_ONE_DAY_AMOUNT"),
            ],
        ),
        ("insufficient_funds", &[(403, "REJECT_ACCOUNT_PAYMENT"), (403, "REJECT_CARD_PAYMENT")]),
        (
            "issuer_declined",
            &[
                (403, "REJECT_CARD_COMPANY"),
                (400, "INVALID_REJECT_CARD"),
                (400, "RESTRICTED_TRANSFER_ACCOUNT"),
            ],
        ),
        ("authentication_failed", &[(403, "EXCEED_MAX_AUTH_COUNT"), (403, "INVALID_PASSWORD")]),
        ("fraud_suspected", &[(403, "FDS_ERROR")]),
        ("declined", &[(400, "NOT_ALLOWED_POINT_USE")]),
    ] {
        means(Confirm, &format!("declined:{reason}"), codes);
    }
}

#[test]
fn other_answers_to_a_confirm_have_their_class() {
    means(
        Confirm,
        "unknown",
        &[
            (400, "ALREADY_PROCESSED_PAYMENT"),
            (400, "DUPLICATED_ORDER_ID"),
            (400, "ALREADY_COMPLETED_PAYMENT"),
        ],
    );
    means(
        Confirm,
        "unknown",
        &[
            (400, "PROVIDER_ERROR"),
            (400, "CARD_PROCESSING_ERROR"),
            (400, "UNAPPROVED_ORDER_ID"),
            (500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"),
            (500, "FAILED_INTERNAL_SYSTEM_PROCESSING"),
            (500, "UNKNOWN_PAYMENT_ERROR"),
            (500, "COMMON_ERROR"),
        ],
    );
    means(
        Confirm,
        "not_done",
        &[
            (400, "NOT_AVAILABLE_PAYMENT"),
            (403, "NOT_AVAILABLE_BANK"),
            (403, "FORBIDDEN_CONSECUTIVE_REQUEST"),
        ],
    );
    means(
        Confirm,
        "misconfigured",
        &[
            (400, "INVALID_AUTHORIZE_AUTH"),
            (400, "NOT_FOUND_TERMINAL_ID"),
            (400, "INVALID_UNREGISTERED_SUBMALL"),
            (400, "NOT_REGISTERED_BUSINESS"),
        ],
    );
}

#[test]
fn answers_to_a_cancel_have_their_class() {
    means(
        Cancel,
        "unknown",
        &[
            (400, "ALREADY_CANCELED_PAYMENT"),
            (400, "ALREADY_REFUND_PAYMENT"),
            (400, "ALREADY_REFUNDING_PAYMENT"),
            (400, "NOT_MATCHES_REFUNDABLE_AMOUNT"),
        ],
    );
    means(
        Cancel,
        "declined:invalid_refund_account",
        &[
            (400, "INVALID_REFUND_ACCOUNT_INFO"),
            (400, "INVALID_REFUND_ACCOUNT_NUMBER"),
            (400, "INVALID_BANK"),
            (400, "FORBIDDEN_BANK_REFUND_REQUEST"),
            (403, "NOT_ALLOWED_REFUND_BANK"),
        ],
    );
    means(
        Cancel,
        "declined:not_cancellable",
        &[
            (403, "NOT_CANCELABLE_AMOUNT"),
            (400, "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT"),
            (400, "REFUND_REJECTED"),
            (403, "NOT_CANCELABLE_PAYMENT"),
            (403, "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER"),
            (403, "EXCEED_MAX_REFUND_DUE"),
            (403, "EXCEED_CANCEL_LIMIT"),
            (403, "NOT_ALLOWED_PARTIAL_REFUND"),
            (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"),
            (400, "INVALID_REFUND_AMOUNT"),
            (403, "EXCEED_MAX_REFUND_AMOUNT"),
            (403, "NOT_SUPPORTED_REFUND"),
        ],
    );
    means(
        Cancel,
        "unknown",
        &[
            (400, "PROVIDER_ERROR"),
            (500, "FAILED_INTERNAL_SYSTEM_PROCESSING"),
            (500, "FAILED_REFUND_PROCESS"),
            (500, "FAILED_METHOD_HANDLING_CANCEL"),
            (500, "FAILED_PARTIAL_REFUND"),
            (500, "COMMON_ERROR"),
            (500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"),
        ],
    );
    means(Cancel, "not_done", &[(403, "FORBIDDEN_CONSECUTIVE_REQUEST"), (403, "NOT_AVAILABLE_BANK")]);
    means(Cancel, "misconfigured", &[(403, "FORBIDDEN_REQUEST"), (404, "NOT_FOUND_PAYMENT")]);
}

#[test]
fn failed_look_up_is_never_a_decline() {
    means(LookUp, "misconfigured", &[(404, "NOT_FOUND")]);
    means(
        LookUp,
        "not_done",
        &[(403, "FORBIDDEN_CONSECUTIVE_REQUEST"), (500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING")],
    );
    means(
        LookUp,
        "unknown",
        &[
            (400, "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT"),
            (403, "REJECT_CARD_COMPANY"),
            (404, "NOT_FOUND_PAYMENT_SESSION"),
        ],
    );
    let declines = |table: &[(Meaning, &[&str])]| {
        table.iter().filter(|(meaning, _)| matches!(meaning, Meaning::Declined(_))).count()
    };
    assert_eq!(declines(tables::LOOK_UP) + declines(tables::EVERYWHERE), 0);
}

#[test]
fn only_not_found_payment_means_there_is_none() {
    assert!(is_not_found(&answer(404, "NOT_FOUND_PAYMENT")));
    for (status, code) in [(404, "NOT_FOUND"), (404, "NOT_FOUND_PAYMENT_SESSION"), (401, "UNAUTHORIZED_KEY")]
    {
        assert!(!is_not_found(&answer(status, code)), "{code}");
    }
    assert!(!is_not_found(&without_code(404, None)));
}

#[test]
fn refused_creation_is_the_request_or_the_contract() {
    means(Create, "unknown", &[(400, "DUPLICATED_ORDER_ID")]);
    means(Create, "misconfigured", &[(400, "NOT_SUPPORTED_METHOD")]);
    means(
        Create,
        "invalid",
        &[
            (400, "INVALID_URL"),
            (400, "INCORRECT_SUCCESS_URL_FORMAT"),
            (400, "INCORRECT_FAIL_URL_FORMAT"),
            (400, "INVALID_ORDER_ID"),
            (400, "INVALID_ORDER_NAME"),
            (400, "INVALID_FLOW_MODE_PARAMETERS"),
        ],
    );
}

#[test]
fn tampered_confirm_is_invalid_and_no_contract_error() {
    means(Confirm, "invalid", &[(400, "INVALID_REQUEST"), (403, "FORBIDDEN_REQUEST")]);
}

#[test]
fn wrong_paging_key_is_an_answered_error() {
    for code in ["INVALID_TRANSACTION_KEY", "INVALID_PAGING_KEY"] {
        let error = accepted(List, &answer(400, code)).unwrap_err();
        assert!(matches!(error, ProviderError::Unknown(Response::Error(_))), "{error:?}");
    }
    means(
        List,
        "invalid",
        &[(400, "INVALID_DATE"), (400, "INVALID_ISO_DATE_FORMAT"), (400, "EXCEED_MAX_QUERY_LIMIT")],
    );
    means(List, "misconfigured", &[(404, "NOT_FOUND")]);
}

#[test]
fn codes_of_every_call_mean_the_same_everywhere() {
    for call in ALL {
        means(call, "misconfigured", KEYS);
        means(call, "invalid", &[(400, "INVALID_REQUEST"), (400, "INVALID_IDEMPOTENCY_KEY")]);
        means(call, "still_running", &[(409, "IDEMPOTENT_REQUEST_PROCESSING")]);
        means(call, "not_done", &[(429, "A_CODE_OF_NEXT_YEAR"), (400, "MAINTAINED_METHOD")]);
    }
}

#[test]
fn unlisted_code_is_unknown_whatever_its_status() {
    for call in ALL {
        for status in [200, 302, 400, 401, 403, 404, 409, 422] {
            means(call, "unknown", &[(status, "A_CODE_OF_NEXT_YEAR")]);
        }
        // A look-up that failed over there is repeated for the account, not for the payment.
        let failed = if call.only_reads() { "not_done" } else { "unknown" };
        means(call, failed, &[(500, "A_CODE_OF_NEXT_YEAR"), (503, "COMMON_ERROR")]);
    }
}

#[test]
fn code_decides_and_not_the_status() {
    for status in [200, 400, 403, 404, 429, 500] {
        means(Confirm, "declined:issuer_declined", &[(status, "REJECT_CARD_COMPANY")]);
        means(Confirm, "unknown", &[(if status == 429 { 400 } else { status }, "PROVIDER_ERROR")]);
    }
}

#[test]
fn answer_without_a_code_is_unanswered_except_429() {
    for status in [301, 400, 401, 403, 404, 409, 500, 502, 504] {
        let error = accepted(Confirm, &without_code(status, None)).unwrap_err();
        assert!(matches!(error, ProviderError::Unknown(Response::Unanswered(_))), "{status}: {error:?}");
        assert_eq!(error.detail(), format!("HTTP {status} without an error code or a payment"));
    }
    let wait = Some(std::time::Duration::from_secs(7));
    let error = accepted(Confirm, &without_code(429, wait)).unwrap_err();
    assert!(matches!(
        error,
        ProviderError::NotDone { response: Response::Error(_), retry_after } if retry_after == wait
    ));
}

#[test]
fn no_code_has_two_meanings_in_one_call() {
    for table in [tables::CONFIRM, tables::CANCEL, tables::LOOK_UP, tables::LIST, tables::CREATE] {
        let codes: Vec<_> = table.iter().chain(tables::EVERYWHERE).flat_map(|(_, codes)| *codes).collect();
        let unique: std::collections::HashSet<_> = codes.iter().collect();
        assert_eq!(unique.len(), codes.len());
    }
}

#[test]
fn success_without_a_code_hands_on_its_body() {
    for status in [200, 201, 299] {
        let answer = Answer { body: br#"{"status":"DONE"}"#.to_vec(), ..without_code(status, None) };
        for call in ALL {
            assert_eq!(accepted(call, &answer).unwrap(), answer.body, "{call:?} {status}");
        }
    }
}

#[test]
fn rest_of_the_documented_codes_has_its_class() {
    for call in ALL {
        let forbidden = if call == Confirm { "invalid" } else { "misconfigured" };
        means(call, forbidden, &[(403, "FORBIDDEN_REQUEST")]);
        means(call, "misconfigured", &[(400, "INVALID_TEST_CODE")]);
        means(call, "not_done", &[(403, "FORBIDDEN_CONSECUTIVE_REQUEST")]);
    }
    means(Create, "misconfigured", &[(404, "NOT_FOUND")]);
    means(LookUp, "unknown", &[(404, "NOT_FOUND_PAYMENT")]);
}
