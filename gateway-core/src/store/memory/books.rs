//! What a store in memory keeps, and how a change is checked and applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use jiff::Timestamp;

use crate::{
    model::{AccountId, Attempt, Charge, Event, MerchantId, Payment, PaymentId, PgPaymentId, WebhookId},
    store::{
        AccountBinding, Change, Checks, IdempotencyRecord, LONGEST_LEASE, PaymentChange, PaymentRecord,
        ReceivedWebhook, StoreError,
    },
};

#[derive(Default)]
pub(super) struct Books {
    pub(super) payments: BTreeMap<PaymentId, Row>,
    pub(super) events: Vec<(MerchantId, Event)>,
    pub(super) idempotency: BTreeMap<(MerchantId, String), IdempotencyRecord>,
    pub(super) inbox: BTreeMap<(AccountId, WebhookId), Waiting>,
    pub(super) deliveries: BTreeSet<(AccountId, String)>,
    pub(super) sweeps: BTreeMap<AccountId, SweepRow>,
    pub(super) accounts: BTreeMap<AccountId, AccountBinding>,
    pub(super) newest_commit: Option<Timestamp>,
}

pub(super) struct Row {
    pub(super) record: PaymentRecord,
    // As the last change said: what may still receive money is not for a store to know.
    pub(super) is_live: bool,
    pub(super) lease_until: Option<Timestamp>,
}

pub(super) struct Waiting {
    pub(super) webhook: ReceivedWebhook,
    pub(super) lease_until: Option<Timestamp>,
}

#[derive(Default)]
pub(super) struct SweepRow {
    pub(super) swept_to: Option<Timestamp>,
    pub(super) next: Option<Timestamp>,
    pub(super) lease_until: Option<Timestamp>,
}

pub(super) fn is_free(lease_until: Option<Timestamp>, now: Timestamp) -> bool {
    lease_until.is_none_or(|until| until <= now) || is_void(lease_until, now)
}

/// Whether a time was set by a clock that was wrong: nobody means one as far ahead.
pub(super) fn is_void(until: Option<Timestamp>, now: Timestamp) -> bool {
    let longest = now.saturating_add(LONGEST_LEASE).unwrap_or(Timestamp::MAX);
    until.is_some_and(|until| until > longest)
}

impl Row {
    /// When it can be leased next: from then on it is both due and free.
    pub(super) fn ready_at(&self) -> Option<Timestamp> {
        let due = self.record.checks.due_at()?;
        Some(self.lease_until.map_or(due, |until| until.max(due)))
    }

    pub(super) fn owner(&self) -> (MerchantId, PaymentId) {
        (self.record.payment.merchant.clone(), self.record.payment.id.clone())
    }

    fn accepted_ids(&self) -> impl Iterator<Item = (&AccountId, &PgPaymentId)> {
        // Claims are not unique: a browser may name any id, also one of another payment.
        let accepted = self.record.charges.iter().filter(|charge| charge.accepted);
        accepted.filter_map(|charge| Some((&self.record.payment.account, charge.pg_payment_id.as_ref()?)))
    }
}

impl Books {
    /// Applies a change, or nothing of it. Checked in this order, so that a repeat of a request meets its key first.
    pub(super) fn commit(&mut self, change: Change) -> Result<(), StoreError> {
        // All is checked before anything is written: a change is applied whole or not at all.
        if !self.has_versions(&change) {
            return Err(StoreError::Conflict);
        }
        if let Some(record) = &change.idempotency
            && self.idempotency.contains_key(&(record.merchant.clone(), record.key.clone()))
        {
            return Err(StoreError::KeyTaken);
        }
        let rows = change.payments.iter().map(|change| (change.payment.id.clone(), self.changed(change)));
        let changed = rows.collect();
        self.check_uniqueness(&changed)?;
        self.put(changed, change);
        Ok(())
    }

    fn has_versions(&self, change: &Change) -> bool {
        // One merchant: a distributed database that keeps merchants apart could not apply more in one step.
        let payments = change.payments.iter().map(|change| &change.payment);
        let ids: BTreeSet<_> = payments.clone().map(|payment| &payment.id).collect();
        let mut merchants: BTreeSet<_> = payments.map(|payment| &payment.merchant).collect();
        merchants.extend(change.idempotency.as_ref().map(|record| &record.merchant));
        // A decision that rests on another payment is void if that one has changed.
        let as_read = |(id, version): &(PaymentId, u64)| {
            self.payments.get(id).map(|row| &row.record.payment).is_some_and(|kept| {
                kept.version == *version && merchants.iter().all(|merchant| **merchant == kept.merchant)
            })
        };
        merchants.len() <= 1
            // Two changes of one payment cannot both be of its version.
            && ids.len() == change.payments.len()
            && change.payments.iter().all(|change| self.has_version(change))
            && change.unchanged.iter().all(as_read)
    }

    fn has_version(&self, change: &PaymentChange) -> bool {
        // For life: money that was taken through one account cannot be given back through another.
        let fixed =
            |payment: &Payment| (payment.merchant.clone(), payment.account.clone(), payment.order_id.clone());
        let kept = self.payments.get(&change.payment.id).map(|row| &row.record.payment);
        kept.map(|kept| kept.version) == change.expected
            && kept.is_none_or(|kept| fixed(kept) == fixed(&change.payment))
            && change.payment.version == change.expected.map_or(1, |version| version.saturating_add(1))
    }

    /// The row of a payment as it is after a change, without any lease.
    fn changed(&self, change: &PaymentChange) -> Row {
        let (mut attempts, mut charges, checks, events) = match self.payments.get(&change.payment.id) {
            Some(Row { record, .. }) => {
                (record.attempts.clone(), record.charges.clone(), record.checks.clone(), record.events)
            }
            None => (Vec::new(), Vec::new(), Checks::default(), 0),
        };
        change.attempts.iter().for_each(|attempt| put_attempt(&mut attempts, attempt.clone()));
        change.charges.iter().for_each(|charge| put_charge(&mut charges, charge.clone()));
        let new_events = u64::try_from(change.events.len()).unwrap_or(u64::MAX);
        let record = PaymentRecord {
            payment: change.payment.clone(),
            attempts,
            charges,
            checks: change.checks.apply(&checks),
            events: events.saturating_add(new_events),
        };
        // A commit ends the lease: what it made due must not wait for the worker that had the payment before.
        Row { record, is_live: change.is_live, lease_until: None }
    }

    /// Whether what must be unique would be so with these rows in place of those that are kept.
    fn check_uniqueness(&self, changed: &BTreeMap<PaymentId, Row>) -> Result<(), StoreError> {
        let kept = self.payments.iter().filter(|(id, _)| !changed.contains_key(*id)).map(|(_, row)| row);
        // As the rows will be: one change may take the order from a payment and give it to another.
        let rows = || changed.values().chain(kept.clone());
        let held_orders = |row: &'_ Row| {
            let payment = &row.record.payment;
            payment.holds_order().then(|| (payment.merchant.clone(), payment.order_id.clone()))
        };
        let mut orders = changed.values().filter_map(held_orders);
        if orders.any(|order| rows().filter_map(held_orders).filter(|other| *other == order).count() > 1) {
            return Err(StoreError::OrderTaken);
        }
        let mut accepted = changed.values().flat_map(Row::accepted_ids);
        if accepted.any(|id| rows().flat_map(Row::accepted_ids).filter(|other| *other == id).count() > 1) {
            return Err(StoreError::PgIdTaken);
        }
        Ok(())
    }

    fn put(&mut self, changed: BTreeMap<PaymentId, Row>, change: Change) {
        self.payments.extend(changed);
        // Never back: the next start finds by it that the clock is behind.
        self.newest_commit = self.newest_commit.max(Some(change.at));
        if let Some(record) = change.idempotency {
            self.idempotency.insert((record.merchant.clone(), record.key.clone()), record);
        }
        for PaymentChange { payment, events, .. } in change.payments {
            for event in events {
                // Given where the change is applied, under one lock: no position is skipped, and no event
                // appears behind one that was read.
                let position = self.events.last().map_or(1, |(_, last)| last.position + 1);
                self.events.push((payment.merchant.clone(), Event { position, event }));
            }
        }
    }

    /// A payment of a merchant.
    pub(super) fn row(&self, merchant: &MerchantId, id: &PaymentId) -> Option<&Row> {
        self.payments.get(id).filter(|row| row.record.payment.merchant == *merchant)
    }

    /// A payment of a merchant, to be changed.
    pub(super) fn row_mut(&mut self, merchant: &MerchantId, id: &PaymentId) -> Option<&mut Row> {
        self.payments.get_mut(id).filter(|row| row.record.payment.merchant == *merchant)
    }

    pub(super) fn rows_of_account(&self, account: &AccountId) -> impl Iterator<Item = &Row> {
        self.payments.values().filter(move |row| row.record.payment.account == *account)
    }

    /// The payments after one, by id.
    pub(super) fn rows_after(&self, after: Option<&PaymentId>) -> impl Iterator<Item = &Row> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.payments.range::<PaymentId, _>((from, Bound::Unbounded)).map(|(_, row)| row)
    }

    pub(super) fn inbox_of(&self, account: &AccountId) -> impl Iterator<Item = &Waiting> {
        self.inbox.values().filter(move |waiting| waiting.webhook.account == *account)
    }

    /// The webhooks of an account in the order in which they are taken.
    pub(super) fn waiting_in_order(&mut self, account: &AccountId) -> Vec<&mut Waiting> {
        let of_account = |waiting: &&mut Waiting| waiting.webhook.account == *account;
        let mut waiting: Vec<_> = self.inbox.values_mut().filter(of_account).collect();
        // What names something that we know comes first, so a flood of made-up ones delays no payment.
        waiting.sort_by_key(|waiting| (waiting.webhook.room, waiting.webhook.raw.received_at));
        waiting
    }
}

fn put_attempt(attempts: &mut Vec<Attempt>, attempt: Attempt) {
    match attempts.binary_search_by_key(&attempt.number, |kept| kept.number) {
        Ok(at) => attempts[at] = attempt,
        Err(at) => attempts.insert(at, attempt),
    }
}

/// Inserts or replaces. What only a POST's answer held stays, even if the writer had not read it.
fn put_charge(charges: &mut Vec<Charge>, mut charge: Charge) {
    match charges.binary_search_by(|kept| kept.id.cmp(&charge.id)) {
        Ok(at) => {
            let kept = charges[at].webhook_secret.take();
            charge.webhook_secret = charge.webhook_secret.or(kept);
            charges[at] = charge;
        }
        Err(at) => charges.insert(at, charge),
    }
}
