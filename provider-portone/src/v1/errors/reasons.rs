//! Why a payment failed, read off the PG's code and text.
//!
//! It decides what the buyer reads and whether an operator is called, and nothing about money: whether any came in, the
//! amounts of the payment say. The letters of sources are those of [`contract`].

use paymux_core::model::FailureReason;

use super::{
    closed, contract,
    wording::{has_any, plain},
};

/// What a PG's code or text says went wrong, as [`plain`] writes it. The first row that matches counts.
const SAID: &[(FailureReason, &[&str])] = &[
    (FailureReason::LimitExceeded, &["한도초과", "한도를초과"]),
    (FailureReason::InsufficientFunds, &["잔액부족", "잔액이부족"]),
    (FailureReason::AuthenticationFailed, &["인증실패"]),
    (FailureReason::StoppedCard, &["거래정지", "정지카드", "사용정지", "분실", "도난"]),
    (FailureReason::FraudSuspected, &["부정사용", "이상거래"]),
];

/// What it only names, or says without a reason: "사용자가 비밀번호 입력을 취소하였습니다" is no wrong password.
const NAMED: &[(FailureReason, &[&str])] = &[
    (FailureReason::AuthenticationFailed, &["비밀번호", "주민번호", "주민등록번호", "계약자"]),
    (FailureReason::InvalidCard, &["카드번호", "유효기간", "유효하지않은카드"]),
    (FailureReason::InvalidInstallment, &["할부"]),
    (FailureReason::AmountTooSmall, &["100원미만", "최소결제", "최소금액"]),
    // The line of the buyer's phone: the carrier does not take the payment.
    (FailureReason::IssuerDeclined, &["승인거절", "거절", "계약정지", "이용정지"]),
];

/// Our reason for a failure the PG worded so. A reason comes before a closed window: "한도 초과로 사용자취소 처리".
pub(crate) fn reason(code: &str, text: &str) -> FailureReason {
    let (code, text) = (plain(code), plain(text));
    let is_said = |words: &[&str]| has_any(&code, words) || has_any(&text, words);
    let first = |rows: &[(FailureReason, &[&str])]| {
        rows.iter().find(|(_, words)| is_said(words)).map(|(reason, _)| *reason)
    };
    if contract::is_named(&code) || contract::is_named(&text) {
        return FailureReason::ProviderMisconfigured;
    }
    let closed =
        || (closed::is_closed(&code) || closed::is_closed(&text)).then_some(FailureReason::BuyerClosed);
    let expired = || took_too_long(&text).then_some(FailureReason::SessionExpired);
    first(SAID).or_else(closed).or_else(|| first(NAMED)).or_else(expired).unwrap_or(FailureReason::Other)
}

/// Whether the buyer took too long in the window (N A245 인증 시간이 초과 되었습니다): then nothing was charged. A PG or a
/// card company that took too long to approve may have charged.
fn took_too_long(text: &str) -> bool {
    has_any(text, &["시간초과", "시간이초과"])
        && has_any(text, &["인증", "결제창"])
        && !has_any(text, &["승인", "응답", "여부", "확인"])
}
