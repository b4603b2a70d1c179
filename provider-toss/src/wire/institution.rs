//! Banks and card companies in Toss' codes and in ours (Toss docs, codes/org-codes).

use paymux_core::model::{BankCode, CardIssuerCode};

/// An institution: our code, Toss' code, its Korean short name, its English name. Versions before 2022-11-16 answer with
/// the Korean name.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// The banks and securities firms. Toss' code of a bank is the last two digits of the standard one, but for KB국민. 토스머니
/// has no code.
const BANKS: &[Row] = &[
    ("002", "02", "산업", "KDBBANK"),
    ("003", "03", "기업", "IBK"),
    ("004", "06", "국민", "KOOKMIN"),
    ("007", "07", "수협", "SUHYEOP"),
    ("011", "11", "농협", "NONGHYEOP"),
    ("012", "12", "단위농협", "LOCALNONGHYEOP"),
    ("020", "20", "우리", "WOORI"),
    ("023", "23", "SC제일", "SC"),
    ("027", "27", "씨티", "CITI"),
    ("031", "31", "대구", "DAEGUBANK"),
    ("032", "32", "부산", "BUSANBANK"),
    ("034", "34", "광주", "GWANGJUBANK"),
    ("035", "35", "제주", "JEJUBANK"),
    ("037", "37", "전북", "JEONBUKBANK"),
    ("039", "39", "경남", "KYONGNAMBANK"),
    ("045", "45", "새마을", "SAEMAUL"),
    ("048", "48", "신협", "SHINHYEOP"),
    ("050", "50", "저축", "SAVINGBANK"),
    ("054", "54", "홍콩상하이은행", "HSBC"),
    ("064", "64", "산림", "SANLIM"),
    ("071", "71", "우체국", "POST"),
    ("081", "81", "하나", "HANA"),
    ("088", "88", "신한", "SHINHAN"),
    ("089", "89", "케이", "KBANK"),
    ("090", "90", "카카오", "KAKAOBANK"),
    ("092", "92", "토스", "TOSSBANK"),
    ("209", "S0", "유안타증권", "YUANTA_SECURITES"),
    ("218", "S4", "KB증권", "KB_SECURITIES"),
    ("227", "SP", "KTB투자증권", "DAOL_INVESTMENT_AND_SECURITIES"),
    ("238", "S5", "미래에셋증권", "MIRAE_ASSET_SECURITIES"),
    ("240", "S3", "삼성증권", "SAMSUNG_SECURITIES"),
    ("243", "S6", "한국투자증권", "KOREA_INVESTMENT_AND_SECURITIES"),
    ("247", "SL", "NH투자증권", "NH_INVESTMENT_AND_SECURITIES"),
    ("261", "S8", "교보증권", "KYOBO_SECURITIES"),
    ("262", "S9", "하이투자증권", "HI_INVESTMENT_AND_SECURITIES"),
    ("263", "SA", "현대차증권", "HYUNDAI_MOTOR_SECURITIES"),
    ("264", "SB", "키움증권", "KIWOOM"),
    ("266", "SD", "SK증권", "SK_SECURITIES"),
    ("267", "SE", "대신증권", "DAISHIN_SECURITIES"),
    ("269", "SG", "한화투자증권", "HANHWA_INVESTMENT_AND_SECURITIES"),
    ("270", "SH", "하나금융투자", "HANA_INVESTMENT_AND_SECURITIES"),
    ("271", "ST", "토스증권", "TOSS_SECURITIES"),
    ("278", "S2", "신한금융투자", "SHINHAN_INVESTMENT"),
    ("279", "SI", "DB금융투자", "DB_INVESTMENT_AND_SECURITIES"),
    ("280", "SJ", "유진투자증권", "EUGENE_INVESTMENT_AND_SECURITIES"),
    ("287", "SK", "메리츠증권", "MERITZ_SECURITIES"),
    ("288", "SQ", "카카오페이증권", "KAKAOPAY_SECURITIES"),
    ("290", "SM", "부국", "BOOKOOK_SECURITIES"),
    ("291", "SN", "신영증권", "SHINYOUNG_SECURITIES"),
    // LIG투자증권 is 케이프투자증권 now, and 펀드온라인코리아 한국포스증권; their standard codes stayed.
    ("292", "SO", "LIG투자", "LIG_INVESTMENT_AND_SECURITIES"),
    ("294", "SR", "펀드온라인코리아", "KOREA_FOSS_SECURITIES"),
];

/// The card companies. 디스커버 (`6I`) has no code but Toss'. 우리 has two, by whose acquirer it is.
const CARD_COMPANIES: &[Row] = &[
    ("002", "30", "산업", "KDBBANK"),
    ("003", "3K", "기업비씨", "IBK_BC"),
    ("041", "33", "우리", "WOORI"),
    ("041", "W1", "우리", "WOORI"),
    ("045", "38", "새마을", "SAEMAUL"),
    ("048", "62", "신협", "SHINHYEOP"),
    ("050", "39", "저축", "SAVINGBANK"),
    ("071", "37", "우체국", "POST"),
    ("089", "3A", "케이뱅크", "KBANK"),
    ("090", "15", "카카오뱅크", "KAKAOBANK"),
    ("092", "24", "토스뱅크", "TOSSBANK"),
    ("361", "31", "BC카드", "BC"),
    ("364", "46", "광주", "GWANGJUBANK"),
    ("365", "51", "삼성", "SAMSUNG"),
    ("366", "41", "신한", "SHINHAN"),
    ("367", "61", "현대", "HYUNDAI"),
    ("368", "71", "롯데", "LOTTE"),
    ("369", "34", "수협", "SUHYEOP"),
    ("370", "36", "씨티", "CITI"),
    ("371", "91", "농협", "NONGHYEOP"),
    ("372", "35", "전북", "JEONBUKBANK"),
    ("373", "42", "제주", "JEJUBANK"),
    ("374", "21", "하나", "HANA"),
    ("381", "11", "국민", "KOOKMIN"),
    ("10001", "3C", "유니온페이", "UNIONPAY"),
    ("10002", "6D", "다이너스", "DINERS"),
    ("10003", "7A", "아메리칸 익스프레스", "AMEX"),
    ("10004", "4M", "마스터", "MASTER"),
    ("10005", "4V", "비자", "VISA"),
    ("10006", "4J", "JCB", "JCB"),
];

/// The bank that Toss writes like this.
pub(super) fn bank(written: &str) -> Option<BankCode> {
    ours(BANKS, written)?.parse().ok()
}

/// Toss' code of a bank.
///
/// Toss' own code is taken as it is: a cancel that a build before `BankCode` stored may hold it, and was sent so.
pub(super) fn toss_bank(code: &str) -> Option<&'static str> {
    let row = BANKS.iter().find(|(ours, toss, ..)| *ours == code || *toss == code);
    row.map(|(_, toss, ..)| *toss)
}

/// The card company that Toss writes like this.
pub(super) fn card_issuer(written: &str) -> Option<CardIssuerCode> {
    ours(CARD_COMPANIES, written)?.parse().ok()
}

/// A card company as requests name it: by its code or, where that would choose between two, by the name of both.
pub(crate) fn card_company(issuer: CardIssuerCode) -> Option<&'static str> {
    let mut rows = CARD_COMPANIES.iter().filter(|(ours, ..)| *ours == issuer.as_str());
    let (_, code, name, _) = rows.next()?;
    Some(if rows.next().is_some() { name } else { code })
}

fn ours(rows: &[Row], written: &str) -> Option<&'static str> {
    let row = rows.iter().find(|(_, code, korean, english)| [code, korean, english].contains(&&written));
    row.map(|(ours, ..)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use paymux_core::model::{Bank, CardIssuer};

    #[test]
    fn institution_is_read_by_code_and_by_its_names() {
        for (ours, code, korean, english) in BANKS {
            for written in [code, korean, english] {
                assert_eq!(bank(written).map(BankCode::as_str), Some(*ours), "{written}");
            }
        }
        for (ours, code, korean, english) in CARD_COMPANIES {
            for written in [code, korean, english] {
                assert_eq!(card_issuer(written).map(CardIssuerCode::as_str), Some(*ours), "{written}");
            }
        }
    }

    #[test]
    fn what_toss_has_no_code_for_is_known() {
        let banks = Bank::ALL.iter().map(|bank| bank.code.as_str()).filter(|code| toss_bank(code).is_none());
        assert_eq!(banks.collect::<Vec<_>>(), ["221", "223", "224", "225", "265"]);
        assert!(CardIssuer::ALL.iter().all(|issuer| card_company(issuer.code).is_some()));
        assert_eq!(card_issuer("6I"), None, "디스커버 has no code but this");
    }

    #[test]
    fn bank_of_another_pg_is_none_of_toss() {
        for code in ["04", "BK88", "국민", "", "0", "999"] {
            assert_eq!(toss_bank(code), None, "{code}");
        }
        for written in ["04", "004", "088", "BK88", ""] {
            assert_eq!(bank(written), None, "{written}");
        }
        assert_eq!(
            (toss_bank("06"), toss_bank("S3")),
            (Some("06"), Some("S3")),
            "as an older build stored it"
        );
    }
}
