//! The payment window: what buyers do at the PG.

use gateway_core::PgPaymentId;
use jiff::Timestamp;

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
        &self,
        books: &mut Books,
        order: &str,
        paying: Paying,
    ) -> Option<PgPaymentId> {
        let now = self.world.now();
        let paid = books.of_order(order).any(|row| row.now().state == State::Paid);
        // Two windows that end at the same moment are not told from each other.
        if self.kind == Kind::BeforeConfirm && paid && self.world.chance(700) {
            return None;
        }
        let letter = if self.kind == Kind::OnConfirm { 'a' } else { 'b' };
        let id: PgPaymentId = format!("{letter}{}", books.rows.len() + 1).parse().expect("a PG id");
        let state = match self.kind {
            Kind::BeforeConfirm if paying.is_refused => State::Failed,
            Kind::BeforeConfirm if paying.due_at.is_some() => State::Awaiting,
            _ => State::Agreed,
        };
        let payment = PgPayment {
            id: id.clone(),
            order: order.to_owned(),
            total: paying.amount,
            due_at: paying.due_at,
            state,
            taken: 0,
            charges: 0,
            cancels: Vec::new(),
            agreed_at: now,
            paid_at: None,
            is_refused: paying.is_refused,
            reversed: false,
        };
        books.insert(payment, now);
        match (self.kind, state) {
            (Kind::OnConfirm, _) => {}
            (_, State::Agreed) => books.charge(&id, paying.amount, now, now),
            (_, State::Awaiting) => books.tell(News::Issued, &id),
            _ => books.tell(News::Ended, &id),
        }
        Some(id)
    }

    /// The buyer deposits.
    pub(crate) fn deposit(&self, books: &mut Books, pg_id: &PgPaymentId) -> bool {
        let now = self.world.now();
        let waits = books.rows.get(pg_id).map(|row| (row.now().state, row.now().total));
        let Some((State::Awaiting, total)) = waits else { return false };
        books.charge(pg_id, total, now, now);
        true
    }

    /// The deposit turns out bad.
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
}
