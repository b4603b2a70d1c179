//! A PG in between that passes a cancel on, and books it only once the PG behind has done it. Until then its balance is that
//! of before, so it passes on the same cancel again.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use paymux_core::{
    model::PgCancelStatus,
    provider::{CancelOutcome, CancelRequest},
};

use super::{
    Kind, Model,
    answer::Refusal,
    books::{Books, STALE_FOR, State},
};
use crate::world::Owner;

/// How often in a thousand a cancel is accepted and done later.
const LATER: u64 = 400;
/// How long a cancel may take of which the PG said that it will or may be done.
const LONGEST: Duration = Duration::from_secs(3 * 3_600);

impl Model {
    /// What is answered to a cancel that is done later; `None` where it is done now.
    ///
    /// Nobody can tell how long to wait for a cancel after an answer that says nothing of later, or after none. That one is done
    /// within the time that a look-up may lag.
    pub(super) fn accepted(
        self: &Arc<Self>,
        books: &mut Books,
        request: &CancelRequest,
        amount: u64,
        sent_at: Timestamp,
    ) -> Option<Result<CancelOutcome, Refusal>> {
        if self.kind != Kind::BeforeConfirm || !self.world.profile.copies_balance || !self.world.fault(LATER)
        {
            return None;
        }
        let now = self.world.now();
        let latest = sent_at + STALE_FOR - Duration::from_millis(1);
        if latest <= now {
            return None;
        }
        let pending = CancelOutcome { status: PgCancelStatus::Pending, pg_cancel_id: None, snapshot: None };
        let answer = match self.world.draw(|rng| rng.below(3)) {
            0 => Err(Refusal::UnknownError),
            1 => Err(Refusal::MayFollow),
            _ => Ok(pending),
        };
        *books.accepted.entry(request.pg_payment_id.clone()).or_default() += amount;
        let says_later = !matches!(answer, Err(Refusal::UnknownError));
        let at = if says_later { latest } else { self.between(now, latest) };
        let (model, request) = (Arc::clone(self), request.clone());
        self.world.schedule(Owner::Outside, at, move || {
            if model.checker.knows_it_may_follow(&request.id) {
                let later = model.between(at, at + LONGEST);
                let waiting = Arc::clone(&model);
                model
                    .world
                    .schedule(Owner::Outside, later, move || waiting.execute_behind(&request, amount, later));
            } else {
                model.execute_behind(&request, amount, sent_at);
            }
        });
        Some(answer)
    }

    fn between(&self, from: Timestamp, to: Timestamp) -> Timestamp {
        let span = u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0);
        from + Duration::from_millis(self.world.draw(|rng| rng.between(0, span)))
    }

    fn execute_behind(self: &Arc<Self>, request: &CancelRequest, amount: u64, origin: Timestamp) {
        self.books(|books: &mut Books| {
            if let Some(accepted) = books.accepted.get_mut(&request.pg_payment_id) {
                *accepted = accepted.saturating_sub(amount);
            }
            let payment = books.rows[&request.pg_payment_id].now();
            if payment.state == State::Paid && payment.balance() >= amount {
                self.execute(books, request, amount, origin);
            }
        });
    }
}
