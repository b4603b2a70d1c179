//! Lengths of time as people write them.

use std::time::Duration;

/// Reads `"250ms"`, `"8s"`, `"5m"`, `"2h"`, `"7d"`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    number
        .parse::<u64>()
        .ok()
        .zip(milliseconds)
        .and_then(|(number, unit)| number.checked_mul(unit))
        .filter(|milliseconds| *milliseconds > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| "must be a length of time such as \"500ms\", \"8s\" or \"5m\"".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_number_and_a_unit() {
        for (text, milliseconds) in [
            ("250ms", Some(250)),
            ("8s", Some(8_000)),
            ("5m", Some(300_000)),
            ("7d", Some(604_800_000)),
            ("0s", None),
            ("8", None),
            ("s", None),
            ("-8s", None),
            ("1.5s", None),
            ("8 s", None),
            ("99999999999999999d", None),
        ] {
            let read = parse_duration(text).ok();
            assert_eq!(read, milliseconds.map(Duration::from_millis), "{text}");
        }
    }
}
