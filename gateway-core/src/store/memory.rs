//! A store in memory: for tests and simulations, and the shortest reading of the port's contract.

mod books;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    AccountBinding, AdminStore, Change, IdempotencyRecord, Inbox, OwedLookUp, PaymentFilter, PaymentRecord,
    PaymentStore, ReceivedWebhook, SavedAnswer, StoreError, Sweep, WorkQueue,
};
use crate::model::{AccountId, Event, MerchantId, OrderId, PaymentId, PgOrderId, PgPaymentId, WebhookId};

use books::{Books, Row, SweepRow, Waiting, is_free, is_void};

/// How many webhooks may wait in each room of each account, if nothing else is said.
const INBOX_CAPACITY: usize = 10_000;

/// A store in memory. Its clones are the same store, so that two gateways can share one.
///
/// It keeps the whole contract of [`Store`](super::Store) except that nothing outlives the process.
///
/// ```
/// use paymux_core::{
///     model::{AccountId, MerchantId},
///     store::{AdminStore, MemoryStore, PaymentStore, WorkQueue},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::default();
/// let (shop, account): (MerchantId, AccountId) = ("shop".parse()?, "bank".parse()?);
/// assert_eq!(store.count_payments().await?, 0);
/// assert!(store.events(&shop, 0, 100).await?.is_empty());
/// assert_eq!(store.next_due(&account).await?, None, "nothing has to be looked up");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    books: Arc<Mutex<Books>>,
    inbox_capacity: usize,
}

impl MemoryStore {
    /// An empty store in which at most this many webhooks wait in each room of each account.
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

fn count(counted: impl Iterator) -> u64 {
    u64::try_from(counted.count()).unwrap_or(u64::MAX)
}

#[async_trait]
impl PaymentStore for MemoryStore {
    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.books().commit(change)
    }

    async fn save_answer(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        answer: SavedAnswer,
    ) -> Result<(), StoreError> {
        let mut books = self.books();
        let charge = books.row_mut(merchant, payment).and_then(|row| row.record.charge_mut(&answer.charge));
        if let Some(charge) = charge {
            // No version is compared: the PG sends the secret once, and a faster commit does not have it.
            charge.webhook_secret = Some(answer.webhook_secret);
        }
        Ok(())
    }

    async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        Ok(self.books().row(merchant, id).map(|row| row.record.clone()))
    }

    async fn payment_of_order(
        &self,
        merchant: &MerchantId,
        order_id: &OrderId,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let books = self.books();
        let records =
            books.payments.values().map(|row| &row.record).filter(|record| {
                record.payment.merchant == *merchant && record.payment.order_id == *order_id
            });
        // Ids begin with the time, so the greatest is the newest.
        Ok(records.max_by_key(|record| (record.payment.holds_order(), &record.payment.id)).cloned())
    }

    async fn owner_of_order(
        &self,
        account: &AccountId,
        order_id: &PgOrderId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let books = self.books();
        let mut rows = books.rows_of_account(account);
        Ok(rows.find(|row| row.record.order_ids().any(|carried| carried == order_id)).map(Row::owner))
    }

    async fn owner_of_charge(
        &self,
        account: &AccountId,
        id: &PgPaymentId,
    ) -> Result<Option<(MerchantId, PaymentId)>, StoreError> {
        let books = self.books();
        let charges = books
            .rows_of_account(account)
            .flat_map(|row| row.record.charges.iter().map(move |charge| (row, charge)))
            .filter(|(_, charge)| charge.pg_payment_id.as_ref() == Some(id));
        // Who accepted it before who only claims it: a browser can claim any id.
        let newest = charges.max_by_key(|(_, charge)| (charge.accepted, charge.created_at, &charge.id));
        Ok(newest.map(|(row, _)| row.owner()))
    }

    async fn payments(
        &self,
        merchant: &MerchantId,
        filter: &PaymentFilter,
        limit: u32,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        let books = self.books();
        // By id, which is by age: a cursor stays right while payments are registered.
        let rows = books.payments.values().rev().filter(|row| {
            let payment = &row.record.payment;
            payment.merchant == *merchant
                && filter.order_id.as_ref().is_none_or(|order_id| payment.order_id == *order_id)
                && filter.status.is_none_or(|status| payment.status() == status)
                && filter.before.as_ref().is_none_or(|before| payment.id < *before)
        });
        Ok(rows.take(at_most(limit)).map(|row| row.record.clone()).collect())
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
            .filter(|(owner, event)| owner == merchant && event.event.payment.payment.id == *payment);
        Ok(of_payment.map(|(_, event)| event.clone()).collect())
    }

    async fn idempotency(
        &self,
        merchant: &MerchantId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        Ok(self.books().idempotency.get(&(merchant.clone(), key.to_owned())).cloned())
    }

    async fn save_idempotent_answer(&self, record: IdempotencyRecord) -> Result<(), StoreError> {
        let mut books = self.books();
        let kept = books
            .idempotency
            .entry((record.merchant.clone(), record.key.clone()))
            .or_insert_with(|| record.clone());
        // The first final answer is what every repeat is shown. Another request under the same key must not
        // write it.
        if kept.answer.is_none() && kept.digest == record.digest {
            kept.answer = record.answer;
        }
        Ok(())
    }

    async fn expire_idempotency(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut books = self.books();
        // The key of a cancel stays for ever: whenever it comes again, it must find its row and not refund
        // twice.
        let is_old = |record: &IdempotencyRecord| record.cancel.is_none() && record.created_at < before;
        Ok(count(books.idempotency.extract_if(.., |_, record| is_old(record))))
    }
}

#[async_trait]
impl WorkQueue for MemoryStore {
    async fn owe(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        owed: Vec<OwedLookUp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(row) = self.books().row_mut(merchant, payment) {
            // The version stays. A hint, which anybody can send, must not make commits lose their race.
            row.record.checks.owe_from_now(owed, now);
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
        // Found and taken under one lock, so two workers never get the same payment.
        let mut books = self.books();
        let mut rows: Vec<_> =
            books.payments.values_mut().filter(|row| row.record.payment.account == *account).collect();
        // A lease that a wrong clock dated far ahead would hide its payment until then.
        for row in rows.iter_mut().filter(|row| is_void(row.lease_until, now)) {
            row.lease_until = None;
        }
        let due =
            rows.into_iter().filter_map(|row| row.ready_at().filter(|at| *at <= now).map(|at| (at, row)));
        let mut due: Vec<_> = due.collect();
        // The longest due first, so that under load nothing waits for ever.
        due.sort_by_key(|(at, _)| *at);
        due.truncate(at_most(limit));
        let take = |(_, row): (Timestamp, &mut Row)| {
            row.lease_until = Some(until);
            row.owner()
        };
        Ok(due.into_iter().map(take).collect())
    }

    async fn release(
        &self,
        merchant: &MerchantId,
        payment: &PaymentId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        // Without a lease there was a commit meanwhile, and what that made due is not put off.
        if let Some(lease_until) =
            self.books().row_mut(merchant, payment).and_then(|row| row.lease_until.as_mut())
        {
            *lease_until = at;
        }
        Ok(())
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.books().rows_of_account(account).filter_map(Row::ready_at).min())
    }

    async fn lease_sweep(
        &self,
        account: &AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Sweep>, StoreError> {
        let mut books = self.books();
        let row = books.sweeps.entry(account.clone()).or_default();
        if !is_free(row.next, now) || !is_free(row.lease_until, now) {
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
        // A sweep that failed leaves what was swept before: rows behind it are listed again.
        *row = SweepRow { swept_to: swept_to.or(row.swept_to), next: Some(next), lease_until: None };
        Ok(())
    }
}

#[async_trait]
impl Inbox for MemoryStore {
    async fn receive(&self, webhook: ReceivedWebhook) -> Result<(), StoreError> {
        let mut books = self.books();
        // Counted by account and room: a flood at one account fills neither the room of what it knows nor
        // another account's.
        let in_room = books.inbox_of(&webhook.account).filter(|waiting| waiting.webhook.room == webhook.room);
        if in_room.count() >= self.inbox_capacity {
            return Err(StoreError::InboxFull);
        }
        let key = (webhook.account.clone(), webhook.id.clone());
        books.inbox.entry(key).or_insert(Waiting { webhook, lease_until: None });
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
        let waiting = books.waiting_in_order(account).into_iter();
        let free = waiting.filter(|waiting| is_free(waiting.lease_until, now));
        let take = |waiting: &mut Waiting| {
            waiting.lease_until = Some(until);
            waiting.webhook.clone()
        };
        Ok(free.take(at_most(limit)).map(take).collect())
    }

    async fn finish_webhook(&self, account: &AccountId, id: &WebhookId) -> Result<(), StoreError> {
        self.books().inbox.remove(&(account.clone(), id.clone()));
        Ok(())
    }

    async fn inbox_length(&self, account: &AccountId) -> Result<u64, StoreError> {
        Ok(count(self.books().inbox_of(account)))
    }

    async fn remember_delivery(
        &self,
        account: &AccountId,
        delivery_id: &str,
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Asked and remembered in one step: of two workers with the same delivery one is first.
        Ok(self.books().deliveries.insert((account.clone(), delivery_id.to_owned())))
    }
}

#[async_trait]
impl AdminStore for MemoryStore {
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
        Ok(count(self.books().payments.iter()))
    }

    async fn payments_with_reviews(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<(MerchantId, PaymentId)>, StoreError> {
        let books = self.books();
        let has_one = |row: &&Row| {
            let mut reviews = row.record.payment.reviews.iter();
            reviews.any(|review| !only_open || review.is_open())
        };
        Ok(books.rows_after(after).filter(has_one).take(at_most(limit)).map(Row::owner).collect())
    }

    async fn bind_accounts(&self, accounts: &[AccountBinding]) -> Result<(), StoreError> {
        let mut books = self.books();
        // All are compared before any is bound, so a start that is refused changes nothing.
        for bound in books.accounts.values() {
            let now = accounts.iter().find(|configured| configured.account == bound.account);
            // Once no money of its payments can move, an account may become anything.
            let payments = count(books.rows_of_account(&bound.account).filter(|row| row.is_live));
            if payments > 0
                && let Some(difference) = bound.difference(now)
            {
                let account = bound.account.clone();
                return Err(StoreError::AccountChanged { account, difference, payments });
            }
        }
        // An account that is not configured any more stays bound: money may yet come in for it.
        books.accounts.extend(accounts.iter().map(|new| (new.account.clone(), new.clone())));
        Ok(())
    }

    async fn newest_commit(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.books().newest_commit)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_what_is_kept() {
        assert_eq!(format!("{:?}", MemoryStore::default()), "MemoryStore { .. }");
    }
}
