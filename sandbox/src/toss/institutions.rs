//! Banks and card companies by Toss' codes (Toss docs, codes/org-codes).

/// A bank: code, Korean short name, English name.
#[derive(Debug)]
pub(crate) struct Institution {
    pub(crate) code: &'static str,
    pub(crate) korean: &'static str,
    english: &'static str,
}

const fn institution(code: &'static str, korean: &'static str, english: &'static str) -> Institution {
    Institution { code, korean, english }
}

const BANKS: &[Institution] = &[
    institution("02", "산업", "KDBBANK"),
    institution("03", "기업", "IBK"),
    institution("06", "국민", "KOOKMIN"),
    institution("07", "수협", "SUHYEOP"),
    institution("11", "농협", "NONGHYEOP"),
    institution("12", "단위농협", "LOCALNONGHYEOP"),
    institution("20", "우리", "WOORI"),
    institution("23", "SC제일", "SC"),
    institution("27", "씨티", "CITI"),
    institution("31", "대구", "DAEGUBANK"),
    institution("32", "부산", "BUSANBANK"),
    institution("34", "광주", "GWANGJUBANK"),
    institution("35", "제주", "JEJUBANK"),
    institution("37", "전북", "JEONBUKBANK"),
    institution("39", "경남", "KYONGNAMBANK"),
    institution("45", "새마을", "SAEMAUL"),
    institution("48", "신협", "SHINHYEOP"),
    institution("50", "저축", "SAVINGBANK"),
    institution("54", "홍콩상하이은행", "HSBC"),
    institution("64", "산림", "SANLIM"),
    institution("71", "우체국", "POST"),
    institution("81", "하나", "HANA"),
    institution("88", "신한", "SHINHAN"),
    institution("89", "케이", "KBANK"),
    institution("90", "카카오", "KAKAOBANK"),
    institution("92", "토스", "TOSSBANK"),
];

/// The banks that issue virtual accounts.
const ISSUING_BANKS: &[&str] =
    &["39", "34", "06", "03", "11", "31", "32", "45", "07", "88", "20", "71", "81"];

const CARD_COMPANIES: &[Institution] = &[
    institution("3K", "기업비씨", "IBK_BC"),
    institution("46", "광주", "GWANGJUBANK"),
    institution("71", "롯데", "LOTTE"),
    institution("30", "산업", "KDBBANK"),
    institution("31", "BC카드", "BC"),
    institution("51", "삼성", "SAMSUNG"),
    institution("38", "새마을", "SAEMAUL"),
    institution("41", "신한", "SHINHAN"),
    institution("62", "신협", "SHINHYEOP"),
    institution("36", "씨티", "CITI"),
    institution("W1", "우리", "WOORI"),
    institution("37", "우체국", "POST"),
    institution("39", "저축", "SAVINGBANK"),
    institution("35", "전북", "JEONBUKBANK"),
    institution("42", "제주", "JEJUBANK"),
    institution("15", "카카오뱅크", "KAKAOBANK"),
    institution("3A", "케이뱅크", "KBANK"),
    institution("24", "토스뱅크", "TOSSBANK"),
    institution("21", "하나", "HANA"),
    institution("61", "현대", "HYUNDAI"),
    institution("11", "국민", "KOOKMIN"),
    institution("91", "농협", "NONGHYEOP"),
    institution("34", "수협", "SUHYEOP"),
];

const EASY_PAYS: &[(&str, &str)] = &[
    ("토스페이", "TOSSPAY"),
    ("네이버페이", "NAVERPAY"),
    ("삼성페이", "SAMSUNGPAY"),
    ("애플페이", "APPLEPAY"),
    ("엘페이", "LPAY"),
    ("카카오페이", "KAKAOPAY"),
    ("핀페이", "PINPAY"),
    ("페이코", "PAYCO"),
    ("SSG페이", "SSG"),
];

/// The bank a request names, by code, Korean or English name.
pub(crate) fn bank(name: &str) -> Option<&'static Institution> {
    BANKS.iter().find(|bank| bank.is_called(name))
}

/// The bank a request names, if it issues virtual accounts.
pub(crate) fn issuing_bank(name: &str) -> Option<&'static Institution> {
    bank(name).filter(|bank| ISSUING_BANKS.contains(&bank.code))
}

/// The card company a request names, by code, Korean or English name.
pub(crate) fn card_company(name: &str) -> Option<&'static Institution> {
    CARD_COMPANIES.iter().find(|company| company.is_called(name))
}

/// The Korean name of the wallet a request names.
pub(crate) fn easy_pay(name: &str) -> Option<&'static str> {
    EASY_PAYS.iter().find(|(korean, english)| *korean == name || *english == name).map(|(korean, _)| *korean)
}

impl Institution {
    fn is_called(&self, name: &str) -> bool {
        [self.code, self.korean, self.english].contains(&name)
    }
}
