//! `{code, message, response}`: what every answer of V1 comes in.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Unreadable, lenient};

/// The body of an answer.
pub(crate) struct Body(pub(crate) Vec<u8>);

/// An answer's envelope.
pub(crate) struct Envelope {
    /// 0: processed. Anything else is a failure, whatever the HTTP status.
    pub(crate) code: i64,
    /// Display text, in Korean. Not stable.
    pub(crate) message: Option<String>,
    /// As it came, to be kept.
    pub(crate) response: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "lenient::number")]
    code: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default)]
    response: Option<Box<RawValue>>,
}

impl Body {
    /// The envelope in it.
    pub(crate) fn envelope(&self) -> Result<Envelope, Unreadable> {
        let Fields { code, message, response } =
            serde_json::from_slice(&self.0).map_err(|_| Unreadable::new("the body", "is no JSON object"))?;
        let code = code.ok_or(Unreadable::new("code", "is missing or no whole number"))?;
        Ok(Envelope { code, message, response })
    }
}

impl fmt::Debug for Body {
    /// Shows how long it is: it may hold a token or a buyer's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}
