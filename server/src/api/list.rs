//! What all lists have in common.

use poem_openapi::Enum;

const PAGE: u32 = 20;
const MAX_PAGE: u32 = 100;

/// The kind of an object
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum ListObject {
    /// A list
    List,
}

/// How many a page holds.
pub(crate) fn page_size(asked: Option<u32>) -> u32 {
    asked.unwrap_or(PAGE).clamp(1, MAX_PAGE)
}
