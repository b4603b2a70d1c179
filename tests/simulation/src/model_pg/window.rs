//! The payment window: what buyers do at the PG.

use std::sync::Arc;

use jiff::Timestamp;
use paymux_core::model::PgPaymentId;

use super::{
    Kind, Model,
    books::{Books, News, PgPayment, State},
};

/// How a buyer pays in a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paying {
    pub(crate) amount: u64,
    /// Until when, if by deposit.
    pub(crate) due_at: Option<Timestamp>,
    /// The card will be refused.
    pub(crate) is_refused: bool,
}

impl Model {
    /// A buyer goes through a window. `None` if the PG says that the order is paid already.
    pub(crate) fn pay_in_window(
        self: &Arc<Self>,
        books: &mut Books,
        order: &str,
        paying: Paying,
    ) -> Option<PgPaymentId> {
        let world = &self.world;
        let now = world.now();
        // Two windows that end at the same moment cannot be distinguished.
        let guards_order =
            self.kind == Kind::BeforeConfirm && !(world.profile.permissive && world.chance(300));
        if guards_order && books.of_order(order).any(|row| row.now().balance() > 0) {
            return None;
        }
        let letter = if self.kind == Kind::OnConfirm { 'a' } else { 'b' };
        let id: PgPaymentId = format!("{letter}{}", books.rows.len() + 1).parse().expect("a PG id");
        let is_pending = world.chance(world.profile.pendings);
        let state = match self.kind {
            Kind::BeforeConfirm if paying.is_refused => State::Failed,
            Kind::BeforeConfirm if paying.due_at.is_some() => State::Awaiting,
            Kind::BeforeConfirm if is_pending => State::Pending,
            _ => State::Agreed,
        };
        let discount = if world.chance(world.profile.discounts) { paying.amount / 10 } else { 0 };
        let payment = PgPayment {
            id: id.clone(),
            order: order.to_owned(),
            total: paying.amount,
            discount: if paying.due_at.is_some() { 0 } else { discount },
            due_at: paying.due_at,
            state,
            taken: 0,
            charges: 0,
            cancels: Vec::new(),
            agreed_at: now,
            paid_at: None,
            is_refused: paying.is_refused,
            wrong_mode: world.chance(world.profile.wrong_modes),
            disputed: false,
            reversed: false,
        };
        books.insert(payment, now);
        match (self.kind, state) {
            (Kind::OnConfirm, _) => books.tell(News::Agreed, &id),
            (_, State::Agreed) => books.charge(&id, now, now),
            (_, State::Awaiting) => books.tell(News::Issued, &id),
            (_, State::Pending) => books.tell(News::Pending, &id),
            _ => books.tell(News::Ended, &id),
        }
        Some(id)
    }

    /// The buyer deposits. `made_at`: when, by the PG's account; it may book it later.
    pub(crate) fn deposit(&self, books: &mut Books, pg_id: &PgPaymentId, made_at: Timestamp) -> bool {
        let now = self.world.now();
        let waits = books.rows.get(pg_id).map(|row| row.now().state);
        if waits != Some(State::Awaiting) {
            return false;
        }
        books.charge(pg_id, now, made_at);
        true
    }

    /// The deposit is reversed.
    pub(crate) fn reverse(&self, books: &mut Books, pg_id: &PgPaymentId) -> bool {
        let now = self.world.now();
        let Some(row) = books.rows.get_mut(pg_id) else { return false };
        if row.now().state != State::Paid || !row.now().cancels.is_empty() {
            return false;
        }
        row.change(now, |payment| {
            payment.state = State::Awaiting;
            payment.taken = 0;
            payment.charges -= 1;
            payment.paid_at = None;
            payment.reversed = true;
        });
        books.tell(News::Reversed, pg_id);
        true
    }

    /// A window that nobody confirmed expires.
    pub(crate) fn expire(&self, books: &mut Books, pg_id: &PgPaymentId) {
        let now = self.world.now();
        let Some(row) = books.rows.get_mut(pg_id).filter(|row| row.now().state == State::Agreed) else {
            return;
        };
        row.change(now, |payment| payment.state = State::Expired);
        books.tell(News::Ended, pg_id);
    }

    /// What the PG waited for, or called failed, is decided.
    pub(crate) fn decide(&self, books: &mut Books, pg_id: &PgPaymentId, from: State, is_paid: bool) {
        let now = self.world.now();
        let Some(row) = books.rows.get_mut(pg_id).filter(|row| row.now().state == from) else { return };
        if is_paid {
            books.charge(pg_id, now, now);
        } else {
            row.change(now, |payment| payment.state = State::Failed);
            books.tell(News::Ended, pg_id);
        }
    }

    /// The buyer disputes the payment, or stops.
    pub(crate) fn dispute(&self, books: &mut Books, pg_id: &PgPaymentId, disputed: bool) {
        let now = self.world.now();
        if let Some(row) = books.rows.get_mut(pg_id).filter(|row| row.now().taken > 0) {
            row.change(now, |payment| payment.disputed = disputed);
            books.tell(News::Disputed, pg_id);
        }
    }
}
