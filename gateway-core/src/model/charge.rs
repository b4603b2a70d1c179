//! One payment at the PG, as we keep it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Cancel, CancelId, CancelStatus, ChargeId, Close, CompensationReason, Currency, Dispatch, FailureReason,
    Misfit, Money, Outcome, PgCancelStatus, PgPaymentId, PgStatus, Secret, Snapshot, SnapshotCancel,
};

/// One payment *at the PG* under one of our order ids. Two tabs make two.
///
/// Whether it is a candidate, a duplicate, mismatched or ended is read off these fields each time; only *accepted*
/// is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Our name for it.
    pub id: ChargeId,
    /// The attempt whose order id it carries.
    pub attempt: u16,
    /// The PG's name; absent until an answer holds it.
    pub pg_payment_id: Option<PgPaymentId>,
    /// What the browser brought back about it.
    pub claim: Option<Claim>,
    /// The confirm, from the moment it was to be sent.
    pub confirm: Option<Dispatch>,
    /// What the PG last showed of it.
    pub snapshot: Option<Snapshot>,
    /// When the look-up behind `snapshot` was asked.
    pub asked_at: Option<Timestamp>,
    /// What proves its webhooks, where only the confirm's answer has it.
    pub webhook_secret: Option<Secret>,
    /// Whether this is the charge that pays the order. At most one per payment, at most one payment per PG id.
    pub accepted: bool,
    /// Whether its money came in time, decided once: in the commit that first saw the money.
    pub timing: Option<Timing>,
    /// Why its money does not pay the order, decided in the same commit; `None` while it does or may.
    pub misfit: Option<Misfit>,
    /// When the first look-up was asked that showed less than was shown before. It is believed the second time.
    pub less_seen_at: Option<Timestamp>,
    /// When the first look-up was asked in which it should have been and was not.
    pub not_found_since: Option<Timestamp>,
    /// When the PG ended it without money, or the answer to its confirm was definite.
    pub ended_at: Option<Timestamp>,
    /// Money that went back out of it, oldest first.
    pub cancels: Vec<Cancel>,
    /// Closes of its unpaid account, oldest first.
    pub closes: Vec<Close>,
    /// When we first knew of it.
    pub created_at: Timestamp,
}

/// What the browser brought back about a charge. Untrusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// When it was first committed.
    pub at: Timestamp,
    /// What the PG wants to see again in the confirm, beside its id.
    pub state: Option<Secret>,
    /// Whether it named no PG id: then claims with the same state are the same.
    pub is_unnamed: bool,
    /// Where money moves before confirm: no look-up has shown or denied it yet.
    pub is_open: bool,
}

/// Whether money came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Before the deadline in force, or at a time that the PG does not say.
    InTime,
    /// After it.
    Late,
}

/// What a charge is to its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeRole {
    /// It may pay the order yet.
    Candidate,
    /// It pays the order.
    Accepted,
    /// It took money beside the accepted one, or of an order that has another payment.
    Duplicate,
    /// It carries our order id and does not fit.
    Mismatched,
    /// Its money came too late and goes back.
    Late,
    /// It came to nothing.
    Ended,
}

impl ChargeRole {
    /// The word in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Mismatched => "mismatched",
            Self::Late => "late",
            Self::Ended => "ended",
        }
    }
}

impl Charge {
    /// A charge that was just learned of.
    #[must_use]
    pub const fn new(id: ChargeId, attempt: u16, pg_payment_id: Option<PgPaymentId>, now: Timestamp) -> Self {
        Self {
            id,
            attempt,
            pg_payment_id,
            claim: None,
            confirm: None,
            snapshot: None,
            asked_at: None,
            webhook_secret: None,
            accepted: false,
            timing: None,
            misfit: None,
            less_seen_at: None,
            not_found_since: None,
            ended_at: None,
            cancels: Vec::new(),
            closes: Vec::new(),
            created_at: now,
        }
    }

    /// Whether the PG shows money that came in, however much went back.
    #[must_use]
    pub fn has_money(&self) -> bool {
        // By the amount, whatever the PG calls the state of it.
        self.snapshot.as_ref().is_some_and(|snapshot| !snapshot.paid.is_zero())
    }

    /// Whether the buyer disputes its money at the card company, as far as the PG says.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        let says_so = |snapshot: &Snapshot| snapshot.disputed == Some(true);
        self.has_money() && self.snapshot.as_ref().is_some_and(says_so)
    }

    /// Whether the PG shows an account that waits for its deposit.
    #[must_use]
    pub fn awaits_deposit(&self) -> bool {
        self.snapshot
            .as_ref()
            .is_some_and(|snapshot| snapshot.status == PgStatus::AwaitingDeposit && snapshot.paid.is_zero())
    }

    /// Whether money may have moved without our knowing: a confirm without a definite answer, or one that the PG
    /// says it took while nothing shows yet.
    #[must_use]
    pub fn is_unresolved(&self) -> bool {
        let Some(confirm) = &self.confirm else { return false };
        match confirm.outcome() {
            None => true,
            // The PG said that it took the money. Until a look-up shows that, its absence means nothing.
            Some(Outcome::Done) => !self.snapshot.as_ref().is_some_and(Snapshot::shows_outcome),
            // It ended with an answer that speaks for every send, so nothing of it can be executed any more.
            Some(Outcome::Declined(_) | Outcome::NotDone(_)) => false,
        }
    }

    /// Whether a browser says that there is more to be seen than the PG has shown.
    pub(crate) fn has_open_claim(&self) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.is_open)
    }

    /// Whether the PG refused it: in answer to the confirm, or as it shows it.
    #[must_use]
    pub fn is_declined(&self) -> bool {
        let confirm = self.confirm.as_ref().and_then(Dispatch::outcome);
        matches!(confirm, Some(Outcome::Declined(_)))
            || self.snapshot.as_ref().is_some_and(|snapshot| snapshot.status == PgStatus::Failed)
    }

    /// Whether it came to a definite end, with money or without.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        let confirm = self.confirm.as_ref().and_then(Dispatch::outcome);
        matches!(confirm, Some(Outcome::Declined(_) | Outcome::NotDone(_)))
            || self.snapshot.as_ref().is_some_and(Snapshot::shows_outcome)
    }

    /// A cancel with an unknown outcome: it blocks others of this charge.
    #[must_use]
    pub fn unresolved_cancel(&self) -> Option<&Cancel> {
        // What is held is not on its way, so it blocks nothing.
        self.cancels.iter().find(|cancel| cancel.status.is_unresolved() && cancel.held.is_none())
    }

    /// A close with an unknown outcome.
    #[must_use]
    pub fn unresolved_close(&self) -> Option<&Close> {
        self.closes.iter().find(|close| close.status.is_unresolved())
    }

    /// What can still be cancelled, in the PG's own counting: what it shows, less what is on its way and does not
    /// show there yet.
    #[must_use]
    pub fn cancellable(&self) -> Option<Money> {
        let snapshot = self.snapshot.as_ref().filter(|snapshot| !snapshot.paid.is_zero())?;
        let is_open = |cancel: &&Cancel| cancel.status.is_unresolved() && cancel.held.is_none();
        // Each of these may be done already. Counted as still there, its money would be given back a second
        // time.
        let open = self.cancels.iter().filter(is_open).map(|cancel| cancel.amount);
        let left = open.fold(snapshot.cancellable, Money::saturating_sub);
        Some(left.saturating_sub(self.answered_and_not_shown(snapshot)))
    }

    /// What the PG said that it gave back, or will, and holds neither in its list nor in its sum: the snapshot may be from
    /// before, or the PG lists a refund only when it is paid out.
    pub(crate) fn answered_and_not_shown(&self, snapshot: &Snapshot) -> Money {
        let is_expected = |cancel: &&Cancel| {
            matches!(cancel.status, CancelStatus::Done | CancelStatus::Pending)
                && !snapshot.shows_cancel(cancel)
        };
        let currency = snapshot.paid.currency();
        let answered = sum(currency, self.cancels.iter().filter(is_expected).map(|cancel| cancel.amount));
        let listed = sum(currency, listed_amounts(snapshot));
        // What is in the PG's sum and in no row of its list may be one of these: a list can be shorter than
        // its sum. Counted twice, it would keep the merchant from money that is still there.
        answered.saturating_sub(snapshot.cancelled.saturating_sub(listed))
    }

    /// What is in the PG's sum of what went back and is not known from its list and its answers: an open cancel of ours may be
    /// in there, also where no list shows it.
    pub(crate) fn unexplained(&self, snapshot: &Snapshot) -> Money {
        // One that was only accepted may be in the sum or not, so it explains nothing before it is listed.
        let is_done = |cancel: &&Cancel| cancel.status == CancelStatus::Done;
        let is_listed = |cancel: &&Cancel| snapshot.shows_cancel(cancel);
        let known = self.cancels.iter().filter(|row| is_done(row) || is_listed(row));
        let unlisted = self.cancels.iter().filter(|row| is_done(row) && !is_listed(row));
        let currency = snapshot.paid.currency();
        let known = sum(currency, known.map(|row| row.amount));
        // Two that look the same in the list are one row.
        let listed = sum(currency, listed_amounts(snapshot).chain(unlisted.map(|row| row.amount)));
        snapshot.cancelled.saturating_sub(if listed.amount() > known.amount() { listed } else { known })
    }

    /// What its cancels in a state come to, in the PG's own counting.
    pub(crate) fn sum_of(&self, status: CancelStatus) -> u64 {
        let rows = self.cancels.iter().filter(|cancel| cancel.status == status);
        rows.fold(0, |sum, cancel| sum.saturating_add(cancel.amount.amount()))
    }

    /// The newest compensation of this charge, if one was ever made.
    #[must_use]
    pub fn compensation(&self) -> Option<&Cancel> {
        self.cancels.iter().rev().find(|cancel| cancel.compensates.is_some())
    }

    /// What it is to its payment.
    #[must_use]
    pub fn role(&self) -> ChargeRole {
        match self.misfit {
            // Stored, so it goes before what is read off.
            _ if self.accepted => ChargeRole::Accepted,
            Some(Misfit::Mismatch) => ChargeRole::Mismatched,
            Some(Misfit::Duplicate) => ChargeRole::Duplicate,
            Some(Misfit::Late) => ChargeRole::Late,
            None if self.is_definite() => ChargeRole::Ended,
            None => ChargeRole::Candidate,
        }
    }

    /// One of its cancels.
    #[must_use]
    pub fn cancel(&self, id: &CancelId) -> Option<&Cancel> {
        self.cancels.iter().find(|cancel| cancel.id == *id)
    }

    /// One of its closes.
    #[must_use]
    pub fn close(&self, id: &CancelId) -> Option<&Close> {
        self.closes.iter().find(|close| close.id == *id)
    }

    /// Whether it was decided what the money that is there is to this payment.
    pub(crate) fn is_judged(&self) -> bool {
        self.has_money() && self.timing.is_some()
    }

    /// Whether a person was asked what is to become of its money. A wrong amount does not match either, and goes back.
    pub(crate) fn is_set_aside(&self) -> bool {
        let wrong_amount = Some(CompensationReason::WrongAmount);
        let goes_back = self.compensation().is_some_and(|row| row.compensates == wrong_amount);
        self.misfit == Some(Misfit::Mismatch) && !goes_back
    }

    /// Whether the PG shows a payment that failed because the buyer closed its window: nothing was asked for and nothing ever
    /// came in. A text alone never makes it so.
    pub(crate) fn is_closed_window(&self) -> bool {
        let is_closed = |shown: &Snapshot| {
            let reason = shown.failure.as_ref().map(|failure| failure.reason);
            shown.status == PgStatus::Failed
                && shown.paid.is_zero()
                && reason == Some(FailureReason::BuyerClosed)
        };
        self.confirm.is_none() && !self.was_paid() && self.snapshot.as_ref().is_some_and(is_closed)
    }

    /// Whether it held money or paid the order before, whatever the PG shows now.
    pub(crate) const fn was_paid(&self) -> bool {
        self.accepted || self.timing.is_some()
    }

    /// Whether the PG itself waits for the outcome.
    pub(crate) fn is_pending_at_pg(&self) -> bool {
        let pending = |snapshot: &Snapshot| snapshot.status == PgStatus::Pending && snapshot.paid.is_zero();
        self.snapshot.as_ref().is_some_and(pending)
    }

    /// Whether its money waits until the clock can be believed: what is late is decided then, and may go back.
    pub(crate) fn is_undecided(&self) -> bool {
        // Late or in time is decided once. A wrong clock could call it late, and the money would go back.
        self.has_money() && self.timing.is_none() && self.misfit.is_none()
    }

    /// Since when nobody knows whether this charge took money.
    pub(crate) fn unknown_since(&self) -> Option<Timestamp> {
        let confirm =
            self.confirm.as_ref().filter(|sent| sent.outcome().is_none() || self.is_pending_at_pg());
        let claim = self.claim.as_ref().filter(|claim| claim.is_open || self.is_pending_at_pg());
        // The first send: if each repeat restarted the week, no person would ever be asked.
        confirm.map(|sent| sent.first_sent_at).or_else(|| claim.map(|claim| claim.at))
    }

    /// Whether money may have moved at this charge without our knowing.
    pub(crate) fn is_uncertain(&self) -> bool {
        self.is_unresolved()
            || self.is_pending_at_pg()
            || self.has_open_claim()
            || self.cancels.iter().any(|cancel| cancel.status.is_uncertain())
            || self.closes.iter().any(|close| close.status.is_uncertain())
    }

    /// Whether an operator has to say what became of its money once its account is retired: what the PG can be asked about it shows
    /// by itself.
    pub(crate) fn is_open_to(&self, can_ask: bool) -> bool {
        // What the PG will show without our sending anything needs a person only where nobody can ask it.
        let is_the_pgs = self.is_pending_at_pg() || self.awaits_deposit() || self.has_open_claim();
        self.is_unresolved() || (is_the_pgs && !can_ask)
    }

    /// How it is looked up: by its PG id where that is known, else by its order id.
    #[must_use]
    pub fn subject(&self) -> LookUpSubject {
        match &self.pg_payment_id {
            // By its id where there is one: some PGs answer a question about an order with its newest payment
            // alone.
            Some(id) => LookUpSubject::Charge { attempt: self.attempt, pg_payment_id: id.clone() },
            None => LookUpSubject::Attempt(self.attempt),
        }
    }
}

/// What a look-up is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookUpSubject {
    /// Everything under the order id of an attempt, by its number.
    Attempt(u16),
    /// One charge, by its PG id. It may be one that no record of ours names yet.
    Charge {
        /// The attempt whose order id it carries, or is said to carry.
        attempt: u16,
        /// The PG's id.
        pg_payment_id: PgPaymentId,
    },
}

/// What the PG lists as gone or on its way.
fn listed_amounts(snapshot: &Snapshot) -> impl Iterator<Item = Money> {
    let counts = |theirs: &&SnapshotCancel| theirs.status != PgCancelStatus::Failed;
    snapshot.cancels.iter().flatten().filter(counts).map(|theirs| theirs.amount)
}

/// The sum, without what is in another currency.
fn sum(currency: Currency, amounts: impl Iterator<Item = Money>) -> Money {
    amounts.fold(Money::zero(currency), |sum, amount| sum.checked_add(amount).unwrap_or(sum))
}
