//! Accepting one PG payment, and ending what stands beside it.

use crate::{
    AttemptStatus, EventKind, Failure, FailureReason, LastAttempt, MoneyMoves, PaymentStatus, PgStatus,
    Snapshot, derive::decisive, draft::Draft, settle::Context,
};

impl Draft {
    /// One PG payment is accepted per payment: one that took money before one that waits for it, the
    /// accepted one before any other.
    pub(crate) fn accept(&mut self, matching: &[(u16, &Snapshot)]) {
        let has_money = |snapshot: &Snapshot| !snapshot.paid.is_zero();
        let now_accepted = self.record.accepted().cloned();
        // Against one that is accepted counts only what was not given back already.
        let pays = |snapshot: &Snapshot| {
            if now_accepted.is_none() { has_money(snapshot) } else { !snapshot.balance().is_zero() }
        };
        let its_snapshot =
            matching.iter().find(|(_, snapshot)| Some(&snapshot.pg_id) == now_accepted.as_ref());
        let keeps = match its_snapshot {
            Some((_, snapshot)) => has_money(snapshot),
            None => now_accepted.is_some() && !self.record.payment.amount_paid.is_zero(),
        };
        if keeps {
            return;
        }
        let acceptable = matching.iter().filter(|(_, snapshot)| {
            pays(snapshot) || (now_accepted.is_none() && snapshot.status == PgStatus::AwaitingDeposit)
        });
        let best = decisive(acceptable.clone().map(|(_, snapshot)| *snapshot));
        let Some((number, snapshot)) = acceptable.clone().find(|(_, snapshot)| Some(*snapshot) == best)
        else {
            return;
        };
        for attempt in &mut self.record.attempts {
            if attempt.accepted {
                attempt.accepted = false;
                attempt.status = AttemptStatus::Closed;
            } else if attempt.is_open() {
                // The other windows: nothing they bring back is confirmed any more.
                attempt.status = AttemptStatus::Closed;
            }
        }
        if let Some(attempt) = self.attempt_mut(*number) {
            attempt.accepted = true;
            attempt.pg_id = Some(snapshot.pg_id.clone());
            attempt.raw = Some(snapshot.raw.clone());
            attempt.status = AttemptStatus::Accepted;
            attempt.failure = None;
        }
        self.record.payment.last_attempt = Some(LastAttempt { number: *number, failure: None });
    }

    /// Money under our order id that does not match: it goes back, all that was actually paid.
    pub(crate) fn reject(&mut self, number: u16, snapshot: &Snapshot, context: &Context<'_>) {
        let failure = Failure::of(FailureReason::Mismatch);
        let known = self.attempt(number).and_then(|attempt| attempt.failure.as_ref()) == Some(&failure);
        let is_accepted = self.record.accepted() == Some(&snapshot.pg_id);
        let keeps = self.attempt(number).is_some_and(|attempt| attempt.accepted);
        if is_accepted && self.record.payment.amount_paid.is_zero() {
            self.give_up_account(number);
        }
        let ends = !keeps || self.record.accepted().is_none();
        if ends && !known {
            self.close_attempt(number, &failure);
            self.reopen();
        }
        let news = ends && !known;
        if self.compensate(number, snapshot, "the payment does not match the order", context) || news {
            self.tell(EventKind::Mismatch);
        }
    }

    /// Into the account that was accepted came something else than the amount: it waits no more.
    fn give_up_account(&mut self, number: u16) {
        if let Some(attempt) = self.attempt_mut(number) {
            attempt.accepted = false;
        }
        let payment = &mut self.record.payment;
        payment.virtual_account = None;
        if payment.status == PaymentStatus::AwaitingDeposit {
            payment.status = PaymentStatus::Ready;
        }
    }

    /// An attempt beside the accepted one waits for nothing any more once the PG shows what became of it: it
    /// ended without money, or it took money, which goes back as surplus.
    pub(crate) fn end_others(&mut self, matching: &[(u16, &Snapshot)]) {
        let Some(accepted) = self.record.accepted().cloned() else { return };
        for (number, snapshot) in matching {
            // Of two windows under one order id, one says nothing of what was asked of the other.
            let is_its = |attempt: &&mut crate::Attempt| {
                attempt.is_uncertain() && attempt.pg_id.as_ref() == Some(&snapshot.pg_id)
            };
            let Some(attempt) = self.attempt_mut(*number).filter(is_its) else { continue };
            if snapshot.pg_id == accepted {
                continue;
            }
            if !snapshot.paid.is_zero() {
                attempt.status = AttemptStatus::Closed;
            } else if matches!(snapshot.status, PgStatus::Failed | PgStatus::Expired | PgStatus::Cancelled) {
                let failure = snapshot.failure.clone().unwrap_or(Failure::of(FailureReason::SessionExpired));
                self.close_attempt(*number, &failure);
            }
        }
    }

    /// Where money moves before confirm, confirming is only reading: once a payment is accepted, no other
    /// attempt waits for an answer. Its rows stay watched by its order id.
    pub(crate) fn end_reads(&mut self, context: &Context<'_>) {
        if context.description.money_moves != MoneyMoves::BeforeConfirm || self.record.accepted().is_none() {
            return;
        }
        for attempt in self.record.attempts.iter_mut().filter(|attempt| attempt.is_uncertain()) {
            attempt.status = AttemptStatus::Closed;
        }
    }

    /// An attempt that came to nothing leaves the payment open for another.
    pub(crate) fn reopen(&mut self) {
        let payment = &mut self.record.payment;
        if payment.status == PaymentStatus::Confirming {
            payment.status = PaymentStatus::Ready;
        }
    }
}
