//! The use cases: what merchants, browsers, PGs and time make happen to a payment.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    AccountId, CancelId, Clock, IdSource, IdempotencyRecord, LatePayments, MerchantId, Method, PaymentId,
    PaymentRecord, PgPaymentId, ProviderError, Store, StoreError,
    draft::Draft,
    gateway::{
        account::{ConnectedAccount, WHEN_BUSY},
        line::Errand,
        look_queue::LookQueue,
    },
    schedule::{next_watch, visible_at},
    settle::Context,
};

mod account;
mod cancel;
mod cases;
mod confirm;
mod error;
mod inbox;
mod ledger;
mod line;
mod look_queue;
mod look_up;
mod next_action;
mod read;
mod register;
mod resolve;
mod send_cancel;
mod send_confirm;
mod send_lease;
mod sweep;
#[cfg(test)]
mod tests;

pub use account::Account;
pub use cancel::NewCancel;
pub use cases::CaseVerdict;
pub use error::{GatewayError, StateProblem};
pub use inbox::InboxOutcome;
pub use ledger::{LedgerDifference, LedgerPage, LedgerProblem};
pub use line::{AccountLimits, Work};
pub use register::{NewPayment, Registered};

/// How a merchant wants its payments handled.
#[derive(Clone, Debug)]
pub struct MerchantPolicy {
    /// The account that takes payments no rule says otherwise of.
    pub default_account: AccountId,
    /// Rules by method.
    pub account_by_method: BTreeMap<Method, AccountId>,
    /// What happens to late money.
    pub late_payments: LatePayments,
    /// How long a registered payment may be paid.
    pub payable_for: Duration,
}

/// The idempotency key of a request, to be written with the first row the request creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The key, as the merchant sent it.
    pub key: String,
    /// A digest of method, path and body.
    pub digest: String,
}

/// The use cases, over any store, clock and set of accounts.
///
/// Every method that may move money goes on if its future is polled; run it in a task of its own,
/// so that a caller who hangs up only stops waiting.
#[derive(Debug)]
pub struct Gateway {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    accounts: BTreeMap<AccountId, ConnectedAccount>,
    merchants: BTreeMap<MerchantId, MerchantPolicy>,
    reads: read::RecentReads,
    looks: LookQueue,
}

impl Gateway {
    /// A gateway over these accounts and merchants.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: IdSource,
        accounts: Vec<Account>,
        merchants: BTreeMap<MerchantId, MerchantPolicy>,
    ) -> Self {
        let connect = |account: Account| (account.id.clone(), ConnectedAccount::new(account));
        let accounts = accounts.into_iter().map(connect).collect();
        Self {
            store,
            clock,
            ids,
            accounts,
            merchants,
            reads: read::RecentReads::default(),
            looks: LookQueue::default(),
        }
    }

    /// The configured accounts of a merchant.
    pub fn accounts_of<'a>(&'a self, merchant: &'a MerchantId) -> impl Iterator<Item = &'a Account> {
        self.accounts().filter(move |account| account.merchant == *merchant)
    }

    /// Every configured account.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().map(|account| &**account)
    }

    /// A configured account.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id).map(|account| &**account)
    }

    /// How a merchant wants its payments handled.
    #[must_use]
    pub fn policy(&self, merchant: &MerchantId) -> Option<&MerchantPolicy> {
        self.merchants.get(merchant)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The source of ids.
    #[must_use]
    pub const fn ids(&self) -> &IdSource {
        &self.ids
    }

    /// Returns when a payment of an account was committed or marked, or a webhook received, since the last call: there may be such
    /// work. Of several who wait for the same, one is woken. Never for an account that is not configured.
    pub async fn woken(&self, account: &AccountId, work: Work) {
        match self.accounts.get(account) {
            Some(account) => account.line.woken(work).await,
            None => std::future::pending().await,
        }
    }

    /// Says that there may be work for an account.
    pub fn wake(&self, account: &AccountId) {
        [Work::Webhooks, Work::Payments].into_iter().for_each(|work| self.wake_for(work, account));
    }

    /// Says that there may be work for every account.
    pub fn wake_all(&self) {
        self.accounts.keys().for_each(|account| self.wake(account));
    }

    fn wake_for(&self, work: Work, account: &AccountId) {
        if let Some(account) = self.accounts.get(account) {
            account.line.wake(work);
        }
    }

    /// Marks a payment: the PG is asked about it at `at`.
    async fn mark(&self, account: &AccountId, id: &PaymentId, at: Timestamp) -> Result<(), StoreError> {
        self.store.mark_dirty(id, at).await?;
        self.wake_for(Work::Payments, account);
        Ok(())
    }

    /// Counts requests that go out over an account's line now, or tells from when on they may.
    fn admit(&self, account: &ConnectedAccount, errand: Errand, requests: u32) -> Result<(), Timestamp> {
        account.line.admit(errand, requests, self.clock.now())
    }

    /// What a caller is told who would have to wait.
    fn busy_until(&self, from: Timestamp) -> GatewayError {
        let wait = Duration::try_from(from.duration_since(self.clock.now())).unwrap_or(WHEN_BUSY);
        GatewayError::ProviderUnavailable { retry_after: Some(wait.max(Duration::from_secs(1))) }
    }

    /// Calls the PG about money: nothing holds this back, but it is counted.
    async fn call_for_money<T>(
        &self,
        account: &ConnectedAccount,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        // Money is always admitted.
        let _ = self.admit(account, Errand::Money, 1);
        self.call(account, call).await
    }

    /// Calls the PG with what was admitted, and heeds it if it asks to be left alone.
    async fn call<T>(
        &self,
        account: &ConnectedAccount,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let answer = call.await;
        if let Err(ProviderError::NotProcessed { retry_after: Some(wait), .. }) = &answer {
            account.line.pause(*wait, self.clock.now());
        }
        answer
    }

    /// A payment of a merchant.
    ///
    /// # Errors
    ///
    /// [`GatewayError::NotFound`], also for another merchant's; [`GatewayError::Store`].
    pub async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<PaymentRecord, GatewayError> {
        self.store.payment(merchant, id).await?.ok_or(GatewayError::NotFound)
    }

    fn account_of(&self, record: &PaymentRecord) -> Result<&ConnectedAccount, GatewayError> {
        // The start-up check refuses a configuration without an account that has open payments.
        self.accounts
            .get(&record.payment.account)
            .ok_or(GatewayError::Unsupported("this payment's account any more"))
    }

    fn context<'a>(
        &'a self,
        account: &'a Account,
        taken: &'a [PgPaymentId],
        asked_at: Timestamp,
    ) -> Context<'a> {
        let late_payments = self.merchants.get(&account.merchant).map(|policy| policy.late_payments);
        Context {
            now: self.clock.now(),
            asked_at,
            description: account.description(),
            late_payments: late_payments.unwrap_or_default(),
            ids: &self.ids,
            taken,
        }
    }

    /// Commits a draft, due for its next look after `tries` that settled nothing, and gives the
    /// record after it.
    async fn commit(&self, mut draft: Draft, tries: u32) -> Result<PaymentRecord, StoreError> {
        let now = self.clock.now();
        if let Some(account) = self.accounts.get(&draft.record.payment.account) {
            if let Some(asked_at) = draft.asked_at() {
                draft.answer_hints(asked_at, visible_at(asked_at, account.description()));
            }
            // A look in the future is another clock's, and answered nothing of ours.
            let last_look = draft.record.payment.looked_at.filter(|at| *at <= now);
            let looked_at = draft.asked_at().or(last_look);
            let next = next_watch(&draft.record, account.description(), now, looked_at, tries, &self.ids);
            let waiting = draft.waiting_watch(now);
            draft.record.payment.watch = [waiting, next].into_iter().flatten().min_by_key(|watch| watch.at);
        }
        // Boxed, or every use case would hold it several times and fill a thread's stack.
        Box::pin(self.commit_watched(draft, now)).await
    }

    /// Commits a draft whose watch is set.
    async fn commit_watched(&self, mut draft: Draft, now: Timestamp) -> Result<PaymentRecord, StoreError> {
        draft.keep_cases(now);
        let unchanged = draft.record.clone();
        let Some((change, after)) = draft.into_change(now, &self.ids) else { return Ok(unchanged) };
        self.store.commit(change).await?;
        self.wake_for(Work::Payments, &after.payment.account);
        Ok(after)
    }

    fn idempotency(
        &self,
        merchant: &MerchantId,
        key: Option<&RequestKey>,
        payment: &PaymentId,
        cancel: Option<&CancelId>,
    ) -> Option<IdempotencyRecord> {
        key.map(|key| IdempotencyRecord {
            merchant: merchant.clone(),
            key: key.key.clone(),
            digest: key.digest.clone(),
            payment: Some(payment.clone()),
            cancel: cancel.cloned(),
            answer: None,
            created_at: self.clock.now(),
        })
    }
}
