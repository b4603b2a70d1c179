//! `{code, message, response}`: what every answer of V1 comes in.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

/// An answer that is not what PortOne documents. Says where it broke, quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer cannot be read: {0}")]
pub(crate) struct Unreadable(pub(crate) &'static str);

/// The body of an answer.
pub(crate) struct Body(pub(crate) Vec<u8>);

/// What stands in it.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    /// 0: processed. Anything else is a failure, whatever the HTTP status.
    pub(crate) code: i64,
    /// Display text, in Korean. Not stable.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// As it came, to be kept.
    #[serde(default)]
    pub(crate) response: Option<Box<RawValue>>,
}

impl Body {
    /// The envelope in it.
    pub(crate) fn envelope(&self) -> Result<Envelope, Unreadable> {
        serde_json::from_slice(&self.0).map_err(|_| Unreadable("not PortOne's envelope"))
    }
}

impl fmt::Debug for Body {
    /// Shows how long it is: it may hold a token or a buyer's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}
