//! One page of a list of payments.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Unreadable, lenient, unreadable::read};

/// The most rows a page may have (PortOne docs, V1 lists).
pub(crate) const PAGE_LIMIT: u32 = 1_000;

/// One page.
#[derive(Debug)]
pub(crate) struct Page {
    /// The payments, as they came.
    pub(crate) rows: Vec<Box<RawValue>>,
    /// Whether another page follows.
    pub(crate) has_next: bool,
}

#[derive(Deserialize)]
struct Fields {
    /// The number of the next page, 0 if this is the last.
    #[serde(default, deserialize_with = "lenient::number")]
    next: Option<i64>,
    #[serde(default)]
    list: Option<Box<RawValue>>,
}

impl Page {
    /// Reads page `number` of a list.
    pub(crate) fn read(response: &RawValue, number: u32) -> Result<Self, Unreadable> {
        let Fields { next, list } = read(response, "response", "is no page")?;
        let list = list.ok_or(Unreadable::new("list", "is missing"))?;
        let next = next.ok_or(Unreadable::new("next", "is missing or no whole number"))?;
        // A list that led back to a page would never end.
        if next != 0 && next != i64::from(number).saturating_add(1) {
            return Err(Unreadable::new("next", "is not the page after this one"));
        }
        Ok(Self { rows: read(&list, "list", "is no list")?, has_next: next != 0 })
    }
}
