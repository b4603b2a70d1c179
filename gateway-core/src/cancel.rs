//! Money given back, as we keep it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CancelId, Failure, Money, PgPaymentId, Secret, Sending};

/// Who wanted a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelOrigin {
    /// The merchant, through our API.
    Merchant,
    /// We: the money did not match, was a second payment, or came too late.
    Compensation,
    /// Somebody at the PG: its console, or another system.
    Pg,
}

impl CancelOrigin {
    /// The word in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Compensation => "compensation",
            Self::Pg => "pg",
        }
    }
}

/// Where a cancel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelStatus {
    /// To be sent.
    Requested,
    /// Sent; no answer yet.
    Sent,
    /// The PG did it.
    Done,
    /// The PG accepted it; the money is still under way.
    Pending,
    /// The PG refused, or nothing was sent: no money moved.
    Refused,
    /// Sent, and no definite answer came.
    Unknown,
}

impl CancelStatus {
    /// The word in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Pending => "pending",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// Whether its outcome is open, so that no other cancel may go out.
    #[must_use]
    pub const fn is_unsettled(self) -> bool {
        matches!(self, Self::Requested | Self::Sent | Self::Unknown)
    }
}

/// What a cancel takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelScope {
    /// Everything that is left.
    All,
    /// A part.
    Part,
    /// No money: an unpaid account is closed.
    Close,
}

/// Where a refund of a deposit goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAccount {
    /// The bank, by its [standard code](crate::standard_bank_code), or as the PG writes it.
    pub bank_code: String,
    /// Digits only.
    pub account_number: Secret,
    /// In whose name the account is.
    pub holder_name: Secret,
}

/// One cancel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Our name for it; it travels to the PG in the reason.
    pub id: CancelId,
    /// Who wanted it.
    pub origin: CancelOrigin,
    /// Where it stands.
    pub status: CancelStatus,
    /// The PG payment it is of; `None` only for a close that needs no PG.
    pub pg_id: Option<PgPaymentId>,
    /// The attempt that PG payment belongs to.
    pub attempt: Option<u16>,
    /// All, part, or a close.
    pub scope: CancelScope,
    /// How much; for a close, what the account waited for.
    pub amount: Money,
    /// The part of the amount that is free of VAT.
    pub tax_free_amount: Option<Money>,
    /// What could be cancelled before this one, sent along so that the PG refuses if it is otherwise.
    pub guard: Money,
    /// Why, in the words of whoever wanted it.
    pub reason: String,
    /// Where the money goes, for a paid virtual account.
    pub refund_account: Option<RefundAccount>,
    /// The request, from the moment it was to be sent.
    pub sending: Option<Sending>,
    /// The PG's own name for the cancel.
    pub pg_cancel_id: Option<String>,
    /// Why it was refused.
    pub failure: Option<Failure>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Cancel {
    /// Whether it counts against what can still be cancelled of `pg_id`.
    #[must_use]
    pub fn takes_from(&self, pg_id: &PgPaymentId) -> bool {
        self.pg_id.as_ref() == Some(pg_id)
            && self.scope != CancelScope::Close
            && self.status != CancelStatus::Refused
    }
}
