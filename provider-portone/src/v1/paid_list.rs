//! The list of paid payments, which finds what no webhook told.

use async_trait::async_trait;
use gateway_core::{PaidList, PgOrderId, ProviderError, Snapshot};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;

use super::{
    PortOneV1,
    look_up::every_page,
    transport::Call,
    wire::{Payment, snapshot},
};

/// The longest span of one question: 90 days in seconds (PortOne docs, GET /payments/status).
const LONGEST_SPAN_S: i64 = 90 * 24 * 60 * 60;

#[async_trait]
impl PaidList for PortOneV1 {
    async fn paid_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Snapshot>, ProviderError> {
        let mut found = Vec::new();
        for (from, to) in spans(from.as_second(), to.as_second()) {
            let list = || {
                Call::new("paid_payments", Method::GET, ["payments", "status", "paid"])
                    .query("from", from)
                    .query("to", to)
                    .query("sorting", "paid")
            };
            // 400 is how PortOne says "a page beyond the data"; for a span without payments that is
            // the first one.
            let rows = every_page(&self.client, list, StatusCode::BAD_REQUEST).await?;
            for row in rows {
                found.extend(read(&row)?);
            }
        }
        Ok(found)
    }
}

/// Reads a row. The account may have other users, with currencies and orders of their own: a row
/// of theirs that cannot be read is passed over, or it would hide all of ours for ever.
fn read(row: &RawValue) -> Result<Option<Snapshot>, ProviderError> {
    match snapshot(row) {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(unreadable) => {
            let payment = Payment::read(row).map_err(ProviderError::no_answer)?;
            if payment.merchant_uid.parse::<PgOrderId>().is_ok() {
                return Err(ProviderError::no_answer(unreadable));
            }
            tracing::debug!("a paid payment that is not ours cannot be read");
            Ok(None)
        }
    }
}

/// `from` to `to`, both inclusive, in pieces that PortOne answers.
fn spans(from: i64, to: i64) -> impl Iterator<Item = (i64, i64)> {
    let end_of = move |start: i64| start.saturating_add(LONGEST_SPAN_S).min(to);
    let first = (from <= to).then(|| (from, end_of(from)));
    std::iter::successors(first, move |(_, end)| {
        let start = end.checked_add(1)?;
        (start <= to).then(|| (start, end_of(start)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_asked_for_in_pieces_of_at_most_ninety_days() {
        let day = 24 * 60 * 60;
        for (from, to, pieces) in [
            (100, 99, vec![]),
            (100, 100, vec![(100, 100)]),
            (0, 90 * day, vec![(0, 90 * day)]),
            (0, 90 * day + 1, vec![(0, 90 * day), (90 * day + 1, 90 * day + 1)]),
            (0, 200 * day, vec![(0, 90 * day), (90 * day + 1, 180 * day + 1), (180 * day + 2, 200 * day)]),
        ] {
            assert_eq!(spans(from, to).collect::<Vec<_>>(), pieces, "{from}..={to}");
        }
    }
}
