//! What operators do with cases: list them, and decide.

use crate::{
    AttemptStatus, CancelId, CancelStatus, CaseClosing, CaseKind, CaseOutcome, CaseSubject, EventKind,
    Failure, FailureReason, Gateway, GatewayError, PaymentId, PaymentRecord, PaymentStatus, StateProblem,
    StoreError,
    draft::Draft,
    gateway::{line::Errand, look_up::LookUpError},
    is_printable,
};

/// What an operator decided about a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseVerdict {
    /// Who decided: 1 to 100 printable characters.
    pub by: String,
    /// What they found out.
    pub outcome: CaseOutcome,
    /// Why they are sure: 1 to 500 printable characters.
    pub reason: String,
}

impl CaseVerdict {
    fn check(&self) -> Result<(), GatewayError> {
        for (param, text, most) in [("by", &self.by, 100), ("reason", &self.reason, 500)] {
            if !is_printable(text, most) {
                let rule = format!("must be 1 to {most} printable characters");
                return Err(GatewayError::invalid(param, rule));
            }
        }
        Ok(())
    }
}

impl Gateway {
    /// A payment of any merchant, for operators.
    ///
    /// # Errors
    ///
    /// [`GatewayError::NotFound`], [`GatewayError::Store`].
    pub async fn payment_of_any(&self, id: &PaymentId) -> Result<PaymentRecord, GatewayError> {
        let merchant = self.store.owner_of(id).await?.ok_or(GatewayError::NotFound)?;
        self.payment(&merchant, id).await
    }

    /// Payments of any merchant after one that have a case, by id; only those with an open one if `only_open`.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`].
    pub async fn cases(
        &self,
        only_open: bool,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> Result<Vec<PaymentRecord>, GatewayError> {
        let mut records = Vec::new();
        for (merchant, id) in self.store.payments_with_cases(only_open, after, limit).await? {
            records.push(self.payment(&merchant, &id).await?);
        }
        Ok(records)
    }

    /// Closes a case as an operator decided. The PG is asked once more first: what it tells settles the case,
    /// whatever the operator believes. Later news from the PG are believed again.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Invalid`], [`GatewayError::NotFound`]. [`GatewayError::InvalidState`] when the case is
    /// settled, perhaps only now, by the PG. [`GatewayError::Store`]: not closed.
    pub async fn close_case(
        &self,
        id: &PaymentId,
        number: u16,
        verdict: &CaseVerdict,
    ) -> Result<PaymentRecord, GatewayError> {
        verdict.check()?;
        let merchant = self.store.owner_of(id).await?.ok_or(GatewayError::NotFound)?;
        self.open_case(self.payment(&merchant, id).await?, number)?;
        match Box::pin(self.look_up(&merchant, id, None, 0, Errand::Asked)).await {
            Ok(looked_up) => drop(Box::pin(self.follow_up(looked_up.record)).await?),
            Err(LookUpError::Gateway(error)) => return Err(error),
            // That it does not tell may be the very reason of the case.
            Err(LookUpError::Provider(error)) => {
                tracing::warn!(payment = %id, case = number, error = error.name(), "the PG could not be asked before a case was closed");
            }
        }
        for _ in 0..3 {
            let (record, kind, about) = self.open_case(self.payment(&merchant, id).await?, number)?;
            let draft = self.decided(record, number, kind, &about, verdict);
            match self.commit(draft, 0).await {
                Err(StoreError::Conflict) => {}
                closed => {
                    let record = closed?;
                    tracing::warn!(payment = %id, case = number, kind = kind.name(), outcome = verdict.outcome.name(), by = verdict.by, "an operator closed a case");
                    return Ok(record);
                }
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    fn open_case(
        &self,
        record: PaymentRecord,
        number: u16,
    ) -> Result<(PaymentRecord, CaseKind, CaseSubject), GatewayError> {
        let case = record.payment.cases.iter().find(|case| case.number == number);
        let case = case.ok_or(GatewayError::NotFound)?;
        let (kind, about) = (case.kind, case.about.clone());
        if case.is_open() {
            Ok((record, kind, about))
        } else {
            Err(GatewayError::state(StateProblem::CaseClosed, record))
        }
    }

    fn decided(
        &self,
        record: PaymentRecord,
        number: u16,
        kind: CaseKind,
        about: &CaseSubject,
        verdict: &CaseVerdict,
    ) -> Draft {
        let mut draft = Draft::of(record);
        match (kind, about) {
            (CaseKind::UnknownConfirm, CaseSubject::Confirm(attempt)) => {
                draft.decide_confirm(*attempt, verdict.outcome, self.clock.now());
            }
            (CaseKind::UnknownCancel, CaseSubject::Cancel(id)) => draft.decide_cancel(id, verdict.outcome),
            // The row says already what the PG did; what was done beside the PG is in the case.
            _ => {}
        }
        let closing = CaseClosing::Decided {
            at: self.clock.now(),
            by: verdict.by.clone(),
            outcome: verdict.outcome,
            reason: verdict.reason.clone(),
        };
        let mut cases = draft.record.payment.cases.iter_mut();
        if let Some(case) = cases.find(|case| case.number == number) {
            case.closing = Some(closing);
        }
        draft.tell(EventKind::CaseClosed);
        draft
    }
}

impl Draft {
    /// An operator knows whether the money was taken.
    fn decide_confirm(&mut self, number: u16, outcome: CaseOutcome, now: jiff::Timestamp) {
        let confirming = self.record.payment.status == PaymentStatus::Confirming;
        let accepts = self.record.accepted().is_none();
        match outcome {
            CaseOutcome::NotDone => {
                let failure = Failure::of(FailureReason::Other);
                self.close_attempt(number, &failure);
                if confirming {
                    self.record.payment.status = PaymentStatus::Failed;
                    self.record.payment.failure = Some(failure);
                }
            }
            CaseOutcome::Done if accepts => {
                if let Some(attempt) = self.attempt_mut(number) {
                    attempt.status = AttemptStatus::Accepted;
                    attempt.accepted = true;
                }
                let payment = &mut self.record.payment;
                payment.status = PaymentStatus::Paid;
                payment.amount_paid = payment.terms.amount;
                payment.paid_at = Some(now);
                payment.failure = None;
            }
            // A second payment of the order: the row stays, and the money is the operator's to give back.
            CaseOutcome::Done => {
                if let Some(attempt) = self.attempt_mut(number) {
                    attempt.status = AttemptStatus::Closed;
                }
            }
        }
    }

    /// An operator knows whether the PG gave the money back.
    fn decide_cancel(&mut self, id: &CancelId, outcome: CaseOutcome) {
        let accepted = self.record.accepted().cloned();
        let Some(cancel) = self.cancel_mut(id) else { return };
        if outcome == CaseOutcome::NotDone {
            return cancel.refuse(Failure::of(FailureReason::NotCancellable));
        }
        cancel.status = CancelStatus::Done;
        cancel.failure = None;
        let (amount, is_accepted) =
            (cancel.amount, accepted.is_some_and(|accepted| cancel.takes_from(&accepted)));
        let payment = &mut self.record.payment;
        if !is_accepted {
            return;
        }
        let left = payment.amount_paid.saturating_sub(payment.amount_cancelled).saturating_sub(amount);
        payment.amount_cancelled = payment.amount_paid.saturating_sub(left);
        payment.status =
            if left.is_zero() { PaymentStatus::Cancelled } else { PaymentStatus::PartiallyCancelled };
    }
}
