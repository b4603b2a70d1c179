//! Why an answer cannot be read: the field and the kind of error, never a value.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// An answer that is not what PortOne documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer cannot be read: {field} {problem}")]
pub(crate) struct Unreadable {
    field: &'static str,
    problem: &'static str,
}

impl Unreadable {
    /// `field` as PortOne names it; `problem` completes the sentence.
    pub(crate) const fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}

/// Reads JSON into one of our types. What serde says of an error would quote the value.
pub(super) fn read<T: DeserializeOwned>(
    json: &RawValue,
    field: &'static str,
    problem: &'static str,
) -> Result<T, Unreadable> {
    serde_json::from_str(json.get()).map_err(|_| Unreadable::new(field, problem))
}
