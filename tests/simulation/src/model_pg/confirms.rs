//! Taking money when the gateway asks for it, and showing what was taken before.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use paymux_core::{
    model::{FailureReason, Secret},
    provider::{ChargeRef, ConfirmRequest, LookUp, ProviderError, Taken},
};

use super::{
    Kind, Model,
    answer::{Refusal, Stored},
    books::{Books, News, State},
};

/// How long after the buyer agreed the PG takes the money.
pub(crate) const CONFIRMS_WITHIN: Duration = Duration::from_secs(10 * 60);
/// How long the PG remembers keys.
pub(crate) const KEYS_FOR: Duration = Duration::from_secs(15 * 24 * 60 * 60);

impl Model {
    /// Takes the money, once per key and credential.
    pub(crate) fn take(
        self: &Arc<Self>,
        books: &mut Books,
        request: &ConfirmRequest,
        credential: &str,
        sent_at: Timestamp,
    ) -> Result<Taken, ProviderError> {
        match self.remembered(books, &request.idempotency_key, credential) {
            Some(Stored::Confirmed(taken)) => return Ok(*taken),
            Some(Stored::Refused(refusal)) => return Err(refusal.into()),
            Some(Stored::Cancelled(_)) => return Err(Refusal::Invalid.into()),
            None => {}
        }
        let taken = self.take_anew(books, request, sent_at);
        let stored = match &taken {
            Ok(taken) => Stored::Confirmed(Box::new(taken.clone())),
            Err(refusal) => Stored::Refused(*refusal),
        };
        self.remember(books, &request.idempotency_key, credential, stored);
        taken.map_err(ProviderError::from)
    }

    pub(crate) fn remembered(&self, books: &Books, key: &str, credential: &str) -> Option<Stored> {
        let (at, stored) = books.keys.get(&(key.to_owned(), credential.to_owned()))?;
        let remembers = at.saturating_add(KEYS_FOR).unwrap_or(Timestamp::MAX) > self.world.now();
        remembers.then(|| stored.clone())
    }

    pub(crate) fn remember(&self, books: &mut Books, key: &str, credential: &str, stored: Stored) {
        let at = self.world.now();
        books.keys.entry((key.to_owned(), credential.to_owned())).or_insert((at, stored));
    }

    fn take_anew(
        self: &Arc<Self>,
        books: &mut Books,
        request: &ConfirmRequest,
        sent_at: Timestamp,
    ) -> Result<Taken, Refusal> {
        let now = self.world.now();
        let expired = Refusal::Declined(FailureReason::SessionExpired);
        let pg_id = request.charge.pg_payment_id.as_ref().ok_or(Refusal::Invalid)?;
        let row = books.rows.get_mut(pg_id).ok_or(expired)?;
        let payment = row.now().clone();
        // As Toss does: the buyer's browser named another order's payment, or paid another amount.
        if payment.order != request.charge.order_id.as_str() || payment.total != request.amount.amount() {
            return Err(Refusal::Invalid);
        }
        let agreed_until = payment.agreed_at.saturating_add(CONFIRMS_WITHIN).unwrap_or(Timestamp::MAX);
        match payment.state {
            State::Agreed if agreed_until < now => {
                row.change(sent_at, |payment| payment.state = State::Expired);
                books.tell(News::Ended, pg_id);
                return Err(expired);
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
            State::Agreed if self.world.chance(self.world.profile.pendings) => {
                row.change(sent_at, |payment| payment.state = State::Pending);
                books.tell(News::Pending, pg_id);
            }
            State::Agreed => books.charge(pg_id, sent_at, now),
            State::Paid if self.world.profile.permissive => books.charge(pg_id, sent_at, now),
            State::Paid | State::Awaiting | State::Closed | State::Pending => {
                return Err(Refusal::AlreadyDone);
            }
            State::Failed => return Err(Refusal::Declined(FailureReason::InsufficientFunds)),
            State::Expired => return Err(expired),
        }
        let row = &books.rows[pg_id];
        let shows = self.world.chance(900);
        Ok(Taken {
            snapshot: shows.then(|| self.snapshot(row, row.newest())),
            // Only this answer holds it.
            webhook_secret: payment.due_at.map(|_| Secret::new(secret_of(pg_id.as_str()))),
        })
    }

    /// What the PG shows, which may be what was true a while ago.
    pub(crate) fn look_up(&self, books: &Books, subject: &ChargeRef, asked_at: Timestamp) -> LookUp {
        let Some(pg_id) = &subject.pg_payment_id else {
            let rows = books.of_order(subject.order_id.as_str());
            let mut charges: Vec<_> = rows.filter_map(|row| self.shown(row, asked_at)).collect();
            if self.kind == Kind::OnConfirm {
                // One payment of the order, whichever.
                let which = self.world.draw(|rng| rng.index(charges.len()));
                charges = charges.into_iter().skip(which).take(1).collect();
            }
            let shows_whole = self.kind == Kind::BeforeConfirm;
            let leaves_out = shows_whole && self.world.fault(self.world.profile.leaves_rows_out);
            if leaves_out && !charges.is_empty() {
                charges.remove(self.world.draw(|rng| rng.index(charges.len())));
            }
            return LookUp { charges, complete: shows_whole && !leaves_out };
        };
        let charges = books.rows.get(pg_id).and_then(|row| self.shown(row, asked_at)).into_iter().collect();
        LookUp { charges, complete: true }
    }
}

/// The secret of the deposit webhooks of a payment.
pub(crate) fn secret_of(pg_id: &str) -> String {
    format!("secret of {pg_id}")
}
