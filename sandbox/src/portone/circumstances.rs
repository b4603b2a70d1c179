//! What the answer of one call depends on besides the books and the request.

use super::config::PortoneConfig;
use super::keys::ApiKeys;
use super::ledger::View;

/// What the answer of one call depends on besides the books and the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    pub(super) config: &'a PortoneConfig,
    pub(super) keys: &'a ApiKeys,
    /// UNIX seconds.
    pub(super) now: u64,
    /// From which state of the books look-ups are answered.
    pub(super) view: View,
    /// Whether `find` shows another attempt than the one it should.
    pub(super) other_attempt: bool,
}
