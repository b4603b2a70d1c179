//! A store in memory: for tests and simulations, and the shortest reading of the port's contract.

mod books;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    AccountBinding, AccountId, Change, Event, IdempotencyRecord, MerchantId, OrderId, PaymentFilter,
    PaymentId, PaymentRecord, PgOrderId, PgPaymentId, ReceivedWebhook, Secret, Store, StoreError, Sweep,
    WebhookId,
    memory_store::books::{Books, Row, SweepRow, Waiting, is_free},
};

/// How many webhooks of each account may wait, if nothing else is said.
const INBOX_CAPACITY: usize = 10_000;

/// A store in memory. Its clones are the same store, so that two gateways can share one.
///
/// It keeps the whole contract of [`Store`] except that nothing outlives the process.
#[derive(Clone)]
pub struct MemoryStore {
    books: Arc<Mutex<Books>>,
    inbox_capacity: usize,
}

impl MemoryStore {
    /// An empty store in which at most this many webhooks of each account wait.
    #[must_use]
    pub fn with_inbox_capacity(inbox_capacity: usize) -> Self {
        Self { books: Arc::default(), inbox_capacity }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // A change is checked before it is applied, and applying it cannot panic.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_inbox_capacity(INBOX_CAPACITY)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

fn at_most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        let mut books = self.books();
        books.check(&change)?;
        books.apply(change);
        Ok(())
    }

    async fn keep_answer(
        &self,
        payment: &PaymentId,
        attempt: u16,
        deposit_secret: Option<Secret>,
        raw: Option<Secret>,
    ) -> Result<(), StoreError> {
        let mut books = self.books();
        let attempts = books.payments.get_mut(payment).map(|row| row.record.attempts.iter_mut());
        if let Some(kept) = attempts.into_iter().flatten().find(|kept| kept.number == attempt) {
            kept.deposit_secret = deposit_secret.or_else(|| kept.deposit_secret.take());
            kept.raw = raw.or_else(|| kept.raw.take());
        }
        Ok(())
    }

    async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let books = self.books();
        let row = books.payments.get(id).filter(|row| row.record.payment.merchant == *merchant);
        Ok(row.map(Row::seen))
    }

    async fn payment_of_order(
        &self,
        merchant: &MerchantId,
        order_id: &OrderId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let books = self.books();
        let of_order = books.payments.values().filter(|row| {
            row.record.payment.merchant == *merchant && row.record.payment.order_id == *order_id
        });
        Ok(of_order
            .max_by_key(|row| (row.record.payment.holds_order(), &row.record.payment.id))
            .map(Row::seen))
    }

    async fn owner_of_attempt(
        &self,
        account: &AccountId,
        pg_order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let books = self.books();
        let mut rows = books.payments.values().filter(|row| row.record.payment.account == *account);
        let carries = |row: &&Row| row.record.attempts.iter().any(|a| a.pg_order_id == *pg_order_id);
        Ok(rows.find(carries).map(Row::owner))
    }

    async fn owner_of_pg_id(
        &self,
        account: &AccountId,
        pg_id: &PgPaymentId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let books = self.books();
        let rows = books.payments.values().filter(|row| row.record.payment.account == *account);
        let claims = rows.flat_map(|row| row.record.attempts.iter().map(move |attempt| (row, attempt)));
        Ok(claims
            .filter(|(_, attempt)| attempt.pg_id.as_ref() == Some(pg_id))
            .max_by_key(|(row, attempt)| (attempt.accepted, attempt.created_at, &row.record.payment.id))
            .map(|(row, _)| row.owner()))
    }

    async fn payments(
        &self,
        merchant: &MerchantId,
        filter: &PaymentFilter,
        limit: u32,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        let books = self.books();
        let rows = books.payments.values().rev().filter(|row| {
            let payment = &row.record.payment;
            payment.merchant == *merchant
                && filter.order_id.as_ref().is_none_or(|order_id| payment.order_id == *order_id)
                && filter.status.is_none_or(|status| payment.status == status)
                && filter.before.as_ref().is_none_or(|before| payment.id < *before)
        });
        Ok(rows.take(at_most(limit)).map(Row::seen).collect())
    }

    async fn events(&self, merchant: &MerchantId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let books = self.books();
        let later = books.events.iter().filter(|(owner, event)| owner == merchant && event.position > after);
        Ok(later.take(at_most(limit)).map(|(_, event)| event.clone()).collect())
    }

    async fn events_of(&self, merchant: &MerchantId, payment: &PaymentId) -> Result<Vec<Event>, StoreError> {
        let books = self.books();
        let of_payment = books
            .events
            .iter()
            .filter(|(owner, event)| owner == merchant && event.event.payment.id == *payment);
        Ok(of_payment.map(|(_, event)| event.clone()).collect())
    }

    async fn owner_of(&self, payment: &PaymentId) -> Result<Option<MerchantId>, StoreError> {
        Ok(self.books().payments.get(payment).map(|row| row.record.payment.merchant.clone()))
    }

    async fn all_payments(
        &self,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        Ok(self.books().rows_after(after).take(at_most(limit)).map(Row::owner).collect())
    }

    async fn count_payments(&self) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.books().payments.len()).unwrap_or(u64::MAX))
    }

    async fn payments_with_cases(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let books = self.books();
        let has_one = |row: &&Row| {
            let mut cases = row.record.payment.cases.iter();
            cases.any(|case| !only_open || case.is_open())
        };
        Ok(books.rows_after(after).filter(has_one).take(at_most(limit)).map(Row::owner).collect())
    }

    async fn idempotency(
        &self,
        merchant: &MerchantId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        Ok(self.books().idempotency.get(&(merchant.clone(), key.to_owned())).cloned())
    }

    async fn keep_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError> {
        let mut books = self.books();
        let kept = books
            .idempotency
            .entry((record.merchant.clone(), record.key.clone()))
            .or_insert_with(|| IdempotencyRecord { answer: None, ..record.clone() });
        // The first final answer stays; another request under the same key has no say in it.
        if kept.answer.is_none() && kept.digest == record.digest {
            kept.answer = record.answer;
        }
        Ok(())
    }

    async fn forget_idempotency(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut books = self.books();
        let old = books.idempotency.extract_if(.., |_, record| record.created_at < before);
        Ok(u64::try_from(old.count()).unwrap_or(u64::MAX))
    }

    async fn mark_dirty(&self, payment: &PaymentId, at: Timestamp) -> Result<(), StoreError> {
        if let Some(row) = self.books().payments.get_mut(payment) {
            row.record.hints += 1;
            row.dirty_at = Some(row.dirty_at.map_or(at, |before| before.min(at)));
        }
        Ok(())
    }

    async fn lease_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let mut books = self.books();
        let due_at = |row: &Row| row.free_and_due_at().filter(|at| *at <= now);
        let rows = books.payments.values_mut().filter(|row| row.record.payment.account == *account);
        let mut due: Vec<_> = rows.filter_map(|row| due_at(row).map(|at| (at, row))).collect();
        due.sort_by_key(|(at, _)| *at);
        due.truncate(at_most(limit));
        let take = |(_, row): (Timestamp, &mut Row)| {
            row.lease_until = Some(until);
            row.owner()
        };
        Ok(due.into_iter().map(take).collect())
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        let books = self.books();
        let rows = books.payments.values().filter(|row| row.record.payment.account == *account);
        Ok(rows.filter_map(Row::free_and_due_at).min())
    }

    async fn receive(&self, webhook: ReceivedWebhook) -> Result<(), StoreError> {
        let mut books = self.books();
        if books.inbox_of(&webhook.account).count() >= self.inbox_capacity {
            return Err(StoreError::InboxFull);
        }
        books.inbox.entry(webhook.id.clone()).or_insert(Waiting { webhook, lease_until: None });
        Ok(())
    }

    async fn lease_inbox(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReceivedWebhook>, StoreError> {
        let mut books = self.books();
        let waiting = books.webhooks_by_age(account).into_iter();
        let free = waiting.filter(|waiting| is_free(waiting.lease_until, now));
        let take = |waiting: &mut Waiting| {
            waiting.lease_until = Some(until);
            waiting.webhook.clone()
        };
        Ok(free.take(at_most(limit)).map(take).collect())
    }

    async fn finish_webhook(&self, id: &WebhookId) -> Result<(), StoreError> {
        self.books().inbox.remove(id);
        Ok(())
    }

    async fn inbox_length(&self, account: &AccountId) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.books().inbox_of(account).count()).unwrap_or(u64::MAX))
    }

    async fn remember_delivery(
        &self,
        account: &AccountId,
        delivery_id: &str,
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.books().deliveries.insert((account.clone(), delivery_id.to_owned())))
    }

    async fn lease_sweep(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sweep>, StoreError> {
        let mut books = self.books();
        let row = books.sweeps.entry(account.clone()).or_default();
        if row.next.is_some_and(|next| next > now) || !is_free(row.lease_until, now) {
            return Ok(None);
        }
        row.lease_until = Some(until);
        Ok(Some(Sweep { swept_to: row.swept_to }))
    }

    async fn finish_sweep(
        &self,
        account: &AccountId,
        swept_to: Option<Timestamp>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let mut books = self.books();
        let row = books.sweeps.entry(account.clone()).or_default();
        // A sweep that failed tells nothing; what was swept before stays swept.
        *row = SweepRow { swept_to: swept_to.or(row.swept_to), next: Some(next), lease_until: None };
        Ok(())
    }

    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError> {
        let mut books = self.books();
        let in_use = |account: &AccountId| {
            let mut rows = books.payments.values();
            rows.any(|row| row.record.payment.account == *account && row.is_open_or_watched())
        };
        let is_other = |bound: &&AccountBinding| !accounts.contains(bound);
        if let Some(bound) = books.accounts.values().filter(is_other).find(|bound| in_use(&bound.account)) {
            return Err(StoreError::AccountChanged(bound.account.clone()));
        }
        books.accounts.extend(accounts.iter().map(|new| (new.account.clone(), new.clone())));
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_in_a_log_shows_nothing_of_what_it_keeps() {
        assert_eq!(format!("{:?}", MemoryStore::default()), "MemoryStore { .. }");
    }
}
