//! Banks and card companies by their standard codes (금융결제원; PortOne docs, 은행 코드, 카드사 코드), and how every PG behind
//! PortOne writes a bank in its own way.

/// The banks.
const BANKS: &[(&str, &str)] = &[
    ("002", "산업은행"),
    ("003", "기업은행"),
    ("004", "KB국민은행"),
    ("007", "수협은행"),
    ("011", "농협은행"),
    ("012", "축협"),
    ("020", "우리은행"),
    ("023", "SC제일은행"),
    ("027", "한국씨티은행"),
    ("031", "대구은행"),
    ("032", "부산은행"),
    ("034", "광주은행"),
    ("035", "제주은행"),
    ("037", "전북은행"),
    ("039", "경남은행"),
    ("045", "새마을금고"),
    ("048", "신협"),
    ("050", "저축은행"),
    ("054", "HSBC은행"),
    ("064", "산림조합중앙회"),
    ("071", "우체국"),
    ("081", "하나은행"),
    ("088", "신한은행"),
    ("089", "케이뱅크"),
    ("090", "카카오뱅크"),
    ("092", "토스뱅크"),
];

/// The securities firms. The PGs that write two digits have none of them in PortOne's tables.
const SECURITIES_FIRMS: &[&str] = &[
    "209", "218", "221", "223", "224", "225", "227", "238", "240", "243", "247", "261", "262", "263", "264",
    "265", "266", "267", "269", "270", "271", "278", "279", "280", "287", "288", "290", "291", "292", "294",
];

/// 키움페이's own codes: the standard one, its own.
const KIWOOM_PAY: &[(&str, &str)] = &[
    ("003", "03"),
    ("004", "04"),
    ("011", "08"),
    ("020", "09"),
    ("023", "11"),
    ("032", "15"),
    ("071", "31"),
    ("081", "12"),
    ("088", "10"),
];

/// The card companies. PortOne's page lists neither `003`, `050` nor `092`: those are their banks' codes.
const CARD_COMPANIES: &[(&str, &str)] = &[
    ("002", "KDB산업은행카드"),
    ("003", "기업은행카드"),
    ("041", "우리카드"),
    ("045", "새마을금고카드"),
    ("048", "신협카드"),
    ("050", "저축은행카드"),
    ("071", "우체국카드"),
    ("089", "케이뱅크카드"),
    ("090", "카카오뱅크카드"),
    ("092", "토스뱅크카드"),
    ("361", "BC카드"),
    ("364", "광주카드"),
    ("365", "삼성카드"),
    ("366", "신한카드"),
    ("367", "현대카드"),
    ("368", "롯데카드"),
    ("369", "수협카드"),
    ("370", "씨티카드"),
    ("371", "NH농협카드"),
    ("372", "전북카드"),
    ("373", "제주카드"),
    ("374", "하나카드"),
    ("381", "KB국민카드"),
    ("10001", "은련카드"),
    ("10002", "다이너스카드"),
    ("10003", "아멕스카드"),
    ("10004", "마스터카드"),
    ("10005", "비자카드"),
    ("10006", "JCB카드"),
];

/// The name of the card company with this code.
pub(super) fn card_company(code: &str) -> Option<&'static str> {
    CARD_COMPANIES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

/// How `pg_provider` writes the bank with this standard three-digit code; `None` if it has no code for it.
///
/// KG Inicis takes the last two digits, NHN KCP puts `BK` before them, 키움페이 (`daou`) has a table of its own, the other
/// PGs the simulator plays take all three.
pub(super) fn code_at(pg_provider: &str, standard: &str) -> Option<String> {
    let last_two =
        BANKS.iter().find(|(code, _)| *code == standard).and_then(|(code, _)| code.strip_prefix('0'));
    match pg_provider {
        "html5_inicis" | "inicis" => last_two.map(str::to_owned),
        "kcp" => last_two.map(|digits| format!("BK{digits}")),
        "daou" => {
            let found = KIWOOM_PAY.iter().find(|(code, _)| *code == standard);
            found.map(|(_, own)| (*own).to_owned())
        }
        _ => (last_two.is_some() || SECURITIES_FIRMS.contains(&standard)).then(|| standard.to_owned()),
    }
}

/// Whether `pg_provider` has a bank that it writes like this.
pub(super) fn is_code_of(pg_provider: &str, code: &str) -> bool {
    let standard = BANKS.iter().map(|(code, _)| *code).chain(SECURITIES_FIRMS.iter().copied());
    standard.into_iter().any(|standard| code_at(pg_provider, standard).as_deref() == Some(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pg_has_its_own_form_of_a_bank_code() {
        for (pg, code) in [("html5_inicis", "88"), ("kcp", "BK88"), ("nice_v2", "088"), ("daou", "10")] {
            assert_eq!(code_at(pg, "088").as_deref(), Some(code), "{pg}");
            assert!(is_code_of(pg, code), "{pg}");
        }
        for (pg, code) in [
            ("html5_inicis", "088"),
            ("html5_inicis", "06"),
            ("html5_inicis", "40"),
            ("kcp", "88"),
            ("nice_v2", "SHINHAN"),
            ("nice_v2", "006"),
            ("daou", "88"),
        ] {
            assert!(!is_code_of(pg, code), "{pg} {code}");
        }
        assert!(is_code_of("nice_v2", "240"), "a securities firm");
        assert_eq!(code_at("kcp", "240"), None);
    }
}
