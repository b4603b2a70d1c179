//! What PortOne's refusals mean, by call, HTTP status, `code` and text.
//!
//! PortOne passes the PG's code and text through and publishes no table of them (PortOne docs, V1 FAQ). So a refusal of
//! a cancel is definite only if its text gives one of the reasons that the PGs behind V1 document, and nothing else in
//! it leaves doubt.

use paymux_core::{
    model::{Failure, FailureReason},
    provider::{ProviderError, Response},
};
use reqwest::StatusCode;

use super::refusal::Refusal;

mod accepted;
mod closed;
mod contract;
mod doubt;
mod reasons;
mod wording;

pub(crate) use accepted::is_accepted;
pub(crate) use reasons::reason;

use self::wording::{has_any, plain};

/// A refused look-up says nothing about the payment, and one that failed over there is not about it at all.
pub(crate) fn look_up(refusal: &Refusal) -> ProviderError {
    if contract::is_named(&plain(&refusal.message)) {
        return ProviderError::Misconfigured(refusal.pg());
    }
    if refusal.status.is_server_error() {
        return ProviderError::later(refusal.pg(), None);
    }
    unknown(refusal)
}

fn unknown(refusal: &Refusal) -> ProviderError {
    ProviderError::Unknown(Response::Error(refusal.pg()))
}

/// A refused registration of an amount. No money can move.
pub(crate) fn prepare(refusal: &Refusal) -> ProviderError {
    if contract::is_named(&plain(&refusal.message)) {
        return ProviderError::Misconfigured(refusal.pg());
    }
    if refusal.status.is_server_error() {
        return unknown(refusal);
    }
    if is_paid(refusal) {
        return ProviderError::Declined(Failure::by_pg(FailureReason::Other, refusal.pg()));
    }
    ProviderError::Invalid(refusal.pg())
}

/// Whether it says that the `merchant_uid` was paid. The text is that of the browser's F1002, "이미 결제가 이루어진
/// 거래건입니다."; for `POST /payments/prepare` PortOne documents none (inferred).
pub(crate) fn is_paid(refusal: &Refusal) -> bool {
    plain(&refusal.message).contains("이미결제")
}

/// A refused cancel, or a refused close of an account.
///
/// * HTTP 200 with a `code` and a text is the answer of PortOne or of the PG behind it. It is a decline where the text
///   gives a reason for which nothing can have been done: "취소할 결제건이 존재하지 않습니다." is one.
/// * A text that says what is wrong with the merchant's contract or settings is for the operator, and the account to
///   refund to is for the merchant.
/// * Every other text is looked up. A PG also words so what it has done before, or does not know, and a cancel that was
///   executed and refused is paid back twice under the next key.
/// * What sounds as if it will be done later is not sent again, too: nothing shows it before.
/// * Doubt comes first. "은행 오류로 취소할 수 없습니다" gives a reason, and leaves open what the bank did.
/// * Any other status is not documented for a cancel. For a close 400 means that it is no account or not unpaid any
///   more, and 404 that PortOne does not have it: it is not what we believed, either way.
pub(crate) fn cancel(refusal: &Refusal) -> ProviderError {
    let text = plain(&refusal.message);
    let declined = |reason| ProviderError::Declined(Failure::by_pg(reason, refusal.pg()));
    if refusal.status != StatusCode::OK {
        return unknown(refusal);
    }
    // What was perhaps accepted is in doubt, whatever stands beside it.
    if accepted::may_follow(&text) {
        return ProviderError::MayFollow(refusal.pg());
    }
    if doubt::is_in_doubt(&text) {
        return unknown(refusal);
    }
    if blames_refund_account(&text) {
        return declined(FailureReason::InvalidRefundAccount);
    }
    if contract::is_at_fault(&text) {
        return ProviderError::Misconfigured(refusal.pg());
    }
    if has_any(&text, NOT_CANCELLABLE) {
        return declined(FailureReason::NotCancellable);
    }
    unknown(refusal)
}

/// Reasons for which a PG does not cancel, as [`plain`] writes them, with sources as in [`doubt`].
///
/// That more is to be cancelled than is left is not among them: after an earlier cancel that was executed it is true.
const NOT_CANCELLABLE: &[&str] = &[
    // It cannot be cancelled.
    "취소불가",   // N 1534 부분취소 불가능 거래; N 2017 취소 불가 회원사; N 2031 전체금액취소 불가
    "취소가불가", // T EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT … 부분취소가 불가능합니다
    "취소할수없", // T NOT_CANCELABLE_PAYMENT 취소 할 수 없는 결제 입니다
    "환불불가",
    "환불이불가", // T NOT_ALLOWED_PARTIAL_REFUND … 부분 환불이 불가합니다
    "환불할수없",
    "시취소가능", // N 2027 에스크로 거래는 구매 또는 구매거절 시 취소가능
    "지원하지않", // T NOT_SUPPORTED_REFUND 환불을 지원하지 않는 결제입니다
    "notcancelable",
    "notcancellable",
    "cannotcancel",
    "cannotbecancel",
    "notrefundable",
    "cannotberefund",
    // There is nothing to cancel.
    "취소할결제건이존재하지않", // P 취소할 결제건이 존재하지 않습니다.
    "취소해당거래없",           // N 2012 취소 해당거래 없음
    // It is too late.
    "기한초과", // N 2016 취소 기한 초과
    "기한이초과",
    "기한이지났",
    "기한경과",
    "기간초과",
    "기간이초과",
    "기간이지났", // T EXCEED_MAX_REFUND_DUE 환불 가능한 기간이 지났습니다
    "기간경과",
    // A limit of cancels.
    "취소한도초과",   // N 2023 취소 한도 초과
    "취소한도를초과", // T EXCEED_CANCEL_LIMIT 취소 한도를 초과했습니다
    // Somebody said no.
    "취소거절",
    "취소가거절",
    "환불거절",
    "환불이거절", // T REFUND_REJECTED 환불이 거절됐습니다
];

/// Whether a text blames the account to refund to: V1 wants `refund_holder`, `refund_bank` and `refund_account`. That it
/// names the account is not enough: a PG that is paying out names it, too.
fn blames_refund_account(text: &str) -> bool {
    has_any(text, UNPAYABLE_ACCOUNT) || has_any(text, REFUND_ACCOUNT) && has_any(text, WRONG)
}

/// Whole reasons, with sources as in [`doubt`].
const UNPAYABLE_ACCOUNT: &[&str] = &[
    "불가능한은행",       // T NOT_ALLOWED_REFUND_BANK 환불이 불가능한 은행입니다
    "계좌가입금이되지않", // T FORBIDDEN_BANK_REFUND_REQUEST 고객 계좌가 입금이 되지 않는 상태입니다
];

const REFUND_ACCOUNT: &[&str] = &["환불계좌", "계좌번호", "계좌정보", "예금주", "은행코드"];

const WRONG: &[&str] = &[
    "불일치",     // N 230 예금주 실명번호 불일치
    "일치하지않", // T INVALID_REFUND_ACCOUNT_INFO 환불 계좌번호와 예금주명이 일치하지 않습니다
    "잘못",       // T INVALID_REFUND_ACCOUNT_NUMBER 잘못된 환불 계좌번호입니다
    "미설정",     // N V601 은행코드 미설정 오류입니다
    "미입력",     // N 4107 가상계좌 계좌번호 미입력 오류
    "오류",
    "누락",
    "유효하지않",
    "존재하지않",
    "올바르지않",
];
