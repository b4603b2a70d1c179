//! What follows at the PG: webhooks, deposits, refunds that take a while.

use std::{sync::Arc, time::Duration};

use paymux_core::{
    model::{AccountId, PgCancelStatus, PgPaymentId},
    provider::RawWebhook,
};
use serde_json::json;

use super::{
    CONFIRMS_WITHIN, Kind, Model,
    books::{News, STALE_FOR, State},
    confirms::secret_of,
};
use crate::world::Owner;

/// Brings a webhook to the gateway; `false` if it was not taken.
pub(crate) type Deliver =
    Box<dyn Fn(AccountId, RawWebhook) -> futures_util::future::BoxFuture<'static, bool> + Send + Sync>;

/// How often a PG tries to deliver a webhook, after how many minutes each.
const RETRIES: [u64; 8] = [1, 4, 16, 64, 256, 1_024, 4_096, 4_096];

impl Model {
    /// What follows from the news.
    pub(crate) fn follow(self: &Arc<Self>, news: News, pg_id: &PgPaymentId) {
        self.world.note(Owner::Outside, || format!("  PG: {pg_id} {news:?}"));
        self.world.moved();
        match news {
            News::Issued => self.expect_deposit(pg_id.clone()),
            News::Paid => {
                self.world.count(|stats| stats.charges += 1);
                self.checker.charged(self, pg_id);
                self.expect_reversal(pg_id.clone());
                self.expect_dispute(pg_id.clone());
            }
            News::Refunding => self.expect_refund(pg_id.clone()),
            News::Cancelled | News::CancelledByHand => self.expect_undoing(pg_id.clone()),
            News::Pending => self.expect_decision(pg_id.clone(), State::Pending, 800),
            News::Ended if self.world.profile.recovers && self.kind == Kind::BeforeConfirm => {
                self.expect_decision(pg_id.clone(), State::Failed, 300);
            }
            // No webhook is sent when a buyer agreed.
            News::Agreed => return self.expect_expiry(pg_id.clone()),
            _ => {}
        }
        self.tell(news, pg_id);
    }

    /// What the PG waits for, or has called failed, may be paid a little later.
    fn expect_decision(self: &Arc<Self>, pg_id: PgPaymentId, from: State, paid_per_mille: u64) {
        let is_paid = self.world.chance(paid_per_mille);
        if from == State::Failed && !is_paid {
            return;
        }
        let wait = self.world.draw(|rng| rng.between(20, 15 * 60));
        let (model, at) = (Arc::clone(self), self.in_seconds(wait));
        self.world.schedule(Owner::Outside, at, move || {
            model.books(|books| model.decide(books, &pg_id, from, is_paid));
        });
    }

    /// A window that nobody confirms expires, and the PG says so.
    fn expect_expiry(self: &Arc<Self>, pg_id: PgPaymentId) {
        let wait = CONFIRMS_WITHIN.as_secs() + self.world.draw(|rng| rng.between(1, 20 * 60));
        let (model, at) = (Arc::clone(self), self.in_seconds(wait));
        self.world.schedule(Owner::Outside, at, move || {
            model.books(|books| model.expire(books, &pg_id));
        });
    }

    fn expect_dispute(self: &Arc<Self>, pg_id: PgPaymentId) {
        if !self.world.chance(self.world.profile.disputes) {
            return;
        }
        let (begin, end) =
            self.world.draw(|rng| (rng.between(1, 5 * 3_600), rng.between(6 * 3_600, 20 * 3_600)));
        for (wait, disputed) in [(begin, true), (end, false)] {
            let (model, at, pg_id) = (Arc::clone(self), self.in_seconds(wait), pg_id.clone());
            self.world.schedule(Owner::Outside, at, move || {
                model.books(|books| model.dispute(books, &pg_id, disputed));
            });
        }
    }

    /// The buyer deposits in time, late, or never.
    fn expect_deposit(self: &Arc<Self>, pg_id: PgPaymentId) {
        let due_at = self.row(&pg_id, |row| row.now().due_at);
        let Some(due_at) = due_at.flatten() else { return };
        let now = self.world.now();
        let left = u64::try_from(due_at.duration_since(now).as_secs()).unwrap_or(0);
        let wait = self.world.draw(|rng| match rng.below(10) {
            0..5 => Some(rng.between(1, left.max(1))),
            5..8 => Some(left + rng.between(0, 2 * 60 * 60)),
            8 => Some(left + rng.between(0, 5 * 24 * 60 * 60)),
            _ => None,
        });
        let Some(wait) = wait else { return };
        let made_at = self.in_seconds(wait);
        // The bank may tell hours later of a deposit that was made in time.
        let late = self.world.profile.late_booking && self.world.chance(500);
        let booked = wait + if late { self.world.draw(|rng| rng.between(60, 5 * 3_600)) } else { 0 };
        let (model, at) = (Arc::clone(self), self.in_seconds(booked));
        self.world.schedule(Owner::Outside, at, move || {
            model.books(|books| model.deposit(books, &pg_id, made_at));
        });
    }

    fn expect_reversal(self: &Arc<Self>, pg_id: PgPaymentId) {
        let is_deposit = self.row(&pg_id, |row| row.now().due_at.is_some());
        if is_deposit != Some(true) || !self.world.chance(150) {
            return;
        }
        let wait = self.world.draw(|rng| rng.between(10, 6 * 60 * 60));
        let (model, at) = (Arc::clone(self), self.in_seconds(wait));
        self.world.schedule(Owner::Outside, at, move || {
            model.books(|books| model.reverse(books, &pg_id));
        });
    }

    fn expect_refund(self: &Arc<Self>, pg_id: PgPaymentId) {
        let wait = self.world.draw(|rng| rng.between(30, 30 * 60 * 60));
        let (model, at) = (Arc::clone(self), self.in_seconds(wait));
        self.world.schedule(Owner::Outside, at, move || {
            let fails = model.world.chance(100);
            let status = if fails { PgCancelStatus::Failed } else { PgCancelStatus::Done };
            model.books(|books| model.end_refunds(books, &pg_id, status));
        });
    }

    /// What was given back could not be paid out after all.
    fn expect_undoing(self: &Arc<Self>, pg_id: PgPaymentId) {
        if !self.world.profile.undoes_cancels || !self.world.chance(300) {
            return;
        }
        let wait = self.world.draw(|rng| rng.between(30, 10 * 60 * 60));
        let (model, at) = (Arc::clone(self), self.in_seconds(wait));
        self.world.schedule(Owner::Outside, at, move || {
            model.books(|books| model.undo_cancel(books, &pg_id));
        });
    }

    /// Sends a webhook: not at all, once or twice, soon or late. What nothing else shows is not lost.
    fn tell(self: &Arc<Self>, news: News, pg_id: &PgPaymentId) {
        let is_lost = self.world.draw(|rng| rng.below(10)) < self.world.profile.lost_webhooks;
        let copies = if is_lost && !matches!(news, News::Disputed | News::Undone) {
            0
        } else {
            self.world.draw(|rng| rng.between(1, 2))
        };
        let Some(body) = self.body(pg_id) else { return };
        for _ in 0..copies {
            let wait = self.world.draw(|rng| match rng.below(4) {
                0 => 0,
                1 => rng.between(1, 20),
                _ => rng.between(1, 15 * 60),
            });
            let profile = &self.world.profile;
            let catches_up = profile.stale_reads && !profile.early_webhooks;
            let wait = if catches_up { wait.max(STALE_FOR.as_secs()) } else { wait };
            self.world.spawn(Owner::Outside, Arc::clone(self).deliver(body.clone(), wait));
        }
    }

    fn body(self: &Arc<Self>, pg_id: &PgPaymentId) -> Option<Vec<u8>> {
        let payment = self.row(pg_id, |row| row.now().clone())?;
        let mut body = json!({ "pg_id": pg_id.as_str(), "order_id": payment.order });
        if self.world.profile.signs {
            let number = self.world.draw(crate::rng::Rng::next);
            body["delivery"] = json!(format!("delivery {number}"));
        } else if payment.due_at.is_some() && payment.state != State::Agreed {
            body["secret"] = json!(secret_of(pg_id.as_str()));
        }
        Some(body.to_string().into_bytes())
    }

    async fn deliver(self: Arc<Self>, body: Vec<u8>, wait: u64) {
        self.world.pause(wait, wait).await;
        for retry in RETRIES {
            let received_at = self.world.replicas_now();
            let raw = RawWebhook { headers: Vec::new(), body: body.clone(), received_at };
            let Some(deliver) = self.deliver.get() else { return };
            if deliver(self.account.clone(), raw).await {
                return;
            }
            self.world.pause(retry * 60, retry * 60).await;
        }
    }

    fn in_seconds(&self, wait: u64) -> jiff::Timestamp {
        self.world.now().saturating_add(Duration::from_secs(wait)).unwrap_or(jiff::Timestamp::MAX)
    }
}
