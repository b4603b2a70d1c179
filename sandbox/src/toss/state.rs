//! What a simulated Toss Payments works with: its configuration, clock, books and keys.

use std::io;

use super::{
    books::TossBooks,
    config::{ApiVersion, KeyPair, TossConfig},
    events,
    idempotency::InFlight,
    keys::SecretKeys,
    language::Language,
    render::{REAL_BASE_URL, View},
    row::Row,
};
use crate::{Books, ControlError, ControlErrorCode, Outbox, SandboxClock};

/// One simulated merchant's Toss Payments.
#[derive(Debug)]
pub struct Toss {
    pub(super) config: TossConfig,
    pub(super) clock: SandboxClock,
    pub(super) books: Books<TossBooks>,
    pub(super) keys: SecretKeys,
    pub(super) in_flight: InFlight,
}

impl Toss {
    /// Opens the books and is ready to be [`start`](crate::start)ed.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself (`InvalidInput`), or the books cannot be read.
    pub fn new(config: TossConfig, clock: SandboxClock) -> io::Result<Self> {
        config.check().map_err(|message| io::Error::new(io::ErrorKind::InvalidInput, message))?;
        let books = Books::open(config.books.clone())?;
        let keys = SecretKeys::of(&config.keys);
        Ok(Self { config, clock, books, keys, in_flight: InFlight::default() })
    }

    /// The merchant's key pair with this client key.
    pub(super) fn pair_of(&self, client_key: &str) -> Option<&KeyPair> {
        self.config.keys.iter().find(|pair| pair.client_key == client_key)
    }

    /// The key pair of a client key, else the first configured.
    pub(super) fn pair_or_first(&self, client_key: Option<&str>) -> Result<&KeyPair, ControlError> {
        let invalid = |message| ControlError::new(ControlErrorCode::InvalidRequest, message);
        match client_key {
            Some(client_key) => self.pair_of(client_key).ok_or_else(|| invalid("INVALID_CLIENT_KEY")),
            None => self.config.keys.first().ok_or_else(|| invalid("no key pair is configured")),
        }
    }

    /// The way a webhook shows payments of `row`'s key pair.
    fn webhook_view(&self, row: &Row) -> View<'_> {
        View {
            mid: &self.config.mid,
            version: self.pair_of(&row.client_key).map_or(ApiVersion::default(), |pair| pair.api_version),
            language: Language::Korean,
            now_ms: self.clock.now_ms(),
            base_url: REAL_BASE_URL,
            with_secret: false,
        }
    }

    /// Tells the merchant of a payment's new status.
    pub(super) fn tell_of_change(&self, row: &Row, outbox: &mut Outbox) {
        events::status_changed(row, &self.webhook_view(row).payment(row), self.clock.now_ms(), outbox);
    }
}
