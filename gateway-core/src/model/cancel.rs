//! Money going back out of one charge, and the close of an unpaid account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    BankCode, CancelId, Dispatch, Failure, FailureReason, LastResponse, Money, ReviewReason, Secret,
};

/// Who wanted a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelOrigin {
    /// The merchant, through our API.
    Merchant,
    /// We: one of the four reasons of [`CompensationReason`] holds.
    Compensation,
    /// Someone at the PG: in its console, or by another system.
    Pg,
    /// The card company took it back for the buyer.
    Chargeback,
}

impl CancelOrigin {
    /// The word in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Compensation => "compensation",
            Self::Pg => "pg",
            Self::Chargeback => "chargeback",
        }
    }
}

/// Why we give money back by ourselves. There is no other reason; everything else is a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompensationReason {
    /// It was never accepted and is another amount than was registered.
    WrongAmount,
    /// The merchant had closed the payment when it came.
    Closed,
    /// The merchant registered the order again, and the new payment holds or may hold money.
    Superseded,
    /// It came after the deadline, and the merchant's policy is to cancel late payments.
    Late,
    /// Another charge of the order took the money.
    Duplicate,
}

impl CompensationReason {
    /// The word in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongAmount => "wrong_amount",
            Self::Closed => "closed",
            Self::Superseded => "superseded",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
        }
    }

    /// The reason in the words that are sent to the PG.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::WrongAmount => "the payment does not match the order",
            Self::Closed => "the order was closed",
            Self::Superseded => "the order was registered again",
            Self::Late => "the payment came too late",
            Self::Duplicate => "the order is paid already",
        }
    }
}

/// Where a cancel or a close stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

    /// Whether its outcome is open, so that no other cancel of the same charge may go out. A pending refund was
    /// accepted and blocks nothing.
    #[must_use]
    pub const fn is_unresolved(self) -> bool {
        // `Requested` too: it is committed, and a worker may send it at any moment.
        matches!(self, Self::Requested | Self::Sent | Self::Unknown)
    }

    /// Whether a request went out whose effect is not known.
    #[must_use]
    pub const fn is_uncertain(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown)
    }
}

/// Where a refund of a deposit goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAccount {
    bank_code: String,
    /// Digits only.
    pub account_number: Secret,
    /// In whose name the account is.
    pub holder_name: Secret,
}

impl RefundAccount {
    /// An account at this bank.
    #[must_use]
    pub fn new(bank: BankCode, account_number: Secret, holder_name: Secret) -> Self {
        Self { bank_code: bank.as_str().to_owned(), account_number, holder_name }
    }

    /// The bank's code. It is a [`BankCode`], except in a cancel that a build before those stored: there it may be as
    /// the PG writes it, and stays so, for a repeat has to be the same request.
    #[must_use]
    pub fn bank_code(&self) -> &str {
        &self.bank_code
    }
}

/// The idempotency key under which a merchant asked for a cancel. Kept with the cancel for ever: the same key must
/// never refund a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelKey {
    /// The key, as the merchant sent it.
    pub key: String,
    /// A digest of method, path and body.
    pub digest: String,
}

/// Money going back out of one charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Our name for it; it travels to the PG in the reason.
    pub id: CancelId,
    /// Who wanted it.
    pub origin: CancelOrigin,
    /// Why we made it, for a compensation.
    pub compensates: Option<CompensationReason>,
    /// Where it stands.
    pub status: CancelStatus,
    /// Why it waits for a person: it is not sent until an operator decides.
    pub held: Option<ReviewReason>,
    /// Whether it takes all that is left: then the PG is sent no amount.
    pub is_whole: bool,
    /// How much, in the PG's own counting.
    pub amount: Money,
    /// The part of the amount that is free of VAT.
    pub tax_free_amount: Option<Money>,
    /// The VAT in the amount, where the merchant fixes it.
    pub vat_amount: Option<Money>,
    /// What could be cancelled before this one, in the PG's own counting; sent along, so that the PG refuses if it
    /// is otherwise.
    pub cancellable_before: Money,
    /// When the PG first showed that it could not pay it out.
    pub failed_at: Option<Timestamp>,
    /// Why, in the words of the one who asked for it.
    pub reason: String,
    /// Where the money goes, for a paid virtual account.
    pub refund_account: Option<RefundAccount>,
    /// The request, from the moment it was to be sent.
    pub dispatch: Option<Dispatch>,
    /// The PG's own name for the cancel.
    pub pg_cancel_id: Option<String>,
    /// Why it was refused, or what the PG said last.
    pub failure: Option<Failure>,
    /// The merchant's key.
    pub key: Option<CancelKey>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Cancel {
    /// Ends the cancel as not done.
    pub fn refuse(&mut self, failure: Failure) {
        self.status = CancelStatus::Refused;
        self.failure = Some(failure);
    }

    /// Whether the PG took the refund and then could not pay it out.
    #[must_use]
    pub fn is_failed_refund(&self) -> bool {
        let failure = self.failure.as_ref();
        self.status == CancelStatus::Refused
            && failure.is_some_and(|failure| failure.reason == FailureReason::RefundFailed)
    }

    /// Whether money that must go back was refused for the account that the merchant named: a typo, most likely.
    pub(crate) fn needs_another_account(&self, failure: &Failure) -> bool {
        failure.reason == FailureReason::InvalidRefundAccount && self.compensates.is_some()
    }

    /// Whether it waits for the buyer's account, which the merchant names by taking it over.
    pub(crate) fn waits_for_account(&self) -> bool {
        self.held == Some(ReviewReason::CompensationNeedsAccount) && self.status.is_unresolved()
    }

    /// None of its sends was done, and it waits for another account. Its next send takes the next key, for a PG may repeat its
    /// decline.
    pub(crate) fn wait_for_account(&mut self, failure: Failure) {
        self.status = CancelStatus::Requested;
        self.held = Some(ReviewReason::CompensationNeedsAccount);
        self.refund_account = None;
        self.failure = Some(failure);
        if let Some(sent) = &mut self.dispatch {
            // The row is sent again for another account. Its errors are counted from zero, and nothing of the sends
            // before is open.
            sent.last_response = LastResponse::Error;
            (sent.unanswered_at, sent.had_unknown, sent.error_count) = (None, false, 0);
        }
    }

    /// Whether an operator has to say what became of it once its account is retired. What is held waits for a
    /// person already.
    pub(crate) fn is_open_to(&self, can_ask: bool) -> bool {
        let is_sent_or_to_be = self.status.is_unresolved() && self.held.is_none();
        // A refund that the PG still pays out ends by itself, if the PG can be asked how it went.
        is_sent_or_to_be || (self.status == CancelStatus::Pending && !can_ask)
    }
}

/// The close of an unpaid payment: no money moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// Our name for it.
    pub id: CancelId,
    /// Who wanted it: the merchant, or we (nobody should pay into the account any more).
    pub origin: CancelOrigin,
    /// Where it stands.
    pub status: CancelStatus,
    /// Why, in the words of the one who asked for it.
    pub reason: String,
    /// The request to the PG, from the moment it was to be sent; none where no account was issued.
    pub dispatch: Option<Dispatch>,
    /// Why it was refused.
    pub failure: Option<Failure>,
    /// The merchant's key.
    pub key: Option<CancelKey>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Close {
    /// Ends the close as not done.
    pub fn refuse(&mut self, failure: Failure) {
        self.status = CancelStatus::Refused;
        self.failure = Some(failure);
    }

    /// Whether the merchant closed with it what it names.
    pub(crate) fn is_done_by_merchant(&self) -> bool {
        // Our own close is of an account that has lost the role, and not of the order.
        self.status == CancelStatus::Done && self.origin == CancelOrigin::Merchant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refund_account_of_an_older_build_stays_as_it_was_stored() {
        for code in ["004", "88", "S3"] {
            let json = format!(r#"{{"bank_code":"{code}","account_number":"1","holder_name":"홍길동"}}"#);
            let account: RefundAccount = serde_json::from_str(&json).unwrap();
            assert_eq!(account.bank_code(), code);
            assert_eq!(serde_json::to_string(&account).unwrap(), json);
        }
    }
}
