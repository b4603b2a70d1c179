//! What a server of the matrix answers.

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Reply {
    /// What the documentation says of the answer: `same_key`.
    pub(super) fn is_to_be_repeated(&self) -> bool {
        self.status >= 500 || self.body["retry"] == "same_key"
    }

    pub(super) fn expect(self, statuses: &[u16]) -> anyhow::Result<Value> {
        anyhow::ensure!(statuses.contains(&self.status), "answered {} {}", self.status, self.body);
        Ok(self.body)
    }
}
