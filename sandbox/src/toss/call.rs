//! A request that was let in, and what its caller may see.

use serde_json::Value;

use super::{
    config::KeyPair,
    language::Language,
    render::{REAL_BASE_URL, View},
    row::Row,
    state::Toss,
};
use crate::{ApiRequest, Execution};

/// An admitted request.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) toss: &'a Toss,
    pub(super) pair: &'a KeyPair,
    pub(super) request: &'a ApiRequest,
    pub(super) how: &'a Execution,
    pub(super) language: Language,
}

impl Call<'_> {
    /// Shows a payment to the caller.
    pub(super) fn show(&self, row: &Row, with_secret: bool) -> Value {
        let base_url = self.request.header("host").map(|host| format!("http://{host}"));
        let view = View {
            mid: &self.toss.config.mid,
            version: self.pair.api_version,
            language: self.language,
            now_ms: self.toss.clock.now_ms(),
            base_url: base_url.as_deref().unwrap_or(REAL_BASE_URL),
            with_secret,
        };
        view.payment(row)
    }

    /// Whether a payment is of the caller's key pair.
    pub(super) fn owns(&self, row: &Row) -> bool {
        row.client_key == self.pair.client_key
    }
}
