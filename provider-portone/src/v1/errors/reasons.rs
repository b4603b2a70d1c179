//! Why a payment failed, read off the PG's code and text.
//!
//! It decides what the buyer reads and whether an operator is called, and nothing about money: whether any came in, the
//! amounts of the payment say.
//!
//! Sources: P = PortOne; N = NICEPAY's code list (github.com/nicepayments/nicepay-manual, common/code.md) and tips
//! (developers.nicepay.co.kr/tip.php); I = KG Inicis (github.com/ts-inicis/INIMobile-Manual, issue 24, and its FAQ); D =
//! Danal's answers with a wrong CPID or CPPWD; E = Eximbay's error codes v2.30 (support.eximbay.com); T = Toss Payments'
//! error codes (docs.tosspayments.com); M = a merchant's report (danbistore.com). What has no source is inferred.

use paymux_core::model::FailureReason;

use super::wording::{has_any, plain};

/// Words that blame the merchant's contract, its ids and keys at the PG or the channel, as [`plain`] writes them. They
/// come before all others: "거래정지업체" is a stopped shop, and no stopped card.
const MISCONFIGURED: &[&str] = &[
    // The shop is not known, or not any more.
    "미등록pg",   // M [8901] 미등록PG업체/거래정지업체
    "미등록업체", // N 7008 현금영수증 서브몰 발행 미등록 업체
    "미등록상점",
    "미등록가맹점",   // N 2152 미등록가맹점; N 3051 해외카드 미등록 가맹점
    "거래정지업체",   // M [8901]
    "거래정지가맹점", // N 2151 거래정지 가맹점
    "등록되지않은업체",
    "등록되지않은상점",
    "등록되지않은가맹점",
    "존재하지않는업체",
    "존재하지않는상점",
    "존재하지않는가맹점",
    "해지된가맹점",
    "해지가맹점",
    "정지된가맹점",
    "업체정보", // D [인증실패] 업체정보에 이상이 있습니다. 해당 서비스 업체로 문의하여 주십시오.
    "상점정보",
    "가맹점정보",     // N 3012 카드가맹점 정보 미확인; N 3014 카드가맹점 정보 오류
    "가맹점개시",     // N 3013 카드 가맹점 개시 안됨
    "서비스개시안됨", // N 1512 회원사 서비스 개시안됨
    // What it may do.
    "계약",             // I 계약되지 않은 지불수단; T PAY_PROCESS_ABORTED 계약된 결제수단 … 아닙니다
    "사용불가가맹점",   // N 3091 제휴카드 사용불가 가맹점
    "미사용가맹점",     // N F117 빌링 미사용 가맹점입니다
    "발급불가가맹점",   // N F115 빌키 발급 불가 가맹점입니다.(중지)
    "가맹점아님",       // N 3033 무이자할부 가맹점 아님
    "가맹점아닙니다",   // N A128 키인 가맹점 아닙니다
    "가맹점이아닙니다", // N A150 ARS 이용 가맹점이 아닙니다
    "가맹점한도",
    "업체한도",
    "상점한도",
    // How it is set up.
    "pg설정",           // P 등록된 PG 설정 정보가 없습니다.
    "설정정보가없",     // N A109 요청한 MID의 설정 정보가 없습니다
    "설정오류",         // N A564 휴대폰결제ID설정 오류; N 4126 가상계좌 CPID 설정 오류
    "미설정",           // N A565 휴대폰결제ID미설정 오류; N 1525 VAN터미널 미설정 오류
    "결제모듈사용정보", // P 비인증결제모듈 사용정보를 찾을 수 없습니다.
    "상점아이디",
    "상점id",
    "상점mid", // N A114 상점 MID가 유효하지 않습니다
    "상점키",
    "사이트코드",
    "sitecd",
    "merchantconfiguration", // E D234 There is a problem with your merchant configuration
    "invalidmerchant",
    "unknownmerchant",
    "unregisteredmerchant",
    "merchantnot",
    "notfoundmerchant",      // T NOT_FOUND_MERCHANT
    "notfoundterminal",      // T NOT_FOUND_TERMINAL_ID
    "unregisteredsubmall",   // T INVALID_UNREGISTERED_SUBMALL
    "notregisteredbusiness", // T NOT_REGISTERED_BUSINESS
    "invalidauthorizeauth",  // T INVALID_AUTHORIZE_AUTH
    // Its keys.
    "api키",           // P 인증에 실패하였습니다. API키와 secret을 확인하세요.
    "apikey",          // T INVALID_API_KEY
    "clientkey",       // T INVALID_CLIENT_KEY
    "unauthorizedkey", // T UNAUTHORIZED_KEY
    "해쉬값검증",      // N A211 해쉬값 검증에 실패하였습니다
    "해시값검증",
    "signdata", // N A101 SIGN DATA 검증에 실패하였습니다
    "signature",
    "허용되지않은ip", // N A224 허용되지 않은 IP입니다
    "등록되지않은ip",
];

/// Words by which a PG says that the buyer left its window, as [`plain`] writes them.
const CLOSED: &[&str] = &[
    "결제포기",
    "결제창을닫",
    "결제창닫",
    "결제창이닫",
    "창을닫",
    "사용자취소", // E.g. KSNET and Kiwoom
    "사용자의취소",
    "사용자가취소",
    "사용자가결제를취소", // I 사용자가 결제를 취소하였습니다.; P 사용자가 결제를 취소함
    "사용자에의한취소",   // I 사용자에 의한 취소입니다.(091)
    "사용자에의해취소",
    "사용자결제취소",
    "사용자요청취소",
    "사용자중단",
    "이용자취소",
    "이용자가취소",
    "이용자가결제를취소",
    "구매자취소",
    "구매자가취소",
    "구매자가결제를취소",
    "고객취소",
    "고객이취소",
    "고객님이취소",
    "고객님께서취소",
    "고객이결제를취소",
    "고객님이결제를취소",
    "고객님께서결제를취소",
    "고객변심",
    "usercancel", // T USER_CANCEL; userCancel
    "canceledbyuser",
    "cancelledbyuser",
    "canceledbycustomer",
    "cancelledbycustomer",
    "canceledbybuyer",
    "cancelledbybuyer",
    "customercancel",
    "buyercancel",
    "windowclosed",
    "payprocesscanceled", // T PAY_PROCESS_CANCELED
];

/// The whole of a text that names no reason but a cancel, without what is no letter. Whole, because "한도초과로 결제가
/// 취소되었습니다" has a reason, and "승인 후 자동취소되었습니다" is no buyer's doing.
const ONLY_CANCELLED: &[&str] = &[
    "취소",
    "결제취소",
    "결제를취소함",
    "결제를취소했습니다",
    "결제를취소하였습니다",
    "결제를취소하셨습니다",
    "결제가취소됨",
    "결제가취소됐습니다",
    "결제가취소되었습니다",
    "결제취소되었습니다",
    "결제요청이취소되었습니다",
    "결제진행이취소되었습니다",
    "결제진행을취소하셨습니다",
    "결제진행을취소하였습니다",
    "거래가취소되었습니다",
    "취소되었습니다",
    "취소하였습니다",
    "취소하셨습니다",
    "cancel",
    "canceled",
    "cancelled",
    "paymentcanceled",
    "paymentcancelled",
    "thepaymentwascanceled",
    "thepaymentwascancelled",
];

/// What else a PG's code or text says, as [`plain`] writes it. The first row that matches counts.
const REASONS: [(FailureReason, &[&str]); 10] = [
    (FailureReason::LimitExceeded, &["한도초과", "한도를초과"]),
    (FailureReason::InsufficientFunds, &["잔액부족", "잔액이부족"]),
    (FailureReason::AuthenticationFailed, &["비밀번호", "인증실패"]),
    (FailureReason::StoppedCard, &["거래정지", "정지카드", "사용정지", "분실", "도난"]),
    (FailureReason::InvalidCard, &["카드번호", "유효기간", "유효하지않은카드"]),
    (FailureReason::InvalidInstallment, &["할부"]),
    (FailureReason::SessionExpired, &["시간초과", "시간이초과"]),
    (FailureReason::AmountTooSmall, &["100원미만", "최소결제", "최소금액"]),
    (FailureReason::FraudSuspected, &["부정사용", "이상거래"]),
    (FailureReason::IssuerDeclined, &["승인거절", "거절"]),
];

/// Our reason for a failure the PG worded so.
pub(crate) fn reason(code: &str, text: &str) -> FailureReason {
    let (code, text) = (plain(code), plain(text));
    let is_said = |words: &[&str]| has_any(&code, words) || has_any(&text, words);
    if is_said(MISCONFIGURED) {
        return FailureReason::ProviderMisconfigured;
    }
    if is_said(CLOSED) || says_only_cancelled(&text) {
        return FailureReason::BuyerClosed;
    }
    REASONS.iter().find(|(_, words)| is_said(words)).map_or(FailureReason::Other, |(reason, _)| *reason)
}

/// Whether a refusal is about the merchant's contract, keys or channel, and nothing that the buyer can mend.
pub(super) fn is_misconfigured(text: &str) -> bool {
    has_any(&plain(text), MISCONFIGURED)
}

fn says_only_cancelled(text: &str) -> bool {
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).collect();
    ONLY_CANCELLED.contains(&letters.as_str())
}
