//! Giving money back, and closing what was not paid.

mod row;

pub use row::NewCancel;

use row::{Row, cancel_key, close, refund};

use super::{Gateway, GatewayError, RequestKey, StateProblem};
use crate::{
    account::ConnectedAccount,
    clock::Clock,
    dispatch::{ROUNDS, send, send_first},
    gateway::{
        request_key::idempotency,
        retired::refuse_retired,
        shared::{account_of, permit},
        verify::verify_whole,
    },
    lifecycle::Draft,
    model::{
        Cancel, CancelId, CancelStatus, Failure, FailureReason, MerchantId, Operation, PaymentId,
        PaymentStatus, ReviewOutcome, ReviewSubject, is_display_text,
    },
    store::{PaymentRecord, StoreError},
};

/// The longest reason of a cancel, in characters.
const LONGEST_REASON: usize = 200;

impl Gateway {
    /// Gives back all or part of a payment; closes one that is not paid, after a look-up where the PG does not close it. The
    /// cancel's row, with everything its request is built from, is committed before it is sent.
    ///
    /// `Ok` holds the payment and the cancel, which may still be `requested`, `unknown` or `pending`: Paymux continues.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/shop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let example = shop().await?;
    /// # let (payment, order_id, browser_result) = example.agreed().await?;
    /// # let Shop { gateway, shop, simulator, .. } = example;
    /// # gateway.confirm(&shop, &payment, &browser_result, None).await?;
    /// use paymux_core::{
    ///     gateway::{GatewayError, NewCancel},
    ///     model::{Money, PaymentStatus},
    /// };
    ///
    /// let scratch = NewCancel::part("a scratch", Money::krw(2_000));
    /// let (record, id) = gateway.cancel(&shop, &payment, &scratch, None).await?;
    /// assert_eq!(record.payment.status(), PaymentStatus::PartiallyCancelled);
    /// assert_eq!(record.cancellable(), Money::krw(10_000));
    /// let cancel = record.cancel_view(&id).ok_or("it is in the record that it was made in")?;
    /// println!("{}: {:?}", cancel.reason, cancel.status);
    ///
    /// // More than is left goes nowhere.
    /// let too_much = NewCancel::part("sent back", Money::krw(10_001));
    /// assert!(matches!(gateway.cancel(&shop, &payment, &too_much, None).await, Err(GatewayError::InvalidState { .. })));
    /// # Ok(())
    /// # }
    /// ```
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
        if !is_display_text(&new.reason, LONGEST_REASON) {
            let rule = format!("must be 1 to {LONGEST_REASON} characters that can be seen");
            return Err(GatewayError::invalid("reason", rule));
        }
        // Of two cancels at once the one that commits second starts over, and finds the row of the first.
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
        // A person did by hand what this key asked for while the account was retired. Sent now, it would go
        // back twice.
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
            // The buyer may have paid in the window: the order would be closed here and paid there.
            record = verify_whole(self, merchant, id).await?;
        }
        let account = account_of(&self.core, &record)?;
        let context = self.core.context(account, None, &[]);
        // Checked on the version that the commit compares: whatever another cancel took meanwhile, this one
        // starts over.
        let row = match record.payment.status() {
            PaymentStatus::Paid | PaymentStatus::PartiallyCancelled => {
                Row::Refund(refund(&record, new, key, &context)?)
            }
            PaymentStatus::Ready | PaymentStatus::AwaitingDeposit => close(&record, new, key, &context)?,
            _ => return Err(GatewayError::state(StateProblem::Status, record)),
        };
        // A close that asks no PG sends nothing, so a retired account can do it.
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
        let _permit = permit(account)?;
        let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
        // Read before the row is dated: from here `send` measures whether the process was stalled.
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
        // The row, its first send and the merchant's key are one commit: after a crash the same key finds
        // this row and never makes another.
        if let Some(operation) = operation.as_ref().filter(|_| !account.description().cancels_by_order) {
            draft.send(operation, &context);
        }
        let idempotency = idempotency(key, &merchant, &id, Some(&cancel), self.core.now());
        let record = self.core.commit(draft, &context, idempotency).await?;
        let Some(operation) = &operation else { return cancel_outcome(record, cancel) };
        // Such a PG cancels whatever payment is current under the order id. `send_first` looks up right
        // before it sends, and sends only if the current one is this charge.
        let sent = if account.description().cancels_by_order {
            send_first(&self.core, record, operation).await
        } else {
            send(&self.core, record, operation, began).await
        };
        cancel_outcome(self.after_sending(&merchant, &id, sent).await?, cancel)
    }

    /// The payment after a cancel whose row is committed was sent. If what came of it lost every race, it is as its row says
    /// and is followed later: a new cancel would find that row.
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
        // What was sent may have been done: with another account the money could go out twice.
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
        // The merchant's key is kept with the row for ever: its repeat weeks later finds the row and sends
        // nothing.
        cancel.key = key.map(cancel_key);
        let idempotency = idempotency(key, &merchant, &id, Some(waiting), self.core.now());
        let record = self.core.commit(draft, &context, idempotency).await?;
        // It is still a compensation: it goes out only after a look-up that shows its reason once more.
        let sent = send_first(&self.core, record, &Operation::Cancel(waiting.clone())).await;
        cancel_outcome(self.after_sending(&merchant, &id, sent).await?, waiting.clone())
    }
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
