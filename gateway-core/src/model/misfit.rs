//! Money that does not pay the order.

use serde::{Deserialize, Serialize};

/// Why money at the PG is not what pays the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfit {
    /// It does not match what was registered.
    Mismatch,
    /// It was paid beside the accepted charge, or for an order that has another payment.
    Duplicate,
    /// It came too late.
    Late,
}
