//! Preparing what the buyer's browser has to do.

use crate::{
    Account, Attempt, AttemptStatus, BrowserStep, Failure, FailureReason, Gateway, GatewayError, LastAttempt,
    MerchantId, Method, PaymentId, PaymentRecord, PaymentRequest, PaymentStatus, PgOrderId, Prepared,
    ProviderError, StateProblem, StoreError, draft::Draft, gateway::RequestKey, idempotency_key,
};

impl Gateway {
    /// Prepares the browser step of the payment's open attempt, or of a new one. Asked again, it
    /// shows the same step while the attempt is open.
    ///
    /// # Errors
    ///
    /// [`GatewayError::InvalidState`] when the payment can no longer be paid;
    /// [`GatewayError::ProviderUnavailable`], [`GatewayError::ProviderMisconfigured`],
    /// [`GatewayError::Unsupported`]: no money moved; [`GatewayError::Store`].
    pub async fn next_action(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, BrowserStep), GatewayError> {
        // Two tabs race: the loser of the first round finds the winner's attempt in the second.
        for _ in 0..3 {
            match self.next_action_once(merchant, id, key).await {
                Err(GatewayError::Store(StoreError::Conflict)) => {}
                done => return done,
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    async fn next_action_once(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, BrowserStep), GatewayError> {
        let record = self.payment(merchant, id).await?;
        if !matches!(record.payment.status, PaymentStatus::Ready | PaymentStatus::Failed)
            || record.payment.superseded
            || record.payment.expires_at <= self.clock.now()
        {
            return Err(GatewayError::state(StateProblem::Status, record));
        }
        let account = self.account_of(&record)?;
        if let Some(step) = open_step(&record) {
            return Ok((record, step));
        }
        let _place = account.place()?;
        // The row is durable before the PG hears its order id.
        let record = match record.attempts.last().filter(|attempt| attempt.is_open()) {
            Some(_) => record,
            None => self.commit_new_attempt(record, key).await?,
        };
        let request = payment_request(account, &record)?;
        let prepared = self.call_for_money(account, account.provider.request(&request)).await;
        match prepared {
            Ok(prepared) => self.keep_step(record, prepared).await,
            Err(error) => self.close_unprepared(record, error).await,
        }
    }

    async fn commit_new_attempt(
        &self,
        record: PaymentRecord,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        let number = record.attempts.last().map_or(1, |attempt| attempt.number.saturating_add(1));
        let Some(pg_order_id) = PgOrderId::of(&record.payment.id, number) else {
            return Err(GatewayError::state(StateProblem::TooManyAttempts, record));
        };
        let mut draft = Draft::of(record);
        draft.record.attempts.push(Attempt::new(number, pg_order_id, self.clock.now()));
        let payment = &mut draft.record.payment;
        // A failed payment takes a new attempt as a registered one does.
        payment.status = PaymentStatus::Ready;
        payment.failure = None;
        payment.last_attempt = Some(LastAttempt { number, failure: None });
        let (merchant, id) = (payment.merchant.clone(), payment.id.clone());
        draft.idempotency = self.idempotency(&merchant, key, &id, None);
        Ok(self.commit(draft, 0).await?)
    }

    async fn keep_step(
        &self,
        record: PaymentRecord,
        prepared: Prepared,
    ) -> Result<(PaymentRecord, BrowserStep), GatewayError> {
        let mut draft = Draft::of(record);
        if let Some(attempt) = draft.record.attempts.last_mut() {
            attempt.status = AttemptStatus::Open;
            attempt.step = Some(prepared.step.clone());
            attempt.pg_id = prepared.pg_id;
            attempt.state = prepared.state;
        }
        Ok((self.commit(draft, 0).await?, prepared.step))
    }

    /// No money moves while a step is prepared, so every failure here is a safe one.
    async fn close_unprepared(
        &self,
        record: PaymentRecord,
        error: ProviderError,
    ) -> Result<(PaymentRecord, BrowserStep), GatewayError> {
        let payment = record.payment.id.clone();
        tracing::warn!(%payment, account = %record.payment.account, error = error.name(), "the browser step could not be prepared");
        let (answer, reason) = match error {
            ProviderError::NotProcessed { retry_after, .. } => {
                return Err(GatewayError::ProviderUnavailable { retry_after });
            }
            ProviderError::NotSent(_) | ProviderError::StillRunning | ProviderError::OutcomeUnknown(_) => {
                return Err(GatewayError::ProviderUnavailable { retry_after: None });
            }
            ProviderError::Misconfigured(pg) | ProviderError::Invalid(pg) | ProviderError::Conflict(pg) => {
                (GatewayError::ProviderMisconfigured(Some(pg)), FailureReason::ProviderMisconfigured)
            }
            ProviderError::Declined(failure) => {
                (GatewayError::ProviderMisconfigured(failure.pg.clone()), failure.reason)
            }
            ProviderError::Unsupported(what) => {
                (GatewayError::Unsupported(what), FailureReason::ProviderMisconfigured)
            }
        };
        let number = record.attempts.last().map_or(1, |attempt| attempt.number);
        let mut draft = Draft::of(record);
        draft.close_attempt(number, &Failure::of(reason));
        self.commit(draft, 0).await?;
        Err(answer)
    }
}

/// The step of the open attempt, if it was prepared.
fn open_step(record: &PaymentRecord) -> Option<BrowserStep> {
    record.attempts.last().filter(|attempt| attempt.status == AttemptStatus::Open)?.step.clone()
}

fn payment_request(account: &Account, record: &PaymentRecord) -> Result<PaymentRequest, GatewayError> {
    let terms = &record.payment.terms;
    let offered = || account.description().methods.first().map(|terms| terms.method);
    let method: Method = terms.method.or_else(offered).ok_or(GatewayError::Unsupported("any method"))?;
    let attempt = record.attempts.last().ok_or(GatewayError::NotFound)?;
    Ok(PaymentRequest {
        pg_order_id: attempt.pg_order_id.clone(),
        order_name: terms.order_name.clone(),
        amount: terms.amount,
        tax_free_amount: terms.tax_free_amount,
        method,
        customer: terms.customer.clone(),
        card_issuer: terms.card_issuer.clone(),
        installment_months: terms.installment_months,
        easy_pay_provider: terms.easy_pay_provider.clone(),
        deposit_due_at: terms.deposit_due_at,
        cash_receipt: terms.cash_receipt.clone(),
        locale: terms.locale.clone(),
        return_url: terms.return_url.clone(),
        idempotency_key: idempotency_key(&record.payment.id, "request", &attempt.number.to_string(), 1),
    })
}
