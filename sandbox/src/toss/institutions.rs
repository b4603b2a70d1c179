//! Banks and card companies by Toss' codes (Toss docs, codes/org-codes).

/// A bank, securities firm or card company: code, Korean short name, English name.
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
    institution("S0", "유안타증권", "YUANTA_SECURITES"),
    institution("S2", "신한금융투자", "SHINHAN_INVESTMENT"),
    institution("S3", "삼성증권", "SAMSUNG_SECURITIES"),
    institution("S4", "KB증권", "KB_SECURITIES"),
    institution("S5", "미래에셋증권", "MIRAE_ASSET_SECURITIES"),
    institution("S6", "한국투자증권", "KOREA_INVESTMENT_AND_SECURITIES"),
    institution("S8", "교보증권", "KYOBO_SECURITIES"),
    institution("S9", "하이투자증권", "HI_INVESTMENT_AND_SECURITIES"),
    institution("SA", "현대차증권", "HYUNDAI_MOTOR_SECURITIES"),
    institution("SB", "키움증권", "KIWOOM"),
    institution("SD", "SK증권", "SK_SECURITIES"),
    institution("SE", "대신증권", "DAISHIN_SECURITIES"),
    institution("SG", "한화투자증권", "HANHWA_INVESTMENT_AND_SECURITIES"),
    institution("SH", "하나금융투자", "HANA_INVESTMENT_AND_SECURITIES"),
    institution("SI", "DB금융투자", "DB_INVESTMENT_AND_SECURITIES"),
    institution("SJ", "유진투자증권", "EUGENE_INVESTMENT_AND_SECURITIES"),
    institution("SK", "메리츠증권", "MERITZ_SECURITIES"),
    institution("SL", "NH투자증권", "NH_INVESTMENT_AND_SECURITIES"),
    institution("SM", "부국", "BOOKOOK_SECURITIES"),
    institution("SN", "신영증권", "SHINYOUNG_SECURITIES"),
    institution("SO", "LIG투자", "LIG_INVESTMENT_AND_SECURITIES"),
    institution("SP", "KTB투자증권", "DAOL_INVESTMENT_AND_SECURITIES"),
    institution("SQ", "카카오페이증권", "KAKAOPAY_SECURITIES"),
    institution("SR", "펀드온라인코리아", "KOREA_FOSS_SECURITIES"),
    institution("ST", "토스증권", "TOSS_SECURITIES"),
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
    // Two codes of one name: whose acquirer it is decides the merchant's contract, here 우리's own.
    institution("W1", "우리", "WOORI"),
    institution("33", "우리", "WOORI"),
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
    institution("6D", "다이너스", "DINERS"),
    institution("6I", "디스커버", "DISCOVER"),
    institution("4M", "마스터", "MASTER"),
    institution("3C", "유니온페이", "UNIONPAY"),
    institution("7A", "아메리칸 익스프레스", "AMEX"),
    institution("4J", "JCB", "JCB"),
    institution("4V", "비자", "VISA"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_an_institution_by_code_or_name() {
        for name in ["06", "국민", "KOOKMIN"] {
            assert_eq!(bank(name).map(|bank| bank.code), Some("06"), "{name}");
        }
        for name in ["04", "004", "240", "KB국민은행", ""] {
            assert!(bank(name).is_none(), "{name}");
        }
        assert_eq!(bank("S3").map(|bank| bank.korean), Some("삼성증권"));
        assert_eq!(card_company("우리").map(|company| company.code), Some("W1"));
        assert_eq!(card_company("33").map(|company| company.code), Some("33"));
        assert!(card_company("366").is_none(), "another PG's code");
    }
}
