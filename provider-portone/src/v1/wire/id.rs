//! Which texts may be an id of PortOne's, and stand in an address.

/// The longest `imp_uid` (PortOne docs, V1 payment).
const LONGEST_IMP_UID: usize = 32;

/// Whether this can be an `imp_uid`: `imp_` and digits in all samples, at most 32 characters.
pub(crate) fn is_imp_uid(text: &str) -> bool {
    text.len() <= LONGEST_IMP_UID && is_path_segment(text)
}

/// Whether this may stand in a path. Dots are left out: a segment `..` would climb to another call.
pub(crate) fn is_path_segment(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
