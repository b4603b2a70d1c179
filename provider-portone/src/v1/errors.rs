//! What PortOne's refusals mean, by call, HTTP status, `code` and text.
//!
//! PortOne passes the PG's code and text through and publishes no table of them (PortOne docs, V1 FAQ). So a text
//! makes a refusal only less certain, never more: one that names a failure on the way, or another balance, is unknown.
//! What a definite refusal is about, the merchant's contract or the card, is read off its text: [`reasons`].

use paymux_core::{
    model::{Failure, FailureReason},
    provider::{ProviderError, Response},
};
use reqwest::StatusCode;

use super::refusal::Refusal;

mod reasons;
mod wording;

pub(crate) use reasons::reason;

use self::wording::{has_any, plain};

/// A refused look-up says nothing about the payment, and one that failed over there is not about it at all.
pub(crate) fn look_up(refusal: &Refusal) -> ProviderError {
    if reasons::is_misconfigured(&refusal.message) {
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
    if reasons::is_misconfigured(&refusal.message) {
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
/// * HTTP 200 with a `code` and a text is the answer of PortOne or of the PG behind it: a decline. "취소할 결제건이
///   존재하지 않습니다." is one.
/// * It is no decline where the text says that it was done before, that the balance is another than the one we sent
///   (an earlier request may have been executed), that a line or a system failed on the way, or where it says nothing
///   but that it failed: look up.
/// * A text that blames the merchant's contract or settings is for the operator, and the account to refund to is for the
///   merchant.
/// * Any other status is not documented for a cancel. For a close 400 means that it is no account or not unpaid any
///   more, and 404 that PortOne does not have it: it is not what we believed, either way.
pub(crate) fn cancel(refusal: &Refusal) -> ProviderError {
    let text = plain(&refusal.message);
    if refusal.status != StatusCode::OK || has_any(&text, IN_DOUBT) || gives_no_reason(&refusal.message) {
        return ProviderError::Unknown(Response::Error(refusal.pg()));
    }
    if has_any(&text, REFUND_ACCOUNT) {
        return ProviderError::Declined(Failure::by_pg(FailureReason::InvalidRefundAccount, refusal.pg()));
    }
    if reasons::is_misconfigured(&refusal.message) {
        return ProviderError::Misconfigured(refusal.pg());
    }
    ProviderError::Declined(Failure::by_pg(FailureReason::NotCancellable, refusal.pg()))
}

/// Words of refused cancels that leave open whether money moved, as [`plain`] writes them.
///
/// Sources: P = PortOne; N = NICEPAY's code list (github.com/nicepayments/nicepay-manual, common/code.md) and tips
/// (developers.nicepay.co.kr/tip.php); E = Eximbay's error codes v2.30 (support.eximbay.com); T = Toss Payments'
/// error codes (docs.tosspayments.com). NICEPAY, Eximbay and Toss Payments are PGs behind V1. What has no source is
/// inferred.
const IN_DOUBT: &[&str] = &[
    // Done before, or the same request twice.
    "이미",     // P 이미 전액취소된 주문입니다; T ALREADY_CANCELED_PAYMENT 이미 취소된 결제 입니다
    "기취소",   // N 2015 기 취소 요청; N 2015 해당거래 취소실패(기취소성공)
    "취소완료", // N 2013 취소 완료 거래
    "중복",     // N 2156 중복등록된거래요청
    "처리중",
    "진행중",
    "already",
    "duplicate",
    // Another balance. For a checksum that does not fit, PortOne documents no text.
    "잔액",     // P V2 schema, CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN: 취소 가능 잔액 검증에 실패한 경우
    "가능금액", // N 2032 취소금액이 취소가능금액보다 큼
    "가능한금액",
    "취소할수없는금액", // T NOT_CANCELABLE_AMOUNT 취소 할 수 없는 금액 입니다, also once nothing is left
    "금액불일치",       // N 2011 취소 금액 불일치
    "checksum",
    "balance",
    // No answer on the way to the PG, or from the bank or card company behind it.
    "통신",     // N A111 다날 휴대폰 통신 오류입니다; N A226 전문통신 과정에서 오류가 발생하였습니다
    "응답",     // N 7010 VAN응답실패; T FAILED_REFUND_PROCESS 은행 응답시간 지연이나 …
    "송신",     // N X004 전문 송신 중 오류가 발생하였습니다
    "수신",     // N X003 전문 수신 중 오류가 발생하였습니다
    "지연",     // N A299 API 지연처리 발생
    "네트워크", // N I001 서버와의 통신에 실패하였습니다 네트워크 환경을 확인하세요
    "연결",     // N X002 서버로 소켓 연결 중 오류가 발생하였습니다
    "소켓",     // N X002
    "접속",     // N A246 비정상 과다접속으로 인한 오류입니다
    "시간초과",
    "시간이초과", // N A245 인증 시간이 초과 되었습니다
    "타임아웃",
    "timeout", // E D151 the request was received but there was a server time-out
    "timedout",
    "network",
    "connect",       // E EE00 Connect Error
    "communication", // E EE99 Communication Error
    "readerror",     // E EE02 Read Error
    "writeerror",    // E EE01 Write Error
    "socket",
    // A failure inside a PG or a bank: nothing says how far the request had come.
    "장애",   // N 2159 해당은행장애
    "시스템", // N 4008 은행 시스템 서비스 중단; T FAILED_INTERNAL_SYSTEM_PROCESSING 내부 시스템 처리 …
    "서버",
    "점검",       // T FAILED_PARTIAL_REFUND 은행 점검, 해약 계좌 등의 사유로 …
    "서비스시간", // T NOT_AVAILABLE_BANK 은행 서비스 시간이 아닙니다
    "일시적",     // T PROVIDER_ERROR 일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요
    "잠시후",     // T PROVIDER_ERROR
    "다시시도",   // T PROVIDER_ERROR
    "알수없는",   // P, of a payment: F9999 알 수 없는 오류
    "기타오류",
    "내부오류",
    "예기치",
    "예상치",
    "기타에러",
    "불명", // 처리 결과 불명
    "미확인",
    "확인불가",
    "확인중",
    "결과를확인", // 취소 결과를 확인할 수 없습니다
    "여부를확인",
    "결과확인",
    "db오류",     // N 2000 DB오류
    "db트랜잭션", // N A402 DB트랜잭션 처리에 실패하였습니다
    "db테이블",   // N A306 DB테이블 UPDATE 실패
    "exception",  // N 9002 Try-Catch-Exception
    "system",     // E D100 General system failure
    "internal",
    "unexpected",
    "unknown",
    "general", // General Error
    "unspecified",
    "uncertain",
    "undefined",
    "pending",
    "inprogress",
    "processing",
    "noreply", // no reply from issuer
    "noresponse",
    "notrespond",
    "response",
    "unavailable",
    "tryagain",
    "retry",
    "trylater",
    "abort",
    "interrupt",
    "maintenance",
];

/// Words that do not say why a cancel failed, only that it did. All of them are inferred: a PG that does not know the
/// reason, or does not pass it on, does not say that nothing was done either.
const SAYS_NOTHING: &[&str] = &[
    "cancel",
    "cancellation",
    "refund",
    "payment",
    "transaction",
    "request",
    "fail",
    "failed",
    "failure",
    "error",
    "code",
    "message",
    "result",
    "null",
    "none",
    "has",
    "was",
    "not",
    "the",
];

/// The same in Korean, where a word carries its particles: what is left of a text without these has to be nothing.
const SAYS_NOTHING_KO: &[&str] = &[
    "취소",
    "환불",
    "결제",
    "거래",
    "승인",
    "요청",
    "처리",
    "전체",
    "부분",
    "카드사",
    "카드",
    "실패",
    "오류",
    "에러",
    "결과",
    "코드",
    "메시지",
    "발생",
    "하였습니다",
    "했습니다",
    "되었습니다",
    "입니다",
    "에서",
    "중",
    "에",
    "가",
    "이",
    "을",
    "를",
];

/// Whether a text is empty, a bare code ("9999", "E-102") or says only that it failed ("취소 실패", "Cancel failed").
fn gives_no_reason(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| {
        let is_code = word.is_ascii() && (word.len() <= 2 || word.contains(|c: char| c.is_ascii_digit()));
        let left = SAYS_NOTHING_KO.iter().fold(word.to_owned(), |left, said| left.replace(said, ""));
        is_code || left.is_empty() || SAYS_NOTHING.contains(&word)
    })
}

/// Words of refused cancels that blame the account to refund to: V1 wants `refund_holder`, `refund_bank` and
/// `refund_account` (N 230 예금주 실명번호 불일치; N V601 은행코드 미설정 오류입니다; the others are inferred).
const REFUND_ACCOUNT: &[&str] = &["환불계좌", "계좌번호", "계좌정보", "예금주", "은행코드"];
