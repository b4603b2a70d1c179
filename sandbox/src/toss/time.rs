//! Instants as Toss Payments writes them: Korean time.

use jiff::{Timestamp, Zoned, civil::DateTime, tz};

/// `2026-03-14T10:31:02+09:00`
pub(crate) fn with_offset(epoch_ms: u64) -> String {
    korean(epoch_ms).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `2026-01-02T14:46:59.65327`: no offset and no trailing zeros, as webhooks have it.
pub(crate) fn without_offset(epoch_ms: u64) -> String {
    korean(epoch_ms).strftime("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

/// `20260314103015`, for payment keys.
pub(crate) fn compact(epoch_ms: u64) -> String {
    korean(epoch_ms).strftime("%Y%m%d%H%M%S").to_string()
}

/// Whether two instants are in one calendar month.
pub(crate) fn same_month(a_ms: u64, b_ms: u64) -> bool {
    let month = |ms| korean(ms).strftime("%Y%m").to_string();
    month(a_ms) == month(b_ms)
}

/// Reads `yyyy-MM-dd'T'HH:mm:ss`, with an offset or in Korean time.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let instant = text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        Some(local.to_zoned(korean_zone()).ok()?.timestamp())
    })?;
    u64::try_from(instant.as_millisecond()).ok()
}

/// Reads the date of a query, `yyyy-MM-dd` or `yyyy-MM-dd'T'HH:mm:ss` with or without milliseconds, in Korean time: its
/// first and its last millisecond. A date without a time is its first second, one without milliseconds the whole second.
pub(crate) fn parse_date(text: &str) -> Option<(u64, u64)> {
    let (whole, span_ms) = match text.len() {
        10 => (format!("{text}T00:00:00.000"), 1_000),
        19 => (format!("{text}.000"), 1_000),
        23 => (text.to_owned(), 1),
        _ => return None,
    };
    let local = DateTime::strptime("%Y-%m-%dT%H:%M:%S%.f", whole).ok()?;
    let first_ms = u64::try_from(local.to_zoned(korean_zone()).ok()?.timestamp().as_millisecond()).ok()?;
    Some((first_ms, first_ms.saturating_add(span_ms - 1)))
}

fn korean(epoch_ms: u64) -> Zoned {
    let instant = i64::try_from(epoch_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    instant.unwrap_or(Timestamp::MAX).to_zoned(korean_zone())
}

fn korean_zone() -> tz::TimeZone {
    tz::TimeZone::fixed(tz::offset(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_a_query_is_as_long_as_it_is_precise() {
        let second = 1_773_451_862_000;
        for (text, expected) in [
            ("2026-03-14T10:31:02", Some((second, second + 999))),
            ("2026-03-14T10:31:02.417", Some((second + 417, second + 417))),
            ("2026-03-14", Some((1_773_414_000_000, 1_773_414_000_999))),
            ("2026-03-14T10:31:02Z", None),
            ("2026-03-14T10:31:02+09:00", None),
            ("2026-03-14 10:31:02", None),
            ("2026-02-30", None),
            ("20260314", None),
            ("", None),
        ] {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }

    #[test]
    fn times_are_korean() {
        let ms = 1_773_451_862_417;
        assert_eq!(with_offset(ms), "2026-03-14T10:31:02+09:00");
        assert_eq!(without_offset(ms), "2026-03-14T10:31:02.417");
        assert_eq!(compact(ms), "20260314103102");
        assert_eq!(parse("2026-03-14T10:31:02"), Some(1_773_451_862_000));
        assert_eq!(parse("2026-03-14T01:31:02Z"), Some(1_773_451_862_000));
        assert_eq!(parse("next week"), None);
    }
}
