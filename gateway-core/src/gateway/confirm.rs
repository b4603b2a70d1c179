//! What the browser brought back, and making the payment final.

use serde_json::Value;

use crate::{
    Account, AttemptStatus, CancelOrigin, CancelScope, CancelStatus, ConfirmRequest, Failure, FailureReason,
    Gateway, GatewayError, InvalidBrowserResult, MerchantId, Money, MoneyMoves, PaymentId, PaymentRecord,
    PaymentRef, PaymentStatus, PgPaymentId, ProviderError, ReturnClaim, Sending, StateProblem, StoreError,
    draft::Draft,
    gateway::{RequestKey, line::Errand, look_up::LookUpError},
    idempotency_key,
};

impl Gateway {
    /// Takes what the browser brought back, success or failure, and makes the payment final: takes
    /// the money, or reads what was taken. A repeat gets the stored result.
    ///
    /// `Ok` holds the payment as it is now, which may still be [`PaymentStatus::Confirming`].
    ///
    /// # Errors
    ///
    /// [`GatewayError::BrowserResult`], [`GatewayError::NotFound`]: nothing happened.
    /// [`GatewayError::Declined`]: no money moved. [`GatewayError::Mismatch`]: nothing was accepted,
    /// money under our order id goes back. [`GatewayError::InvalidState`]: the payment can no longer
    /// be confirmed. [`GatewayError::ProviderUnavailable`]: not sent yet; Paymux goes on trying.
    /// [`GatewayError::ProviderMisconfigured`], [`GatewayError::Unsupported`], [`GatewayError::KeyInUse`],
    /// [`GatewayError::Store`].
    pub async fn confirm(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        browser_result: &Value,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        // Whoever commits first confirms; the other finds the row in the second round.
        for _ in 0..3 {
            match self.confirm_once(merchant, id, browser_result, key).await {
                Err(GatewayError::Store(StoreError::Conflict)) => {}
                done => return done,
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    async fn confirm_once(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        browser_result: &Value,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        let record = self.payment(merchant, id).await?;
        let account = self.account_of(&record)?;
        let claim = account.provider.read_return(browser_result)?;
        let number = match claimed_attempt(&record, &claim) {
            Claimed::Attempt(number) => number,
            Claimed::NoAttempt => return Err(GatewayError::state(StateProblem::Status, record)),
            Claimed::AnotherOrder => return self.foreign_return(account, record, &claim).await,
        };
        let by_us = account.description().money_moves != MoneyMoves::BeforeConfirm;
        if by_us {
            Box::pin(self.take_money(record, number, claim, key)).await
        } else {
            Box::pin(self.read_what_was_taken(record, number, claim, key)).await
        }
    }

    /// Another payment's browser result: reject, cancel nothing, verify the true owner.
    async fn foreign_return(
        &self,
        account: &Account,
        record: PaymentRecord,
        claim: &ReturnClaim,
    ) -> Result<PaymentRecord, GatewayError> {
        tracing::error!(payment = %record.payment.id, "the browser brought back another payment's result; rejected");
        if let Some(Ok(pg_order_id)) = claim.pg_order_id.as_ref().map(|id| id.parse())
            && let Some((_, owner)) = self.store.owner_of_attempt(&account.id, &pg_order_id).await?
        {
            self.mark(&account.id, &owner, self.clock.now()).await?;
        }
        Err(GatewayError::Mismatch(Box::new(record)))
    }

    /// Money moves when we confirm.
    async fn take_money(
        &self,
        record: PaymentRecord,
        number: u16,
        claim: ReturnClaim,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        let Some(attempt) = record.attempts.iter().find(|attempt| attempt.number == number) else {
            return Err(GatewayError::state(StateProblem::Status, record));
        };
        if attempt.confirm.is_some() {
            // Attempt identity is (payment, PG id): never a second POST.
            return outcome(record, number);
        }
        if let Some(number) = sent_before(&record, claim.pg_id.as_ref()) {
            return outcome(record, number);
        }
        if let Some(failure) = claim.failure {
            return self.close_by_browser(record, number, failure, key).await;
        }
        let Some(pg_id) = claim.pg_id else {
            return Err(InvalidBrowserResult("it names no payment").into());
        };
        let tampered = claim.amount.is_some_and(|amount| {
            Money::from_major(&amount, record.payment.currency()) != Ok(record.payment.terms.amount)
        });
        if tampered || attempt.pg_id.as_ref().is_some_and(|known| *known != pg_id) {
            tracing::warn!(payment = %record.payment.id, "the browser result does not match the payment; rejected");
            return Err(GatewayError::Mismatch(Box::new(record)));
        }
        if self.is_accepted_elsewhere(&record, &pg_id).await? {
            return Err(GatewayError::Mismatch(Box::new(record)));
        }
        match record.payment.status {
            PaymentStatus::Ready if attempt.is_open() && record.payment.expires_at > self.clock.now() => {}
            // Another attempt has the payment: it is shown, whatever this tab brought.
            status
                if status.has_money()
                    || matches!(status, PaymentStatus::Confirming | PaymentStatus::AwaitingDeposit) =>
            {
                return Ok(record);
            }
            PaymentStatus::Ready if !attempt.is_open() => {
                return Err(GatewayError::state(StateProblem::AttemptEnded, record));
            }
            _ => return Err(GatewayError::state(StateProblem::Status, record)),
        }
        let _place = self.account_of(&record)?.place()?;
        let mut draft = Draft::of(record);
        let credential = self.account_of(&draft.record)?.description().credential.clone();
        let sending = Sending::first(self.clock.now(), &credential);
        if let Some(attempt) = draft.attempt_mut(number) {
            attempt.pg_id = Some(pg_id);
            attempt.status = AttemptStatus::Confirming;
            attempt.confirm = Some(sending);
        }
        let record = self.commit_confirming(draft, key).await?;
        self.send_confirm(record, number).await
    }

    /// Whether another payment accepted this PG payment: nothing is sent, its owner is verified.
    async fn is_accepted_elsewhere(
        &self,
        record: &PaymentRecord,
        pg_id: &PgPaymentId,
    ) -> Result<bool, GatewayError> {
        let owner = self.store.owner_of_pg_id(&record.payment.account, pg_id).await?;
        let Some((merchant, owner)) = owner.filter(|(_, owner)| *owner != record.payment.id) else {
            return Ok(false);
        };
        if self.payment(&merchant, &owner).await?.accepted() != Some(pg_id) {
            return Ok(false);
        }
        tracing::error!(payment = %record.payment.id, "the browser brought back what another payment accepted; rejected");
        self.mark(&record.payment.account, &owner, self.clock.now()).await?;
        Ok(true)
    }

    async fn commit_confirming(
        &self,
        mut draft: Draft,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        draft.record.payment.status = PaymentStatus::Confirming;
        let payment = &draft.record.payment;
        draft.idempotency = self.idempotency(&payment.merchant, key, &payment.id, None);
        Ok(self.commit(draft, 0).await?)
    }

    async fn close_by_browser(
        &self,
        record: PaymentRecord,
        number: u16,
        failure: Failure,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        let is_open = record.attempts.iter().any(|attempt| attempt.number == number && attempt.is_open());
        if !is_open {
            return closed_outcome(record, &failure);
        }
        let mut draft = Draft::of(record);
        draft.close_attempt(number, &failure);
        let payment = &draft.record.payment;
        draft.idempotency = self.idempotency(&payment.merchant, key, &payment.id, None);
        let record = self.commit(draft, 0).await?;
        closed_outcome(record, &failure)
    }

    /// Money moved before confirm, or did not: read which.
    async fn read_what_was_taken(
        &self,
        record: PaymentRecord,
        number: u16,
        claim: ReturnClaim,
        key: Option<&RequestKey>,
    ) -> Result<PaymentRecord, GatewayError> {
        if record.payment.status.has_money()
            && (claim.pg_id.is_none() || claim.pg_id.as_ref() == record.accepted())
        {
            return outcome(record, number);
        }
        let _place = self.account_of(&record)?.place()?;
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        let open = record.attempts.iter().any(|attempt| attempt.number == number && attempt.is_open());
        let asks = record.payment.status == PaymentStatus::Ready && open && claim.failure.is_none();
        let record = if asks {
            let mut draft = Draft::of(record);
            let credential = self.account_of(&draft.record)?.description().credential.clone();
            let sending = Sending::first(self.clock.now(), &credential);
            if let Some(attempt) = draft.attempt_mut(number) {
                attempt.status = AttemptStatus::Confirming;
                attempt.confirm = Some(sending);
            }
            match self.commit_confirming(draft, key).await {
                Err(GatewayError::Store(StoreError::Conflict)) => self.payment(&merchant, &id).await?,
                committed => committed?,
            }
        } else {
            record
        };
        let met_stranger = self.read_claim(&record, number, &claim).await?;
        if let Some(failure) = &claim.failure {
            let show = |draft: &mut Draft| {
                if draft.record.payment.status == PaymentStatus::Ready {
                    draft.show_failure(number, failure);
                }
            };
            let record = self.update(&merchant, &id, show).await?;
            return if record.payment.status == PaymentStatus::Ready {
                closed_outcome(record, failure)
            } else {
                outcome(record, number)
            };
        }
        let record = self.payment(&merchant, &id).await?;
        if met_stranger && !record.payment.status.has_money() {
            return Err(GatewayError::Mismatch(Box::new(record)));
        }
        outcome(record, number)
    }

    /// Asks the PG about the claimed payment and commits what follows; tells whether it was a
    /// stranger's.
    async fn read_claim(
        &self,
        record: &PaymentRecord,
        number: u16,
        claim: &ReturnClaim,
    ) -> Result<bool, GatewayError> {
        let (merchant, id) = (&record.payment.merchant, &record.payment.id);
        let Some(attempt) = record.attempts.iter().find(|attempt| attempt.number == number) else {
            return Ok(false);
        };
        let claimed = PaymentRef {
            pg_order_id: attempt.pg_order_id.clone(),
            pg_id: claim.pg_id.clone(),
            state: attempt.state.clone(),
        };
        let asked_at = self.clock.now();
        let asked = if claim.failure.is_some() {
            Err(None)
        } else {
            let account = self.account_of(record)?;
            let request = ConfirmRequest {
                pg_order_id: claimed.pg_order_id.clone(),
                pg_id: claimed.pg_id.clone(),
                amount: record.payment.terms.amount,
                idempotency_key: idempotency_key(id, "confirm", &number.to_string(), 1),
                state: claimed.state.clone(),
            };
            match self.admit(account, Errand::Asked, 1) {
                Ok(()) => self.call(account, account.provider.confirm(&request)).await.map_err(Some),
                Err(_) => Err(None),
            }
        };
        match asked {
            Ok(snapshot) if snapshot.pg_order_id == attempt.pg_order_id.as_str() => {
                match self.commit_truth(record.clone(), &snapshot, asked_at).await {
                    Ok((record, met_stranger)) => {
                        self.follow_up(record).await?;
                        return Ok(met_stranger);
                    }
                    Err(StoreError::Conflict) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(Some(ProviderError::NotSent(_))) => {
                return Err(GatewayError::ProviderUnavailable { retry_after: None });
            }
            Err(Some(ProviderError::Misconfigured(pg))) => {
                // The buyer may have paid: the payment stays uncertain until the keys work.
                tracing::error!(payment = %id, account = %record.payment.account, code = pg.code, "the PG refused our keys: an operator is needed");
                return Err(GatewayError::ProviderMisconfigured(Some(pg)));
            }
            Ok(_) | Err(_) => {}
        }
        // A stranger, a race, or no answer: ask by order as well, where no id is known.
        match self.look_up(merchant, id, Some(&claimed), 0, Errand::Asked).await {
            Ok(looked_up) => {
                let met_stranger = looked_up.met_stranger;
                self.follow_up(looked_up.record).await?;
                Ok(met_stranger)
            }
            Err(LookUpError::Gateway(error)) => Err(error),
            Err(LookUpError::Provider(_) | LookUpError::Busy(_)) => {
                // What the browser brought may be untrue: it is asked again soon.
                self.mark(&record.payment.account, id, self.clock.now()).await?;
                Ok(false)
            }
        }
    }
}

enum Claimed {
    Attempt(u16),
    NoAttempt,
    AnotherOrder,
}

/// The attempt the browser result is of: by its order id, or the newest where it names none.
fn claimed_attempt(record: &PaymentRecord, claim: &ReturnClaim) -> Claimed {
    let Some(pg_order_id) = &claim.pg_order_id else {
        return record.attempts.last().map_or(Claimed::NoAttempt, |attempt| Claimed::Attempt(attempt.number));
    };
    let found = record.attempts.iter().find(|attempt| attempt.pg_order_id.as_str() == pg_order_id);
    found.map_or(Claimed::AnotherOrder, |attempt| Claimed::Attempt(attempt.number))
}

/// The attempt that asked for this PG payment before, whatever order id it is shown with now.
fn sent_before(record: &PaymentRecord, pg_id: Option<&PgPaymentId>) -> Option<u16> {
    let pg_id = pg_id?;
    let sent = record
        .attempts
        .iter()
        .find(|attempt| attempt.confirm.is_some() && attempt.pg_id.as_ref() == Some(pg_id));
    sent.map(|attempt| attempt.number)
}

/// How a payment answers the confirm of one of its attempts.
pub(crate) fn outcome(record: PaymentRecord, number: u16) -> Result<PaymentRecord, GatewayError> {
    let attempt = record.attempts.iter().find(|attempt| attempt.number == number);
    let failure = attempt.and_then(|attempt| attempt.failure.as_ref()).map(|failure| failure.reason);
    match record.payment.status {
        // What is being given back whole must not be taken for paid.
        _ if is_given_back(&record) => Err(GatewayError::state(StateProblem::Status, record)),
        _ if failure == Some(FailureReason::Mismatch) => Err(GatewayError::Mismatch(Box::new(record))),
        PaymentStatus::Failed => Err(GatewayError::Declined(Box::new(record))),
        PaymentStatus::Expired | PaymentStatus::Cancelled => {
            Err(GatewayError::state(StateProblem::Status, record))
        }
        PaymentStatus::Ready if failure == Some(FailureReason::ProviderMisconfigured) => {
            Err(GatewayError::ProviderMisconfigured(None))
        }
        _ => Ok(record),
    }
}

/// Whether the accepted money came too late and goes back.
fn is_given_back(record: &PaymentRecord) -> bool {
    let accepted = record.accepted();
    accepted.is_some()
        && record.cancels.iter().any(|cancel| {
            cancel.origin == CancelOrigin::Compensation
                && cancel.scope == CancelScope::All
                && cancel.status != CancelStatus::Refused
                && cancel.pg_id.as_ref() == accepted
        })
}

/// A closed window is no error: the payment is still ready. A decline in the window is one.
fn closed_outcome(record: PaymentRecord, failure: &Failure) -> Result<PaymentRecord, GatewayError> {
    let open = matches!(record.payment.status, PaymentStatus::Ready);
    if open && failure.reason != FailureReason::BuyerClosed {
        return Err(GatewayError::Declined(Box::new(record)));
    }
    Ok(record)
}
