//! What an account may ask of its PG, by its configuration.

/// How much an account may ask of its PG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    /// Use cases that talk to the PG at the same time; one more is answered "come again". So a slow PG
    /// cannot take what another account needs. 256 by default.
    pub max_concurrent_calls: u32,
    /// Requests per minute, where the PG sets a limit. Money that moves already is never held back for it. A quarter of it
    /// is kept for look-ups of uncertain money: new sales cannot starve them. None by default.
    pub requests_per_minute: Option<u32>,
    /// Look-ups per minute that unverified webhooks may cause. What is more is delayed. 600 by default.
    pub unverified_webhooks_per_minute: u32,
}

impl Default for AccountLimits {
    fn default() -> Self {
        // PGs publish few limits (one documents 100 requests a minute, for its test environment), so none is
        // assumed.
        Self { max_concurrent_calls: 256, requests_per_minute: None, unverified_webhooks_per_minute: 600 }
    }
}
