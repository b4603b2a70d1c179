//! How the values of the core stand in columns.

use std::time::Duration;

use jiff::Timestamp;
use paymux_core::model::PaymentId;
use rusqlite::Row;

use crate::fault::Fault;

/// How long a statement waits for another process that looks into the file.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A time before which something must not happen: rounded up, so that a column never makes it happen early.
pub(crate) fn not_before(at: Timestamp) -> i64 {
    let micros = at.as_microsecond();
    if i128::from(micros) * 1_000 < at.as_nanosecond() { micros.saturating_add(1) } else { micros }
}

/// The moment in a column that may be empty.
pub(crate) fn moment(row: &Row<'_>, column: &'static str) -> Result<Option<Timestamp>, Fault> {
    let micros: Option<i64> = row.get(column)?;
    micros.map(|at| Timestamp::from_microsecond(at).map_err(|_| Fault::Unreadable(column))).transpose()
}

/// A count for a `bigint` column. None of ours comes near its end.
pub(crate) fn bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The count in a `bigint` column.
pub(crate) fn count(row: &Row<'_>, column: &'static str) -> Result<u64, Fault> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Fault::Unreadable(column))
}

/// A name of the core in a column: `PaymentId`, `MerchantId`, …
pub(crate) fn name<T: std::str::FromStr>(row: &Row<'_>, column: &'static str) -> Result<T, Fault> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| Fault::Unreadable(column))
}

/// Sorts after every payment id.
const AFTER_EVERY_ID: &str = "pay_~";

pub(crate) fn before(id: Option<&PaymentId>) -> &str {
    id.map_or(AFTER_EVERY_ID, PaymentId::as_str)
}

/// Sorts before every payment id.
const BEFORE_EVERY_ID: &str = "";

pub(crate) fn after(id: Option<&PaymentId>) -> &str {
    id.map_or(BEFORE_EVERY_ID, PaymentId::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_microsecond_is_rounded_to_the_later_time() {
        for (nanosecond, micros) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (-1, 0), (-1_000, -1)]
        {
            let at = Timestamp::from_nanosecond(nanosecond).unwrap();
            assert_eq!(not_before(at), micros, "{nanosecond}");
        }
    }
}
