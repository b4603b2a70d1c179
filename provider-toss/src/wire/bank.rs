//! Banks by Toss' codes of two digits and by the standard ones of three.

use paymux_core::model::standard_bank_code;

/// The one bank whose code at Toss is not the last two digits of the standard one: KB국민 is `06` and `004` (Toss docs,
/// codes/org-codes; 금융결제원). What Toss would call `04` does not exist there.
const KOOKMIN: (&str, &str) = ("06", "004");

/// The standard code of a bank as Toss writes it.
pub(super) fn standard_code(toss: &str) -> String {
    if toss == KOOKMIN.0 { KOOKMIN.1.to_owned() } else { standard_bank_code(toss) }
}

/// Toss' code of a bank: by the standard code, or as Toss writes it. Any other is given as it is.
pub(super) fn toss_code(code: &str) -> &str {
    match code {
        "004" | "04" => KOOKMIN.0,
        _ => code.strip_prefix('0').filter(|short| short.len() == 2).unwrap_or(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bank_has_its_standard_code_here_and_tosss_there() {
        for (standard, toss) in [("004", "06"), ("088", "88"), ("003", "03"), ("012", "12"), ("092", "92")] {
            assert_eq!(toss_code(standard), toss, "{standard}");
            assert_eq!(standard_code(toss), standard, "{toss}");
            assert_eq!(toss_code(toss), toss, "as Toss writes it");
        }
        for other in ["S3", "국민", "271", "", "0"] {
            assert_eq!((toss_code(other), standard_code(other).as_str()), (other, other));
        }
    }
}
