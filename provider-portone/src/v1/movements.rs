//! V1's lists of paid and of cancelled payments, which show what no webhook reported.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::PgMessage,
    provider::{MovementKind, Movements, Page, PgMovement, ProviderError},
};
use reqwest::{Method, StatusCode};

use super::{
    PortOneV1,
    client::Answer,
    errors,
    transport::Call,
    wire::{self, PAGE_LIMIT, movement},
};

/// The longest span of one request: 90 days in seconds (PortOne docs, GET /payments/status).
const LONGEST_SPAN_S: i64 = 90 * 24 * 60 * 60;

/// First the list of paid payments, then that of cancelled ones.
///
/// A payment that was cancelled as a whole is in the second list only; its row there is a hint for both.
#[async_trait]
impl Movements for PortOneV1 {
    /// `false`: a payment cancelled in part stays in the paid list, under its time of payment.
    fn shows_part_cancels(&self) -> bool {
        false
    }

    async fn page(
        &self,
        from: Timestamp,
        to: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page<PgMovement>, ProviderError> {
        let (from, to) = (from.as_second(), to.as_second());
        let cursor = cursor.map_or(Ok(Cursor::start(List::Paid, from)), str::parse)?;
        let end = cursor.from.saturating_add(LONGEST_SPAN_S).min(to);
        if cursor.from > end {
            return Ok(Page { rows: Vec::new(), unreadable: 0, next: None });
        }
        let call = Call::new("movements", Method::GET, ["payments", "status", cursor.list.name()])
            .query("from", cursor.from)
            .query("to", end)
            .query("sorting", cursor.list.sorting())
            .query("page", cursor.page)
            .query("limit", PAGE_LIMIT);
        let page = match self.client.call(call, self.client.deadline()).await? {
            Answer::Processed(response) => {
                wire::Page::read(&response, cursor.page).map_err(ProviderError::no_answer)?
            }
            // "A page beyond the data", which for a span without payments is the first one (PortOne docs,
            // GET /payments/status, 400).
            Answer::Refused(refusal) if refusal.status == StatusCode::BAD_REQUEST => {
                wire::Page { rows: Vec::new(), has_next: false }
            }
            Answer::Refused(refusal) => return Err(errors::look_up(&refusal)),
        };
        let (rows, unreadable) = read(&page, cursor.list);
        let next = if page.has_next {
            Some(cursor.next_page(rows.last()))
        } else if end < to {
            Some(Cursor::start(cursor.list, end.saturating_add(1)))
        } else {
            cursor.list.next().map(|list| Cursor::start(list, from))
        };
        Ok(Page { rows, unreadable, next: next.map(|cursor| cursor.to_string()) })
    }
}

fn read(page: &wire::Page, list: List) -> (Vec<PgMovement>, usize) {
    let (mut rows, mut unreadable) = (Vec::new(), 0_usize);
    for row in &page.rows {
        match movement(row, list.kind()) {
            Ok(movement) => rows.push(movement),
            Err(error) => {
                tracing::debug!(%error, list = list.name(), "a row of the list cannot be read");
                unreadable = unreadable.saturating_add(1);
            }
        }
    }
    (rows, unreadable)
}

/// One of V1's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Paid,
    Cancelled,
}

impl List {
    const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }

    const fn kind(self) -> MovementKind {
        match self {
            Self::Paid => MovementKind::In,
            Self::Cancelled => MovementKind::Back,
        }
    }

    /// Oldest first, so that a row made meanwhile joins the end. V1 cannot sort by the time of a cancel; `updated`
    /// changes with the status (V1 schema, `sorting`), and `cancelled` is the last one, so it is that time (inferred).
    const fn sorting(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Cancelled => "updated",
        }
    }

    const fn next(self) -> Option<Self> {
        match self {
            Self::Paid => Some(Self::Cancelled),
            Self::Cancelled => None,
        }
    }
}

/// Where a page begins, written `paid.1772327712.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    list: List,
    /// The first second of the span.
    from: i64,
    /// Counted from 1.
    page: u32,
}

impl Cursor {
    const fn start(list: List, from: i64) -> Self {
        Self { list, from, page: 1 }
    }

    /// The page after this one, whose last row is `last`.
    ///
    /// A payment that is cancelled as a whole leaves the list of paid ones, and those behind it move up: by its number
    /// the next page would skip one. So it begins at the time of the last row instead; rows of that second come twice.
    /// No row ever leaves the list of cancelled ones.
    fn next_page(self, last: Option<&PgMovement>) -> Self {
        match last.map(|row| row.at.as_second()) {
            Some(at) if self.list == List::Paid && at > self.from => Self::start(self.list, at),
            _ => Self { page: self.page.saturating_add(1), ..self },
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.list.name(), self.from, self.page)
    }
}

impl FromStr for Cursor {
    type Err = ProviderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let mut parts = text.split('.');
            let name = parts.next()?;
            let list = [List::Paid, List::Cancelled].into_iter().find(|list| list.name() == name)?;
            let (from, page) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { list, from, page })
        };
        read().ok_or_else(|| ProviderError::Invalid(PgMessage::new("", "this cursor is none of this list's")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_is_read_back_as_written() {
        for (text, cursor) in [
            ("paid.1772327712.1", Some(Cursor { list: List::Paid, from: 1_772_327_712, page: 1 })),
            ("cancelled.-5.12", Some(Cursor { list: List::Cancelled, from: -5, page: 12 })),
            ("", None),
            ("paid", None),
            ("paid.1", None),
            ("paid.1.1.1", None),
            ("paid.x.1", None),
            ("paid.1.-1", None),
            ("ready.1.1", None),
        ] {
            let read = text.parse::<Cursor>();
            assert_eq!(read.as_ref().ok(), cursor.as_ref(), "{text:?}");
            match read {
                Ok(cursor) => assert_eq!(cursor.to_string(), text),
                Err(error) => assert_eq!(error.name(), "invalid"),
            }
        }
    }
}
