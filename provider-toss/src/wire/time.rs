//! Times as Toss writes them.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// Korea has had no daylight saving time since 1988.
const KST: Offset = Offset::constant(9);

/// Reads `2026-03-14T10:31:02+09:00`, and the same without an offset, which is Korean time.
///
/// `None` if it is neither: no time decides where money went, so it is no reason to refuse an answer.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| KST.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

/// Writes `yyyy-MM-dd'T'HH:mm:ss` in Korean time, as requests want it.
pub(crate) fn local_text(at: Timestamp) -> String {
    KST.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        for (text, expected) in [
            ("2026-03-14T10:31:02+09:00", Some("2026-03-14T01:31:02Z")),
            ("2026-03-14T10:31:02", Some("2026-03-14T01:31:02Z")),
            ("2026-01-02T14:46:59.65327", Some("2026-01-02T05:46:59.65327Z")),
            ("2026-03-14T01:31:02Z", Some("2026-03-14T01:31:02Z")),
            ("2026-03-14T10:31:02+0900", Some("2026-03-14T01:31:02Z")),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(instant(text), expected.map(|at| at.parse().unwrap()), "{text:?}");
        }
    }

    #[test]
    fn dates_are_sent_in_korean_time() {
        assert_eq!(local_text("2026-03-14T15:30:00Z".parse().unwrap()), "2026-03-15T00:30:00");
    }
}
