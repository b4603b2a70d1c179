//! Registering a payment: no PG is called.

use crate::{
    Account, AccountId, Gateway, GatewayError, MerchantId, Money, OrderId, Payment, PaymentRecord,
    PaymentStatus, PaymentTerms, StoreError, draft::Draft, gateway::RequestKey, schedule::later,
};

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
pub struct Registered {
    /// The payment.
    pub record: PaymentRecord,
    /// Whether it is new; `false` when the same order was registered with the same terms before.
    pub created: bool,
}

impl Gateway {
    /// Registers a payment. The same order with the same terms gives the same payment; over an ended
    /// one, a new payment.
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
        let mut last = GatewayError::Store(StoreError::OrderTaken);
        for _ in 0..3 {
            let existing = self.store.payment_of_order(merchant, &new.order_id).await?;
            let ended = match existing {
                Some(record) if record.payment.holds_order() => {
                    return if record.payment.terms == new.terms {
                        Ok(Registered { record, created: false })
                    } else {
                        Err(GatewayError::OrderInProgress(record.payment.id))
                    };
                }
                ended => ended,
            };
            match self.register_new(merchant, &new, ended, key).await {
                Err(GatewayError::Store(error @ (StoreError::OrderTaken | StoreError::Conflict))) => {
                    last = GatewayError::Store(error);
                }
                done => return done.map(|record| Registered { record, created: true }),
            }
        }
        Err(last)
    }

    async fn register_new(
        &self,
        merchant: &MerchantId,
        new: &NewPayment,
        ended: Option<PaymentRecord>,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        let account = self.choose_account(merchant, &new.terms)?;
        check_terms(account, &new.terms)?;
        let record = self.fresh(merchant, account, new)?;
        let mut draft = Draft::of(record);
        draft.tell(crate::EventKind::Registered);
        draft.supersedes = ended.map(|ended| ended.payment.id);
        draft.idempotency = self.idempotency(merchant, key, &draft.record.payment.id, None);
        Ok(self.commit(draft, 0).await?)
    }

    fn fresh(
        &self,
        merchant: &MerchantId,
        account: &Account,
        new: &NewPayment,
    ) -> Result<PaymentRecord, GatewayError> {
        let now = self.clock.now();
        let policy = self.policy(merchant).ok_or(GatewayError::NotFound)?;
        let zero = Money::zero(new.terms.amount.currency());
        let payment = Payment {
            id: self.ids.payment(now),
            merchant: merchant.clone(),
            account: account.id.clone(),
            order_id: new.order_id.clone(),
            terms: new.terms.clone(),
            status: PaymentStatus::Ready,
            amount_paid: zero,
            amount_cancelled: zero,
            method: new.terms.method,
            method_detail: None,
            virtual_account: None,
            receipt_url: None,
            cash_receipt: None,
            failure: None,
            last_attempt: None,
            late: false,
            superseded: false,
            livemode: account.description().mode == crate::Mode::Live,
            simulated: account.simulated,
            version: 0,
            created_at: now,
            expires_at: later(now, policy.payable_for),
            paid_at: None,
            watch: None,
            told_of: None,
            looked_at: None,
            answered_hints: 0,
            hint_looked_at: None,
            recheck_at: None,
            cases: Vec::new(),
        };
        Ok(PaymentRecord { payment, attempts: Vec::new(), cancels: Vec::new(), hints: 0, events: 0 })
    }

    fn choose_account(&self, merchant: &MerchantId, terms: &PaymentTerms) -> Result<&Account, GatewayError> {
        let policy = self.policy(merchant).ok_or(GatewayError::NotFound)?;
        let by_rule = || {
            let rule = terms.method.and_then(|method| policy.account_by_method.get(&method));
            rule.unwrap_or(&policy.default_account)
        };
        let name: &AccountId = terms.account.as_ref().unwrap_or_else(by_rule);
        // Another merchant's account is as unknown as one that does not exist.
        let account = self.account(name).filter(|account| account.merchant == *merchant);
        account.ok_or(GatewayError::invalid("account", "is no account of this merchant"))
    }
}

fn check_terms(account: &Account, terms: &PaymentTerms) -> Result<(), GatewayError> {
    let description = account.description();
    let methods: Vec<_> = match terms.method {
        Some(method) => {
            vec![description.method(method).ok_or(GatewayError::Unsupported("this method on this account"))?]
        }
        None => description.methods.iter().collect(),
    };
    let amount = terms.amount;
    let minimum =
        methods.iter().filter_map(|method| method.minimum(amount.currency())).min_by_key(|m| m.amount());
    let Some(minimum) = minimum else {
        return Err(GatewayError::Unsupported("this currency on this account"));
    };
    if amount.amount() < minimum.amount().max(1) {
        return Err(GatewayError::invalid("amount", format!("must be at least {}", minimum.amount().max(1))));
    }
    let maximum = methods.iter().map(|method| method.maximum.map_or(u64::MAX, Money::amount)).max();
    if let Some(maximum) = maximum.filter(|maximum| amount.amount() > *maximum) {
        return Err(GatewayError::invalid("amount", format!("must be at most {maximum}")));
    }
    match terms.tax_free_amount {
        Some(tax_free) if tax_free.currency() != amount.currency() || tax_free.amount() > amount.amount() => {
            Err(GatewayError::invalid("tax_free_amount", "must not be more than the amount"))
        }
        _ => Ok(()),
    }
}
