//! What a simulated PortOne V1 works with: its configuration, clock, books and keys.

use std::{io, path::PathBuf};

use super::config::PortoneConfig;
use super::keys::ApiKeys;
use super::ledger::Ledger;
use super::webhook::Notice;
use crate::{Books, ControlError, ControlErrorCode, Outbox, SandboxClock};

/// One merchant's PortOne V1.
#[derive(Debug)]
pub struct PortoneSimulator {
    pub(super) config: PortoneConfig,
    pub(super) clock: SandboxClock,
    pub(super) books: Books<Ledger>,
    pub(super) keys: ApiKeys,
}

impl PortoneSimulator {
    /// Opens the books at `path`, or in memory without one.
    ///
    /// # Errors
    ///
    /// The file cannot be read or does not hold these books.
    pub fn open(config: PortoneConfig, clock: SandboxClock, path: Option<PathBuf>) -> io::Result<Self> {
        let keys = ApiKeys::of(&config);
        Ok(Self { config, clock, books: Books::open(path)?, keys })
    }

    /// UNIX seconds, the only time V1 knows.
    pub(super) fn now(&self) -> u64 {
        self.clock.now_ms() / 1_000
    }

    /// Refuses another merchant's code.
    pub(super) fn check_merchant(&self, code: Option<&str>) -> Result<(), ControlError> {
        if code.is_some_and(|code| code != self.config.merchant_code) {
            let message = "IMP.init was called with another merchant's code";
            return Err(ControlError::new(ControlErrorCode::InvalidRequest, message));
        }
        Ok(())
    }

    /// Sends a webhook, if there is one to send.
    pub(super) fn send(&self, notice: Option<Notice>, outbox: &mut Outbox) {
        if let Some(notice) = notice {
            let notice_urls = self.books.read(|ledger| ledger.notice_urls(&notice.imp_uid));
            outbox.push(notice.webhook(self.config.webhook_format, notice_urls));
        }
    }
}
