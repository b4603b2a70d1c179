//! Words for people: tables, times, amounts.

use std::fmt::Write as _;

use jiff::Timestamp;

/// The space between two columns.
const GAP: usize = 2;

/// Lines of columns, as wide as their widest entry. The last column may hold anything: nothing stands
/// behind it, so no width of a Korean text is guessed.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
    let lines = || std::iter::once(&header).chain(rows);
    let width = |column: usize| {
        let entries = lines().filter_map(|line| line.get(column));
        entries.map(|entry| entry.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for line in lines() {
        let entries = line.iter().zip(&widths);
        let padded = entries.map(|(entry, width)| format!("{entry:<width$}", width = width + GAP));
        let padded: String = padded.collect();
        text.push_str(padded.trim_end());
        text.push('\n');
    }
    text
}

/// Names and what they are, one a line. A text of somebody else's must not move a terminal's cursor.
pub(super) fn sheet(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + GAP;
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let value = value.replace(char::is_control, "\u{fffd}");
        writeln!(text, "  {name:<width$}{value}").expect("a String takes everything");
        text
    })
}

/// A moment, in UTC: an operator compares it with logs and with the PG's console, wherever they sit.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// An amount in minor units with its currency: `27,500 KRW`.
pub(super) fn amount(minor: u64, currency: &str) -> String {
    format!("{} {currency}", grouped(minor))
}

/// A number with commas.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 review`, `2 reviews`.
pub(super) fn count(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [vec!["a".to_owned(), "티셔츠".to_owned()], vec!["longer".to_owned(), String::new()]];
        assert_eq!(table(&["ID", "NAME"], &rows), "ID      NAME\na       티셔츠\nlonger\n");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(count(1, "review", "reviews"), "1 review");
        assert_eq!(count(0, "review", "reviews"), "0 reviews");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(time("2026-11-21T23:59:01.5+09:00".parse().unwrap()), "2026-11-21 14:59:01");
    }

    #[test]
    fn a_text_of_the_pg_moves_no_cursor() {
        let shown = sheet(&[("reason", "refund\u{1b}[2Jpaid\nstate  closed".to_owned())]);
        assert_eq!(shown, "  reason  refund\u{fffd}[2Jpaid\u{fffd}state  closed\n");
    }
}
