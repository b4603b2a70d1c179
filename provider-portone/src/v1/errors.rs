//! What PortOne's refusals mean, by call, HTTP status and `code`.
//!
//! Messages are display text. Only one that is known word for word decides anything.

use gateway_core::{Failure, FailureReason, ProviderError, UnknownOutcome};
use reqwest::StatusCode;

use super::client::Refusal;

/// A cancel of a payment PortOne does not know.
const NOTHING_TO_CANCEL: &str = "취소할 결제건이 존재하지 않습니다.";
/// PortOne itself refused; the PG was not asked. −1 is what a PG said, or an error on the way to it.
const REFUSED_BY_PORTONE: i64 = 1;

/// A look-up that failed says nothing about the payment.
pub(crate) fn look_up(refusal: &Refusal) -> ProviderError {
    ProviderError::OutcomeUnknown(UnknownOutcome::Error(refusal.pg()))
}

/// A refused registration of an amount. No money can move.
pub(crate) fn prepare(refusal: &Refusal) -> ProviderError {
    if refusal.status.is_server_error() { look_up(refusal) } else { ProviderError::Invalid(refusal.pg()) }
}

/// A refused cancel.
///
/// * "no such payment" is a definite no.
/// * "이미 전액취소된 주문입니다." (cancelled before) and every other refusal of PortOne's own (a checksum or an amount that does
///   not fit the balance; PortOne documents no text for them) mean that the balance is not what we
///   believed: nothing was executed now, but an earlier request may have been. Look up.
/// * What comes from the PG behind it may be an error after the money moved.
pub(crate) fn cancel(refusal: &Refusal) -> ProviderError {
    if refusal.status != StatusCode::OK || refusal.code != REFUSED_BY_PORTONE {
        return ProviderError::OutcomeUnknown(UnknownOutcome::Error(refusal.pg()));
    }
    if refusal.message.trim() == NOTHING_TO_CANCEL {
        return ProviderError::Declined(Failure::by_pg(FailureReason::NotCancellable, refusal.pg()));
    }
    ProviderError::Conflict(refusal.pg())
}

/// A refused close of an account. 400 (not an account, or no longer unpaid) and 404 mean that the
/// payment is not what we believed.
pub(crate) fn close(refusal: &Refusal) -> ProviderError {
    match refusal.status {
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => ProviderError::Conflict(refusal.pg()),
        _ => ProviderError::OutcomeUnknown(UnknownOutcome::Error(refusal.pg())),
    }
}

/// Words in a PG's code or text, and our reason. Only what the buyer is told hangs on it.
const REASONS: [(FailureReason, &[&str]); 11] = [
    (
        FailureReason::BuyerClosed,
        &[
            "결제포기",
            "결제를 취소",
            "결제 취소",
            "사용자 취소",
            "사용자가 취소",
            "USER_CANCEL",
            "PAY_PROCESS_CANCELED",
        ],
    ),
    (FailureReason::LimitExceeded, &["한도초과", "한도 초과", "한도를 초과"]),
    (FailureReason::InsufficientFunds, &["잔액부족", "잔액 부족", "잔액이 부족"]),
    (FailureReason::AuthenticationFailed, &["비밀번호", "인증실패", "인증 실패"]),
    (FailureReason::StoppedCard, &["거래정지", "정지카드", "사용정지", "분실", "도난"]),
    (FailureReason::InvalidCard, &["카드번호", "유효기간", "유효하지 않은 카드"]),
    (FailureReason::InvalidInstallment, &["할부"]),
    (FailureReason::SessionExpired, &["시간초과", "시간 초과", "시간이 초과"]),
    (FailureReason::AmountTooSmall, &["100원 미만", "최소 결제", "최소결제"]),
    (FailureReason::FraudSuspected, &["부정사용", "이상거래"]),
    (FailureReason::IssuerDeclined, &["승인거절", "승인 거절", "거절"]),
];

/// Our reason for a failure the PG worded so.
pub(crate) fn reason(code: &str, text: &str) -> FailureReason {
    let says = |words: &[&str]| words.iter().any(|word| code.contains(word) || text.contains(word));
    REASONS.iter().find(|(_, words)| says(words)).map_or(FailureReason::Other, |(reason, _)| *reason)
}
