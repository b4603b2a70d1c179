//! The books of a PG: what is true of money, whatever its answers showed.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use paymux_core::model::{PgCancelStatus, PgPaymentId};

use super::answer::Stored;

/// How old what a look-up shows may be, the time a request was on its way included.
pub(crate) const STALE_FOR: Duration = Duration::from_secs(60);

/// Where a payment stands at the PG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The buyer agreed; nobody took the money.
    Agreed,
    /// The PG itself waits for the outcome.
    Pending,
    /// An account is issued and unpaid.
    Awaiting,
    /// Money came.
    Paid,
    /// The account was closed before money came.
    Closed,
    /// Refused.
    Failed,
    /// The buyer agreed too long ago.
    Expired,
}

/// A cancel the PG executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PgCancel {
    pub(crate) pg_cancel_id: String,
    pub(crate) reason: String,
    pub(crate) amount: u64,
    pub(crate) status: PgCancelStatus,
    pub(crate) at: Timestamp,
}

/// A payment as the PG has it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PgPayment {
    pub(crate) id: PgPaymentId,
    /// The order id the window was opened with.
    pub(crate) order: String,
    pub(crate) total: u64,
    /// What the PG pays of it.
    pub(crate) discount: u64,
    /// Until when to deposit, where it is paid by deposit.
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) state: State,
    /// What came in from the buyer and was not reversed.
    pub(crate) taken: u64,
    /// How often money was taken. Twice is what must never happen.
    pub(crate) charges: u32,
    pub(crate) cancels: Vec<PgCancel>,
    pub(crate) agreed_at: Timestamp,
    pub(crate) paid_at: Option<Timestamp>,
    /// The buyer's card will be refused.
    pub(crate) is_refused: bool,
    /// It came in the wrong mode.
    pub(crate) wrong_mode: bool,
    pub(crate) disputed: bool,
    /// Money came and went again.
    pub(crate) reversed: bool,
}

impl PgPayment {
    /// What was given back or is on its way back, as the PG counts.
    pub(crate) fn given_back(&self) -> u64 {
        let counts = |cancel: &&PgCancel| cancel.status != PgCancelStatus::Failed;
        self.cancels.iter().filter(counts).map(|cancel| cancel.amount).sum()
    }

    /// What the merchant keeps of the buyer's money.
    pub(crate) fn balance(&self) -> u64 {
        self.taken.saturating_sub(self.given_back())
    }
}

/// A payment and everything it ever was.
#[derive(Debug)]
pub(crate) struct Row {
    /// Each state, and when the request that made it was sent.
    past: Vec<(Timestamp, PgPayment)>,
}

impl Row {
    pub(crate) fn new(payment: PgPayment, at: Timestamp) -> Self {
        Self { past: vec![(at, payment)] }
    }

    /// What it is.
    pub(crate) fn now(&self) -> &PgPayment {
        &self.past.last().expect("a row begins with a state").1
    }

    /// What it is, and which of its states that is.
    pub(crate) fn newest(&self) -> usize {
        self.past.len() - 1
    }

    pub(crate) fn state(&self, index: usize) -> &PgPayment {
        &self.past[index].1
    }

    /// Every state it ever was in.
    pub(crate) fn states(&self) -> impl Iterator<Item = &PgPayment> {
        self.past.iter().map(|(_, payment)| payment)
    }

    /// Every state that a look-up asked since then may have shown.
    pub(crate) fn states_since(&self, since: Timestamp) -> impl Iterator<Item = &PgPayment> {
        let oldest = self.oldest_shown(since).unwrap_or(0);
        self.past[oldest..].iter().map(|(_, payment)| payment)
    }

    /// Changes it, because of a request that was sent at `origin`.
    pub(crate) fn change(&mut self, origin: Timestamp, change: impl FnOnce(&mut PgPayment)) {
        let mut next = self.now().clone();
        change(&mut next);
        self.past.push((origin, next));
    }

    /// The oldest state a look-up at `asked_at` may show; `None` if it may show none.
    pub(crate) fn oldest_shown(&self, asked_at: Timestamp) -> Option<usize> {
        let from = asked_at.saturating_sub(STALE_FOR).unwrap_or(Timestamp::MIN);
        self.past.iter().rposition(|(origin, _)| *origin <= from)
    }

    /// Since when what it is now must be shown.
    pub(crate) fn shown_since(&self) -> Timestamp {
        let origin = self.past.last().map_or(Timestamp::MIN, |(origin, _)| *origin);
        origin.saturating_add(STALE_FOR).unwrap_or(Timestamp::MAX)
    }
}

/// The books of a PG.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) rows: BTreeMap<PgPaymentId, Row>,
    /// What a key was answered under a credential, and when.
    pub(crate) keys: BTreeMap<(String, String), (Timestamp, Stored)>,
    /// What is to be announced or to follow, of which payment.
    pub(crate) news: Vec<(News, PgPaymentId)>,
    /// What is accepted to be given back of a payment, and not done yet.
    pub(crate) accepted: BTreeMap<PgPaymentId, u64>,
    cancels: u64,
}

/// What happened at the PG, for its webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// An account was issued.
    Issued,
    /// Money came in.
    Paid,
    /// The PG waits for the outcome.
    Pending,
    /// Money came in and went again.
    Reversed,
    /// Cancelled through the API.
    Cancelled,
    /// Cancelled in the console.
    CancelledByHand,
    /// A refund was accepted and is on its way.
    Refunding,
    /// A refund arrived or failed.
    Refunded,
    /// Money that was given back is here again.
    Undone,
    /// A dispute began or ended.
    Disputed,
    /// The account was closed, the window expired, or the card refused.
    Ended,
    /// The buyer agreed, and nobody has taken the money.
    Agreed,
}

impl Books {
    pub(crate) fn of_order<'a>(&'a self, order: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.values().filter(move |row| row.now().order == order)
    }

    pub(crate) fn insert(&mut self, payment: PgPayment, at: Timestamp) {
        self.rows.insert(payment.id.clone(), Row::new(payment, at));
    }

    pub(crate) fn tell(&mut self, news: News, id: &PgPaymentId) {
        self.news.push((news, id.clone()));
    }

    /// Takes the buyer's money. `paid_at`: the time that the PG will say.
    pub(crate) fn charge(&mut self, id: &PgPaymentId, origin: Timestamp, paid_at: Timestamp) {
        if let Some(row) = self.rows.get_mut(id) {
            row.change(origin, |payment| {
                payment.state = State::Paid;
                payment.taken += payment.total - payment.discount;
                payment.charges += 1;
                payment.paid_at = Some(paid_at);
            });
            self.tell(News::Paid, id);
        }
    }

    pub(crate) fn next_cancel_id(&mut self) -> String {
        self.cancels += 1;
        format!("cancel{}", self.cancels)
    }
}
