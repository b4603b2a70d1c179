//! Which texts blame the merchant's contract with the PG, and not the buyer's card. Texts and words are as
//! [`plain`](super::wording::plain) writes them.
//!
//! Sources: P = PortOne; N = NICEPAY's code list (github.com/nicepayments/nicepay-manual, common/code.md) and tips
//! (developers.nicepay.co.kr/tip.php); I = KG Inicis (github.com/ts-inicis/INIMobile-Manual, issue 24, and its FAQ); D =
//! Danal's answers with a wrong CPID or CPPWD; E = Eximbay's error codes v2.30 (support.eximbay.com); T = Toss Payments'
//! error codes (docs.tosspayments.com); M = a merchant's report (danbistore.com). What has no source is inferred.

use super::wording::has_any;

/// Reasons that blame the merchant's contract, its ids and keys at the PG or the channel. What says them in any order is
/// [`blames_shop`].
const REASONS: &[&str] = &[
    // The shop is not known, or not any more.
    "미등록pg",   // M [8901] 미등록PG업체/거래정지업체
    "미등록업체", // N 7008 현금영수증 서브몰 발행 미등록 업체
    "미등록상점",
    "미등록가맹점", // N 2152 미등록가맹점; N 3051 해외카드 미등록 가맹점
    "거래정지업체", // M [8901]
    "거래정지상점",
    "거래정지가맹점",   // N 2151 거래정지 가맹점
    "가맹점정보미확인", // N 3012 카드가맹점 정보 미확인
    "가맹점개시안됨",   // N 3013 카드 가맹점 개시 안됨
    "서비스개시안됨",   // N 1512 회원사 서비스 개시안됨
    // What it may do.
    "계약되지",         // I 계약되지 않은 지불수단
    "계약된결제수단",   // T PAY_PROCESS_ABORTED 계약된 결제수단 … 아닙니다
    "사용불가가맹점",   // N 3091 제휴카드 사용불가 가맹점
    "미사용가맹점",     // N F117 빌링 미사용 가맹점입니다
    "발급불가가맹점",   // N F115 빌키 발급 불가 가맹점입니다.(중지)
    "가맹점아님",       // N 3033 무이자할부 가맹점 아님
    "가맹점아닙니다",   // N A128 키인 가맹점 아닙니다
    "가맹점이아닙니다", // N A150 ARS 이용 가맹점이 아닙니다
    // How it is set up.
    "설정정보가없", // P 등록된 PG 설정 정보가 없습니다.; N A109 요청한 MID의 설정 정보가 없습니다
    "id미설정",     // N A565 휴대폰결제ID미설정 오류; N V201 상점ID 미설정 오류입니다
    "id설정오류",   // N A564 휴대폰결제ID설정 오류
    "결제모듈사용정보를찾을수없", // P 비인증결제모듈 사용정보를 찾을 수 없습니다.
    "cpid를확인",   // N M001 계좌이체 CPID를 확인해 주세요
    "cpid오류",
    "mid오류",
    "cid오류",
    "notfoundpg",
    "problemwithyourmerchantconfiguration", // E D234 There is a problem with your merchant configuration
    "invalidmerchant",
    "unknownmerchant",
    "unregisteredmerchant",
    "merchantnot",
    "notfoundmerchant",      // T NOT_FOUND_MERCHANT
    "notfoundterminal",      // T NOT_FOUND_TERMINAL_ID
    "unregisteredsubmall",   // T INVALID_UNREGISTERED_SUBMALL
    "notregisteredbusiness", // T NOT_REGISTERED_BUSINESS
    "invalidauthorizeauth",  // T INVALID_AUTHORIZE_AUTH
    "channelkeyisinvalid",
    "invalidchannel",
    // Its keys.
    "api키와secret을확인", // P 인증에 실패하였습니다. API키와 secret을 확인하세요.
    "invalidapikey",       // T INVALID_API_KEY
    "invalidclientkey",    // T INVALID_CLIENT_KEY
    "unauthorizedkey",     // T UNAUTHORIZED_KEY
    "취소패스워드불일치",  // N 2024 취소패스워드 불일치
    "취소패스워드미",      // N 2025 취소패스워드 미 입력; N V803 취소패스워드 미설정 오류입니다
    "해쉬값검증에실패",    // N A211 해쉬값 검증에 실패하였습니다
    "해시값검증에실패",
    "signdata검증에실패", // N A101 SIGN DATA 검증에 실패하였습니다
    "invalidsignature",
    "허용되지않은ip", // N A224 허용되지 않은 IP입니다
    "등록되지않은ip",
];

/// Words that name the contract or a setting, and do not say what is wrong. A payment that failed so did probably fail for
/// it; of a cancel they say nothing.
const NAMES: &[&str] = &[
    "업체정보",
    "상점정보",
    "가맹점정보",
    "상점아이디",
    "상점id",
    "상점mid",
    "상점키",
    "가맹점키",
    "사이트코드",
    "sitecd",
    "merchantkey",
    "merchantconfiguration",
    "pg설정",
    "api키",
    "apikey",
    "clientkey",
    "channelkey",
    "signature",
    "signdata",
    "해쉬값검증",
    "해시값검증",
    "계약",
    "설정오류", // N A566 휴대폰결제사 설정 오류
    "미설정",   // N 1525 VAN터미널 미설정 오류
];

/// What the buyer has, or chooses: a password that is not set, and a plan that is set wrong, is no setting of the shop, and
/// a contract with a carrier is the buyer's.
const THE_BUYERS: &[&str] = &[
    "비밀번호",
    "할부", // N V004 할부개월 설정 오류
    "카드번호",
    "유효기간",
    "휴대폰번호",
    "계약자",
    "통신사",
    "주민번호",
    "주민등록번호",
    "생년월일",
];

/// What stands for the shop at a PG.
const SHOPS: &[&str] = &["가맹점", "상점", "업체", "단말기", "터미널", "cpid", "mid", "cid", "채널"];

/// What may be wrong with it.
const FAULTS_OF_SHOPS: &[&str] = &[
    "정지",
    "해지",
    "미등록",
    "등록되지않",
    "인증실패",
    "인증에실패",
    "인증오류",
    "한도초과",
    "한도를초과",
    "번호오류",
    "정보오류", // N 3014 카드가맹점 정보 오류
    "코드오류",
    "설정오류",   // N 4126 가상계좌 CPID 설정 오류
    "미설정",     // N A305 가맹점번호 기준정보 미설정 오류.
    "정보가없",   // N P005 해당되는 MID 정보가 없습니다.
    "이상이있",   // D 업체정보에 이상이 있습니다.
    "조회되지않", // N V001 가맹점 아이디가 조회 되지 않습니다
    "조회할수없",
    "조회하는데실패",
    "찾을수없",
    "존재하지않",
    "유효하지않", // N A114 상점 MID가 유효하지 않습니다
    "미계약",
    "계약이없",
    "계약되지않",
];

/// Whether a text is about the merchant's contract, keys or channel, and nothing that the buyer can mend.
pub(super) fn is_named(text: &str) -> bool {
    is_at_fault(text) || has_any(text, NAMES) && !has_any(text, THE_BUYERS)
}

/// Whether it also says what is wrong with them: then nothing else was done.
pub(super) fn is_at_fault(text: &str) -> bool {
    has_any(text, REASONS) || blames_shop(text)
}

/// Whether a text says of a shop that something is wrong with it, in either order: "가맹점 1일 결제 한도초과", "거래정지
/// 상점입니다". Both words alone are not enough: "한도초과입니다. 가맹점에 문의하세요" blames the card.
fn blames_shop(text: &str) -> bool {
    SHOPS.iter().any(|shop| {
        text.match_indices(shop).any(|(at, shop)| {
            let (before, after) = text.split_at(at);
            let after = after.get(shop.len()..).unwrap_or_default();
            is_whole(shop, before, after) && (has_fault(after) || is_of_fault(before, after))
        })
    })
}

/// Whether letters are an id of their own, and not a part of an English word.
fn is_whole(shop: &str, before: &str, after: &str) -> bool {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let is_phone = shop == "단말기" && before.ends_with("휴대폰");
    !is_phone && !(shop.is_ascii() && (in_word(before.chars().next_back()) || in_word(after.chars().next())))
}

/// Whether a fault follows the shop, with nothing between that is another's: "가맹점 고객 인증실패".
fn has_fault(after: &str) -> bool {
    const LONGEST_GAP: usize = 8;
    const ANOTHERS: &[&str] =
        &["카드", "고객", "회원", "사용자", "구매자", "본인", "계좌", "휴대폰", "통신", "에서"];
    let until_fault = |fault: &&str| after.find(*fault).and_then(|at| after.get(..at));
    FAULTS_OF_SHOPS.iter().filter_map(until_fault).any(|gap| {
        let is_one_phrase = gap.chars().count() <= LONGEST_GAP && gap.chars().all(char::is_alphanumeric);
        is_one_phrase && !has_any(gap, ANOTHERS)
    })
}

/// Whether the shop is the one that has the fault before it, and not one to be asked about it.
fn is_of_fault(before: &str, after: &str) -> bool {
    const ASKED: &[&str] = &["에", "로", "으로", "측", "문의", ":"];
    if ASKED.iter().any(|asked| after.starts_with(asked)) {
        return false;
    }
    let ends_in_fault = |text: &str| {
        let mut of_what = FAULTS_OF_SHOPS.iter().filter_map(|fault| text.strip_suffix(fault));
        of_what.any(|of_what| !of_what.ends_with("카드"))
    };
    ["", "된", "인", "한", "중인", "은", "는"]
        .iter()
        .any(|ending| before.strip_suffix(ending).is_some_and(ends_in_fault))
}
