//! What the fake PG was asked.

use jiff::Timestamp;

use crate::provider::CancelScope;

/// What a PG can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    Request,
    Confirm,
    Verify,
    Cancel,
    Page,
    Time,
}

/// A call the fake received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) op: Op,
    pub(crate) at: Timestamp,
    pub(crate) credential: String,
    pub(crate) key: Option<String>,
    pub(crate) order_id: Option<String>,
    pub(crate) pg_id: Option<String>,
    pub(crate) scope: Option<CancelScope>,
}
