//! `GET /v1/transactions`, page by page.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::PgMessage,
    provider::{Movements, Page, PgMovement, ProviderError, Response},
};

use crate::{
    call::Call,
    errors::accepted,
    toss::Toss,
    wire::{self, ROWS_PER_PAGE, local_text},
};

/// What Toss says of a paging key that it does not take, even of the last key of the page before
/// (techchat.tosspayments.com/m/1377493933021728779); the list of errors has the second name.
const WRONG_PAGING_KEY: [&str; 2] = ["INVALID_TRANSACTION_KEY", "INVALID_PAGING_KEY"];

#[async_trait]
impl Movements for Toss {
    /// One row per approval and one per cancel (Toss docs, guides/learn/transaction-flow).
    fn shows_part_cancels(&self) -> bool {
        true
    }

    /// A window whose next page is refused is asked for again in halves: rows come twice, and none is missed.
    async fn page(
        &self,
        from: Timestamp,
        to: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page<PgMovement>, ProviderError> {
        let cursor = cursor.map_or_else(|| Ok(Cursor::over(from, to)), str::parse)?;
        let (from, to) = cursor.window();
        let (from, to, limit) = (text(from)?, text(to)?, ROWS_PER_PAGE.to_string());
        let mut query = vec![("startDate", from.as_str()), ("endDate", &to), ("limit", &limit)];
        query.extend(cursor.after.as_deref().map(|key| ("startingAfter", key)));
        let answer = self.client.get(Call::List, &["v1", "transactions"], &query).await?;
        let body = match accepted(Call::List, &answer) {
            Ok(body) => body,
            Err(error) => {
                let halves = cursor.halves().filter(|_| is_wrong_paging_key(&error)).ok_or(error)?;
                return Ok(Page { rows: Vec::new(), unreadable: 0, next: Some(halves.to_string()) });
            }
        };
        let page = wire::page(body, cursor.after.as_deref())?;
        Ok(Page { next: cursor.next(page.next).map(|cursor| cursor.to_string()), ..page })
    }
}

fn is_wrong_paging_key(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Unknown(Response::Error(pg)) if WRONG_PAGING_KEY.contains(&pg.code.as_str()))
}

/// `endDate` covers the whole of its second, so both ends are inclusive.
fn text(second: i64) -> Result<String, ProviderError> {
    Ok(local_text(Timestamp::from_second(second).map_err(|_| no_cursor())?))
}

fn no_cursor() -> ProviderError {
    ProviderError::Invalid(PgMessage::new("", "this cursor is none of this list's"))
}

/// Where in the list the next page begins: `1773414000-1773673199,1773673200-1773759599|txrd_1`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    /// The windows that are left, in seconds, both ends inclusive; the first is the one being read.
    windows: Vec<(i64, i64)>,
    /// The last key of the page before, in the first window.
    after: Option<String>,
}

impl Cursor {
    fn over(from: Timestamp, to: Timestamp) -> Self {
        Self { windows: vec![(from.as_second(), to.as_second())], after: None }
    }

    fn window(&self) -> (i64, i64) {
        self.windows.first().copied().unwrap_or_default()
    }

    /// The next page of this window, or the first of the next one.
    fn next(mut self, after: Option<String>) -> Option<Self> {
        if after.is_none() {
            self.windows.remove(0);
        }
        (!self.windows.is_empty()).then_some(Self { after, ..self })
    }

    /// The first window from its beginning, in halves; `None` if it is a page's first, or too short.
    fn halves(&self) -> Option<Self> {
        let (from, to) = self.window();
        if self.after.is_none() || from >= to {
            return None;
        }
        let middle = from + (to - from) / 2;
        let rest = self.windows.iter().skip(1).copied();
        let windows = [(from, middle), (middle + 1, to)].into_iter().chain(rest).collect();
        Some(Self { windows, after: None })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows: Vec<_> = self.windows.iter().map(|(from, to)| format!("{from}-{to}")).collect();
        f.write_str(&windows.join(","))?;
        self.after.as_ref().map_or(Ok(()), |key| write!(f, "|{key}"))
    }
}

impl FromStr for Cursor {
    type Err = ProviderError;

    fn from_str(text: &str) -> Result<Self, ProviderError> {
        let (windows, after) = text.split_once('|').map_or((text, None), |(head, key)| (head, Some(key)));
        let window = |text: &str| {
            let (from, to) = text.split_once('-')?;
            Some((from.parse().ok()?, to.parse().ok()?))
        };
        let windows: Option<Vec<_>> = windows.split(',').map(window).collect();
        let windows = windows.ok_or_else(no_cursor)?;
        Ok(Self { windows, after: after.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(windows: &[(i64, i64)], after: Option<&str>) -> Cursor {
        Cursor { windows: windows.to_vec(), after: after.map(str::to_owned) }
    }

    #[test]
    fn cursor_is_read_back_as_written() {
        for written in [
            cursor(&[(1, 2)], None),
            cursor(&[(1, 2), (3, 9)], Some("txrd_a|=1-2")),
            cursor(&[(5, 5)], Some("")),
        ] {
            assert_eq!(written.to_string().parse::<Cursor>().ok(), Some(written));
        }
        for text in ["", "1", "1-", "txrd_1", "1-2,|x", "1-2,3"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn halves_leave_no_second_out() {
        let halves = cursor(&[(10, 15), (20, 30)], Some("k")).halves().unwrap();
        assert_eq!(halves, cursor(&[(10, 12), (13, 15), (20, 30)], None));
        assert_eq!(cursor(&[(10, 11)], Some("k")).halves().unwrap(), cursor(&[(10, 10), (11, 11)], None));
        assert_eq!(cursor(&[(10, 15)], None).halves(), None, "the first page names no key");
        assert_eq!(cursor(&[(10, 10)], Some("k")).halves(), None);
    }

    #[test]
    fn window_that_is_read_makes_room_for_the_next() {
        let first = cursor(&[(1, 2), (3, 4)], None);
        assert_eq!(first.clone().next(Some("k".to_owned())), Some(cursor(&[(1, 2), (3, 4)], Some("k"))));
        let second = first.next(None).unwrap();
        assert_eq!(second, cursor(&[(3, 4)], None));
        assert_eq!(second.next(None), None);
    }
}
