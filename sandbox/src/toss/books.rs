//! The books of the simulated Toss Payments: payments, and the answers kept for idempotency keys.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::row::Row;

/// Everything the PG knows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct TossBooks {
    payments: BTreeMap<String, Row>,
    /// The payment keys of an order, oldest first.
    by_order: BTreeMap<String, Vec<String>>,
    /// When to look at which payment again. Entries that time has overtaken do no harm.
    due: BTreeSet<(u64, String)>,
    /// How many transactions were entered.
    #[serde(default)]
    transactions: u64,
    /// Final answers by idempotency scope.
    pub(crate) replies: BTreeMap<String, StoredReply>,
}

/// An answer kept for an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredReply {
    pub(crate) first_used_ms: u64,
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) trace_id: String,
}

impl TossBooks {
    /// Enters a new payment.
    pub(crate) fn insert(&mut self, mut row: Row) {
        number(&mut row, &mut self.transactions);
        self.by_order.entry(row.order_id.clone()).or_default().push(row.payment_key.clone());
        self.note_due(&row);
        self.payments.insert(row.payment_key.clone(), row);
    }

    pub(crate) fn find(&self, payment_key: &str) -> Option<&Row> {
        self.payments.get(payment_key)
    }

    /// The payments of an order, oldest first.
    pub(crate) fn of_order(&self, order_id: &str) -> impl DoubleEndedIterator<Item = &Row> {
        self.by_order.get(order_id).into_iter().flatten().filter_map(|key| self.payments.get(key))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Row> {
        self.payments.values()
    }

    /// Changes a payment and answers its new state.
    pub(crate) fn update(&mut self, payment_key: &str, change: impl FnOnce(&mut Row)) -> Option<Row> {
        let row = self.payments.get_mut(payment_key)?;
        let mut before = row.clone();
        before.previous = None;
        change(row);
        number(row, &mut self.transactions);
        row.previous = Some(Box::new(before));
        let row = row.clone();
        self.note_due(&row);
        Some(row)
    }

    /// Takes the payments whose time has come; each must be [`update`](Self::update)d or it is not looked at again.
    pub(crate) fn take_due(&mut self, now_ms: u64) -> Vec<String> {
        let mut keys = Vec::new();
        while self.due.first().is_some_and(|(at, _)| *at <= now_ms) {
            keys.extend(self.due.pop_first().map(|(_, key)| key));
        }
        keys
    }

    /// Whether anything is due.
    pub(crate) fn has_due(&self, now_ms: u64) -> bool {
        self.due.first().is_some_and(|(at, _)| *at <= now_ms)
    }

    fn note_due(&mut self, row: &Row) {
        if let Some(at) = row.due_at_ms() {
            self.due.insert((at, row.payment_key.clone()));
        }
    }
}

/// Gives a payment's new transactions their numbers.
fn number(row: &mut Row, last: &mut u64) {
    for transaction in row.transactions.iter_mut().filter(|transaction| transaction.number == 0) {
        *last += 1;
        transaction.number = *last;
    }
}
