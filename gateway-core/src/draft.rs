//! A payment record being changed, and the atomic change that comes of it.

use jiff::Timestamp;

use crate::{
    Attempt, Cancel, CancelId, CancelOrigin, CancelScope, CancelStatus, Change, EventKind, Failure,
    FailureReason, IdSource, IdempotencyRecord, LastAttempt, Money, Moved, NewEvent, Payment, PaymentId,
    PaymentRecord, PaymentStatus, PgPaymentId, Sending, Watch,
    schedule::{BETWEEN_HINTS, later},
};

/// A payment record being changed. Nothing of it is true before its [`Change`] is committed.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) record: PaymentRecord,
    before: PaymentRecord,
    /// Events besides those that the change of status and cancels brings by itself.
    events: Vec<EventKind>,
    pub(crate) supersedes: Option<PaymentId>,
    pub(crate) idempotency: Option<IdempotencyRecord>,
    touched: bool,
    looked: Option<Timestamp>,
}

impl Draft {
    pub(crate) fn of(record: PaymentRecord) -> Self {
        Self {
            before: record.clone(),
            record,
            events: Vec::new(),
            supersedes: None,
            idempotency: None,
            touched: false,
            looked: None,
        }
    }

    /// Commits even if nothing changed: a look was taken.
    pub(crate) fn touch(&mut self) {
        self.touched = true;
    }

    /// When the PG was asked about the whole payment, if it was: only then does this change answer the
    /// hints and the watch it was due by.
    pub(crate) fn asked_at(&self) -> Option<Timestamp> {
        self.looked
    }

    /// Says that this draft is drawn from the answer to a look-up that was asked then.
    pub(crate) fn looked(&mut self, asked_at: Timestamp) {
        self.looked = Some(asked_at);
    }

    /// A look answers the hints that came before it, and the recheck that was due. A hint may be ahead of
    /// what the PG shows, so its look is followed by one more at `recheck_at`.
    pub(crate) fn answer_hints(&mut self, asked_at: Timestamp, recheck_at: Timestamp) {
        let (hints, payment) = (self.record.hints, &mut self.record.payment);
        if hints > payment.answered_hints {
            payment.answered_hints = hints;
            payment.hint_looked_at = Some(asked_at);
            self.look_again(recheck_at);
        } else if payment.recheck_at.is_some_and(|at| at <= asked_at) {
            payment.recheck_at = None;
        }
    }

    /// The watch that a hint waits for: a change that asked nobody must not answer it.
    pub(crate) fn waiting_watch(&self, now: Timestamp) -> Option<Watch> {
        let unanswered = self.record.hints > self.record.payment.answered_hints;
        let watch = self.record.payment.watch.filter(|_| self.looked.is_none());
        watch.filter(|watch| unanswered || watch.at <= now)
    }

    /// Has the payment looked at once more, not before `at`.
    pub(crate) fn look_again(&mut self, at: Timestamp) {
        let recheck_at = &mut self.record.payment.recheck_at;
        *recheck_at = (*recheck_at).max(Some(at));
    }

    pub(crate) fn tell(&mut self, event: EventKind) {
        self.events.push(event);
    }

    /// The record as it was read.
    pub(crate) fn before(&self) -> &PaymentRecord {
        &self.before
    }

    pub(crate) fn status_before(&self) -> PaymentStatus {
        self.before.payment.status
    }

    pub(crate) fn attempt(&self, number: u16) -> Option<&Attempt> {
        self.record.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub(crate) fn attempt_mut(&mut self, number: u16) -> Option<&mut Attempt> {
        self.record.attempts.iter_mut().find(|attempt| attempt.number == number)
    }

    pub(crate) fn cancel_mut(&mut self, id: &CancelId) -> Option<&mut Cancel> {
        self.record.cancels.iter_mut().find(|cancel| cancel.id == *id)
    }

    /// The cancel, if it has no outcome and went out no further time since `sent`. What a request came to says nothing of one that
    /// was sent after it: a process that stood still may bring an old answer.
    pub(crate) fn cancel_answered(&mut self, id: &CancelId, sent: Option<&Sending>) -> Option<&mut Cancel> {
        self.cancel_mut(id)
            .filter(|cancel| cancel.status.is_unsettled() && is_same(cancel.sending.as_ref(), sent))
    }

    /// The attempt, if its confirm has no outcome and went out no further time since `sent`.
    pub(crate) fn confirm_answered(&mut self, number: u16, sent: Option<&Sending>) -> Option<&mut Attempt> {
        self.attempt_mut(number)
            .filter(|attempt| attempt.is_uncertain() && is_same(attempt.confirm.as_ref(), sent))
    }

    /// Ends an attempt without money and shows why on the payment.
    pub(crate) fn close_attempt(&mut self, number: u16, failure: &Failure) {
        if let Some(attempt) = self.attempt_mut(number) {
            attempt.close(failure.clone());
        }
        self.show_failure(number, failure);
    }

    /// Shows why an attempt did not succeed, if it is the newest.
    pub(crate) fn show_failure(&mut self, number: u16, failure: &Failure) {
        if self.record.attempts.last().is_some_and(|attempt| attempt.number == number) {
            self.record.payment.last_attempt = Some(LastAttempt { number, failure: Some(failure.clone()) });
        }
    }

    /// What tells that the status changed, if it did.
    fn status_event(&self) -> Option<EventKind> {
        let (before, record) = (&self.before, &self.record);
        let payment = &record.payment;
        let told = payment.told_of.is_some() && payment.told_of.as_ref() == record.accepted();
        (payment.status != before.payment.status).then(|| match payment.status {
            // Who ships on "paid" must not hear it of money that is going back.
            status if status.has_money() && is_new_return(before, record) => EventKind::LateMoney,
            // Nor a second time of the same money, or after it was told as late: its refund failed.
            PaymentStatus::Paid if told => EventKind::AmountsChanged,
            status => EventKind::Status(status),
        })
    }

    /// The change this draft makes, and the record after it. `None` if it changes nothing.
    pub(crate) fn into_change(mut self, now: Timestamp, ids: &IdSource) -> Option<(Change, PaymentRecord)> {
        let is_new = self.before.payment.version == 0;
        let idle = self.record == self.before && self.events.is_empty() && self.idempotency.is_none();
        if idle && !is_new && !self.touched {
            return None;
        }
        self.record.payment.version = self.before.payment.version + 1;
        if self.looked.is_some() {
            self.record.payment.looked_at = self.looked;
        }
        let status_event = self.status_event().filter(|_| !is_new);
        if self.record.payment.amount_paid.is_zero() {
            self.record.payment.told_of = None;
        } else if matches!(status_event, Some(EventKind::Status(PaymentStatus::Paid) | EventKind::LateMoney))
        {
            self.record.payment.told_of = self.record.accepted().cloned();
        }
        let (before, record) = (&self.before, &self.record);
        let attempts = changed(&before.attempts, &record.attempts);
        let cancels = changed(&before.cancels, &record.cancels);
        let mut kinds = self.events;
        kinds.extend(status_event);
        let moved = |cancel: &&Cancel| {
            before
                .cancels
                .iter()
                .find(|old| old.id == cancel.id)
                .is_none_or(|old| old.status != cancel.status)
        };
        kinds.extend(cancels.iter().filter(moved).map(|_| EventKind::CancelUpdated));
        let mut moved = moved_between(&before.payment, &record.payment);
        if kinds.is_empty() && moved != Moved::default() {
            kinds.push(EventKind::AmountsChanged);
        }
        let events: Vec<_> = (record.events + 1..)
            .zip(kinds)
            .map(|(number, kind)| NewEvent {
                id: ids.event(now),
                kind,
                number,
                moved: std::mem::take(&mut moved),
                created_at: now,
                payment: record.payment.clone(),
                cancels: record.cancels.clone(),
            })
            .collect();
        let mut after = self.record.clone();
        after.events += u64::try_from(events.len()).unwrap_or(0);
        let change = Change {
            expected: (!is_new).then_some(self.before.payment.version),
            payment: self.record.payment,
            hints: self.record.hints,
            more_hints_at: self.looked.map(|asked_at| later(asked_at, BETWEEN_HINTS)),
            attempts,
            cancels,
            events,
            idempotency: self.idempotency,
            supersedes: self.supersedes,
        };
        Some((change, after))
    }
}

fn is_same(kept: Option<&Sending>, sent: Option<&Sending>) -> bool {
    match (kept, sent) {
        (Some(kept), Some(sent)) => kept.is_same_request(sent),
        (kept, sent) => kept.is_none() && sent.is_none(),
    }
}

/// Whether this change decided that the accepted money goes back whole.
fn is_new_return(before: &PaymentRecord, after: &PaymentRecord) -> bool {
    after.cancels.iter().any(|cancel| {
        cancel.origin == CancelOrigin::Compensation
            && cancel.scope == CancelScope::All
            && cancel.pg_id.as_ref() == after.accepted()
            && before.cancel(&cancel.id).is_none()
    })
}

fn moved_between(before: &Payment, after: &Payment) -> Moved {
    Moved {
        paid: difference(after.amount_paid, before.amount_paid),
        cancelled: difference(after.amount_cancelled, before.amount_cancelled),
    }
}

/// Amounts are at most 2⁵³ − 1, so a difference always fits.
fn difference(after: Money, before: Money) -> i64 {
    let signed = |money: Money| i64::try_from(money.amount()).unwrap_or(i64::MAX);
    signed(after).saturating_sub(signed(before))
}

fn changed<T: PartialEq + Clone>(before: &[T], after: &[T]) -> Vec<T> {
    after.iter().filter(|item| !before.contains(item)).cloned().collect()
}

impl PaymentRecord {
    /// The PG payment this payment accepted.
    #[must_use]
    pub fn accepted(&self) -> Option<&PgPaymentId> {
        self.accepted_attempt().and_then(|attempt| attempt.pg_id.as_ref())
    }

    /// The attempt whose PG payment was accepted.
    #[must_use]
    pub fn accepted_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.accepted)
    }

    /// What can still be cancelled: what came in, less every cancel done or in flight; never more than
    /// the PG shows as left.
    #[must_use]
    pub fn cancellable(&self) -> Money {
        let zero = Money::zero(self.payment.currency());
        let Some(accepted) = self.accepted() else { return zero };
        let taken = self.cancels.iter().filter(|cancel| cancel.takes_from(accepted));
        let by_rows = taken.fold(self.payment.amount_paid, |left, cancel| left.saturating_sub(cancel.amount));
        let shown = self.payment.amount_paid.saturating_sub(self.payment.amount_cancelled);
        if shown.amount() < by_rows.amount() { shown } else { by_rows }
    }

    /// A cancel whose outcome is open.
    #[must_use]
    pub fn unsettled_cancel(&self) -> Option<&Cancel> {
        self.cancels.iter().find(|cancel| cancel.status.is_unsettled())
    }

    /// The cancel with this id.
    #[must_use]
    pub fn cancel(&self, id: &CancelId) -> Option<&Cancel> {
        self.cancels.iter().find(|cancel| cancel.id == *id)
    }
}

impl Cancel {
    /// Settles the cancel as not done.
    pub(crate) fn refuse(&mut self, failure: Failure) {
        self.status = CancelStatus::Refused;
        self.failure = Some(failure);
    }

    /// Whether it was refused only because the PG could not be reached: the same request may go again.
    pub(crate) fn may_be_sent_again(&self) -> bool {
        self.status == CancelStatus::Refused
            && self
                .failure
                .as_ref()
                .is_some_and(|failure| failure.reason == FailureReason::ProviderUnavailable)
    }
}
