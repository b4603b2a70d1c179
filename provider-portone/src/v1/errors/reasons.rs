//! Why a payment failed, read off the PG's code and text.
//!
//! It decides what the buyer reads and whether an operator is called, and nothing about money: whether any came in, the
//! amounts of the payment say. The letters of sources are those of [`contract`].

use paymux_core::model::FailureReason;

use super::{
    contract,
    wording::{has_any, plain},
};

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
    (FailureReason::AuthenticationFailed, &["비밀번호", "인증실패", "주민번호", "주민등록번호", "계약자"]),
    (FailureReason::StoppedCard, &["거래정지", "정지카드", "사용정지", "분실", "도난"]),
    (FailureReason::InvalidCard, &["카드번호", "유효기간", "유효하지않은카드"]),
    (FailureReason::InvalidInstallment, &["할부"]),
    (FailureReason::SessionExpired, &["시간초과", "시간이초과"]),
    (FailureReason::AmountTooSmall, &["100원미만", "최소결제", "최소금액"]),
    (FailureReason::FraudSuspected, &["부정사용", "이상거래"]),
    // The line of the buyer's phone: the carrier does not take the payment.
    (FailureReason::IssuerDeclined, &["승인거절", "거절", "계약정지", "이용정지"]),
];

/// Our reason for a failure the PG worded so.
pub(crate) fn reason(code: &str, text: &str) -> FailureReason {
    let (code, text) = (plain(code), plain(text));
    let is_said = |words: &[&str]| has_any(&code, words) || has_any(&text, words);
    if contract::is_named(&code) || contract::is_named(&text) {
        return FailureReason::ProviderMisconfigured;
    }
    if is_said(CLOSED) || says_only_cancelled(&text) {
        return FailureReason::BuyerClosed;
    }
    REASONS.iter().find(|(_, words)| is_said(words)).map_or(FailureReason::Other, |(reason, _)| *reason)
}

fn says_only_cancelled(text: &str) -> bool {
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).collect();
    ONLY_CANCELLED.contains(&letters.as_str())
}
