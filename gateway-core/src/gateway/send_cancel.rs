//! Sending a cancel whose row is committed, and settling it by what comes back.

use jiff::Timestamp;

use crate::{
    Cancel, CancelAmount, CancelId, CancelOrigin, CancelOutcome, CancelRequest, CancelScope, CancelStatus,
    Failure, FailureReason, Gateway, GatewayError, Heard, PaymentRecord, PgMessage, ProviderError, Sending,
    StoreError, UnknownOutcome,
    draft::Draft,
    gateway::look_up::{LookUpError, LookedUp},
    idempotency_key,
    schedule::visible_at,
};

impl Gateway {
    /// Sends every compensating cancel that waits to be sent.
    pub(crate) async fn follow_up(&self, mut record: PaymentRecord) -> Result<PaymentRecord, GatewayError> {
        let waits = |record: &PaymentRecord| {
            let waiting = record.cancels.iter().find(|cancel| {
                cancel.status == CancelStatus::Requested
                    && cancel.origin == CancelOrigin::Compensation
                    && !is_blocked(record, cancel)
            });
            waiting.map(|cancel| cancel.id.clone())
        };
        // Every round sends one; what cannot be sent now is left to the resolver.
        while let Some(id) = waits(&record) {
            let (merchant, payment) = (record.payment.merchant.clone(), record.payment.id.clone());
            record = match self.commit_sending(Draft::of(record), &id).await {
                Ok(record) => Box::pin(self.send_cancel(record, &id)).await?,
                Err(GatewayError::Store(StoreError::Conflict)) => self.payment(&merchant, &payment).await?,
                Err(error) => return Err(error),
            };
            if record.cancel(&id).is_some_and(|cancel| cancel.status == CancelStatus::Requested) {
                break;
            }
        }
        Ok(record)
    }

    /// Commits the row, with the key it will send, before the first byte goes out.
    pub(crate) async fn commit_sending(
        &self,
        mut draft: Draft,
        id: &CancelId,
    ) -> Result<PaymentRecord, GatewayError> {
        let now = self.clock.now();
        let credential = self.account_of(&draft.record)?.description().credential.clone();
        if let Some(cancel) = draft.cancel_mut(id) {
            cancel.status = CancelStatus::Sent;
            cancel.sending = Some(match &cancel.sending {
                None => Sending::first(now, &credential),
                Some(sent) => sent.afresh(now, &credential),
            });
        }
        Ok(self.commit(draft, 0).await?)
    }

    /// Sends a cancel whose row is committed as sent. `Ok` whatever came of it: the row tells.
    pub(crate) async fn send_cancel(
        &self,
        record: PaymentRecord,
        id: &CancelId,
    ) -> Result<PaymentRecord, GatewayError> {
        let account = self.account_of(&record)?;
        let Some(request) = cancel_request(&record, id) else { return Ok(record) };
        if !self.is_still_ours(&record, |record| waiting_cancel(record, id)).await? {
            return self.payment(&record.payment.merchant, &record.payment.id).await;
        }
        let asked_at = self.clock.now();
        let answer = self.call_for_money(account, account.provider.cancel(&request)).await;
        if let Err(error) = &answer {
            tracing::info!(payment = %record.payment.id, cancel = %id, account = %account.id, error = error.name(), "the PG did not cancel");
        }
        // Whether this request went out before without a definite answer: then a failure to reach
        // the PG now says nothing of the first time.
        let repeated = sending_of(&record, id).is_some_and(|sent| sent.times > 1);
        let suspect = if repeated { Suspect::EarlierSend } else { Suspect::Nothing };
        match answer {
            Ok(outcome) if is_of(&outcome, &request, &record) => {
                Box::pin(self.cancelled(record, id, outcome, asked_at)).await
            }
            Ok(_) => {
                tracing::error!(payment = %record.payment.id, account = %account.id, "the PG answered a cancel with another payment");
                self.cancel_unknown(&record, id, Heard::Error).await
            }
            Err(ProviderError::NotSent(_)) if repeated => {
                self.cancel_unknown(&record, id, Heard::Nothing).await
            }
            Err(ProviderError::NotProcessed { .. }) if repeated => {
                self.cancel_unknown(&record, id, Heard::Error).await
            }
            Err(ProviderError::NotSent(_)) => self.cancel_not_sent(&record, id, None).await,
            Err(ProviderError::NotProcessed { pg, .. }) => self.cancel_not_sent(&record, id, Some(pg)).await,
            Err(ProviderError::StillRunning) => self.cancel_unknown(&record, id, Heard::StillRunning).await,
            Err(ProviderError::OutcomeUnknown(UnknownOutcome::NoAnswer(_))) => {
                self.cancel_unknown(&record, id, Heard::Nothing).await
            }
            Err(ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg))) => {
                self.keep_words(&record, id, &pg).await?;
                self.cancel_unknown(&record, id, Heard::Error).await
            }
            Err(ProviderError::Declined(failure)) => self.cancel_denied(&record, id, failure, suspect).await,
            Err(ProviderError::Conflict(pg)) => {
                self.keep_words(&record, id, &pg).await?;
                let failure = Failure::by_pg(FailureReason::NotCancellable, pg);
                self.cancel_denied(&record, id, failure, Suspect::Contradiction).await
            }
            Err(ProviderError::Misconfigured(pg) | ProviderError::Invalid(pg)) => {
                tracing::error!(payment = %record.payment.id, account = %account.id, code = pg.code, "the PG refused our keys, contract or request: an operator is needed");
                self.cancel_misconfigured(&record, id, pg, repeated).await
            }
            Err(ProviderError::Unsupported(_)) if repeated => {
                self.cancel_unknown(&record, id, Heard::Error).await
            }
            Err(ProviderError::Unsupported(what)) => {
                let after =
                    self.refuse_cancel(&record, id, Failure::of(FailureReason::NotCancellable)).await?;
                let refused = after.cancel(id).is_some_and(|cancel| cancel.status == CancelStatus::Refused);
                if refused { Err(GatewayError::Unsupported(what)) } else { Ok(after) }
            }
        }
    }

    async fn cancelled(
        &self,
        record: PaymentRecord,
        id: &CancelId,
        outcome: CancelOutcome,
        asked_at: Timestamp,
    ) -> Result<PaymentRecord, GatewayError> {
        let sent = sending_of(&record, id).cloned();
        let answer = |draft: &mut Draft| {
            // What a look-up settled meanwhile is newer than this answer, and a refund that failed stays failed.
            let is_open = |cancel: &&mut Cancel| {
                cancel.status.is_unsettled()
                    || (cancel.status == CancelStatus::Refused && !cancel.is_failed_refund())
            };
            // A yes counts whenever it comes, a no for its own request.
            let cancel = if outcome.status == CancelStatus::Refused {
                draft.cancel_answered(id, sent.as_ref())
            } else {
                draft.cancel_mut(id).filter(is_open)
            };
            if let Some(cancel) = cancel {
                cancel.status = outcome.status;
                cancel.failure = (outcome.status == CancelStatus::Refused)
                    .then_some(Failure::of(FailureReason::NotCancellable));
                if outcome.pg_cancel_id.is_some() {
                    cancel.pg_cancel_id.clone_from(&outcome.pg_cancel_id);
                }
                if let Some(sending) = &mut cancel.sending {
                    sending.heard = Heard::Answer;
                }
            }
        };
        let (merchant, payment) = (record.payment.merchant.clone(), record.payment.id.clone());
        if let Some(snapshot) = &outcome.snapshot {
            let shown = std::slice::from_ref(snapshot);
            match self.settle_and_commit(record, shown, asked_at, answer, 0).await {
                Ok((record, _)) => return Ok(record),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // The answer is definite: it is kept whatever else changed. What the PG shows is asked for again.
        self.update(&merchant, &payment, answer).await?;
        match self.look_for_money(&merchant, &payment).await {
            Ok(LookedUp { record, .. }) => Ok(record),
            Err(LookUpError::Gateway(error)) => Err(error),
            // The cancel is done; the amounts follow with the next look.
            Err(LookUpError::Provider(_) | LookUpError::Busy(_)) => {
                let record = self.payment(&merchant, &payment).await?;
                self.mark(&record.payment.account, &payment, self.clock.now()).await?;
                Ok(record)
            }
        }
    }

    /// The PG denied the request. If it may have been executed before, a fresh look-up tells: found by
    /// our id it is done; not found while the balance is what we expected, it stays unknown.
    async fn cancel_denied(
        &self,
        record: &PaymentRecord,
        id: &CancelId,
        failure: Failure,
        suspect: Suspect,
    ) -> Result<PaymentRecord, GatewayError> {
        if suspect == Suspect::Nothing {
            return self.refuse_cancel(record, id, failure).await;
        }
        let (merchant, payment) = (&record.payment.merchant, &record.payment.id);
        let looked_up = match self.look_for_money(merchant, payment).await {
            Ok(looked_up) => looked_up,
            Err(LookUpError::Gateway(error)) => return Err(error),
            Err(LookUpError::Provider(_) | LookUpError::Busy(_)) => {
                return self.cancel_unknown(record, id, Heard::Error).await;
            }
        };
        let description = self.account_of(&looked_up.record)?.description();
        let Some(cancel) = looked_up.record.cancel(id).cloned() else { return Err(GatewayError::NotFound) };
        if !cancel.status.is_unsettled() {
            return Ok(looked_up.record);
        }
        let shown =
            looked_up.snapshots.iter().find(|snapshot| Some(&snapshot.pg_id) == cancel.pg_id.as_ref());
        let balance_moved = shown.is_some_and(|snapshot| match cancel.scope {
            // The deposit won the race: there is nothing to close any more.
            CancelScope::Close => !snapshot.paid.is_zero(),
            // Less is left than we expected; or nothing was paid at all, and not in an answer from before the payment.
            CancelScope::All | CancelScope::Part if snapshot.paid.is_zero() => {
                sending_of(&looked_up.record, id)
                    .is_some_and(|sent| visible_at(sent.first_sent_at, description) <= looked_up.asked_at)
            }
            CancelScope::All | CancelScope::Part => snapshot.balance().amount() < cancel.guard.amount(),
        });
        if suspect == Suspect::EarlierSend || balance_moved {
            self.refuse_cancel(record, id, failure).await
        } else {
            self.cancel_unknown(record, id, Heard::Error).await
        }
    }

    /// Nothing went out. A merchant's cancel is refused, so that the merchant decides; a compensating
    /// one waits for the resolver.
    async fn cancel_not_sent(
        &self,
        record: &PaymentRecord,
        id: &CancelId,
        pg: Option<PgMessage>,
    ) -> Result<PaymentRecord, GatewayError> {
        let sent = sending_of(record, id);
        let change = |draft: &mut Draft| {
            if let Some(cancel) = draft.cancel_answered(id, sent) {
                if let Some(sending) = &mut cancel.sending {
                    sending.heard = if pg.is_some() { Heard::Error } else { Heard::Nothing };
                }
                if cancel.origin == CancelOrigin::Merchant {
                    cancel.refuse(Failure { reason: FailureReason::ProviderUnavailable, pg: pg.clone() });
                } else {
                    cancel.status = CancelStatus::Requested;
                }
            }
        };
        self.update(&record.payment.merchant, &record.payment.id, change).await
    }

    /// Our keys or our request are wrong: nothing was done now. That says nothing of a time before; and
    /// money that must go back goes once an operator has mended it.
    async fn cancel_misconfigured(
        &self,
        record: &PaymentRecord,
        id: &CancelId,
        pg: PgMessage,
        repeated: bool,
    ) -> Result<PaymentRecord, GatewayError> {
        if repeated {
            return self.cancel_unknown(record, id, Heard::Error).await;
        }
        if record.cancel(id).is_some_and(|cancel| cancel.origin == CancelOrigin::Compensation) {
            return self.cancel_not_sent(record, id, Some(pg)).await;
        }
        let failure = Failure::by_pg(FailureReason::ProviderMisconfigured, pg);
        self.refuse_cancel(record, id, failure).await
    }

    async fn refuse_cancel(
        &self,
        record: &PaymentRecord,
        id: &CancelId,
        failure: Failure,
    ) -> Result<PaymentRecord, GatewayError> {
        if record.cancel(id).is_some_and(|cancel| cancel.origin == CancelOrigin::Compensation) {
            tracing::error!(payment = %record.payment.id, cancel = %id, "money that must go back was refused by the PG: an operator is needed");
        }
        let sent = sending_of(record, id);
        let change = |draft: &mut Draft| {
            if let Some(cancel) = draft.cancel_answered(id, sent) {
                cancel.refuse(failure.clone());
            }
        };
        let refused = self.update(&record.payment.merchant, &record.payment.id, change).await?;
        let looks_again = |cancel: &Cancel| {
            cancel.scope == CancelScope::Close || cancel.origin == CancelOrigin::Compensation
        };
        if record.cancel(id).is_some_and(looks_again) {
            // The usual reasons: money came into the account that was to be closed, or somebody took a part of
            // what was to go back. Refused once more for the same amount, it is an operator's.
            self.mark(&record.payment.account, &record.payment.id, self.clock.now()).await?;
        }
        Ok(refused)
    }

    /// Keeps what the PG said to a cancel that it may or may not have done: the reason to show if it
    /// turns out not done.
    async fn keep_words(
        &self,
        record: &PaymentRecord,
        id: &CancelId,
        pg: &PgMessage,
    ) -> Result<(), GatewayError> {
        let failure = Failure::by_pg(FailureReason::ProviderUnavailable, pg.clone());
        let sent = sending_of(record, id);
        let change = |draft: &mut Draft| {
            if let Some(cancel) = draft.cancel_answered(id, sent) {
                cancel.failure = Some(failure.clone());
            }
        };
        self.update(&record.payment.merchant, &record.payment.id, change).await.map(|_| ())
    }

    /// The PG answered a merchant's cancel with errors again and again, and certainly did none of it: the
    /// merchant is told, and may ask again with the same key.
    pub(crate) async fn give_up_cancel(
        &self,
        record: &PaymentRecord,
        id: &CancelId,
    ) -> Result<PaymentRecord, GatewayError> {
        let sent = sending_of(record, id);
        let change = |draft: &mut Draft| {
            if let Some(cancel) = draft.cancel_answered(id, sent) {
                let failure = cancel.failure.take();
                cancel.refuse(failure.unwrap_or(Failure::of(FailureReason::ProviderUnavailable)));
            }
        };
        self.update(&record.payment.merchant, &record.payment.id, change).await
    }

    pub(crate) async fn cancel_unknown(
        &self,
        record: &PaymentRecord,
        id: &CancelId,
        heard: Heard,
    ) -> Result<PaymentRecord, GatewayError> {
        let sent = sending_of(record, id);
        let change = |draft: &mut Draft| {
            if let Some(cancel) = draft.cancel_answered(id, sent) {
                cancel.status = CancelStatus::Unknown;
                if let Some(sending) = &mut cancel.sending {
                    sending.heard = heard;
                }
            }
        };
        self.update(&record.payment.merchant, &record.payment.id, change).await
    }
}

/// Why a denied cancel may have been executed all the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Suspect {
    /// It went out once, and this is its answer.
    Nothing,
    /// It went out before without a definite answer.
    EarlierSend,
    /// The PG says it is done already, or that the balance is not what we expected: only a
    /// balance that did move makes that a no.
    Contradiction,
}

/// The request of a cancel that has no answer yet.
fn waiting_cancel<'a>(record: &'a PaymentRecord, id: &CancelId) -> Option<&'a Sending> {
    record.cancel(id).filter(|cancel| cancel.status == CancelStatus::Sent)?.sending.as_ref()
}

fn sending_of<'a>(record: &'a PaymentRecord, id: &CancelId) -> Option<&'a Sending> {
    record.cancel(id)?.sending.as_ref()
}

fn cancel_request(record: &PaymentRecord, id: &CancelId) -> Option<CancelRequest> {
    let cancel = record.cancel(id)?;
    let attempt = record.attempts.iter().find(|attempt| Some(attempt.number) == cancel.attempt);
    let sending = cancel.sending.as_ref()?;
    Some(CancelRequest {
        id: cancel.id.clone(),
        pg_id: cancel.pg_id.clone()?,
        amount: match cancel.scope {
            CancelScope::All => CancelAmount::All,
            CancelScope::Part => CancelAmount::Part(cancel.amount),
            CancelScope::Close => CancelAmount::Close,
        },
        tax_free_amount: cancel.tax_free_amount,
        cancellable: cancel.guard,
        reason: cancel.reason.clone(),
        refund_account: cancel.refund_account.clone(),
        idempotency_key: idempotency_key(&record.payment.id, "cancel", id.as_str(), sending.send),
        state: attempt.and_then(|attempt| attempt.state.clone()),
    })
}

/// A PG that replays an answer by key alone may answer with another payment.
fn is_of(outcome: &CancelOutcome, request: &CancelRequest, record: &PaymentRecord) -> bool {
    let Some(snapshot) = &outcome.snapshot else { return true };
    let ours = record.attempts.iter().any(|attempt| attempt.pg_order_id.as_str() == snapshot.pg_order_id);
    ours && snapshot.pg_id == request.pg_id
}

/// One cancel of a PG payment at a time: the next waits until the outcome of the last is known.
fn is_blocked(record: &PaymentRecord, cancel: &Cancel) -> bool {
    record.cancels.iter().any(|other| {
        other.id != cancel.id
            && other.pg_id == cancel.pg_id
            && matches!(other.status, CancelStatus::Sent | CancelStatus::Unknown)
    })
}
