//! Giving money back, and closing what was not paid.

use super::{Gateway, GatewayError, RequestKey, StateProblem};
use crate::{
    account::ConnectedAccount,
    clock::Clock,
    dispatch::{ROUNDS, send, send_first},
    gateway::{
        request_key::idempotency,
        retired::refuse_retired,
        shared::{account_of, place},
        verify::verify_whole,
    },
    lifecycle::{Draft, compensation::needs_account},
    model::{
        Cancel, CancelId, CancelKey, CancelOrigin, CancelStatus, Charge, Close, Failure, FailureReason,
        MerchantId, Money, Operation, PaymentId, PaymentStatus, RefundAccount, ReviewOutcome, ReviewSubject,
    },
    store::{PaymentRecord, StoreError},
};

/// A cancel a merchant asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCancel {
    /// Why, 1 to 200 characters; the PG keeps it.
    pub reason: String,
    /// How much, in the PG's own counting; `None` for all that is left.
    pub amount: Option<Money>,
    /// What the merchant believes is left; the cancel is refused if it is otherwise.
    pub expected_cancellable: Option<Money>,
    /// The part of the amount that is free of VAT.
    pub tax_free_amount: Option<Money>,
    /// The VAT in the amount, where the merchant fixes it.
    pub vat_amount: Option<Money>,
    /// Where the money of a paid virtual account goes.
    pub refund_account: Option<RefundAccount>,
    /// The compensation to take over, which waits for an account. Without it a cancel always means the charge that pays the
    /// order.
    pub takes_over: Option<CancelId>,
}

/// What a cancel writes, and whether it has to be sent.
enum Row {
    /// Money of the charge that pays the order.
    Refund(Cancel),
    /// The account of that charge.
    CloseAccount(Close),
    /// Nothing was issued, or the PG cannot close: no PG is asked.
    ClosePayment(Close),
}

impl Row {
    /// What an operator reads where it cannot be sent.
    fn asked_for(&self) -> String {
        match self {
            Self::Refund(cancel) => format!("to refund {} ({})", cancel.amount, cancel.reason),
            Self::CloseAccount(close) | Self::ClosePayment(close) => {
                format!("to close the unpaid account ({})", close.reason)
            }
        }
    }
}

impl Gateway {
    /// Gives back all or part of a payment; closes one that is not paid, after a look-up where the PG does not close it. The
    /// cancel's row, with everything its request is built from, is committed before it is sent.
    ///
    /// `Ok` holds the payment and the cancel, which may still be `requested`, `unknown` or `pending`: Paymux goes on.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Invalid`], [`GatewayError::InvalidState`], [`GatewayError::AccountRetired`]: nothing was stored, the
    /// PG was not called; a compensation that was taken over and whose reason is gone is held for a person.
    /// [`GatewayError::CancelRefused`], [`GatewayError::Unsupported`],
    /// [`GatewayError::ProviderMisconfigured`]: no money moved. [`GatewayError::ProviderUnavailable`]: nothing was stored.
    /// [`GatewayError::KeyInUse`], [`GatewayError::NotFound`], [`GatewayError::Store`].
    pub async fn cancel(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        new: &NewCancel,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        for _ in 0..ROUNDS {
            match Box::pin(self.cancel_once(merchant, id, new, key)).await {
                Err(GatewayError::Store(StoreError::Conflict)) => {}
                done => return done,
            }
        }
        Err(GatewayError::Store(StoreError::Conflict))
    }

    /// What became of a cancel that was asked for before: a repeat of the same request sends nothing.
    ///
    /// # Errors
    ///
    /// As [`cancel`](Self::cancel).
    pub async fn cancel_result(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        cancel: &CancelId,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        cancel_outcome(self.payment(merchant, id).await?, cancel.clone())
    }

    async fn cancel_once(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        new: &NewCancel,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        let mut record = self.payment(merchant, id).await?;
        if key.is_some_and(|key| was_done_by_person(&record, key)) {
            return Err(GatewayError::AccountRetired(Box::new(record)));
        }
        if let Some(waiting) = &new.takes_over {
            return self.take_over(record, waiting, new, key).await;
        }
        let asks_first = match record.payment.status() {
            PaymentStatus::Ready => may_have_taken_money(&record),
            // Where the PG can close it, its answer says whether a deposit came first.
            PaymentStatus::AwaitingDeposit => {
                !account_of(&self.core, &record)?.description().closes_accounts()
            }
            _ => false,
        };
        if asks_first {
            // Nothing may be closed here that the buyer has paid there.
            record = verify_whole(self, merchant, id).await?;
        }
        let account = account_of(&self.core, &record)?;
        let row = match record.payment.status() {
            PaymentStatus::Paid | PaymentStatus::PartiallyCancelled => {
                Row::Refund(self.refund(account, &record, new, key)?)
            }
            PaymentStatus::Ready | PaymentStatus::AwaitingDeposit => {
                self.close(account, &record, new, key)?
            }
            _ => return Err(GatewayError::state(StateProblem::Status, record)),
        };
        if account.retired && !matches!(row, Row::ClosePayment(_)) {
            return refuse_retired(&self.core, record, &row.asked_for(), ReviewSubject::Payment, key).await;
        }
        self.commit_row(account, record, row, key).await
    }

    async fn commit_row(
        &self,
        account: &ConnectedAccount,
        record: PaymentRecord,
        row: Row,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        let _place = place(account)?;
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        let began = self.core.clock.monotonic();
        let context = self.core.context(account, None, &[]);
        let mut draft = Draft::of(record);
        let accepted = draft.record.charges.iter_mut().find(|charge| charge.accepted);
        let (cancel, operation) = match (row, accepted) {
            (Row::Refund(row), Some(charge)) => {
                let cancel = row.id.clone();
                charge.cancels.push(row);
                (cancel.clone(), Some(Operation::Cancel(cancel)))
            }
            (Row::CloseAccount(row), Some(charge)) => {
                let cancel = row.id.clone();
                charge.closes.push(row);
                (cancel.clone(), Some(Operation::Close(cancel)))
            }
            (Row::ClosePayment(row), _) => {
                let cancel = row.id.clone();
                draft.record.payment.closes.push(row);
                (cancel, None)
            }
            (Row::Refund(_) | Row::CloseAccount(_), None) => {
                return Err(GatewayError::state(StateProblem::Status, draft.record));
            }
        };
        // The row and its first send are one commit: the key that made it can never make another.
        if let Some(operation) = operation.as_ref().filter(|_| !account.description().cancels_by_order) {
            draft.send(operation, &context);
        }
        let idempotency = idempotency(key, &merchant, &id, Some(&cancel), self.core.now());
        let record = self.core.commit(draft, &context, idempotency).await?;
        let Some(operation) = &operation else { return cancel_outcome(record, cancel) };
        let sent = if account.description().cancels_by_order {
            send_first(&self.core, record, operation).await
        } else {
            Box::pin(send(&self.core, record, operation, began)).await
        };
        cancel_outcome(self.after_sending(&merchant, &id, sent).await?, cancel)
    }

    /// The payment after a cancel whose row is committed was sent. If what came of it lost every race, it is as its row says
    /// and is followed later: beginning anew would meet that row.
    async fn after_sending(
        &self,
        merchant: &MerchantId,
        id: &PaymentId,
        sent: Result<PaymentRecord, StoreError>,
    ) -> Result<PaymentRecord, GatewayError> {
        match sent {
            Err(StoreError::Conflict) => self.payment(merchant, id).await,
            sent => Ok(sent?),
        }
    }

    /// A compensation that waits for an account gets one, and is sent if its reason still holds.
    async fn take_over(
        &self,
        record: PaymentRecord,
        waiting: &CancelId,
        new: &NewCancel,
        key: Option<&RequestKey>,
    ) -> Result<(PaymentRecord, CancelId), GatewayError> {
        if new.amount.is_some() {
            return Err(GatewayError::invalid(
                "amount",
                "must not be given with cancel_id: all of that money goes back",
            ));
        }
        let Some(refund_account) = &new.refund_account else {
            return Err(GatewayError::invalid("refund_account", "is required with cancel_id"));
        };
        let named = record.cancel(waiting).map(|(_, cancel)| cancel);
        if named.is_some_and(|cancel| cancel.held.is_none() && cancel.status.is_uncertain()) {
            return Err(GatewayError::state(StateProblem::CancelInProgress, record));
        }
        if !named.is_some_and(Cancel::waits_for_account) {
            let rule = "names no cancel of this payment that waits for an account";
            return Err(GatewayError::invalid("cancel_id", rule));
        }
        let account = account_of(&self.core, &record)?;
        if account.retired {
            let about = ReviewSubject::Cancel(waiting.clone());
            return refuse_retired(
                &self.core,
                record,
                "to send it to the account that the buyer named",
                about,
                key,
            )
            .await;
        }
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        let context = self.core.context(account, None, &[]);
        let mut draft = Draft::of(record);
        let Some(cancel) = draft.record.cancel_mut(waiting) else { return Err(GatewayError::NotFound) };
        cancel.held = None;
        cancel.failure = None;
        cancel.refund_account = Some(refund_account.clone());
        cancel.reason.clone_from(&new.reason);
        cancel.key = key.map(cancel_key);
        let idempotency = idempotency(key, &merchant, &id, Some(waiting), self.core.now());
        let record = self.core.commit(draft, &context, idempotency).await?;
        let sent = send_first(&self.core, record, &Operation::Cancel(waiting.clone())).await;
        cancel_outcome(self.after_sending(&merchant, &id, sent).await?, waiting.clone())
    }

    fn refund(
        &self,
        account: &ConnectedAccount,
        record: &PaymentRecord,
        new: &NewCancel,
        key: Option<&RequestKey>,
    ) -> Result<Cancel, GatewayError> {
        let refuse = |problem| Err(GatewayError::state(problem, record.clone()));
        let Some(charge) = record.accepted() else { return refuse(StateProblem::Status) };
        if charge.unresolved_cancel().is_some() || charge.is_disputed() {
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
        let is_too_much = |part: Money| amount.checked_sub(part).is_err();
        if new.tax_free_amount.is_some_and(is_too_much) {
            return Err(GatewayError::invalid("tax_free_amount", "must not be more than the amount"));
        }
        if new.vat_amount.is_some_and(is_too_much) {
            return Err(GatewayError::invalid("vat_amount", "must not be more than the amount"));
        }
        let context = self.core.context(account, None, &[]);
        let needs_account = charge.snapshot.as_ref().is_some_and(|shown| needs_account(shown, &context));
        if needs_account && new.refund_account.is_none() {
            return Err(GatewayError::invalid("refund_account", "is required for a paid virtual account"));
        }
        let is_whole = new.amount.is_none();
        Ok(Cancel {
            id: self.core.ids.cancel(context.now),
            origin: CancelOrigin::Merchant,
            compensates: None,
            status: CancelStatus::Requested,
            held: None,
            is_whole,
            amount,
            tax_free_amount: new
                .tax_free_amount
                .or_else(|| record.tax_free_left(charge).filter(|_| is_whole)),
            vat_amount: new.vat_amount,
            cancellable_before: left,
            failed_at: None,
            reason: new.reason.clone(),
            refund_account: new.refund_account.clone(),
            dispatch: None,
            pg_cancel_id: None,
            failure: None,
            key: key.map(cancel_key),
            created_at: context.now,
        })
    }

    /// A close gives no money back: full only, at the PG where an account is issued and the PG can.
    fn close(
        &self,
        account: &ConnectedAccount,
        record: &PaymentRecord,
        new: &NewCancel,
        key: Option<&RequestKey>,
    ) -> Result<Row, GatewayError> {
        let refuse = |problem| Err(GatewayError::state(problem, record.clone()));
        let total = record.payment.terms.amount;
        if new.amount.is_some_and(|amount| amount != total) {
            return refuse(StateProblem::FullCloseOnly);
        }
        if new.expected_cancellable.is_some_and(|expected| !expected.is_zero() && expected != total) {
            return refuse(StateProblem::CancellableAmountChanged);
        }
        if record.accepted().and_then(Charge::unresolved_close).is_some() {
            return refuse(StateProblem::CancelInProgress);
        }
        let issued = record.payment.status() == PaymentStatus::AwaitingDeposit;
        let asks_pg = issued && account.description().closes_accounts();
        let close = Close {
            id: self.core.ids.cancel(self.core.now()),
            origin: CancelOrigin::Merchant,
            status: if asks_pg { CancelStatus::Requested } else { CancelStatus::Done },
            reason: new.reason.clone(),
            dispatch: None,
            failure: None,
            key: key.map(cancel_key),
            created_at: self.core.now(),
        };
        Ok(if asks_pg { Row::CloseAccount(close) } else { Row::ClosePayment(close) })
    }
}

fn cancel_key(key: &RequestKey) -> CancelKey {
    CancelKey { key: key.key.clone(), digest: key.digest.clone() }
}

/// Whether an operator did what this request asks for while its account was retired: it is answered as it was then.
fn was_done_by_person(record: &PaymentRecord, key: &RequestKey) -> bool {
    let mut of_key = record.payment.reviews.iter().filter(|review| review.key.as_ref() == Some(&key.key));
    of_key.any(|review| review.decision() == Some(ReviewOutcome::Done))
}

/// Where money moves before confirm, an open window may have taken it already; anywhere, a charge that was claimed.
fn may_have_taken_money(record: &PaymentRecord) -> bool {
    let alone = record.attempts.iter().any(crate::model::Attempt::takes_money_before_confirm);
    alone || record.charges.iter().any(|charge| charge.confirm.is_some())
}

/// How a payment answers one of its cancels or closes.
fn cancel_outcome(record: PaymentRecord, id: CancelId) -> Result<(PaymentRecord, CancelId), GatewayError> {
    if let Some((_, cancel)) = record.cancel(&id)
        && cancel.held.is_some()
        && cancel.status == CancelStatus::Requested
    {
        // Nothing of it was done, and nothing is sent before a person decides or names another account.
        return Err(match cancel.failure.clone() {
            Some(failure) => GatewayError::CancelRefused { failure, record: Box::new(record) },
            None => GatewayError::state(StateProblem::Status, record),
        });
    }
    let Some(cancel) = record.cancel_view(&id) else { return Err(GatewayError::NotFound) };
    let Some(failure) = cancel.failure.filter(|_| cancel.status == CancelStatus::Refused) else {
        return Ok((record, id));
    };
    Err(match failure {
        Failure { reason: FailureReason::ProviderMisconfigured, pg } => {
            GatewayError::ProviderMisconfigured(pg)
        }
        Failure { reason: FailureReason::Unsupported, .. } => {
            GatewayError::Unsupported("this cancel on this account")
        }
        failure => GatewayError::CancelRefused { failure, record: Box::new(record) },
    })
}
