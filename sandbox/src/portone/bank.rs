//! Bank codes, which every PG behind PortOne writes in its own way.

/// How `pg_provider` writes the bank with this standard three-digit code.
///
/// KG Inicis takes the last two digits, NHN KCP puts `BK` before them, the other
/// PGs the simulator plays take all three.
pub(super) fn code_at(pg_provider: &str, standard: &str) -> String {
    let last_two = standard.get(1..).unwrap_or(standard);
    match pg_provider {
        "html5_inicis" | "inicis" => last_two.to_owned(),
        "kcp" => format!("BK{last_two}"),
        _ => standard.to_owned(),
    }
}

/// Whether `code` has the form `pg_provider` uses. The simulator does not know
/// which banks exist.
pub(super) fn is_code_of(pg_provider: &str, code: &str) -> bool {
    let (digits, count) = match pg_provider {
        "html5_inicis" | "inicis" => (code, 2),
        "kcp" => (code.strip_prefix("BK").unwrap_or_default(), 2),
        _ => (code, 3),
    };
    digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pg_has_its_own_form_of_a_bank_code() {
        for (pg, code) in [("html5_inicis", "88"), ("kcp", "BK88"), ("nice_v2", "088")] {
            assert_eq!(code_at(pg, "088"), code, "{pg}");
            assert!(is_code_of(pg, code), "{pg}");
        }
        assert!(!is_code_of("html5_inicis", "088"));
        assert!(!is_code_of("kcp", "88"));
        assert!(!is_code_of("nice_v2", "SHINHAN"));
    }
}
