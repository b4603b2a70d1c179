//! What operators do with cases: list them, and decide.

use crate::{
    CaseClosing, CaseKind, CaseOutcome, CaseSubject, EventKind, Gateway, GatewayError, PaymentId,
    PaymentRecord, StateProblem, StoreError, draft::Draft, gateway::look_up::LookUpError, is_printable,
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
        let (record, ..) = self.open_case(self.payment(&merchant, id).await?, number)?;
        let _place = self.account_of(&record)?.place()?;
        let pg_told = match Box::pin(self.look_for_money(&merchant, id)).await {
            Ok(looked_up) => {
                Box::pin(self.follow_up(looked_up.record)).await?;
                true
            }
            Err(LookUpError::Gateway(error)) => return Err(error),
            Err(LookUpError::Busy(until)) => return Err(self.busy_until(until)),
            // That it does not tell may be the very reason of the case.
            Err(LookUpError::Provider(error)) => {
                tracing::warn!(payment = %id, case = number, error = error.name(), "the PG could not be asked before a case was closed");
                false
            }
        };
        for _ in 0..3 {
            let (record, kind, about) = self.open_case(self.payment(&merchant, id).await?, number)?;
            let draft = self.decided(record, number, (kind, &about), verdict, pg_told)?;
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
        what: (CaseKind, &CaseSubject),
        verdict: &CaseVerdict,
        pg_told: bool,
    ) -> Result<Draft, GatewayError> {
        let now = self.clock.now();
        let mut draft = Draft::of(record);
        match what {
            (CaseKind::UnknownConfirm, CaseSubject::Confirm(attempt)) => {
                let named = draft.attempt(*attempt).is_some_and(|attempt| attempt.pg_id.is_some());
                if verdict.outcome == CaseOutcome::Done && !named {
                    // Money that has no name here could never be given back.
                    let rule = "must be not_done: the PG's id of the payment is not known here, and what it shows later is believed";
                    return Err(GatewayError::invalid("outcome", rule));
                }
                draft.decide_confirm(*attempt, verdict.outcome, now);
            }
            (CaseKind::UnknownCancel, CaseSubject::Cancel(id)) => {
                draft.decide_cancel(id, verdict.outcome, pg_told);
            }
            // The row says already what the PG did; what was done beside the PG is in the case.
            _ => {}
        }
        let closing = CaseClosing::Decided {
            at: now,
            by: verdict.by.clone(),
            outcome: verdict.outcome,
            reason: verdict.reason.clone(),
        };
        let mut cases = draft.record.payment.cases.iter_mut();
        if let Some(case) = cases.find(|case| case.number == number) {
            case.closing = Some(closing);
        }
        draft.tell(EventKind::CaseClosed);
        Ok(draft)
    }
}
