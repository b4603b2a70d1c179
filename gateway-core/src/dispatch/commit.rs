//! Committing drafts: one place that reads, draws what follows, and writes with compare-and-set.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::operator::report_wrong_settings;
use crate::{
    account::{ConnectedAccount, Work},
    clock::{Clock, SteadyClock},
    lifecycle::{Answer, Context, Draft, Foreign, acceptance},
    lifecycle::{apply, finish::finish},
    model::{AccountId, IdSource, LatePayments, LookUpSubject, MerchantId, PaymentId, PgPaymentId},
    store::{Change, IdempotencyRecord, PaymentChange, PaymentRecord, Store, StoreError, Why},
};

/// How often a change starts over because the payment changed meanwhile. Each time another change was committed, and money that
/// goes back by itself makes half a dozen commits within milliseconds.
pub(crate) const ROUNDS: u32 = 12;

/// Reads and writes payments, and owns what every use case shares: the store, the clock, the ids and the accounts.
#[derive(Debug)]
pub(crate) struct Committer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<SteadyClock>,
    pub(crate) ids: IdSource,
    pub(crate) accounts: BTreeMap<AccountId, ConnectedAccount>,
    pub(crate) late_payments: BTreeMap<MerchantId, LatePayments>,
}

impl Committer {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A payment of a merchant.
    pub(crate) async fn payment(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
    ) -> Result<PaymentRecord, StoreError> {
        let found = self.store.payment(merchant, id).await?;
        found.ok_or_else(|| StoreError::Unavailable("a payment that was read before is gone".into()))
    }

    /// The account of a payment. The start refuses a configuration without an account that payments need.
    pub(crate) fn account_of(&self, record: &PaymentRecord) -> Option<&ConnectedAccount> {
        self.accounts.get(&record.payment.account)
    }

    pub(crate) fn context<'a>(
        &'a self,
        account: &'a ConnectedAccount,
        sibling: Option<&'a PaymentRecord>,
        taken: &'a [PgPaymentId],
    ) -> Context<'a> {
        let movements = account.provider.movements();
        Context {
            now: self.now(),
            is_clock_trusted: self.clock.is_trusted(),
            can_ask: account.has_credentials,
            description: account.description(),
            has_list: movements.is_some(),
            lists_part_cancels: movements.is_some_and(|movements| movements.shows_part_cancels()),
            late_payments: self.late_payments.get(&account.merchant).copied().unwrap_or_default(),
            ids: &self.ids,
            sibling,
            taken,
        }
    }

    /// The payment that the order has now, if the record was superseded by it or gave way to it.
    pub(crate) async fn sibling(&self, record: &PaymentRecord) -> Result<Option<PaymentRecord>, StoreError> {
        let payment = &record.payment;
        if !payment.superseded && !payment.yielded {
            return Ok(None);
        }
        // An order may be registered a third time: the payment that counts is the one that has it now.
        let current = self.store.payment_of_order(&payment.merchant, &payment.order_id).await?;
        Ok(current.filter(|current| current.payment.id != payment.id))
    }

    /// Commits a draft, and what it decides about the order's other payment, in one step. Gives the record after it.
    pub(crate) async fn commit(
        &self,
        draft: Draft,
        context: &Context<'_>,
        idempotency: Option<IdempotencyRecord>,
    ) -> Result<PaymentRecord, StoreError> {
        let (rests_on_sibling, yields) = (draft.rests_on_sibling, draft.sibling_yields);
        let finished = finish(draft, context);
        let record = finished.record;
        let Some(change) = finished.change else {
            // Nothing changed, so there is no version to win or lose.
            return Ok(record);
        };
        let mut payments = vec![change];
        let mut unchanged = Vec::new();
        if let Some(sibling) = context.sibling {
            // The order's other payment is closed in this commit, or must at least not change before it: else
            // both of them may be refunded, or both be kept.
            if yields {
                payments.extend(self.give_way(sibling, &record, context));
            } else if rests_on_sibling {
                unchanged.push((sibling.payment.id.clone(), sibling.payment.version));
            }
        }
        let accounts: Vec<_> = payments.iter().map(|change| change.payment.account.clone()).collect();
        self.store.commit(Change { at: context.now, payments, unchanged, idempotency }).await?;
        // The other payment may be on another account, whose workers have to see it too.
        accounts.iter().for_each(|account| self.notify(account));
        Ok(record)
    }

    /// The order's newer payment gives way to the older one, which is kept. Its account may be another one.
    fn give_way(
        &self,
        newer: &PaymentRecord,
        kept: &PaymentRecord,
        context: &Context<'_>,
    ) -> Option<PaymentChange> {
        // One commit has one time.
        let of_newer = match self.account_of(newer) {
            Some(account) => Context { now: context.now, ..self.context(account, Some(kept), &[]) },
            // An account that is not configured any more keeps no payment from giving way.
            None => Context { sibling: Some(kept), taken: &[], ..*context },
        };
        let mut draft = Draft::of(newer.clone());
        acceptance::yield_to_sibling(&mut draft, &of_newer);
        finish(draft, &of_newer).change
    }

    /// Draws what follows from an answer of the PG, and commits it if the payment still has the version that was read
    /// before the PG was asked. `prepare` is done to the draft first.
    pub(crate) async fn apply(
        &self,
        record: &PaymentRecord,
        answer: &Answer<'_>,
        prepare: impl Fn(&mut Draft, &Context<'_>) + Send + Sync,
    ) -> Result<(PaymentRecord, Vec<Foreign>), StoreError> {
        let Some(account) = self.account_of(record) else { return Ok((record.clone(), Vec::new())) };
        let sibling = self.sibling(record).await?;
        let mut taken: Vec<PgPaymentId> = Vec::new();
        let mut is_order_taken = false;
        // Each time from the record that was read before the PG was asked: a newer one may know more.
        loop {
            let context = self.context(account, sibling.as_ref(), &taken);
            let mut draft = Draft::of(record.clone());
            prepare(&mut draft, &context);
            let foreign = apply::apply(&mut draft, answer, &context);
            if is_order_taken {
                acceptance::give_up_order(&mut draft, &context);
            }
            let accepted = draft.record.accepted().and_then(|charge| charge.pg_payment_id.clone());
            match self.commit(draft, &context, None).await {
                Ok(after) => {
                    report_wrong_settings(account, record, &after);
                    return Ok((after, foreign));
                }
                // Two payments cannot have accepted one PG payment: the first keeps it.
                Err(StoreError::PgIdTaken) => match accepted {
                    Some(id) if !taken.contains(&id) => taken.push(id),
                    _ => return Err(StoreError::PgIdTaken),
                },
                // The PG shows money of a payment whose order another has: it is committed beside that one.
                Err(StoreError::OrderTaken) if !is_order_taken => is_order_taken = true,
                // A conflict too: the caller asks the PG again.
                Err(error) => return Err(error),
            }
        }
    }

    /// Changes a payment, whatever version it has by now.
    pub(crate) async fn update(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        change: impl Fn(&mut Draft, &Context<'_>) + Send + Sync,
    ) -> Result<PaymentRecord, StoreError> {
        let mut is_order_taken = false;
        for _ in 0..ROUNDS {
            let record = self.payment(merchant, id).await?;
            let Some(account) = self.account_of(&record) else { return Ok(record) };
            let sibling = self.sibling(&record).await?;
            let context = self.context(account, sibling.as_ref(), &[]);
            let mut draft = Draft::of(record.clone());
            change(&mut draft, &context);
            if is_order_taken {
                acceptance::give_up_order(&mut draft, &context);
            }
            match self.commit(draft, &context, None).await {
                // No answer of the PG is involved that could be out of date, so the change is drawn again.
                Err(StoreError::Conflict) => {}
                // The order was registered again while this payment did not hold it.
                Err(StoreError::OrderTaken) if !is_order_taken => is_order_taken = true,
                done => return done,
            }
        }
        Err(StoreError::Conflict)
    }

    /// Owes a look-up of a payment, and notifies the workers of its account.
    pub(crate) async fn owe(
        &self,
        record: &PaymentRecord,
        of: LookUpSubject,
        at: Timestamp,
        why: Why,
    ) -> Result<(), StoreError> {
        let payment = &record.payment;
        let owed = vec![crate::store::OwedLookUp { of, at, why, tries: 0 }];
        // Without a new version: a hint must not make a look-up that is under way lose its commit.
        self.store.owe(&payment.merchant, &payment.id, owed, self.now()).await?;
        self.notify(&payment.account);
        Ok(())
    }

    /// Says that a payment of an account may be due.
    pub(crate) fn notify(&self, account: &AccountId) {
        if let Some(account) = self.accounts.get(account) {
            account.throttle.notify(Work::Payments);
        }
    }
}
