//! One page of a list of payments.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Unreadable;

/// One page.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// The number of the next page, 0 if this is the last.
    pub(crate) next: u32,
    /// The payments, as they came.
    pub(crate) list: Vec<Box<RawValue>>,
}

impl Page {
    pub(crate) fn read(response: &RawValue) -> Result<Self, Unreadable> {
        serde_json::from_str(response.get()).map_err(|_| Unreadable("a page"))
    }
}
