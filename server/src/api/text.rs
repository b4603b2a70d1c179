//! Texts that merchants send, checked at the edge.

use super::register_body::wrong;
use crate::http::ApiError;

/// A text people read: not empty, not too long, and nothing in it hidden.
pub(crate) fn short_text(param: &str, text: String, longest: usize) -> Result<String, ApiError> {
    if gateway_core::is_printable(&text, longest) {
        Ok(text)
    } else {
        Err(wrong(param, format!("must be 1 to {longest} printable characters")))
    }
}

/// An address that could be one; whether it is, only a mail tells.
pub(crate) fn email(param: &str, text: String) -> Result<String, ApiError> {
    let parts = text.split_once('@');
    let could_be =
        parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'));
    let plain = text.chars().all(|c| c.is_ascii_graphic());
    if could_be && plain { Ok(text) } else { Err(wrong(param, "must be an e-mail address")) }
}

/// The digits of a phone number.
pub(crate) fn phone(param: &str, text: &str) -> Result<String, ApiError> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    if (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err(wrong(param, "must be 8 to 15 digits"))
    }
}
