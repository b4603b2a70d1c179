//! Sending a confirm whose row is committed, and settling it by what comes back.

use jiff::Timestamp;

use crate::{
    Attempt, ConfirmRequest, Failure, FailureReason, Gateway, GatewayError, Heard, MerchantId, PaymentId,
    PaymentRecord, PaymentStatus, ProviderError, Sending, Snapshot, StoreError, UnknownOutcome,
    draft::Draft,
    gateway::{confirm::outcome, look_up::LookUpError},
    idempotency_key,
};

impl Gateway {
    /// Sends a confirm whose row is committed. Also the resolver's way to repeat one.
    pub(crate) async fn send_confirm(
        &self,
        record: PaymentRecord,
        number: u16,
    ) -> Result<PaymentRecord, GatewayError> {
        let account = self.account_of(&record)?;
        let Some((request, attempt)) = confirm_request(&record, number) else { return Ok(record) };
        let repeated = attempt.confirm.as_ref().is_some_and(|sent| sent.times > 1);
        if !self.is_still_ours(&record, |record| waiting_confirm(record, number)).await? {
            return outcome(self.payment(&record.payment.merchant, &record.payment.id).await?, number);
        }
        let asked_at = self.clock.now();
        let answer = self.call_for_money(account, account.provider.confirm(&request)).await;
        if let Err(error) = &answer {
            tracing::info!(payment = %record.payment.id, account = %account.id, error = error.name(), "the PG did not confirm");
        }
        match answer {
            Ok(snapshot) if is_of(&snapshot, attempt) => {
                Box::pin(self.confirmed(record, number, snapshot, asked_at)).await
            }
            Ok(_) => {
                tracing::error!(payment = %record.payment.id, account = %account.id, "the PG answered a confirm with another payment");
                self.unconfirmed(&record, number, Heard::Error).await
            }
            Err(error) => Box::pin(self.not_confirmed(&record, number, error, repeated)).await,
        }
    }

    /// `repeated`: the request went out before without a definite answer. Then only the answer to the
    /// request itself counts; that the PG was not reached or did not let us in now says nothing of then.
    async fn not_confirmed(
        &self,
        record: &PaymentRecord,
        number: u16,
        error: ProviderError,
        repeated: bool,
    ) -> Result<PaymentRecord, GatewayError> {
        match error {
            ProviderError::Declined(failure) if repeated => {
                self.declined_again(record, number, &failure).await
            }
            ProviderError::Declined(failure) => self.declined(record, number, &failure).await,
            ProviderError::NotSent(_) => Err(GatewayError::ProviderUnavailable { retry_after: None }),
            ProviderError::NotProcessed { .. } => {
                outcome(self.heard(record, number, Heard::Error).await?, number)
            }
            ProviderError::StillRunning => {
                outcome(self.heard(record, number, Heard::StillRunning).await?, number)
            }
            ProviderError::OutcomeUnknown(UnknownOutcome::NoAnswer(_)) => {
                self.unconfirmed(record, number, Heard::Nothing).await
            }
            ProviderError::OutcomeUnknown(UnknownOutcome::Error(_)) | ProviderError::Conflict(_) => {
                self.unconfirmed(record, number, Heard::Error).await
            }
            ProviderError::Misconfigured(pg) | ProviderError::Invalid(pg) => {
                tracing::error!(payment = %record.payment.id, account = %record.payment.account, code = pg.code, "the PG refused our keys, contract or request: an operator is needed");
                let failure = Failure::by_pg(FailureReason::ProviderMisconfigured, pg.clone());
                let error = GatewayError::ProviderMisconfigured(Some(pg));
                self.refused(record, number, failure, repeated, error).await
            }
            ProviderError::Unsupported(what) => {
                let failure = Failure::of(FailureReason::ProviderMisconfigured);
                self.refused(record, number, failure, repeated, GatewayError::Unsupported(what)).await
            }
        }
    }

    async fn confirmed(
        &self,
        record: PaymentRecord,
        number: u16,
        snapshot: Snapshot,
        asked_at: Timestamp,
    ) -> Result<PaymentRecord, GatewayError> {
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        let settled = self.commit_truth(record, &snapshot, asked_at).await;
        match settled {
            Ok((record, _)) => outcome(self.follow_up(record).await?, number),
            Err(StoreError::Conflict) => {
                // The snapshot is dropped and asked for again; what only this answer holds is kept.
                self.store.keep_answer(&id, number, snapshot.deposit_secret, Some(snapshot.raw)).await?;
                self.settle_again(&merchant, &id, number).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn settle_again(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        number: u16,
    ) -> Result<PaymentRecord, GatewayError> {
        match self.look_for_money(merchant, id).await {
            Ok(looked_up) => {
                let met_stranger = looked_up.met_stranger;
                let record = self.follow_up(looked_up.record).await?;
                let uncertain = record.attempts.iter().any(|a| a.number == number && a.is_uncertain());
                if met_stranger && uncertain {
                    return Err(GatewayError::Mismatch(Box::new(record)));
                }
                outcome(record, number)
            }
            Err(LookUpError::Gateway(error)) => Err(error),
            // Still uncertain: the payment is shown as it is.
            Err(LookUpError::Provider(_) | LookUpError::Busy(_)) => {
                outcome(self.payment(merchant, id).await?, number)
            }
        }
    }

    /// A no to a repeat: final, unless a fresh look shows that the first one was a yes.
    async fn declined_again(
        &self,
        record: &PaymentRecord,
        number: u16,
        failure: &Failure,
    ) -> Result<PaymentRecord, GatewayError> {
        match self.look_for_money(&record.payment.merchant, &record.payment.id).await {
            Ok(_) => self.declined(record, number, failure).await,
            Err(LookUpError::Gateway(error)) => Err(error),
            Err(LookUpError::Provider(_) | LookUpError::Busy(_)) => {
                outcome(self.heard(record, number, Heard::Nothing).await?, number)
            }
        }
    }

    /// A definite no.
    async fn declined(
        &self,
        record: &PaymentRecord,
        number: u16,
        failure: &Failure,
    ) -> Result<PaymentRecord, GatewayError> {
        let sent = confirm_of(record, number);
        let change = |draft: &mut Draft| {
            if draft.confirm_answered(number, sent).is_some() {
                draft.close_attempt(number, failure);
                // Another attempt may have paid meanwhile.
                if draft.record.payment.status == PaymentStatus::Confirming {
                    draft.record.payment.status = PaymentStatus::Failed;
                    draft.record.payment.failure = Some(failure.clone());
                }
            }
        };
        let record = self.update(&record.payment.merchant, &record.payment.id, change).await?;
        outcome(record, number)
    }

    /// Our own fault: the attempt is over, the payment can be paid once an operator has mended it, and `error` is the
    /// answer. Not so if the request went out before or since: then it is uncertain, or settled by the other.
    async fn refused(
        &self,
        record: &PaymentRecord,
        number: u16,
        failure: Failure,
        repeated: bool,
        error: GatewayError,
    ) -> Result<PaymentRecord, GatewayError> {
        if repeated {
            return outcome(self.heard(record, number, Heard::Error).await?, number);
        }
        let sent = confirm_of(record, number);
        let change = |draft: &mut Draft| {
            if draft.confirm_answered(number, sent).is_some() {
                draft.close_attempt(number, &failure);
                if draft.record.payment.status == PaymentStatus::Confirming {
                    draft.record.payment.status = PaymentStatus::Ready;
                }
            }
        };
        let after = self.update(&record.payment.merchant, &record.payment.id, change).await?;
        let attempt = after.attempts.iter().find(|attempt| attempt.number == number);
        let is_over = attempt.is_some_and(|attempt| attempt.failure.as_ref() == Some(&failure));
        if is_over { Err(error) } else { outcome(after, number) }
    }

    async fn heard(
        &self,
        record: &PaymentRecord,
        number: u16,
        heard: Heard,
    ) -> Result<PaymentRecord, GatewayError> {
        let sent = confirm_of(record, number);
        let change = |draft: &mut Draft| {
            let attempt = draft.confirm_answered(number, sent);
            if let Some(sending) = attempt.and_then(|attempt| attempt.confirm.as_mut()) {
                sending.heard = heard;
            }
        };
        self.update(&record.payment.merchant, &record.payment.id, change).await
    }

    /// No definite answer: ask what is true.
    async fn unconfirmed(
        &self,
        record: &PaymentRecord,
        number: u16,
        heard: Heard,
    ) -> Result<PaymentRecord, GatewayError> {
        self.heard(record, number, heard).await?;
        self.settle_again(&record.payment.merchant, &record.payment.id, number).await
    }
}

/// The confirm of an attempt that has no answer yet.
fn waiting_confirm(record: &PaymentRecord, number: u16) -> Option<&Sending> {
    record
        .attempts
        .iter()
        .find(|attempt| attempt.number == number && attempt.is_uncertain())?
        .confirm
        .as_ref()
}

fn confirm_of(record: &PaymentRecord, number: u16) -> Option<&Sending> {
    record.attempts.iter().find(|attempt| attempt.number == number)?.confirm.as_ref()
}

fn confirm_request(record: &PaymentRecord, number: u16) -> Option<(ConfirmRequest, &Attempt)> {
    let attempt = record.attempts.iter().find(|attempt| attempt.number == number)?;
    let send = attempt.confirm.as_ref()?.send;
    let request = ConfirmRequest {
        pg_order_id: attempt.pg_order_id.clone(),
        pg_id: attempt.pg_id.clone(),
        amount: record.payment.terms.amount,
        idempotency_key: idempotency_key(&record.payment.id, "confirm", &number.to_string(), send),
        state: attempt.state.clone(),
    };
    Some((request, attempt))
}

/// A PG that replays an answer by key alone may answer with another payment.
fn is_of(snapshot: &Snapshot, attempt: &Attempt) -> bool {
    snapshot.pg_order_id == attempt.pg_order_id.as_str() && Some(&snapshot.pg_id) == attempt.pg_id.as_ref()
}
