//! Giving money back, under the guards a PG has.

use std::sync::Arc;

use jiff::Timestamp;
use paymux_core::{
    model::{FailureReason, PgCancelStatus, PgPaymentId},
    provider::{CancelOutcome, CancelRequest, CancelScope, ProviderError},
};

use super::{
    Kind, Model,
    answer::{Refusal, Stored},
    books::{Books, News, PgCancel, State},
};

/// The longest reason the PG keeps.
const LONGEST_REASON: usize = 200;

impl Model {
    /// Refunds money: once per key, where the PG has keys; otherwise only from the balance that the request names.
    pub(crate) fn give_back(
        self: &Arc<Self>,
        books: &mut Books,
        request: &CancelRequest,
        credential: &str,
        sent_at: Timestamp,
    ) -> Result<CancelOutcome, ProviderError> {
        let keyed = self.kind == Kind::OnConfirm;
        let key = &request.idempotency_key;
        match self.remembered(books, key, credential).filter(|_| keyed) {
            Some(Stored::Cancelled(outcome)) => return Ok(*outcome),
            Some(Stored::Refused(refusal)) => return Err(refusal.into()),
            Some(Stored::Confirmed(_)) => return Err(Refusal::Invalid.into()),
            None => {}
        }
        let done = self.give_back_anew(books, request, sent_at);
        if keyed {
            let stored = match &done {
                Ok(outcome) => Stored::Cancelled(Box::new(outcome.clone())),
                Err(refusal) => Stored::Refused(*refusal),
            };
            self.remember(books, key, credential, stored);
        }
        done.map_err(ProviderError::from)
    }

    fn give_back_anew(
        self: &Arc<Self>,
        books: &mut Books,
        request: &CancelRequest,
        sent_at: Timestamp,
    ) -> Result<CancelOutcome, Refusal> {
        let refused = Refusal::Declined(FailureReason::NotCancellable);
        let row = books.rows.get_mut(&request.pg_payment_id).ok_or(refused)?;
        let payment = row.now().clone();
        let whole = if self.kind.counts_gross() { payment.total } else { payment.taken };
        let left = whole.saturating_sub(payment.given_back());
        let amount = match request.scope {
            CancelScope::Close if payment.state == State::Awaiting && self.world.profile.closes_accounts => {
                row.change(sent_at, |payment| payment.state = State::Closed);
                books.tell(News::Ended, &request.pg_payment_id);
                return Ok(self.outcome(books, &request.pg_payment_id, PgCancelStatus::Done, None));
            }
            CancelScope::Close => return Err(refused),
            CancelScope::All { .. } => left,
            CancelScope::Part { amount, .. } => amount.amount(),
        };
        if payment.state != State::Paid || amount == 0 || amount > left {
            return Err(refused);
        }
        if request.cancellable.amount() != left {
            return Err(Refusal::AlreadyDone);
        }
        if payment.due_at.is_some()
            && self.world.profile.refund_needs_account
            && request.refund_account.is_none()
        {
            return Err(Refusal::Declined(FailureReason::InvalidRefundAccount));
        }
        self.checker.cancel_accepted(self, books, request);
        if let Some(answer) = self.accepted(books, request, amount, sent_at) {
            return answer;
        }
        let (status, pg_cancel_id) = self.execute(books, request, amount, sent_at);
        Ok(self.outcome(books, &request.pg_payment_id, status, Some(pg_cancel_id)))
    }

    /// Books a refund. `origin`: when the request was sent that it follows from.
    pub(super) fn execute(
        self: &Arc<Self>,
        books: &mut Books,
        request: &CancelRequest,
        amount: u64,
        origin: Timestamp,
    ) -> (PgCancelStatus, String) {
        self.checker.cancel_executed(books, request);
        let is_deposit = books.rows[&request.pg_payment_id].now().due_at.is_some();
        let status = if is_deposit { PgCancelStatus::Pending } else { PgCancelStatus::Done };
        let reason = request.tagged_reason(LONGEST_REASON);
        let pg_cancel_id = self.add_cancel(books, &request.pg_payment_id, origin, (amount, reason, status));
        books.tell(if is_deposit { News::Refunding } else { News::Cancelled }, &request.pg_payment_id);
        self.world.count(|stats| stats.cancels += 1);
        (status, pg_cancel_id)
    }

    fn add_cancel(
        &self,
        books: &mut Books,
        pg_id: &PgPaymentId,
        origin: Timestamp,
        (amount, reason, status): (u64, String, PgCancelStatus),
    ) -> String {
        let pg_cancel_id = books.next_cancel_id();
        let cancel =
            PgCancel { pg_cancel_id: pg_cancel_id.clone(), reason, amount, status, at: self.world.now() };
        if let Some(row) = books.rows.get_mut(pg_id) {
            row.change(origin, |payment| payment.cancels.push(cancel));
        }
        pg_cancel_id
    }

    /// Somebody cancels in the PG's console.
    pub(crate) fn cancel_by_hand(&self, books: &mut Books, pg_id: &PgPaymentId, amount: u64) -> bool {
        let accepted = books.accepted.get(pg_id).copied().unwrap_or(0);
        let balance = books.rows.get(pg_id).map_or(0, |row| row.now().balance());
        let possible = amount > 0 && balance >= amount + accepted;
        if possible {
            let now = self.world.now();
            self.add_cancel(books, pg_id, now, (amount, "by hand".to_owned(), PgCancelStatus::Done));
            books.tell(News::CancelledByHand, pg_id);
        }
        possible
    }

    /// Refunds that are on their way arrive, or fail.
    pub(crate) fn end_refunds(&self, books: &mut Books, pg_id: &PgPaymentId, status: PgCancelStatus) {
        let now = self.world.now();
        if let Some(row) = books.rows.get_mut(pg_id) {
            row.change(now, |payment| {
                let pending = |cancel: &&mut PgCancel| cancel.status == PgCancelStatus::Pending;
                payment.cancels.iter_mut().filter(pending).for_each(|cancel| cancel.status = status);
            });
            books.tell(News::Refunded, pg_id);
        }
    }

    /// The newest cancel that was done fails to be paid out.
    pub(crate) fn undo_cancel(&self, books: &mut Books, pg_id: &PgPaymentId) {
        let now = self.world.now();
        let Some(row) = books.rows.get_mut(pg_id) else { return };
        let done = |cancel: &&mut PgCancel| cancel.status == PgCancelStatus::Done;
        row.change(now, |payment| {
            if let Some(cancel) = payment.cancels.iter_mut().rev().find(done) {
                cancel.status = PgCancelStatus::Failed;
            }
        });
        books.tell(News::Undone, pg_id);
    }

    /// The PG answers the same again for this key.
    pub(crate) fn refuse_for_good(self: &Arc<Self>, key: &str, credential: &str, refusal: Refusal) {
        self.books(|books| self.remember(books, key, credential, Stored::Refused(refusal)));
    }

    fn outcome(
        &self,
        books: &Books,
        pg_id: &PgPaymentId,
        status: PgCancelStatus,
        pg_cancel_id: Option<String>,
    ) -> CancelOutcome {
        let row = &books.rows[pg_id];
        CancelOutcome {
            status,
            pg_cancel_id: pg_cancel_id.filter(|_| self.names_cancels()),
            snapshot: self.kind.shows_after_cancel().then(|| self.snapshot(row, row.newest())),
        }
    }
}
