//! Giving money back, under the guards a PG has.

use gateway_core::{
    CancelAmount, CancelOutcome, CancelRequest, CancelStatus, FailureReason, PgPaymentId, ProviderError,
};
use jiff::Timestamp;

use super::{
    Kind, Model,
    answer::{Refusal, Stored},
    books::{Books, News, PgCancel, State},
    confirms::replayed,
};

/// The longest reason the PG keeps.
const LONGEST_REASON: usize = 200;

impl Model {
    /// Gives money back: once per key, where the PG has keys; otherwise only from the balance it is told.
    pub(crate) fn give_back(
        &self,
        books: &mut Books,
        request: &CancelRequest,
        sent_at: Timestamp,
    ) -> Result<CancelOutcome, ProviderError> {
        let keyed = self.kind == Kind::OnConfirm;
        match self.remembered(books, &request.idempotency_key).filter(|_| keyed) {
            Some(Stored::Cancelled(outcome)) => {
                return Ok(CancelOutcome { snapshot: outcome.snapshot.map(replayed), ..*outcome });
            }
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
            books.keys.insert(request.idempotency_key.clone(), (self.world.now(), stored));
        }
        done.map_err(ProviderError::from)
    }

    fn give_back_anew(
        &self,
        books: &mut Books,
        request: &CancelRequest,
        sent_at: Timestamp,
    ) -> Result<CancelOutcome, Refusal> {
        let refused = Refusal::Declined(FailureReason::NotCancellable);
        let row = books.rows.get_mut(&request.pg_id).ok_or(refused)?;
        let payment = row.now();
        let balance = payment.balance();
        let amount = match request.amount {
            CancelAmount::Close if payment.state == State::Awaiting => {
                row.change(sent_at, |payment| payment.state = State::Closed);
                books.tell(News::Ended, &request.pg_id);
                return Ok(self.outcome(books, &request.pg_id, CancelStatus::Done, None));
            }
            CancelAmount::Close => return Err(refused),
            CancelAmount::All => balance,
            CancelAmount::Part(part) => part.amount(),
        };
        if payment.state != State::Paid || amount == 0 || amount > balance {
            return Err(refused);
        }
        if request.cancellable.amount() != balance {
            return Err(Refusal::Conflict);
        }
        let is_deposit = payment.due_at.is_some();
        let status = if is_deposit { CancelStatus::Pending } else { CancelStatus::Done };
        let reason = request.tagged_reason(LONGEST_REASON);
        let news = if is_deposit { News::Refunding } else { News::Cancelled };
        self.watchman.given_back(request);
        let pg_cancel_id = self.add_cancel(books, &request.pg_id, sent_at, (amount, reason, status));
        books.tell(news, &request.pg_id);
        self.world.count(|stats| stats.cancels += 1);
        Ok(self.outcome(books, &request.pg_id, status, Some(pg_cancel_id)))
    }

    fn add_cancel(
        &self,
        books: &mut Books,
        pg_id: &PgPaymentId,
        origin: Timestamp,
        (amount, reason, status): (u64, String, CancelStatus),
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
        let possible = books.rows.get(pg_id).is_some_and(|row| amount > 0 && row.now().balance() >= amount);
        if possible {
            let now = self.world.now();
            self.add_cancel(books, pg_id, now, (amount, "by hand".to_owned(), CancelStatus::Done));
            books.tell(News::CancelledByHand, pg_id);
        }
        possible
    }

    /// Refunds that are on their way arrive, or fail.
    pub(crate) fn end_refunds(&self, books: &mut Books, pg_id: &PgPaymentId, status: CancelStatus) {
        let now = self.world.now();
        if let Some(row) = books.rows.get_mut(pg_id) {
            row.change(now, |payment| {
                let pending = |cancel: &&mut PgCancel| cancel.status == CancelStatus::Pending;
                payment.cancels.iter_mut().filter(pending).for_each(|cancel| cancel.status = status);
            });
            books.tell(News::Refunded, pg_id);
        }
    }

    /// The PG answers the same again for this key.
    pub(crate) fn refuse_for_good(self: &std::sync::Arc<Self>, key: String, refusal: Refusal) {
        let now = self.world.now();
        self.books(|books| {
            books.keys.entry(key).or_insert((now, Stored::Refused(refusal)));
        });
    }

    fn outcome(
        &self,
        books: &Books,
        pg_id: &PgPaymentId,
        status: CancelStatus,
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
