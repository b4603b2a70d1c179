//! What only a person can settle, and how it was settled.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::CancelId;

/// What a case is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseSubject {
    /// The confirm of an attempt, by the attempt's number.
    Confirm(u16),
    /// A cancel.
    Cancel(CancelId),
}

/// Why a person is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// The PG was asked for the money a week ago and has never said whether it took it.
    UnknownConfirm,
    /// A cancel was sent, or was to be sent, a week ago and its outcome is not known.
    UnknownCancel,
    /// Money must go back and the PG refused: it is still with the merchant.
    RefusedCompensation,
    /// The PG took a refund of a deposit and could not pay it out: the buyer has not got the money.
    FailedRefund,
}

impl CaseKind {
    /// The word in the API: `unknown_confirm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownConfirm => "unknown_confirm",
            Self::UnknownCancel => "unknown_cancel",
            Self::RefusedCompensation => "refused_compensation",
            Self::FailedRefund => "failed_refund",
        }
    }

    /// What the person is to find out and do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::UnknownConfirm => {
                "Look the payment up in the PG's own console. Close as done if the money was taken, as not_done if it was not."
            }
            Self::UnknownCancel => {
                "Look the payment up in the PG's own console. Close as done if this cancel is in its list, as not_done if it is not."
            }
            Self::RefusedCompensation => {
                "Give this PG payment's money back in the PG's own console, or by bank transfer. Where the payment itself shows \
                 the amount as cancellable, cancelling it through the API, for a deposit with a refund_account, does it too. \
                 Close as done when the buyer has it, as not_done if it is to be kept."
            }
            Self::FailedRefund => {
                "Ask the buyer for another account and cancel again with it as refund_account, or pay by bank transfer. \
                 Close as done when the buyer has the money, as not_done if it is to be kept."
            }
        }
    }
}

/// What a person found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// It was done: the money was taken, or was given back.
    Done,
    /// It was not done.
    NotDone,
}

impl CaseOutcome {
    /// The word in the API: `not_done`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not_done",
        }
    }
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum CaseClosing {
    /// The PG told after all, or it was made good: nobody had to decide.
    Settled {
        /// When.
        at: Timestamp,
    },
    /// A person decided.
    Decided {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// What they found out.
        outcome: CaseOutcome,
        /// Why they are sure, in their words.
        reason: String,
    },
}

/// Something only a person can settle. Kept with its payment for good: it is the record of who decided what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Counted from 1 within the payment.
    pub number: u16,
    /// What it is about.
    pub about: CaseSubject,
    /// Why a person is needed.
    pub kind: CaseKind,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// How it ended; `None` while it is open.
    pub closing: Option<CaseClosing>,
}

impl Case {
    /// Whether nobody has settled it yet.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closing.is_none()
    }
}
