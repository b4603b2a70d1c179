//! Cancels that a PG accepts and does later, while PortOne counts them as failed. All of this is inferred: no source has
//! such a text.
//!
//! PortOne's books, which the checksum is compared with, do not show such a cancel before it is done. A repeat would be
//! accepted as well.

use reqwest::StatusCode;

use super::{
    super::refusal::Refusal,
    wording::{has_any, plain},
};

/// Whether a text says that the cancel was accepted, and nothing else: then it is waited for.
pub(crate) fn is_accepted(refusal: &Refusal) -> bool {
    let text = plain(&refusal.message);
    refusal.status == StatusCode::OK && has_any(&text, ACCEPTED) && !has_any(&text, NOT_ACCEPTED)
}

/// Whether a text has a word that one of an accepted cancel would have. Refusals have them, too: "송금 한도를 초과했습니다". Which
/// of the two it is a person has to read.
pub(super) fn may_follow(text: &str) -> bool {
    // "The requested amount …" and "Scheduled maintenance" are no such answers.
    let text = text.replace("requestedamount", "").replace("scheduledmaintenance", "");
    has_any(&text, LATER)
}

const ACCEPTED: &[&str] = &[
    "접수되었",
    "접수됐",
    "접수하였",
    "접수했",
    "접수완료",
    "접수가완료",
    "요청되었",
    "요청됐",
    "요청하였",
    "요청했",
    "요청완료",
    "요청이완료",
    "취소예정",
    "환불예정",
    "입금예정",
    "지급예정",
    "송금예정",
    "취소대기",
    "환불대기",
    "requestaccepted",
    "requesthasbeenaccepted",
    "requestwasaccepted",
    "refundscheduled",
    "refundisscheduled",
];

/// What stands beside one of those where nothing was accepted, or another cancel was before.
const NOT_ACCEPTED: &[&str] = &[
    "이미",
    "중복",
    "실패",
    "오류",
    "에러",
    "불가",
    "없",
    "않",
    "못",
    "거절",
    "거부",
    "부족",
    "초과",
    "한도",
    "큽니다",
    "기간",
    "시간",
    "이후",
    "가능",
    "확인",
    "already",
    "duplicate",
    "fail",
    "error",
    "cannot",
    "not",
    "reject",
    "exceed",
    "invalid",
    "only",
];

const LATER: &[&str] = &[
    "접수",
    "예정",
    "예약",
    "취소대기",
    "환불대기",
    "처리대기",
    "송금",
    "익일",
    "영업일",
    "자동취소",
    "취소됩",
    "환불됩",
    "처리됩",
    "요청되",
    "요청됐",
    "요청하였",
    "요청했",
    "요청완료",
    "요청이완료",
    "신청",
    "accepted",
    "requested",
    "scheduled",
];
