//! A payment record being changed, and the atomic change that comes of it.

use jiff::Timestamp;

use super::{Context, schedule::SCHEDULE};
use crate::{
    model::{
        CancelStatus, Charge, ChargeId, Dispatch, Failure, FailureReason, LastAttempt, LookUpSubject,
        Operation, PgPaymentId, Review, ReviewReason, ReviewSubject, Secret,
    },
    store::{OwedLookUp, PaymentRecord, Why},
};

/// A payment record being changed. Nothing of it is true before its change is committed.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) record: PaymentRecord,
    pub(super) before: PaymentRecord,
    /// The owed look-ups that this draft's answer covered.
    pub(super) answered: Vec<Answered>,
    /// The request that this draft commits to send.
    pub(super) sends: Option<Operation>,
    /// Whether a decision of this draft rests on the order's other payment.
    pub(crate) rests_on_sibling: bool,
    /// Whether the order's other payment, which holds nothing, has to give way to this one.
    pub(crate) sibling_yields: bool,
}

/// An owed look-up that an answer covered, and how many there were before it.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) of: LookUpSubject,
    pub(super) why: Why,
    pub(super) tries: u32,
}

impl Draft {
    pub(crate) fn of(record: PaymentRecord) -> Self {
        Self {
            before: record.clone(),
            record,
            answered: Vec::new(),
            sends: None,
            rests_on_sibling: false,
            sibling_yields: false,
        }
    }

    /// The record as it was read.
    pub(crate) const fn before(&self) -> &PaymentRecord {
        &self.before
    }

    /// The charges by id, to go through them while they change.
    pub(super) fn charge_ids(&self) -> Vec<ChargeId> {
        self.record.charges.iter().map(|charge| charge.id.clone()).collect()
    }

    /// The charge that a claim names: the one that is known, or a new one. Claims without a PG id are the same if their
    /// state is.
    pub(crate) fn charge_for_claim(
        &mut self,
        attempt: u16,
        pg_payment_id: Option<&PgPaymentId>,
        state: Option<&Secret>,
        context: &Context<'_>,
    ) -> ChargeId {
        // A page that is loaded again brings the same claim. As a second charge it would be confirmed too.
        let known =
            self.record.charge_of_claim(attempt, pg_payment_id, state).map(|charge| charge.id.clone());
        known.unwrap_or_else(|| self.add_charge(attempt, pg_payment_id.cloned(), context))
    }

    pub(super) fn add_charge(
        &mut self,
        attempt: u16,
        pg_payment_id: Option<PgPaymentId>,
        context: &Context<'_>,
    ) -> ChargeId {
        let id = context.ids.charge(context.now);
        self.record.charges.push(Charge::new(id.clone(), attempt, pg_payment_id, context.now));
        // Ids made in the same millisecond are in no order, and a store gives charges back by id.
        self.record.charges.sort_by(|one, other| one.id.cmp(&other.id));
        id
    }

    pub(super) fn change(&mut self, id: &ChargeId, change: impl FnOnce(&mut Charge)) {
        if let Some(charge) = self.record.charge_mut(id) {
            change(charge);
        }
    }

    /// Owes a look-up, unless the same is owed already.
    pub(crate) fn owe(&mut self, of: LookUpSubject, at: Timestamp, why: Why) {
        self.owe_again(of, at, why, 0);
    }

    pub(super) fn owe_again(&mut self, of: LookUpSubject, at: Timestamp, why: Why, tries: u32) {
        let owed = OwedLookUp { of, at, why, tries };
        if !self.record.checks.owed.contains(&owed) {
            self.record.checks.owed.push(owed);
        }
    }

    /// Whether the record owes such a look-up.
    pub(super) fn owes(&self, of: &LookUpSubject, why: Why) -> bool {
        self.record.checks.owed.iter().any(|owed| owed.of == *of && owed.why == why)
    }

    /// Owes the look-up of uncertain money now, whenever it was planned.
    pub(crate) fn owe_uncertain_now(&mut self, of: &LookUpSubject, now: Timestamp) {
        // The planned one may be a day away.
        self.record.checks.owed.retain(|owed| owed.of != *of || owed.why != Why::Uncertain);
        self.owe(of.clone(), now, Why::Uncertain);
    }

    /// Commits a request to be sent, before its first byte goes out.
    pub(crate) fn send(&mut self, operation: &Operation, context: &Context<'_>) {
        let (now, credential) = (context.now, context.description.credential.as_str());
        let Some(slot) = self.record.dispatch_mut(operation) else { return };
        *slot = Some(match slot.take() {
            None => Dispatch::first(now, credential),
            Some(sent) => sent.retry(now, credential),
        });
        if !self.is_unknown(operation) {
            // A repeat answers nothing about the sends before it: what may have been done stays unknown.
            self.set_status(operation, CancelStatus::Sent);
        }
        // The plan leaves a request alone while its sender waits for the answer.
        self.sends = Some(operation.clone());
        if let Some(subject) = self.record.charge_of(operation).map(Charge::subject) {
            // Of several sends the newest is final last, so one look-up is enough.
            self.record.checks.owed.retain(|owed| owed.of != subject || owed.why != Why::FinalTime);
            self.owe(subject, context.final_time(now), Why::FinalTime);
        }
    }

    fn is_unknown(&self, operation: &Operation) -> bool {
        let status = match operation {
            Operation::Confirm(_) => None,
            Operation::Cancel(id) => self.record.cancel(id).map(|(_, cancel)| cancel.status),
            Operation::Close(id) => self.record.close(id).map(|(_, close)| close.status),
        };
        status == Some(CancelStatus::Unknown)
    }

    /// Sets where a cancel or close stands; a confirm has no status of its own.
    pub(crate) fn set_status(&mut self, operation: &Operation, status: CancelStatus) {
        match operation {
            Operation::Confirm(_) => {}
            Operation::Cancel(id) => {
                if let Some(cancel) = self.record.cancel_mut(id) {
                    cancel.status = status;
                }
            }
            Operation::Close(id) => {
                if let Some(close) = self.record.close_mut(id) {
                    close.status = status;
                }
            }
        }
    }

    /// Sets why a cancel or close was refused, or what the PG said last.
    pub(crate) fn set_failure(&mut self, operation: &Operation, failure: Option<Failure>) {
        match operation {
            Operation::Confirm(_) => {}
            Operation::Cancel(id) => {
                if let Some(cancel) = self.record.cancel_mut(id) {
                    cancel.failure = failure;
                }
            }
            Operation::Close(id) => {
                if let Some(close) = self.record.close_mut(id) {
                    close.failure = failure;
                }
            }
        }
    }

    /// Says what the newest browser result said.
    pub(crate) fn say_attempt(&mut self, number: u16, failure: Option<Failure>, at: Timestamp) {
        self.record.payment.last_attempt = Some(LastAttempt { number, at, failure });
    }

    /// Opens a review, unless one of that kind is open already.
    pub(crate) fn raise(&mut self, reason: ReviewReason, about: ReviewSubject, now: Timestamp) {
        self.raise_with(reason, about, None, None, now);
    }

    /// What was asked for cannot be done on a retired account: each such request is a review. A caller that repeats it has
    /// so many open that the next one opens none: its key is bound by no decision then.
    pub(crate) fn raise_asked_for(
        &mut self,
        what: &str,
        about: ReviewSubject,
        key: Option<&str>,
        now: Timestamp,
    ) {
        const MOST: usize = 20;
        // A merchant's client may repeat for ever, and a review is never deleted.
        let is_asked = |review: &&Review| review.asked_for.is_some() && review.is_open();
        if self.record.payment.reviews.iter().filter(is_asked).count() >= MOST {
            return;
        }
        let with_key = key.map(|key| format!("{what}, key {key}"));
        let asked_for = Some(with_key.unwrap_or_else(|| what.to_owned()));
        self.raise_with(ReviewReason::AccountRetired, about, asked_for, key.map(str::to_owned), now);
    }

    fn raise_with(
        &mut self,
        reason: ReviewReason,
        about: ReviewSubject,
        asked_for: Option<String>,
        key: Option<String>,
        now: Timestamp,
    ) {
        let payment = &mut self.record.payment;
        // Two requests on a retired account are two reviews: a decision about one binds only its own key.
        let same = |review: &Review| {
            review.about == about
                && review.reason == reason
                && review.asked_for == asked_for
                && review.is_open()
        };
        if payment.reviews.iter().any(same) {
            return;
        }
        let number = u16::try_from(payment.reviews.len() + 1).unwrap_or(u16::MAX);
        tracing::error!(
            review = %format_args!("{}.{number}", payment.id),
            account = %payment.account,
            reason = reason.name(),
            "a review was opened: a person has to decide"
        );
        payment.reviews.push(Review { number, about, reason, asked_for, key, opened_at: now, closing: None });
    }

    /// Whether an operation has no outcome and its newest send is `sent`. What one send came to says nothing of a later
    /// one: a process that was stalled may bring a stale answer.
    pub(crate) fn awaits_answer_to(&self, operation: &Operation, sent: &Dispatch) -> bool {
        // A sender that was stalled may bring its answer after another process has repeated the request.
        let Some(kept) = self.record.dispatch(operation) else { return false };
        let is_open = match operation {
            Operation::Confirm(_) => kept.outcome().is_none(),
            Operation::Cancel(id) => {
                self.record.cancel(id).is_some_and(|(_, cancel)| cancel.status.is_unresolved())
            }
            Operation::Close(id) => {
                self.record.close(id).is_some_and(|(_, close)| close.status.is_unresolved())
            }
        };
        is_open && kept.is_same_send(sent)
    }
}

/// The failure of a request that nobody refused and that was not done.
pub(super) const fn session_expired() -> Failure {
    Failure::of(FailureReason::SessionExpired)
}

/// How far a try counts on the schedule: beyond its end all tries are alike.
pub(super) fn counted(tries: u32) -> u32 {
    tries.min(u32::try_from(SCHEDULE.len()).unwrap_or(u32::MAX)).saturating_add(1)
}
