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
    if has_any(&text, IN_DOUBT) {
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

/// Reasons for which a PG does not cancel, as [`plain`] writes them, with sources as in [`IN_DOUBT`].
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
    "기환불",
    "환불완료",
    "처리완료",
    "취소된", // T ALREADY_CANCELED_PAYMENT
    "환불된", // T ALREADY_REFUND_PAYMENT 이미 환불된 결제입니다
    "취소되었",
    "취소됐",
    "환불되었",
    "환불됐",
    "완료되",
    "완료됐",
    "완료된",
    "성공", // N 2001 취소 성공; N 2211 환불 성공
    "중복", // N 2156 중복등록된거래요청
    "처리중",
    "진행중",
    "already",
    "duplicate",
    "success",
    "completed",
    "beencancel",
    "beenrefund",
    "wascancel",
    "wasrefund",
    // Under way, or about to be.
    "요청중", // T ALREADY_REFUNDING_PAYMENT 이미 환불 요청중인 결제입니다
    "취소되",
    "환불되",
    "취소상태",
    "취소건",
    "망취소",
    "재취소",
    "동일",
    "refunded",
    "canceledpayment",
    "cancelledpayment",
    "iscancel",
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
    "알수없",     // P, of a payment: F9999 알 수 없는 오류
    "기타오류",
    "내부오류",
    "은행오류",
    "은행에서",
    "결제사오류",
    "카드사오류",
    "van사",
    "전산",
    "오류가발생", // N S999 기타오류가 발생하였습니다; N F104 … 확인중 오류가 발생하였습니다
    "오류발생",   // N A304 DB테이블 INSERT 오류발생
    "에러가발생",
    "에러발생",
    "미상",
    "정의되지않은오류",
    "정의되지않은에러",
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
    "여부확인",
    "상태확인",
    "상태를확인",
    "확인요망",
    "확인필요",
    "db오류",     // N 2000 DB오류
    "db트랜잭션", // N A402 DB트랜잭션 처리에 실패하였습니다
    "db테이블",   // N A306 DB테이블 UPDATE 실패
    "exception",  // N 9002 Try-Catch-Exception
    "system",     // E D100 General system failure
    "server",
    "gateway",
    "database",
    "busy",
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

/// Whether a text blames the account to refund to: V1 wants `refund_holder`, `refund_bank` and `refund_account`. That it
/// names the account is not enough: a PG that is paying out names it, too.
fn blames_refund_account(text: &str) -> bool {
    has_any(text, UNPAYABLE_ACCOUNT) || has_any(text, REFUND_ACCOUNT) && has_any(text, WRONG)
}

/// Whole reasons, with sources as in [`IN_DOUBT`].
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
