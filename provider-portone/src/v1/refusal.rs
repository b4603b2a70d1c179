//! PortOne's words for not doing what was asked.

use paymux_core::model::PgMessage;
use reqwest::StatusCode;

/// An answer in PortOne's envelope, and no success.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl Refusal {
    /// In the words of the core.
    pub(crate) fn pg(&self) -> PgMessage {
        PgMessage::new(self.code.to_string(), self.message.clone())
    }
}
