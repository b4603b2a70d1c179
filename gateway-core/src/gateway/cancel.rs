//! Giving money back, and closing what was not paid.

use crate::{
    Cancel, CancelId, CancelOrigin, CancelScope, CancelStatus, Gateway, GatewayError, Heard, MerchantId,
    Money, MoneyMoves, PaymentId, PaymentRecord, PaymentStatus, RefundAccount, StateProblem, StoreError,
    draft::Draft, gateway::RequestKey,
};

/// A cancel a merchant asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCancel {
    /// Why, 1 to 200 characters; the PG keeps it.
    pub reason: String,
    /// How much; `None` for all that is left.
    pub amount: Option<Money>,
    /// What the merchant believes is left; the cancel is refused if it is otherwise.
    pub expected_cancellable: Option<Money>,
    /// The part of the amount that is free of VAT.
    pub tax_free_amount: Option<Money>,
    /// Where the money of a paid virtual account goes.
    pub refund_account: Option<RefundAccount>,
}

impl Gateway {
    /// Gives back all or part of a payment; closes one that is not paid. The cancel's row, with the
    /// key it will send, is committed before the PG hears of it.
    ///
    /// `Ok` holds the payment and the cancel, which may still be `unknown` or `pending`.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Invalid`], [`GatewayError::InvalidState`], [`GatewayError::Unsupported`]: the
    /// PG was not called. [`GatewayError::CancelRefused`], [`GatewayError::ProviderUnavailable`],
    /// [`GatewayError::ProviderMisconfigured`]: no money moved. [`GatewayError::KeyInUse`],
    /// [`GatewayError::NotFound`], [`GatewayError::Store`].
    pub async fn cancel(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        new: &NewCancel,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        for _ in 0..3 {
            match self.cancel_once(merchant, id, new, key).await {
                Err(GatewayError::Store(StoreError::Conflict)) => {}
                done => return done,
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    async fn cancel_once(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        new: &NewCancel,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        let mut record = self.payment(merchant, id).await?;
        if record.payment.status == PaymentStatus::Ready && self.may_hold_money(&record)? {
            // Nothing may be closed here that the buyer has paid there.
            record = self.verify(merchant, id).await?;
        }
        let row = match record.payment.status {
            PaymentStatus::Paid | PaymentStatus::PartiallyCancelled => self.refund(&record, new)?,
            PaymentStatus::Ready | PaymentStatus::AwaitingDeposit => self.close(&record, new)?,
            _ => return Err(GatewayError::state(StateProblem::Status, record)),
        };
        let cancel = row.id.clone();
        let sends = row.status == CancelStatus::Requested;
        let _place = self.account_of(&record)?.place()?;
        let mut draft = Draft::of(record);
        draft.idempotency = self.idempotency(merchant, key, id, Some(&cancel));
        if !sends {
            draft.record.payment.status = PaymentStatus::Cancelled;
        }
        draft.record.cancels.push(row);
        let record = if sends {
            let record = self.commit_sending(draft, &cancel).await?;
            self.send_cancel(record, &cancel).await?
        } else {
            self.commit(draft, 0).await?
        };
        cancel_outcome(record, cancel)
    }

    /// The same request again: a cancel that never reached the PG is sent once more, any other is shown.
    ///
    /// # Errors
    ///
    /// As [`cancel`](Self::cancel).
    pub async fn cancel_again(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        cancel: &CancelId,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        let mut record = self.payment(merchant, id).await?;
        let row = record.cancel(cancel).ok_or(GatewayError::NotFound)?;
        if row.may_be_sent_again() && row.sending.as_ref().is_some_and(|sent| sent.heard == Heard::Error) {
            // The PG answered the last request: the next key needs a fresh look.
            record = self.verify(merchant, id).await?;
        }
        let row = record.cancel(cancel).ok_or(GatewayError::NotFound)?;
        if !row.may_be_sent_again() {
            return cancel_outcome(record, cancel.clone());
        }
        if record.unsettled_cancel().is_some() {
            return Err(GatewayError::state(StateProblem::CancelInProgress, record));
        }
        let (scope, amount, left) = (row.scope, row.amount, record.cancellable());
        if scope == CancelScope::Close && record.payment.status != PaymentStatus::AwaitingDeposit {
            return Err(GatewayError::state(StateProblem::Status, record));
        }
        if scope != CancelScope::Close && amount.amount() > left.amount() {
            return Err(GatewayError::state(StateProblem::CancellableAmountExceeded, record));
        }
        let _place = self.account_of(&record)?.place()?;
        let mut draft = Draft::of(record);
        if let Some(row) = draft.cancel_mut(cancel) {
            row.failure = None;
            row.status = CancelStatus::Requested;
            if scope != CancelScope::Close {
                row.guard = left;
            }
            // More may be left by now than was asked for.
            if scope == CancelScope::All && amount != left {
                row.scope = CancelScope::Part;
            }
        }
        let record = self.commit_sending(draft, cancel).await?;
        let record = self.send_cancel(record, cancel).await?;
        cancel_outcome(record, cancel.clone())
    }

    /// Where money moves before confirm, an open window may have taken it already; anywhere, a confirm that
    /// was sent once.
    fn may_hold_money(&self, record: &PaymentRecord) -> Result<bool, GatewayError> {
        let before_confirm = self.account_of(record)?.description().money_moves == MoneyMoves::BeforeConfirm;
        let asked = record.attempts.iter().any(|attempt| attempt.accepted || attempt.confirm.is_some());
        Ok(asked || (before_confirm && !record.attempts.is_empty()))
    }

    fn refund(&self, record: &PaymentRecord, new: &NewCancel) -> Result<Cancel, GatewayError> {
        let refuse = |problem| Err(GatewayError::state(problem, record.clone()));
        if record.unsettled_cancel().is_some() {
            return refuse(StateProblem::CancelInProgress);
        }
        let left = record.cancellable();
        if new.expected_cancellable.is_some_and(|expected| expected != left) {
            return refuse(StateProblem::CancellableAmountChanged);
        }
        let amount = new.amount.unwrap_or(left);
        if amount.currency() != left.currency() {
            return Err(GatewayError::invalid("amount", "must be in the payment's currency"));
        }
        if amount.is_zero() || amount.amount() > left.amount() {
            return refuse(StateProblem::CancellableAmountExceeded);
        }
        let too_much = |tax_free: Money| amount.checked_sub(tax_free).is_err();
        if new.tax_free_amount.is_some_and(too_much) {
            return Err(GatewayError::invalid("tax_free_amount", "must not be more than the amount"));
        }
        let terms = record
            .payment
            .method
            .and_then(|method| self.account_of(record).ok()?.description().method(method));
        if terms.is_some_and(|terms| terms.refund_needs_account) && new.refund_account.is_none() {
            return Err(GatewayError::invalid("refund_account", "is required for a paid virtual account"));
        }
        let attempt = record
            .accepted_attempt()
            .ok_or_else(|| GatewayError::state(StateProblem::Status, record.clone()))?;
        Ok(Cancel {
            pg_id: attempt.pg_id.clone(),
            attempt: Some(attempt.number),
            scope: if new.amount.is_none() { CancelScope::All } else { CancelScope::Part },
            guard: left,
            ..self.row(new, amount)
        })
    }

    /// A close gives no money back: full only, at the PG where it can.
    fn close(&self, record: &PaymentRecord, new: &NewCancel) -> Result<Cancel, GatewayError> {
        let total = record.payment.terms.amount;
        let whole = |amount: Option<Money>| amount.is_none_or(|amount| amount == total);
        if !whole(new.amount) {
            return Err(GatewayError::state(StateProblem::FullCloseOnly, record.clone()));
        }
        if new.expected_cancellable.is_some_and(|expected| !expected.is_zero() && expected != total) {
            return Err(GatewayError::state(StateProblem::CancellableAmountChanged, record.clone()));
        }
        if record.unsettled_cancel().is_some() {
            return Err(GatewayError::state(StateProblem::CancelInProgress, record.clone()));
        }
        // Nothing was paid, so nothing is sent anywhere: a PG may refuse an account it has no use for.
        let row = Cancel { scope: CancelScope::Close, refund_account: None, ..self.row(new, total) };
        if record.payment.status == PaymentStatus::Ready {
            return Ok(Cancel { status: CancelStatus::Done, ..row });
        }
        if !self.account_of(record)?.description().closes_accounts {
            return Err(GatewayError::Unsupported("closing a virtual account on this account"));
        }
        let attempt = record
            .accepted_attempt()
            .ok_or_else(|| GatewayError::state(StateProblem::Status, record.clone()))?;
        Ok(Cancel { pg_id: attempt.pg_id.clone(), attempt: Some(attempt.number), ..row })
    }

    fn row(&self, new: &NewCancel, amount: Money) -> Cancel {
        let now = self.clock.now();
        Cancel {
            id: self.ids.cancel(now),
            origin: CancelOrigin::Merchant,
            status: CancelStatus::Requested,
            pg_id: None,
            attempt: None,
            scope: CancelScope::Part,
            amount,
            tax_free_amount: new.tax_free_amount,
            guard: amount,
            reason: new.reason.clone(),
            refund_account: new.refund_account.clone(),
            sending: None,
            pg_cancel_id: None,
            failure: None,
            created_at: now,
        }
    }
}

/// How a payment answers one of its cancels.
fn cancel_outcome(record: PaymentRecord, id: CancelId) -> Result<(PaymentRecord, CancelId), GatewayError> {
    let Some(cancel) = record.cancel(&id) else { return Err(GatewayError::NotFound) };
    if cancel.may_be_sent_again() {
        return Err(GatewayError::ProviderUnavailable { retry_after: None });
    }
    match (&cancel.status, cancel.failure.clone()) {
        (CancelStatus::Refused, Some(failure)) => {
            use crate::FailureReason::ProviderMisconfigured;
            if failure.reason == ProviderMisconfigured {
                return Err(GatewayError::ProviderMisconfigured(failure.pg));
            }
            Err(GatewayError::CancelRefused { failure, record: Box::new(record) })
        }
        _ => Ok((record, id)),
    }
}
