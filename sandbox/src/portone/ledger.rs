//! PortOne's own books: every window ever opened, the registrations, the token.

use serde::{Deserialize, Serialize};

use super::listed::Listed;
use super::payment::{Channel, Opening, Payment, Status};
use super::prepare::Registrations;
use super::token::Tokens;
use crate::ForeignPayment;
use crate::random::{DIGITS, random_text};

/// One row, with what it said before its latest change: a look-up that lags
/// behind (the fault `stale_read`) still shows that.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Row {
    now: Payment,
    before: Option<Payment>,
    /// Where its webhooks go instead of the console's URL.
    notice_urls: Vec<String>,
    /// When it was last changed; 0 in books that were written before this was kept.
    #[serde(default)]
    updated_at: u64,
    /// What is laid over the row of a foreign payment.
    #[serde(default)]
    foreign: Option<ForeignPayment>,
}

/// Everything one merchant's PortOne remembers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Ledger {
    /// In the order the windows were opened.
    rows: Vec<Row>,
    pub(super) registrations: Registrations,
    #[serde(default)]
    pub(super) tokens: Tokens,
}

/// Which state of the books a look-up is answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// As they are.
    Now,
    /// Every row as it was before its latest change.
    Stale,
}

impl Ledger {
    /// All rows, oldest first.
    pub(super) fn payments(&self, view: View) -> impl Iterator<Item = &Payment> {
        self.rows.iter().filter_map(move |row| match view {
            View::Now => Some(&row.now),
            View::Stale => row.before.as_ref(),
        })
    }

    /// All rows for the look-ups, oldest first.
    pub(super) fn listed(&self, view: View) -> impl Iterator<Item = Listed<'_>> {
        self.rows.iter().filter_map(move |row| {
            let (payment, changed_at) = match view {
                View::Now => (&row.now, row.updated_at),
                View::Stale => (row.before.as_ref()?, 0),
            };
            let updated_at = changed_at.max(payment.updated_at());
            Some(Listed { payment, updated_at, foreign: row.foreign.as_ref() })
        })
    }

    /// The row with this `imp_uid` for the look-ups.
    pub(super) fn row(&self, imp_uid: &str, view: View) -> Option<Listed<'_>> {
        self.listed(view).find(|row| row.payment.imp_uid == imp_uid)
    }

    /// The payment with this `imp_uid`.
    pub(super) fn payment(&self, imp_uid: &str, view: View) -> Option<&Payment> {
        self.payments(view).find(|payment| payment.imp_uid == imp_uid)
    }

    /// All rows of one `merchant_uid`, oldest first.
    pub(super) fn attempts(&self, merchant_uid: &str, view: View) -> Vec<&Payment> {
        self.payments(view).filter(|payment| payment.merchant_uid == merchant_uid).collect()
    }

    /// Whether this `merchant_uid` holds money that was not given back whole.
    pub(super) fn is_paid(&self, merchant_uid: &str) -> bool {
        self.attempts(merchant_uid, View::Now).iter().any(|row| row.status == Status::Paid)
    }

    /// A buyer opened a window at a time: a new row, whose `imp_uid` is returned.
    pub(super) fn open(&mut self, order: Opening, channel: Channel, at: u64) -> String {
        let imp_uid = self.new_imp_uid();
        let notice_urls = order.notice_urls.clone();
        let payment = Payment::opened(imp_uid.clone(), order, channel, at);
        self.rows.push(Row { now: payment, before: None, notice_urls, updated_at: at, foreign: None });
        imp_uid
    }

    /// Enters a payment of another system.
    pub(super) fn enter(&mut self, payment: Payment, foreign: ForeignPayment, now: u64) -> Listed<'_> {
        let (notice_urls, foreign) = (Vec::new(), Some(foreign));
        let row =
            self.rows.push_mut(Row { now: payment, before: None, notice_urls, updated_at: now, foreign });
        Listed { payment: &row.now, updated_at: now, foreign: row.foreign.as_ref() }
    }

    /// Where the webhooks of a row go instead of the console's URL; empty for most rows.
    pub(super) fn notice_urls(&self, imp_uid: &str) -> Vec<String> {
        let row = self.rows.iter().find(|row| row.now.imp_uid == imp_uid);
        row.map(|row| row.notice_urls.clone()).unwrap_or_default()
    }

    /// Changes a row, remembering what it said before. `None` if there is none.
    pub(super) fn change<T>(
        &mut self,
        imp_uid: &str,
        now: u64,
        change: impl FnOnce(&mut Payment) -> T,
    ) -> Option<T> {
        let row = self.rows.iter_mut().find(|row| row.now.imp_uid == imp_uid)?;
        row.before = Some(row.now.clone());
        row.updated_at = now;
        Some(change(&mut row.now))
    }

    /// `imp_` and twelve digits, used by no other row.
    ///
    /// Random rather than counted, because a merchant's database may outlive the
    /// simulator's books and must not meet an old id under a new payment.
    pub(super) fn new_imp_uid(&self) -> String {
        loop {
            let imp_uid = format!("imp_{}", random_text(DIGITS, 12));
            if self.payment(&imp_uid, View::Now).is_none() {
                return imp_uid;
            }
        }
    }
}
