//! An HTTP answer that is not one of Toss'.

use paymux_core::provider::ProviderError;

/// An HTTP answer that is not one of Toss'. Names where it went wrong and quotes nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("HTTP {0} without an error code or a payment")]
    NoCode(u16),
    #[error("the body is longer than any answer")]
    TooLong,
    #[error("the body is not JSON of the documented kind: {0:?} error in line {1}, column {2}")]
    Json(serde_json::error::Category, usize, usize),
    #[error("the answer's {name} {problem}")]
    Field { name: &'static str, problem: &'static str },
    #[error("the answer does not show the cancel that was asked for")]
    NoSuchCancel,
}

impl Unreadable {
    /// A field that is not there, or null.
    pub(crate) const fn missing(name: &'static str) -> Self {
        Self::Field { name, problem: "is missing" }
    }

    /// A field with something else in it than is documented.
    pub(crate) const fn field(name: &'static str, problem: &'static str) -> Self {
        Self::Field { name, problem }
    }
}

impl From<serde_json::Error> for Unreadable {
    /// Keeps where it went wrong and drops the text, which quotes the body.
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.classify(), error.line(), error.column())
    }
}

impl From<Unreadable> for ProviderError {
    fn from(unreadable: Unreadable) -> Self {
        Self::no_answer(unreadable)
    }
}
