//! Registering a payment: no PG is called.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Gateway, GatewayError, RequestKey};
use crate::{
    account::{Account, ConnectedAccount},
    clock::later,
    dispatch::ROUNDS,
    gateway::{request_key::idempotency, shared::account_of},
    lifecycle::{Context, Draft, finish::finish},
    model::{
        AccountId, MerchantId, Mode, Money, OrderId, Payment, PaymentStatus, PaymentTerms, Shown,
        is_display_text,
    },
    provider::MethodTerms,
    store::{PaymentFilter, PaymentRecord, StoreError},
};

/// How many payments of an order are read at a time. Few have more than two.
const PAGE: u32 = 100;

/// The longest name of what is bought, in characters.
const LONGEST_NAME: usize = 100;

/// The most months of an instalment plan.
const MOST_MONTHS: u32 = 60;

/// A payment to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    /// The merchant's own name for the order.
    pub order_id: OrderId,
    /// What is asked for.
    pub terms: PaymentTerms,
}

/// A registered payment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The payment.
    pub record: PaymentRecord,
    /// Whether it is new; `false` when the same order was registered with the same terms before.
    pub created: bool,
}

impl Gateway {
    /// Registers a payment.
    ///
    /// The same order with the same terms is the same payment, reopened with a new deadline if it had failed or expired.
    /// Other terms over one that failed, expired or was cancelled, and any terms over a cancelled one, are a new payment:
    /// every older one of the order is marked as superseded in the same commit.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { gateway, shop, .. } = shop().await?;
    /// use paymux_core::{
    ///     gateway::{GatewayError, NewPayment},
    ///     model::{Money, PaymentTerms},
    /// };
    ///
    /// let terms = PaymentTerms::new("A blue mug", Money::krw(12_000), "https://shop.example/return");
    /// let order = NewPayment { order_id: "order-1".parse()?, terms };
    /// let first = gateway.register(&shop, order.clone(), None).await?;
    /// assert!(first.created);
    ///
    /// // A request that is repeated because its answer got lost is the same payment.
    /// let again = gateway.register(&shop, order.clone(), None).await?;
    /// assert_eq!((again.created, &again.record.payment.id), (false, &first.record.payment.id));
    ///
    /// // The buyer may be paying the old price right now.
    /// let terms = PaymentTerms { amount: Money::krw(9_000), ..order.terms.clone() };
    /// let refused = gateway.register(&shop, NewPayment { terms, ..order }, None).await;
    /// assert!(matches!(refused, Err(GatewayError::OrderInProgress(id)) if id == first.record.payment.id));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`GatewayError::Invalid`], [`GatewayError::Unsupported`]: nothing is stored.
    /// [`GatewayError::OrderInProgress`]: the order has an open or paid payment with other terms.
    /// [`GatewayError::KeyInUse`], [`GatewayError::Store`].
    pub async fn register(
        &self,
        merchant: &MerchantId,
        new: NewPayment,
        key: Option<&RequestKey>,
    ) -> Result<Registered, GatewayError> {
        // Two registrations of one order race: the loser of the first round sees the winner in the second.
        let mut last = StoreError::OrderTaken;
        for _ in 0..ROUNDS {
            match self.register_once(merchant, &new, key).await {
                Err(GatewayError::Store(error @ (StoreError::OrderTaken | StoreError::Conflict))) => {
                    last = error
                }
                done => return done,
            }
        }
        Err(last.into())
    }

    async fn register_once(
        &self,
        merchant: &MerchantId,
        new: &NewPayment,
        key: Option<&RequestKey>,
    ) -> Result<Registered, GatewayError> {
        // This read only chooses the case. That an order has one open or paid payment is kept by the store,
        // in the commit.
        let existing = self.core.store.payment_of_order(merchant, &new.order_id).await?;
        let Some(record) = existing else {
            return self.register_new(merchant, new, Vec::new(), key).await;
        };
        let same_terms = record.payment.terms == new.terms;
        match record.payment.status() {
            // The same payment is reopened: a window of it may still be open, and money that comes through it
            // then pays the order instead of being given back as a duplicate.
            PaymentStatus::Failed | PaymentStatus::Expired if same_terms && !record.payment.superseded => {
                let record = self.reopen(record, key).await?;
                Ok(Registered { record, created: false })
            }
            _ if !record.payment.holds_order() => {
                let older = self.not_superseded(merchant, &new.order_id).await?;
                self.register_new(merchant, new, older, key).await
            }
            // Open or paid: this is how a merchant repeats a request whose answer was lost.
            _ if same_terms => Ok(Registered { record, created: false }),
            // The buyer may be paying the other amount right now.
            _ => Err(GatewayError::OrderInProgress(record.payment.id)),
        }
    }

    async fn register_new(
        &self,
        merchant: &MerchantId,
        new: &NewPayment,
        older: Vec<PaymentRecord>,
        key: Option<&RequestKey>,
    ) -> Result<Registered, GatewayError> {
        // All that a PG would refuse for its limits is refused here: later the buyer would be the first to
        // learn of it.
        let account = self.choose_account(merchant, &new.terms)?;
        check_terms(account, &new.terms, self.core.now())?;
        let context = self.core.context(account, None, &[]);
        let draft = Draft::of(self.fresh(merchant, account, new)?);
        let idempotency = idempotency(key, merchant, &draft.record.payment.id, None, self.core.now());
        let record = self.commit_new(draft, older, &context, idempotency).await?;
        Ok(Registered { record, created: true })
    }

    /// The payments of an order that nothing has superseded. Beside the newest that is one which was found to be paid and was
    /// kept: refunded since, it holds the order again if that refund fails.
    async fn not_superseded(
        &self,
        merchant: &MerchantId,
        order_id: &OrderId,
    ) -> Result<Vec<PaymentRecord>, GatewayError> {
        // All of them, page by page: one that was left out would keep its money beside the new payment's.
        let mut found = Vec::new();
        let mut filter = PaymentFilter { order_id: Some(order_id.clone()), ..PaymentFilter::default() };
        loop {
            let page = self.core.store.payments(merchant, &filter, PAGE).await?;
            let Some(oldest) = page.last() else { return Ok(found) };
            filter.before = Some(oldest.payment.id.clone());
            if page.iter().any(|record| record.payment.holds_order()) {
                // One of them came to hold the order since that was decided.
                return Err(StoreError::Conflict.into());
            }
            found.extend(page.into_iter().filter(|record| !record.payment.superseded));
        }
    }

    /// The older payments are marked in the commit that makes the new one, at the versions that were read.
    async fn commit_new(
        &self,
        new: Draft,
        older: Vec<PaymentRecord>,
        context: &Context<'_>,
        idempotency: Option<crate::store::IdempotencyRecord>,
    ) -> Result<PaymentRecord, GatewayError> {
        // One commit for all: a crash between two would leave the order with two payments that can both be
        // paid, or with none.
        let finished = finish(new, context);
        let mut payments: Vec<_> = finished.change.into_iter().collect();
        for old in older {
            // The account of the old payment may be another one, or gone.
            let account = self.core.account_of(&old);
            let of_old = account.map(|account| self.core.context(account, Some(&finished.record), &[]));
            let mut draft = Draft::of(old);
            draft.record.payment.superseded = true;
            payments.extend(finish(draft, of_old.as_ref().unwrap_or(context)).change);
        }
        let accounts: BTreeSet<_> = payments.iter().map(|change| change.payment.account.clone()).collect();
        let change = crate::store::Change { at: context.now, payments, unchanged: Vec::new(), idempotency };
        self.core.store.commit(change).await?;
        // The commit may have made something due at each of them.
        accounts.iter().for_each(|account| self.core.notify(account));
        Ok(finished.record)
    }

    /// A failed or expired payment may be paid again, with a new deadline.
    async fn reopen(
        &self,
        record: PaymentRecord,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        let account = account_of(&self.core, &record)?;
        if account.retired {
            return Err(GatewayError::invalid("account", "is retired and takes no new payment"));
        }
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        let policy = self.policy(&merchant).ok_or(GatewayError::NotFound)?;
        let context = self.core.context(account, None, &[]);
        let mut draft = Draft::of(record);
        // For what comes from now on. What was called late under the old deadline stays late: that is decided
        // once.
        draft.record.payment.expires_at = later(context.now, policy.payable_for);
        // An account past due pays the order only if it takes money after all.
        for charge in draft.record.charges.iter_mut().filter(|charge| charge.accepted && !charge.has_money())
        {
            charge.accepted = false;
        }
        let idempotency = idempotency(key, &merchant, &id, None, self.core.now());
        Ok(self.core.commit(draft, &context, idempotency).await?)
    }

    fn fresh(
        &self,
        merchant: &MerchantId,
        account: &Account,
        new: &NewPayment,
    ) -> Result<PaymentRecord, GatewayError> {
        let now = self.core.now();
        let policy = self.policy(merchant).ok_or(GatewayError::NotFound)?;
        let payment = Payment {
            id: self.core.ids.payment(now),
            merchant: merchant.clone(),
            account: account.id.clone(),
            order_id: new.order_id.clone(),
            terms: new.terms.clone(),
            shown: Shown::nothing(new.terms.amount.currency()),
            last_attempt: None,
            closes: Vec::new(),
            superseded: false,
            yielded: false,
            announced: None,
            reviews: Vec::new(),
            // As the account is now: what this payment was must not change with the configuration.
            livemode: account.description().mode == Mode::Live,
            simulated: account.simulated,
            version: 0,
            created_at: now,
            expires_at: later(now, policy.payable_for),
        };
        Ok(PaymentRecord {
            payment,
            attempts: Vec::new(),
            charges: Vec::new(),
            checks: crate::store::Checks::default(),
            events: 0,
        })
    }

    fn choose_account(
        &self,
        merchant: &MerchantId,
        terms: &PaymentTerms,
    ) -> Result<&ConnectedAccount, GatewayError> {
        let policy = self.policy(merchant).ok_or(GatewayError::NotFound)?;
        let by_rule = || {
            let rule = terms.method.and_then(|method| policy.account_by_method.get(&method));
            rule.unwrap_or(&policy.default_account)
        };
        let name: &AccountId = terms.account.as_ref().unwrap_or_else(by_rule);
        // Another merchant's account is as unknown as one that does not exist.
        let account = self.core.accounts.get(name).filter(|account| account.merchant == *merchant);
        match account {
            Some(account) if account.retired => {
                Err(GatewayError::invalid("account", "is retired and takes no new payment"))
            }
            account => account.ok_or(GatewayError::invalid("account", "is no account of this merchant")),
        }
    }
}

/// The method that a payment goes to: the one that was fixed, else the account's first that takes the amount.
///
/// # Errors
///
/// [`GatewayError::Unsupported`], [`GatewayError::Invalid`] naming the limit.
pub(super) fn choose_method<'a>(
    account: &'a Account,
    terms: &PaymentTerms,
) -> Result<&'a MethodTerms, GatewayError> {
    let description = account.description();
    if let Some(method) = terms.method {
        let offered = description.method(method);
        let offered = offered.ok_or(GatewayError::Unsupported("this method on this account"))?;
        return check_amount(offered, terms.amount).map(|()| offered);
    }
    // Minimums and maximums differ by method, so the limit of one must not refuse an amount that another
    // takes.
    let mut refused = GatewayError::Unsupported("any method on this account");
    for offered in &description.methods {
        match check_amount(offered, terms.amount) {
            Ok(()) => return Ok(offered),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn check_amount(method: &MethodTerms, amount: Money) -> Result<(), GatewayError> {
    let Some(minimum) = method.minimum(amount.currency()) else {
        return Err(GatewayError::Unsupported("this currency on this account"));
    };
    // Never 0: that a payment is paid is read off its amount, so one of nothing could never be.
    let least = minimum.amount().max(1);
    if amount.amount() < least {
        return Err(GatewayError::invalid("amount", format!("must be at least {least}")));
    }
    match method.maximum.map(Money::amount) {
        Some(most) if amount.amount() > most => {
            Err(GatewayError::invalid("amount", format!("must be at most {most}")))
        }
        _ => Ok(()),
    }
}

/// What no PG could take, or would show a buyer wrongly. A server checks more, and names its own fields.
fn check_terms(account: &Account, terms: &PaymentTerms, now: Timestamp) -> Result<(), GatewayError> {
    if !is_display_text(&terms.order_name, LONGEST_NAME) {
        let rule = format!("must be 1 to {LONGEST_NAME} characters that can be seen");
        return Err(GatewayError::invalid("order_name", rule));
    }
    let is_page = ["https://", "http://"].iter().any(|scheme| terms.return_url.starts_with(scheme));
    if !is_page {
        return Err(GatewayError::invalid("return_url", "must be an http or https address"));
    }
    if terms.installment_months.is_some_and(|months| months == 1 || months > MOST_MONTHS) {
        let rule = format!("must be 0 or 2 to {MOST_MONTHS}");
        return Err(GatewayError::invalid("card.installment_months", rule));
    }
    if terms.deposit_due_at.is_some_and(|due_at| due_at <= now) {
        return Err(GatewayError::invalid("virtual_account.due_at", "must be in the future"));
    }
    choose_method(account, terms)?;
    match terms.tax_free_amount {
        Some(tax_free)
            if tax_free.currency() != terms.amount.currency()
                || tax_free.amount() > terms.amount.amount() =>
        {
            Err(GatewayError::invalid("tax_free_amount", "must not be more than the amount"))
        }
        _ => Ok(()),
    }
}
