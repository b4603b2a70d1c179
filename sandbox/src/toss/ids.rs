//! The ids Toss Payments makes up.

use super::time;
use crate::random::{DIGITS, HEX, LOWER, MIXED, random_text};

/// Carries the number of a request, for support.
pub(super) const TRACE_HEADER: &str = "x-tosspayments-trace-id";

/// Five characters of the merchant id, the second, five random ones: `tshop20260314103015Qe7Rd`.
pub(crate) fn payment_key(mid: &str, now_ms: u64) -> String {
    let prefix: String = mid.chars().take(5).collect();
    format!("{prefix}{}{}", time::compact(now_ms), random_text(MIXED, 5))
}

/// `txrd_a01…`
pub(crate) fn transaction_key() -> String {
    format!("txrd_a01{}", random_text(LOWER, 23))
}

/// The older form, which `DEPOSIT_CALLBACK` still shows.
pub(crate) fn deposit_transaction_key() -> String {
    random_text(HEX, 32).to_ascii_uppercase()
}

/// `ps_` and 28 characters.
pub(crate) fn deposit_secret() -> String {
    format!("ps_{}", random_text(MIXED, 28))
}

/// Test accounts start with `X`.
pub(crate) fn account_number() -> String {
    format!("X{}", random_text(DIGITS, 14))
}

/// 32 hexadecimal digits.
pub(crate) fn trace_id() -> String {
    random_text(HEX, 32)
}
