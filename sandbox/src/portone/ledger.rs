//! PortOne's own books: every window ever opened, the registrations, the token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::payment::{Channel, Opening, Payment, Status};
use super::prepare::Registration;
use super::token::Token;
use crate::random::{DIGITS, random_text};

/// One row, with what it said before its latest change: a look-up that lags
/// behind (the fault `stale_read`) still tells that.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Row {
    now: Payment,
    before: Option<Payment>,
    /// Where its webhooks go instead of the console's URL.
    notice_urls: Vec<String>,
}

/// Everything one merchant's PortOne remembers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Ledger {
    /// In the order the windows were opened.
    rows: Vec<Row>,
    /// By `merchant_uid`.
    pub(super) registrations: BTreeMap<String, Registration>,
    pub(super) token: Option<Token>,
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

    /// The row with this `imp_uid`.
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

    /// A buyer opens a window: a new row, whose `imp_uid` is returned.
    pub(super) fn open(&mut self, order: Opening, channel: Channel, now: u64) -> String {
        let imp_uid = self.new_imp_uid();
        let notice_urls = order.notice_urls.clone();
        let payment = Payment::opened(imp_uid.clone(), order, channel, now);
        self.rows.push(Row { now: payment, before: None, notice_urls });
        imp_uid
    }

    /// Where the webhooks of a row go instead of the console's URL; empty for most rows.
    pub(super) fn notice_urls(&self, imp_uid: &str) -> Vec<String> {
        let row = self.rows.iter().find(|row| row.now.imp_uid == imp_uid);
        row.map(|row| row.notice_urls.clone()).unwrap_or_default()
    }

    /// Changes a row, remembering what it said before. `None` if there is none.
    pub(super) fn change<T>(&mut self, imp_uid: &str, change: impl FnOnce(&mut Payment) -> T) -> Option<T> {
        let row = self.rows.iter_mut().find(|row| row.now.imp_uid == imp_uid)?;
        row.before = Some(row.now.clone());
        Some(change(&mut row.now))
    }

    /// `imp_` and twelve digits, used by no other row.
    ///
    /// Random rather than counted, because a merchant's database may outlive the
    /// simulator's books and must not meet an old id under a new payment.
    fn new_imp_uid(&self) -> String {
        loop {
            let imp_uid = format!("imp_{}", random_text(DIGITS, 12));
            if self.payment(&imp_uid, View::Now).is_none() {
                return imp_uid;
            }
        }
    }
}
