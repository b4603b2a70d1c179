//! What a store in memory keeps, and how a change is checked and applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use jiff::Timestamp;

use crate::{
    AccountBinding, AccountId, Attempt, Cancel, Change, Event, IdempotencyRecord, MerchantId, Payment,
    PaymentId, PaymentRecord, ReceivedWebhook, StoreError, Watch, WebhookId,
};

#[derive(Default)]
pub(super) struct Books {
    pub(super) payments: BTreeMap<PaymentId, Row>,
    pub(super) events: Vec<(MerchantId, Event)>,
    pub(super) idempotency: BTreeMap<(MerchantId, String), IdempotencyRecord>,
    pub(super) inbox: BTreeMap<WebhookId, Waiting>,
    pub(super) deliveries: BTreeSet<(AccountId, String)>,
    pub(super) sweeps: BTreeMap<AccountId, SweepRow>,
    pub(super) accounts: BTreeMap<AccountId, AccountBinding>,
}

pub(super) struct Row {
    pub(super) record: PaymentRecord,
    /// Since when there are hints that no commit has answered.
    pub(super) dirty_at: Option<Timestamp>,
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
    lease_until.is_none_or(|until| until <= now)
}

impl Row {
    /// The watch with the hints in it: an unanswered hint makes it due.
    fn watch(&self) -> Option<Watch> {
        let watch = self.record.payment.watch;
        let Some(dirty_at) = self.dirty_at else { return watch };
        let (at, tries) = watch.map_or((dirty_at, 0), |watch| (watch.at.min(dirty_at), watch.tries));
        Some(Watch { at, tries })
    }

    pub(super) fn seen(&self) -> PaymentRecord {
        let mut record = self.record.clone();
        record.payment.watch = self.watch();
        record
    }

    /// When it can be taken next.
    pub(super) fn free_and_due_at(&self) -> Option<Timestamp> {
        let due = self.watch()?.at;
        Some(self.lease_until.map_or(due, |until| until.max(due)))
    }

    pub(super) fn owner(&self) -> (MerchantId, PaymentId) {
        (self.record.payment.merchant.clone(), self.record.payment.id.clone())
    }

    pub(super) fn is_open_or_watched(&self) -> bool {
        let status = self.record.payment.status;
        (status.holds_order() && !status.has_money()) || self.watch().is_some()
    }

    /// The version moves, so that a change read before this cannot undo it.
    fn supersede(&mut self) {
        let payment = &mut self.record.payment;
        if !payment.superseded {
            payment.superseded = true;
            payment.version += 1;
        }
    }
}

impl Books {
    /// Whether the change may be applied. Told in this order, so that a repeat of a request meets its key first.
    pub(super) fn check(&self, change: &Change) -> Result<(), StoreError> {
        let payment = &change.payment;
        self.check_version(change)?;
        if let Some(record) = &change.idempotency
            && self.idempotency.contains_key(&(record.merchant.clone(), record.key.clone()))
        {
            return Err(StoreError::KeyTaken);
        }
        if payment.holds_order() && self.payments.values().any(|row| holds_order_against(row, payment)) {
            return Err(StoreError::OrderTaken);
        }
        if let Some(id) = &change.supersedes {
            self.check_superseded(id, payment)?;
        }
        let taken = |attempt: &Attempt| self.is_accepted_elsewhere(payment, attempt);
        if change.attempts.iter().any(taken) { Err(StoreError::PgIdTaken) } else { Ok(()) }
    }

    fn check_version(&self, change: &Change) -> Result<(), StoreError> {
        let payment = &change.payment;
        let kept = self.payments.get(&payment.id).map(|row| &row.record.payment);
        let same_owner =
            kept.is_none_or(|kept| kept.merchant == payment.merchant && kept.account == payment.account);
        let next = change.expected.map_or(1, |version| version.saturating_add(1));
        let unchanged = kept.map(|kept| kept.version) == change.expected;
        if same_owner && unchanged && payment.version == next { Ok(()) } else { Err(StoreError::Conflict) }
    }

    fn check_superseded(&self, id: &PaymentId, by: &Payment) -> Result<(), StoreError> {
        let old = self.payments.get(id).map(|row| &row.record.payment).ok_or(StoreError::Conflict)?;
        if old.merchant != by.merchant || old.order_id != by.order_id || old.id == by.id {
            return Err(StoreError::Conflict);
        }
        // It was ended when it was read; money may have come since.
        if old.holds_order() { Err(StoreError::OrderTaken) } else { Ok(()) }
    }

    fn is_accepted_elsewhere(&self, payment: &Payment, attempt: &Attempt) -> bool {
        attempt.accepted
            && attempt.pg_id.is_some()
            && self.payments.values().any(|row| {
                row.record.payment.id != payment.id
                    && row.record.payment.account == payment.account
                    && row.record.attempts.iter().any(|other| other.accepted && other.pg_id == attempt.pg_id)
            })
    }

    pub(super) fn apply(&mut self, change: Change) {
        let Change {
            payment,
            hints,
            more_hints_at,
            attempts,
            cancels,
            events,
            idempotency,
            supersedes,
            expected: _,
        } = change;
        if let Some(old) = supersedes.and_then(|id| self.payments.get_mut(&id)) {
            old.supersede();
        }
        if let Some(record) = idempotency {
            self.idempotency.insert((record.merchant.clone(), record.key.clone()), record);
        }
        let row = self.payments.entry(payment.id.clone()).or_insert_with(|| Row {
            record: PaymentRecord {
                payment: payment.clone(),
                attempts: Vec::new(),
                cancels: Vec::new(),
                hints: 0,
                events: 0,
            },
            dirty_at: None,
            lease_until: None,
        });
        let merchant = payment.merchant.clone();
        row.lease_until = None;
        let unseen = row.dirty_at.filter(|_| row.record.hints > hints);
        row.dirty_at = unseen.map(|at| more_hints_at.map_or(at, |earliest| at.max(earliest)));
        row.record.payment = payment;
        attempts.into_iter().for_each(|attempt| put_attempt(&mut row.record.attempts, attempt));
        cancels.into_iter().for_each(|cancel| put_cancel(&mut row.record.cancels, cancel));
        for event in events {
            row.record.events += 1;
            let position = self.events.last().map_or(1, |(_, last)| last.position + 1);
            self.events.push((merchant.clone(), Event { position, event }));
        }
    }

    /// The payments after one, by id.
    pub(super) fn rows_after(&self, after: Option<&PaymentId>) -> impl Iterator<Item = &Row> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.payments.range::<PaymentId, _>((from, Bound::Unbounded)).map(|(_, row)| row)
    }

    pub(super) fn inbox_of(&self, account: &AccountId) -> impl Iterator<Item = &Waiting> {
        self.inbox.values().filter(move |waiting| waiting.webhook.account == *account)
    }

    pub(super) fn webhooks_by_age(&mut self, account: &AccountId) -> Vec<&mut Waiting> {
        let of_account = |waiting: &&mut Waiting| waiting.webhook.account == *account;
        let mut waiting: Vec<_> = self.inbox.values_mut().filter(of_account).collect();
        waiting.sort_by_key(|waiting| waiting.webhook.received_at);
        waiting
    }
}

fn holds_order_against(row: &Row, payment: &Payment) -> bool {
    let kept = &row.record.payment;
    kept.id != payment.id
        && kept.merchant == payment.merchant
        && kept.order_id == payment.order_id
        && kept.holds_order()
}

/// Inserts or replaces. What only a POST's answer held stays, even if the writer had not read it.
fn put_attempt(attempts: &mut Vec<Attempt>, mut attempt: Attempt) {
    match attempts.binary_search_by_key(&attempt.number, |kept| kept.number) {
        Ok(at) => {
            let kept = &mut attempts[at];
            attempt.deposit_secret = attempt.deposit_secret.or_else(|| kept.deposit_secret.take());
            attempt.raw = attempt.raw.or_else(|| kept.raw.take());
            *kept = attempt;
        }
        Err(at) => attempts.insert(at, attempt),
    }
}

fn put_cancel(cancels: &mut Vec<Cancel>, cancel: Cancel) {
    match cancels.iter_mut().find(|kept| kept.id == cancel.id) {
        Some(kept) => *kept = cancel,
        None => cancels.push(cancel),
    }
}
