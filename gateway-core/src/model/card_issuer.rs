//! Card companies, by the one code every PG can be translated to.

use super::code::code_type;

code_type! {
    /// The code of a card company: three digits, 신한 `366`, or five of a foreign brand, 비자 `10005`.
    ///
    /// These are other codes than those of the banks: `071` is 우체국 in both, and 신한은행 is `088`.
    CardIssuerCode, CardIssuer, "the code of a card company"
}

/// A card company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardIssuer {
    /// Its code.
    pub code: CardIssuerCode,
    /// Its name in English.
    pub name: &'static str,
    /// Its name in Korean.
    pub name_ko: &'static str,
}

impl CardIssuer {
    /// Every card company that has a code here, by code; the foreign brands last.
    ///
    /// The codes are those that PortOne V1 gives as 금융결제원's (PortOne docs, 카드사 코드). Where it names none, a card
    /// company that is a bank takes the bank's: 기업 `003`, 저축은행 `050`, 토스뱅크 `092`.
    pub const ALL: &'static [Self] = &[
        issuer("002", "Korea Development Bank", "KDB산업은행"),
        issuer("003", "IBK BC Card", "IBK기업은행(기업BC)"),
        issuer("041", "Woori Card", "우리카드"),
        issuer("045", "MG Saemaul Geumgo", "새마을금고"),
        issuer("048", "Shinhyup (credit unions)", "신협"),
        issuer("050", "Savings banks", "저축은행"),
        issuer("071", "Korea Post", "우체국"),
        issuer("089", "K bank", "케이뱅크"),
        issuer("090", "KakaoBank", "카카오뱅크"),
        issuer("092", "Toss Bank", "토스뱅크"),
        issuer("361", "BC Card", "BC카드"),
        issuer("364", "Kwangju Card", "광주카드"),
        issuer("365", "Samsung Card", "삼성카드"),
        issuer("366", "Shinhan Card", "신한카드"),
        issuer("367", "Hyundai Card", "현대카드"),
        issuer("368", "Lotte Card", "롯데카드"),
        issuer("369", "Sh Suhyup Card", "수협카드"),
        issuer("370", "Citi Card", "씨티카드"),
        issuer("371", "NH NongHyup Card", "NH농협카드"),
        issuer("372", "Jeonbuk Card", "전북카드"),
        issuer("373", "Jeju Card", "제주카드"),
        issuer("374", "Hana Card", "하나카드"),
        issuer("381", "KB Kookmin Card", "KB국민카드"),
        issuer("10001", "UnionPay", "은련(유니온페이)"),
        issuer("10002", "Diners Club", "다이너스클럽"),
        issuer("10003", "American Express", "아메리칸 익스프레스"),
        issuer("10004", "Mastercard", "마스터카드"),
        issuer("10005", "Visa", "비자"),
        issuer("10006", "JCB", "JCB"),
    ];
}

const fn issuer(code: &'static str, name: &'static str, name_ko: &'static str) -> CardIssuer {
    CardIssuer { code: CardIssuerCode(code), name, name_ko }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_companies_stand_in_the_order_of_their_codes_and_once() {
        let key = |issuer: &CardIssuer| (issuer.code.as_str().len(), issuer.code);
        assert!(CardIssuer::ALL.is_sorted_by(|one, next| key(one) < key(next)));
        for issuer in CardIssuer::ALL {
            let code = issuer.code.as_str();
            assert!([3, 5].contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            assert_eq!(code.parse(), Ok(issuer.code));
        }
    }

    #[test]
    fn no_pgs_own_code_is_a_code() {
        for text in ["", "41", "W1", "3K", "088", "신한", "SHINHAN", "999"] {
            assert!(text.parse::<CardIssuerCode>().is_err(), "{text:?}");
        }
    }
}
