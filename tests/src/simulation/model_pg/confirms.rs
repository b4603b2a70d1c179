//! Taking money when the gateway asks for it, and showing what was taken before.

use std::time::Duration;

use gateway_core::{ConfirmRequest, FailureReason, PaymentRef, ProviderError, Secret, Snapshot};
use jiff::Timestamp;

use super::{
    Model,
    answer::{Refusal, Stored},
    books::{Books, News, State},
};

/// How long after the buyer agreed the PG takes the money.
pub(crate) const CONFIRMS_WITHIN: Duration = Duration::from_secs(10 * 60);
/// How long the PG remembers keys.
pub(crate) const KEYS_FOR: Duration = Duration::from_secs(15 * 24 * 60 * 60);

impl Model {
    /// Takes the money, once per key.
    pub(crate) fn take(
        &self,
        books: &mut Books,
        request: &ConfirmRequest,
        sent_at: Timestamp,
    ) -> Result<Snapshot, ProviderError> {
        match self.remembered(books, &request.idempotency_key) {
            Some(Stored::Confirmed(snapshot)) => return Ok(replayed(*snapshot)),
            Some(Stored::Refused(refusal)) => return Err(refusal.into()),
            Some(Stored::Cancelled(_)) => return Err(Refusal::Invalid.into()),
            None => {}
        }
        let taken = self.take_anew(books, request, sent_at);
        let stored = match &taken {
            Ok(snapshot) => Stored::Confirmed(Box::new(snapshot.clone())),
            Err(refusal) => Stored::Refused(*refusal),
        };
        books.keys.insert(request.idempotency_key.clone(), (self.world.now(), stored));
        taken.map_err(ProviderError::from)
    }

    pub(crate) fn remembered(&self, books: &Books, key: &str) -> Option<Stored> {
        let (at, stored) = books.keys.get(key)?;
        let remembers = at.saturating_add(KEYS_FOR).unwrap_or(Timestamp::MAX) > self.world.now();
        remembers.then(|| stored.clone())
    }

    fn take_anew(
        &self,
        books: &mut Books,
        request: &ConfirmRequest,
        sent_at: Timestamp,
    ) -> Result<Snapshot, Refusal> {
        let now = self.world.now();
        let unknown = Refusal::Declined(FailureReason::SessionExpired);
        let pg_id = request.pg_id.as_ref().ok_or(Refusal::Invalid)?;
        let row = books.rows.get_mut(pg_id).ok_or(unknown)?;
        let payment = row.now().clone();
        if payment.order != request.pg_order_id.as_str() || payment.total != request.amount.amount() {
            return Err(unknown);
        }
        let agreed_until = payment.agreed_at.saturating_add(CONFIRMS_WITHIN).unwrap_or(Timestamp::MAX);
        match payment.state {
            State::Agreed if agreed_until < now => {
                row.change(sent_at, |payment| payment.state = State::Expired);
                books.tell(News::Ended, pg_id);
                return Err(unknown);
            }
            State::Agreed if payment.is_refused => {
                row.change(sent_at, |payment| payment.state = State::Failed);
                books.tell(News::Ended, pg_id);
                return Err(Refusal::Declined(FailureReason::InsufficientFunds));
            }
            State::Agreed if payment.due_at.is_some() => {
                row.change(sent_at, |payment| payment.state = State::Awaiting);
                books.tell(News::Issued, pg_id);
            }
            State::Agreed => books.charge(pg_id, payment.total, sent_at, now),
            State::Paid if self.world.profile.permissive => books.charge(pg_id, payment.total, sent_at, now),
            State::Paid | State::Awaiting | State::Closed => return Err(Refusal::Conflict),
            State::Failed => return Err(Refusal::Declined(FailureReason::InsufficientFunds)),
            State::Expired => return Err(unknown),
        }
        let row = &books.rows[pg_id];
        let mut snapshot = self.snapshot(row, row.newest());
        // Only this answer holds it.
        snapshot.deposit_secret = payment.due_at.map(|_| Secret::new(secret_of(pg_id.as_str())));
        Ok(snapshot)
    }

    /// What was taken in the window.
    pub(crate) fn read(
        &self,
        books: &Books,
        request: &ConfirmRequest,
        asked_at: Timestamp,
    ) -> Result<Snapshot, ProviderError> {
        let subject = PaymentRef {
            pg_order_id: request.pg_order_id.clone(),
            pg_id: request.pg_id.clone(),
            state: request.state.clone(),
        };
        let shown = self.look_up(books, &subject, asked_at);
        let weight = |snapshot: &Snapshot| (!snapshot.balance().is_zero(), !snapshot.paid.is_zero());
        shown.into_iter().max_by_key(weight).ok_or_else(|| ProviderError::no_answer("nothing yet"))
    }

    /// What the PG shows, which may be what was true a while ago.
    pub(crate) fn look_up(&self, books: &Books, subject: &PaymentRef, asked_at: Timestamp) -> Vec<Snapshot> {
        let rows: Vec<_> = match &subject.pg_id {
            Some(pg_id) => books.rows.get(pg_id).into_iter().collect(),
            None => books.of_order(subject.pg_order_id.as_str()).collect(),
        };
        rows.into_iter().filter_map(|row| self.shown(row, asked_at)).collect()
    }

    pub(crate) fn shown(&self, row: &super::books::Row, asked_at: Timestamp) -> Option<Snapshot> {
        if !self.world.profile.stale_reads {
            return Some(self.snapshot(row, row.newest()));
        }
        let newest = row.newest();
        let index = match row.oldest_shown(asked_at) {
            Some(oldest) => oldest + self.world.draw(|rng| rng.index(newest - oldest + 1)),
            // It may not be there yet.
            None => self.world.draw(|rng| rng.index(newest + 2)).checked_sub(1)?,
        };
        Some(self.snapshot(row, index))
    }
}

/// An answer given again shows what was true then.
pub(crate) fn replayed(snapshot: Snapshot) -> Snapshot {
    Snapshot { raw: Secret::new("replayed"), ..snapshot }
}

/// The secret of the deposit webhooks of a payment.
pub(crate) fn secret_of(pg_id: &str) -> String {
    format!("secret of {pg_id}")
}
