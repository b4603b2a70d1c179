//! What only a person can decide, and how it was decided.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{CancelId, ChargeId};

/// Why a person is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReviewReason {
    /// The PG was asked for the money a week ago and has never said whether it took it.
    UnknownConfirm,
    /// A cancel was sent, or was to be sent, a week ago and its outcome is not known.
    UnknownCancel,
    /// A close was sent a week ago and its outcome is not known.
    UnknownClose,
    /// The PG answered that it took the money, and shows no such payment.
    TakenNotShown,
    /// A week after the deadline the PG, which takes money alone, has not shown all that there is under the order.
    OrderNotShown,
    /// Money must go back and the PG refused: it is still with the merchant.
    CompensationRefused,
    /// Money must go back to a deposit's owner, whose account nobody has.
    CompensationNeedsAccount,
    /// Money was to go back, and right before it was sent the reason did not hold any more.
    CompensationHeld,
    /// The PG took a refund of a deposit and could not pay it out: the buyer has not got the money.
    FailedRefund,
    /// Money that pays the order shows as less than before, or does not match any more. Nothing was sent.
    AcceptedChanged,
    /// A payment that the PG showed before is not in its complete answer any more.
    ChargeVanished,
    /// Money came under our order id with a discount, in another mode or in another currency, and does not match; or it must
    /// go back, and the PG lets nobody cancel it. Nothing was accepted and nothing goes back by itself.
    MismatchNotCancelled,
    /// The order was registered again, then an earlier payment was found to hold money. That one was kept; the new one was
    /// closed, unless the order was its own by then.
    OlderPaymentKept,
    /// Money has to be asked for or given back on an account that is retired.
    AccountRetired,
}

impl ReviewReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::UnknownConfirm,
        Self::UnknownCancel,
        Self::UnknownClose,
        Self::TakenNotShown,
        Self::OrderNotShown,
        Self::CompensationRefused,
        Self::CompensationNeedsAccount,
        Self::CompensationHeld,
        Self::FailedRefund,
        Self::AcceptedChanged,
        Self::ChargeVanished,
        Self::MismatchNotCancelled,
        Self::OlderPaymentKept,
        Self::AccountRetired,
    ];

    /// The word in the API: `unknown_confirm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownConfirm => "unknown_confirm",
            Self::UnknownCancel => "unknown_cancel",
            Self::UnknownClose => "unknown_close",
            Self::TakenNotShown => "taken_not_shown",
            Self::OrderNotShown => "order_not_shown",
            Self::CompensationRefused => "compensation_refused",
            Self::CompensationNeedsAccount => "compensation_needs_account",
            Self::CompensationHeld => "compensation_held",
            Self::FailedRefund => "failed_refund",
            Self::AcceptedChanged => "accepted_changed",
            Self::ChargeVanished => "charge_vanished",
            Self::MismatchNotCancelled => "mismatch_not_cancelled",
            Self::OlderPaymentKept => "older_payment_kept",
            Self::AccountRetired => "account_retired",
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
                "The PG never said what became of this cancel, said something that may mean that it does it later, or does not show it any \
                 more. Look the payment up in its own console. Where it may be done later, ask the PG: its console shows nothing of \
                 it until then. Close as done if the money went back and stays there, or surely will; as not_done if not: it may be asked \
                 for again."
            }
            Self::UnknownClose => {
                "Look the virtual account up in the PG's own console. Close as done if it is closed, as not_done if it is not."
            }
            Self::TakenNotShown => {
                "The PG said that it took the money and does not show the payment. Ask the PG. Close as done if the money was taken, \
                 as not_done if it was not."
            }
            Self::OrderNotShown => {
                "The PG cannot show all that is under this order id. Search for it in the PG's own console. If somebody paid, confirm the \
                 payment through the API with the PG's id of it, and this closes by itself. Close as not_done if nobody did."
            }
            Self::CompensationRefused => {
                "Give this PG payment's money back in the PG's own console, or by bank transfer. \
                 Close as done when the buyer has it, as not_done if it is to be kept."
            }
            Self::CompensationNeedsAccount => {
                "Ask the buyer for an account and cancel through the API with this cancel_id and the account as refund_account, or \
                 pay by bank transfer. Close as done when the buyer has the money, as not_done if it is to be kept."
            }
            Self::CompensationHeld => {
                "Compare the charges of the payment in the PG's own console: one of them was cancelled or changed meanwhile. Give back \
                 by hand what the buyer paid too much. Close as done when the buyer has it, as not_done if nothing is to go back."
            }
            Self::FailedRefund => {
                "Look in the PG's own console first whether it was given back again. If not, and it was money of the order: ask the buyer for \
                 another account and cancel again with it as refund_account. If it was a compensation, give it back in the console or by bank \
                 transfer: a cancel through the API gives back what pays the order. Close as done when the buyer has the money, as not_done if \
                 it is to be kept."
            }
            Self::AcceptedChanged => {
                "The PG shows less money or another amount for a paid order. Nothing was cancelled by Paymux. Ask the PG what happened, \
                 and stop the delivery if the money is gone. Close as done when you know."
            }
            Self::ChargeVanished => {
                "The PG does not show a payment any more that it showed before. Ask the PG. Close as done when you know."
            }
            Self::MismatchNotCancelled => {
                "Money came that does not match the order, or that the PG does not let us give back in full: compare its amount, discount, \
                 mode (test or live) and currency, and look whether the order was closed or is paid by other money. Closed as done it pays the \
                 order as it is, and the merchant ships. If it is not to, give it back in the PG's own console or by bank transfer and close as \
                 not_done."
            }
            Self::OlderPaymentKept => {
                "The order was registered again, and then an earlier payment of it turned out to be paid. It was kept. The new one was \
                 closed, unless it held the order already. Check every payment of the order and what is delivered. Close as done."
            }
            Self::AccountRetired => {
                "Money has to move on an account that is retired, or may have come there unseen. Look at the payment in the PG's own console \
                 first: somebody may have done it. Do what was asked for there, and close as done: it is never sent then. Or leave this open, \
                 make the account active again, and have the request repeated. Close as not_done if it is not to be done."
            }
        }
    }
}

/// What a person found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewOutcome {
    /// It was done: the money was taken, or was given back.
    Done,
    /// It was not done.
    NotDone,
}

impl ReviewOutcome {
    /// The word in the API: `not_done`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not_done",
        }
    }
}

/// What a review is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewSubject {
    /// The payment as a whole.
    Payment,
    /// An attempt of it, by its number.
    Attempt(u16),
    /// A charge of it.
    Charge(ChargeId),
    /// A cancel or close of it.
    Cancel(CancelId),
}

/// How a review ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum ReviewClosing {
    /// The PG showed the answer after all, or it was made good: nobody had to decide.
    Resolved {
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
        outcome: ReviewOutcome,
        /// Why they are sure, in their words.
        reason: String,
    },
}

/// Something only a person can decide. Kept with its payment for good: it is the record of who decided what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Counted from 1 within the payment.
    pub number: u16,
    /// What it is about.
    pub about: ReviewSubject,
    /// Why a person is needed.
    pub reason: ReviewReason,
    /// What was asked for and not done because the account is retired: `to refund 7500 KRW (out of stock), key cancel-1`.
    pub asked_for: Option<String>,
    /// The idempotency key of that request. Once a person has done it, it moves nothing any more.
    pub key: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// How it ended; `None` while it is open.
    pub closing: Option<ReviewClosing>,
}

impl Review {
    /// Whether it waits for a person.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closing.is_none()
    }

    /// What a person decided, if one did.
    #[must_use]
    pub const fn decision(&self) -> Option<ReviewOutcome> {
        match &self.closing {
            Some(ReviewClosing::Decided { outcome, .. }) => Some(*outcome),
            // What the PG resolved nobody decided, so it must not bind anybody later.
            Some(ReviewClosing::Resolved { .. }) | None => None,
        }
    }
}
