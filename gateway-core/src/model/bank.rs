//! Banks and securities firms, by the one code every PG can be translated to.

use super::code::code_type;

code_type! {
    /// The standard code of a bank or a securities firm (금융결제원): three digits, 신한 `088`.
    ///
    /// ```
    /// use paymux_core::model::BankCode;
    ///
    /// assert_eq!("004".parse::<BankCode>().unwrap().as_str(), "004");
    /// assert!("04".parse::<BankCode>().is_err());
    /// ```
    BankCode, Bank, "the code of a bank"
}

/// A bank or a securities firm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bank {
    /// Its code.
    pub code: BankCode,
    /// What it is.
    pub kind: BankKind,
    /// Its name in English.
    pub name: &'static str,
    /// Its name in Korean.
    pub name_ko: &'static str,
}

/// What holds an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankKind {
    /// 은행, and what takes deposits like one.
    Bank,
    /// 증권사.
    SecuritiesFirm,
}

impl Bank {
    /// Every bank and securities firm that has a code here, by code.
    ///
    /// The codes are those of 금융결제원, which keeps them through mergers and new names (`294` was 펀드온라인코리아,
    /// then 한국포스증권). The names are those of PortOne's V2 schema `Bank`.
    pub const ALL: &'static [Self] = &[
        bank("002", "Korea Development Bank", "KDB산업은행"),
        bank("003", "Industrial Bank of Korea", "IBK기업은행"),
        bank("004", "KB Kookmin Bank", "KB국민은행"),
        bank("007", "Sh Suhyup Bank", "Sh수협은행"),
        bank("011", "NH NongHyup Bank", "NH농협은행"),
        bank("012", "Local NongHyup and Chukhyup", "지역농축협"),
        bank("020", "Woori Bank", "우리은행"),
        bank("023", "SC First Bank", "SC제일은행"),
        bank("027", "Citibank Korea", "한국씨티은행"),
        bank("031", "iM Bank (Daegu)", "iM뱅크(대구은행)"),
        bank("032", "Busan Bank", "부산은행"),
        bank("034", "Kwangju Bank", "광주은행"),
        bank("035", "Jeju Bank", "제주은행"),
        bank("037", "Jeonbuk Bank", "전북은행"),
        bank("039", "Kyongnam Bank", "경남은행"),
        bank("045", "MG Saemaul Geumgo", "새마을금고"),
        bank("048", "Shinhyup (credit unions)", "신협"),
        bank("050", "Savings banks", "저축은행"),
        bank("054", "HSBC", "HSBC은행"),
        bank("064", "National Forestry Cooperative Federation", "산림조합"),
        bank("071", "Korea Post", "우체국"),
        bank("081", "Hana Bank", "하나은행"),
        bank("088", "Shinhan Bank", "신한은행"),
        bank("089", "K bank", "케이뱅크"),
        bank("090", "KakaoBank", "카카오뱅크"),
        bank("092", "Toss Bank", "토스뱅크"),
        firm("209", "Yuanta Securities", "유안타증권"),
        firm("218", "KB Securities", "KB증권"),
        firm("221", "SangSangIn Securities", "상상인증권"),
        firm("223", "Leading Investment & Securities", "리딩투자증권"),
        firm("224", "BNK Securities", "BNK투자증권"),
        firm("225", "IBK Securities", "IBK투자증권"),
        firm("227", "Daol Investment & Securities", "다올투자증권"),
        firm("238", "Mirae Asset Securities", "미래에셋증권"),
        firm("240", "Samsung Securities", "삼성증권"),
        firm("243", "Korea Investment & Securities", "한국투자증권"),
        firm("247", "NH Investment & Securities", "NH투자증권"),
        firm("261", "Kyobo Securities", "교보증권"),
        firm("262", "HI Investment & Securities (iM)", "하이투자증권(iM증권)"),
        firm("263", "Hyundai Motor Securities", "현대차증권"),
        firm("264", "Kiwoom Securities", "키움증권"),
        firm("265", "LS Securities", "LS증권"),
        firm("266", "SK Securities", "SK증권"),
        firm("267", "Daishin Securities", "대신증권"),
        firm("269", "Hanwha Investment & Securities", "한화투자증권"),
        firm("270", "Hana Securities", "하나증권"),
        firm("271", "Toss Securities", "토스증권"),
        firm("278", "Shinhan Securities", "신한투자증권"),
        firm("279", "DB Financial Investment", "DB금융투자"),
        firm("280", "Eugene Investment & Securities", "유진투자증권"),
        firm("287", "Meritz Securities", "메리츠증권"),
        firm("288", "Kakao Pay Securities", "카카오페이증권"),
        firm("290", "Bookook Securities", "부국증권"),
        firm("291", "Shinyoung Securities", "신영증권"),
        firm("292", "Cape Investment & Securities", "케이프투자증권"),
        firm("294", "Korea Foss Securities", "한국포스증권"),
    ];
}

const fn bank(code: &'static str, name: &'static str, name_ko: &'static str) -> Bank {
    Bank { code: BankCode(code), kind: BankKind::Bank, name, name_ko }
}

const fn firm(code: &'static str, name: &'static str, name_ko: &'static str) -> Bank {
    Bank { code: BankCode(code), kind: BankKind::SecuritiesFirm, name, name_ko }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banks_stand_in_the_order_of_their_codes_and_once() {
        assert!(Bank::ALL.is_sorted_by(|one, next| one.code < next.code));
        for bank in Bank::ALL {
            let code = bank.code.as_str();
            assert!(code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            assert_eq!(bank.kind == BankKind::Bank, code.starts_with('0'), "{code}");
            assert_eq!(code.parse(), Ok(bank.code));
        }
    }

    #[test]
    fn only_the_standard_code_is_a_code() {
        for text in ["", "04", "88", "006", "BK88", "S3", "신한", "SHINHAN", "999", " 088"] {
            assert!(text.parse::<BankCode>().is_err(), "{text:?}");
        }
    }
}
