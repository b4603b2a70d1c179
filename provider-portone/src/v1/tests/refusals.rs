//! The table of refusals.

use gateway_core::{CancelAmount, FailureReason, PaymentProvider as _, PaymentRef};

use super::{IMP_UID, cancel_request, order_id, provider, refused, stub::Stub};
use crate::v1::errors;

#[tokio::test]
async fn a_refused_cancel_is_what_the_code_says_and_unknown_if_in_doubt() {
    for (status, code, message, name) in [
        (200, 1, "이미 전액취소된 주문입니다.", "conflict"),
        (200, 1, "취소할 결제건이 존재하지 않습니다.", "declined"),
        (200, 1, "a checksum that does not fit", "conflict"),
        (200, -1, "[PG] 취소 실패", "outcome_unknown"),
        (200, -1, "취소할 결제건이 존재하지 않습니다.", "outcome_unknown"),
        (200, 7, "", "outcome_unknown"),
        (207, 1, "이미 전액취소된 주문입니다.", "outcome_unknown"),
        (400, 1, "취소할 결제건이 존재하지 않습니다.", "outcome_unknown"),
        (403, -1, "", "outcome_unknown"),
        (404, -1, "", "outcome_unknown"),
        (429, -1, "", "not_processed"),
        (500, 1, "이미 전액취소된 주문입니다.", "outcome_unknown"),
        (503, 0, "", "outcome_unknown"),
    ] {
        let stub = Stub::start(move |_| refused(status, code, message)).await;
        let error = provider(&stub.url).cancel(&cancel_request(CancelAmount::All)).await.unwrap_err();
        assert_eq!(error.name(), name, "{status} {code} {message}");
        let pg = error.pg().unwrap();
        assert_eq!((pg.code.as_str(), pg.message.as_str()), (code.to_string().as_str(), message));
    }
}

#[tokio::test]
async fn a_refused_look_up_says_nothing() {
    for (status, code) in [(200, 1), (200, -1), (403, -1), (500, -1), (503, -1)] {
        let stub = Stub::start(move |_| refused(status, code, "")).await;
        let subject = PaymentRef { pg_order_id: order_id(), pg_id: IMP_UID.parse().ok(), state: None };
        let error = provider(&stub.url).verify(&subject).await.unwrap_err();
        assert_eq!(error.name(), "outcome_unknown", "{status} {code}");
    }
}

#[test]
fn words_of_the_pg_have_a_reason_and_unknown_words_have_none() {
    for (code, text, reason) in [
        ("", "사용자가 결제를 취소함", FailureReason::BuyerClosed),
        ("", "[결제포기] 사용자가 결제를 취소하셨습니다", FailureReason::BuyerClosed),
        ("PAY_PROCESS_CANCELED", "", FailureReason::BuyerClosed),
        ("", "한도초과", FailureReason::LimitExceeded),
        ("", "잔액부족", FailureReason::InsufficientFunds),
        ("F0004", "카드 비밀번호 오류", FailureReason::AuthenticationFailed),
        ("", "100원 미만 결제는 불가능하다", FailureReason::AmountTooSmall),
        ("F9999", "알 수 없는 오류", FailureReason::Other),
        ("", "", FailureReason::Other),
    ] {
        assert_eq!(errors::reason(code, text), reason, "{code} {text}");
    }
}
