//! Banks, by the one code every PG can be translated to.

/// The bank's standard code (금융결제원): three digits, 신한 `088`.
///
/// PGs write it with two digits (`88`: Toss Payments, KG Inicis) or behind letters (`BK88`: NHN KCP).
/// What is none of these, such as a securities firm's `S3`, stays as the PG wrote it.
#[must_use]
pub fn standard_bank_code(code: &str) -> String {
    let digits = code.strip_prefix("BK").unwrap_or(code);
    if digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("0{digits}")
    } else {
        code.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_has_one_code_whichever_pg_names_it() {
        for (written, standard) in [
            ("88", "088"),
            ("BK88", "088"),
            ("088", "088"),
            ("S3", "S3"),
            ("271", "271"),
            ("", ""),
            ("신한", "신한"),
        ] {
            assert_eq!(standard_bank_code(written), standard, "{written:?}");
        }
    }
}
