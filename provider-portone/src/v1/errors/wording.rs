//! Texts of PGs, so written that their words can be found.

/// A text without white space, hyphens, underscores and case: PGs write "취소 가능 금액" and "취소가능금액", "time-out" and
/// "Timeout", "USER_CANCEL" and "userCancel".
pub(super) fn plain(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_'));
    kept.flat_map(char::to_lowercase).collect()
}

/// Whether one of the words stands in a text.
pub(super) fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}
