//! Banks as the PG behind a channel writes them (PortOne docs, 은행 코드).

use paymux_core::model::BankCode;

use super::config::RefundBankCodes;

/// `pg_provider` of 키움페이, the one PG with two digits that are not the standard code's last two.
const KIWOOM_PAY: &str = "daou";

/// How the PGs of which it is documented write banks, by how their `pg_provider` begins (PortOne docs, 은행 코드 and PG 코드:
/// `html5_inicis`, `kcp_billing`, `nice_v2`, …).
const STYLES: &[(&str, RefundBankCodes)] = &[
    ("html5_inicis", RefundBankCodes::LastTwoDigits),
    ("inicis", RefundBankCodes::LastTwoDigits),
    ("kcp", RefundBankCodes::BkPrefix),
    (KIWOOM_PAY, RefundBankCodes::KiwoomPay),
    ("tosspayments", RefundBankCodes::Standard),
    ("nice", RefundBankCodes::Standard),
    ("kicc", RefundBankCodes::Standard),
    ("danal", RefundBankCodes::Standard),
    ("smartro", RefundBankCodes::Standard),
    ("settle", RefundBankCodes::Standard),
    ("uplus", RefundBankCodes::Standard),
    ("ksnet", RefundBankCodes::Standard),
    ("welcome", RefundBankCodes::Standard),
];

/// How the PG that took the money writes banks: as its payment names the PG, and where that is none of those, as the account
/// is configured. The account may have another channel since the payment, and a bank in another PG's writing is another bank.
pub(crate) fn style_of(channel_pg: Option<&str>, configured: RefundBankCodes) -> RefundBankCodes {
    let is_of = |(begins, _): &&(&str, RefundBankCodes)| channel_pg.is_some_and(|pg| pg.starts_with(begins));
    STYLES.iter().find(is_of).map_or(configured, |(_, style)| *style)
}

/// 키움페이's table: our code, its code. 외환 was merged into 하나 and is only read.
const KIWOOM_PAY_CODES: &[(&str, &str)] = &[
    ("003", "03"),
    ("004", "04"),
    ("011", "08"),
    ("020", "09"),
    ("023", "11"),
    ("032", "15"),
    ("071", "31"),
    ("081", "12"),
    ("081", "05"),
    ("088", "10"),
];

/// The bank of a refund in the PG's writing; `None` if it has no code for it.
///
/// Banks have standard codes `0dd`. Securities firms (`2dd`) would become another bank's code if only two digits were kept,
/// and no table of PortOne's says how these PGs write one.
pub(crate) fn refund_bank(code: &str, style: RefundBankCodes) -> Option<String> {
    let bank: BankCode = code.parse().ok()?;
    let last_two = || bank.as_str().strip_prefix('0');
    match style {
        RefundBankCodes::Standard => Some(bank.to_string()),
        RefundBankCodes::LastTwoDigits => last_two().map(str::to_owned),
        RefundBankCodes::BkPrefix => last_two().map(|digits| format!("BK{digits}")),
        RefundBankCodes::KiwoomPay => {
            let row = KIWOOM_PAY_CODES.iter().find(|(ours, _)| *ours == bank.as_str());
            row.map(|(_, theirs)| (*theirs).to_owned())
        }
    }
}

/// The bank in an answer. V1 documents standard codes there, and that PGs write a virtual account's bank in their own way: so
/// any of their ways is read, by the PG that the row names.
pub(crate) fn bank(written: &str, pg_provider: Option<&str>) -> Option<BankCode> {
    let digits = written.strip_prefix("BK").unwrap_or(written);
    if digits.len() != 2 {
        return written.parse().ok();
    }
    if pg_provider == Some(KIWOOM_PAY) {
        let row = KIWOOM_PAY_CODES.iter().find(|(_, theirs)| *theirs == written);
        return row.and_then(|(ours, _)| ours.parse().ok());
    }
    format!("0{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use RefundBankCodes::{BkPrefix, KiwoomPay, LastTwoDigits, Standard};
    use paymux_core::model::{Bank, BankKind};

    #[test]
    fn every_bank_goes_out_and_comes_back_as_the_same_code() {
        for Bank { code, kind, .. } in Bank::ALL {
            for (style, pg) in [
                (Standard, "nice_v2"),
                (LastTwoDigits, "html5_inicis"),
                (BkPrefix, "kcp"),
                (KiwoomPay, "daou"),
            ] {
                let written = refund_bank(code.as_str(), style);
                if let Some(written) = &written {
                    assert_eq!(bank(written, Some(pg)), Some(*code), "{written} at {pg}");
                }
                let has_code = match style {
                    Standard => true,
                    LastTwoDigits | BkPrefix => *kind == BankKind::Bank,
                    KiwoomPay => KIWOOM_PAY_CODES.iter().any(|(ours, _)| *ours == code.as_str()),
                };
                assert_eq!(written.is_some(), has_code, "{code} at {pg}");
            }
        }
    }

    #[test]
    fn bank_is_written_as_the_pg_writes_it_or_not_at_all() {
        for (code, style, written) in [
            ("088", Standard, Some("088")),
            ("271", Standard, Some("271")),
            ("88", Standard, None),
            ("999", Standard, None),
            ("신한", Standard, None),
            ("", Standard, None),
            ("088", LastTwoDigits, Some("88")),
            ("240", LastTwoDigits, None),
            ("088", BkPrefix, Some("BK88")),
            ("240", BkPrefix, None),
            ("088", KiwoomPay, Some("10")),
            ("081", KiwoomPay, Some("12")),
            ("092", KiwoomPay, None),
        ] {
            assert_eq!(refund_bank(code, style).as_deref(), written, "{code:?} {style:?}");
        }
    }

    #[test]
    fn bank_is_read_in_every_pgs_way() {
        for (written, pg, code) in [
            ("088", Some("daou"), Some("088")),
            ("088", None, Some("088")),
            ("88", Some("html5_inicis"), Some("088")),
            ("BK88", Some("kcp"), Some("088")),
            ("10", Some("daou"), Some("088")),
            ("05", Some("daou"), Some("081")),
            ("10", Some("html5_inicis"), None),
            ("88", Some("daou"), None),
            ("S3", Some("tosspayments"), None),
            ("", None, None),
            ("신한은행", None, None),
        ] {
            assert_eq!(bank(written, pg).map(BankCode::as_str), code, "{written:?} at {pg:?}");
        }
    }
}
