//! The bank of a refund account, as the PG behind a channel writes it.

use super::config::RefundBankCodes;

/// The bank in the PG's writing; `None` if it has none for it.
///
/// Banks have standard codes `0dd`, which some merchants write without the zero. Other institutions
/// (securities firms, `2dd`) would become another bank's code if only two digits were kept.
pub(crate) fn refund_bank(code: &str, style: RefundBankCodes) -> Option<String> {
    let digits = code.bytes().all(|byte| byte.is_ascii_digit());
    let short = match code.len() {
        2 if digits => Some(code),
        3 if digits => code.strip_prefix('0'),
        _ => None,
    };
    match style {
        RefundBankCodes::AsGiven => Some(code.to_owned()).filter(|code| !code.is_empty()),
        RefundBankCodes::Standard if digits && code.len() == 3 => Some(code.to_owned()),
        RefundBankCodes::Standard => short.map(|short| format!("0{short}")),
        RefundBankCodes::LastTwoDigits => short.map(str::to_owned),
        RefundBankCodes::BkPrefix => short.or(code.strip_prefix("BK")).map(|short| format!("BK{short}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bank_is_written_as_the_pg_writes_it_or_not_at_all() {
        use RefundBankCodes::{AsGiven, BkPrefix, LastTwoDigits, Standard};
        for (code, style, written) in [
            ("088", Standard, Some("088")),
            ("88", Standard, Some("088")),
            ("271", Standard, Some("271")),
            ("신한", Standard, None),
            ("", Standard, None),
            ("088", LastTwoDigits, Some("88")),
            ("88", LastTwoDigits, Some("88")),
            ("288", LastTwoDigits, None),
            ("088", BkPrefix, Some("BK88")),
            ("BK88", BkPrefix, Some("BK88")),
            ("288", BkPrefix, None),
            ("10", AsGiven, Some("10")),
            ("", AsGiven, None),
        ] {
            assert_eq!(refund_bank(code, style).as_deref(), written, "{code:?} {style:?}");
        }
    }
}
