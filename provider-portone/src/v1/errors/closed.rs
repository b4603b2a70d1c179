//! Which texts say that the buyer left the PG's window. Texts and words are as [`plain`](super::wording::plain) writes
//! them, the letters of sources those of [`contract`](super::contract).

use super::wording::has_any;

/// Words that say so.
const CLOSED: &[&str] = &[
    "결제포기",
    "결제창을닫",
    "결제창닫",
    "결제창이닫",
    "창을닫",
    "결제창을종료",
    "고객변심",
    "usercancel", // T USER_CANCEL; userCancel
    "customercancel",
    "buyercancel",
    "userclosed",
    "customerclosed",
    "buyerclosed",
    "windowclosed",
    "payprocesscanceled", // T PAY_PROCESS_CANCELED
];

/// The same with or without "the" before the buyer: "Payment cancelled by the user".
const BY_BUYER: &[&str] = &[
    "canceledbyuser",
    "cancelledbyuser",
    "canceledbycustomer",
    "cancelledbycustomer",
    "canceledbybuyer",
    "cancelledbybuyer",
];

/// What PGs call the buyer.
const BUYERS: &[&str] = &["사용자", "이용자", "구매자", "고객"];

/// What may stand between the buyer and what they did: particles, and what they left.
const BETWEEN: &[&str] = &[
    "에의하여",
    "에의해서",
    "에의해",
    "에의한",
    "께서",
    "님",
    "요청",
    "으로",
    "결제",
    "인증",
    "거래",
    "승인",
    "진행",
    "비밀번호",
    "입력",
    "창",
    "화면",
    "을",
    "를",
    "이",
    "가",
    "의",
];

/// What the buyer did.
const LEFT: &[&str] = &["취소", "중단", "종료", "닫", "포기"];

/// The whole of a text that names no reason but a cancel, without a code in brackets and what is no letter. Whole,
/// because "통신 오류로 결제가 취소되었습니다" has a reason, and "승인 후 자동취소되었습니다" is no buyer's doing.
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
    "결제요청을취소하였습니다", // N P091 결제 요청을 취소하였습니다.
    "결제를중단함",
    "결제를중단했습니다",
    "결제를중단하였습니다",
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

/// Whether a text says so.
pub(super) fn is_closed(text: &str) -> bool {
    has_any(text, CLOSED)
        || has_any(&text.replace("bythe", "by"), BY_BUYER)
        || says_who_left(text)
        || says_only_cancelled(text)
}

/// Whether a text says that the buyer did it, and nothing of why: "사용자에 의해 결제가 취소되었습니다" (I, P: 사용자가 결제를
/// 취소함), and not "사용자 정보 오류로 …". `고객사` is the shop.
fn says_who_left(text: &str) -> bool {
    BUYERS.iter().flat_map(|buyer| text.split(buyer).skip(1)).any(|mut rest| {
        while let Some(shorter) = BETWEEN.iter().find_map(|word| rest.strip_prefix(word)) {
            rest = shorter;
        }
        let did = LEFT.iter().find_map(|word| rest.strip_prefix(word));
        did.is_some_and(|after| !["할수없", "불가", "실패"].iter().any(|not| after.starts_with(not)))
    })
}

fn says_only_cancelled(text: &str) -> bool {
    let said = text.rsplit_once(']').map_or(text, |(_, said)| said);
    let letters: String = said.chars().filter(|c| c.is_alphabetic()).collect();
    ONLY_CANCELLED.contains(&letters.as_str())
}
