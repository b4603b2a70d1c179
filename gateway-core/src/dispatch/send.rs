//! Sending a request that was committed, and committing what comes back.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    answer::{self, Setback},
    commit::Committer,
    look_up::{LookUpError, LookedUp, look_up},
    operator::page_operator,
    request::{MoneyRequest, build},
};
use crate::{
    account::{ConnectedAccount, Priority},
    clock::{Clock, earlier},
    lifecycle::{
        Answer,
        schedule::{SENT_WITHIN, STALE_APPROVAL},
    },
    model::{
        CancelStatus, Charge, Dispatch, Failure, FailureReason, LookUpSubject, Operation, PgCancelStatus,
        PgMessage, Snapshot,
    },
    provider::{CancelOutcome, LookUp, ProviderError, Response, Taken},
    store::{PaymentRecord, SavedAnswer, StoreError},
};

/// A success, and what the PG shows with it.
struct Success {
    status: CancelStatus,
    pg_cancel_id: Option<String>,
    snapshot: Option<Snapshot>,
}

/// Sends an operation whose row is committed, and gives the record after what came back. `began`: the monotonic clock
/// before the time of the send was read.
///
/// # Errors
///
/// [`StoreError`]: the request may have been sent; its row says that it was.
pub(crate) async fn send(
    core: &Committer,
    record: PaymentRecord,
    operation: &Operation,
    began: Duration,
) -> Result<PaymentRecord, StoreError> {
    let Some(account) = core.account_of(&record) else { return Ok(record) };
    let (Some(request), Some(sent)) = (build(&record, operation), record.dispatch(operation).cloned()) else {
        return Ok(record);
    };
    if !is_still_ours(core, &record, operation, &sent, began).await? {
        return core.payment(&record.payment.merchant, &record.payment.id).await;
    }
    // The answer's snapshot is at least as new as this.
    let asked_at = core.now();
    // Money that moves already is always admitted, and counted.
    let _ = account.admit(Priority::Critical, 1);
    let answer = match &request {
        MoneyRequest::Confirm(request) => {
            let answer = account.call(account.provider.confirm(request)).await;
            taken(core, account, &record, operation, answer).await?
        }
        MoneyRequest::Cancel(request) => {
            let outcome = account.call(account.provider.cancel(request)).await;
            outcome.map(|outcome| cancelled(&record, operation, outcome)).map_err(Some)
        }
    };
    match answer {
        Ok(success) => succeed(core, record, operation, success, asked_at).await,
        Err(error) => {
            // `None`: the answer shows another payment.
            let error = error.unwrap_or_else(|| another_payment(&record, operation));
            fail(core, account, record, operation, &sent, error).await
        }
    }
}

/// Whether a request that was committed may still go out. A process that was stalled since then may have been given up:
/// another has repeated the request, or has the PG's answer that it never came. Others count on it that a request
/// leaves within [`SENT_WITHIN`] or not at all.
async fn is_still_ours(
    core: &Committer,
    record: &PaymentRecord,
    operation: &Operation,
    sent: &Dispatch,
    began: Duration,
) -> Result<bool, StoreError> {
    let kept = core.payment(&record.payment.merchant, &record.payment.id).await?;
    let is_kept = kept.dispatch(operation) == Some(sent);
    // Last, for the read itself may have taken long. And not by the wall clock, which may have been set.
    let in_time = core.clock.monotonic() < began.saturating_add(SENT_WITHIN);
    if !(is_kept && in_time) {
        tracing::error!(
            payment = %record.payment.id,
            account = %record.payment.account,
            "a request for money came too late to be sent; it is left to the next look-up of the payment"
        );
    }
    Ok(is_kept && in_time)
}

/// What a confirm's success is worth. What only this answer holds is written first, whatever else changed.
async fn taken(
    core: &Committer,
    account: &ConnectedAccount,
    record: &PaymentRecord,
    operation: &Operation,
    answer: Result<Taken, ProviderError>,
) -> Result<Result<Success, Option<ProviderError>>, StoreError> {
    let taken = match answer {
        Ok(taken) => taken,
        Err(error) => return Ok(Err(Some(error))),
    };
    let Some(charge) = record.charge_of(operation) else { return Ok(Err(None)) };
    // An answer about another payment says nothing of this one: it is unknown, and looked up.
    if taken.snapshot.as_ref().is_some_and(|snapshot| !is_of(snapshot, charge, record)) {
        return Ok(Err(None));
    }
    // No look-up shows it again, and the webhooks of a deposit are verified by it. So no race may lose it.
    if let Some(webhook_secret) = taken.webhook_secret {
        let answer = SavedAnswer { charge: charge.id.clone(), webhook_secret };
        core.store.save_answer(&record.payment.merchant, &record.payment.id, answer).await?;
    }
    // A repeat may be answered with what was stored for its key: the money may have gone back since then.
    let sent_at = charge.confirm.as_ref().map(|sent| sent.last_sent_at);
    let is_stale = |snapshot: &Snapshot| {
        let approved_before =
            |sent_at| snapshot.paid_at.is_some_and(|at| at < earlier(sent_at, STALE_APPROVAL));
        sent_at.is_some_and(approved_before)
    };
    let snapshot = taken.snapshot.filter(|snapshot| !is_stale(snapshot));
    if snapshot.is_none() {
        tracing::info!(payment = %record.payment.id, account = %account.id, "the PG took the money before; it is looked up");
    }
    Ok(Ok(Success { status: CancelStatus::Done, pg_cancel_id: None, snapshot }))
}

async fn succeed(
    core: &Committer,
    record: PaymentRecord,
    operation: &Operation,
    success: Success,
    asked_at: Timestamp,
) -> Result<PaymentRecord, StoreError> {
    let (merchant, id) = (record.payment.merchant.clone(), record.payment.id.clone());
    let Some(subject) = record.charge_of(operation).map(Charge::subject) else { return Ok(record) };
    let note = |draft: &mut crate::lifecycle::Draft, context: &crate::lifecycle::Context<'_>| {
        answer::succeeded(draft, operation, success.status, context);
        if let Operation::Cancel(id) = operation
            && let (Some(cancel), Some(name)) = (draft.record.cancel_mut(id), &success.pg_cancel_id)
        {
            cancel.pg_cancel_id = Some(name.clone());
        }
    };
    if let Some(snapshot) = success.snapshot.clone() {
        // It shows the charge that was asked for and says nothing about others of the order.
        let look_up = LookUp { charges: vec![snapshot], complete: false };
        let answer = Answer { subject: &subject, look_up: &look_up, asked_at, is_look_up: false };
        match core.apply(&record, &answer, note).await {
            Ok((record, _)) => return Ok(record),
            // What the PG showed is dropped and asked for again; that it did it is kept.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    let record = core
        .update(&merchant, &id, |draft, context| {
            note(draft, context);
            // Owed before it is asked: this process may die first.
            draft.owe(subject.clone(), context.now, crate::store::Why::Hint);
        })
        .await?;
    look_up_after(core, record, &subject).await
}

async fn fail(
    core: &Committer,
    account: &ConnectedAccount,
    record: PaymentRecord,
    operation: &Operation,
    sent: &Dispatch,
    error: ProviderError,
) -> Result<PaymentRecord, StoreError> {
    tracing::info!(
        payment = %record.payment.id,
        account = %account.id,
        error = error.name(),
        detail = error.detail(),
        "a request that moves money did not succeed"
    );
    let Some(subject) = record.charge_of(operation).map(Charge::subject) else { return Ok(record) };
    let ends_cancel = !matches!(operation, Operation::Confirm(_)) && sent.is_last_word();
    let setback = match error {
        ProviderError::NotDone { response: Response::Unanswered(_), .. } => Setback::NotSent,
        ProviderError::NotDone { response: Response::Error(pg), .. } => Setback::Later(pg),
        // It may still be executed. The repeat keeps the key, or it could be executed as well.
        ProviderError::StillRunning | ProviderError::Unknown(Response::Unanswered(_)) => Setback::Unanswered,
        ProviderError::Unknown(Response::Error(pg)) => Setback::Unknown(pg),
        ProviderError::MayFollow(pg) if matches!(operation, Operation::Confirm(_)) => Setback::Unknown(pg),
        ProviderError::MayFollow(pg) => Setback::MayFollow(Failure::by_pg(FailureReason::NotCancellable, pg)),
        // A refusal of the PG's that would end a cancel is checked by a look-up first. One of ours was never sent.
        ProviderError::Declined(failure) if ends_cancel && failure.pg.is_some() => {
            return refused_cancel(core, record, operation, sent, Setback::Declined(failure)).await;
        }
        ProviderError::Declined(failure) => Setback::Declined(failure),
        ProviderError::Invalid(pg) if matches!(operation, Operation::Confirm(_)) && sent.is_last_word() => {
            return refused_as_invalid(core, account, record, operation, sent, pg).await;
        }
        // Of a repeat too the buyer may be the cause; what became of the sends before it is looked up anyway.
        ProviderError::Invalid(pg) if matches!(operation, Operation::Confirm(_)) => Setback::Unknown(pg),
        // Neither the buyer nor the card is to blame: an operator has to correct keys, contract or request.
        ProviderError::Misconfigured(pg) | ProviderError::Invalid(pg) => {
            page_operator(account, &record, &pg);
            let refusal = Setback::Refused(Failure::by_pg(FailureReason::ProviderMisconfigured, pg));
            if ends_cancel {
                return refused_cancel(core, record, operation, sent, refusal).await;
            }
            refusal
        }
        ProviderError::Unsupported(_) => Setback::Refused(Failure::of(FailureReason::Unsupported)),
    };
    let record = record_setback(core, &record, operation, sent, &setback).await?;
    // What did nothing, or is decided, needs no look-up.
    let is_definite = matches!(setback, Setback::NotSent | Setback::Later(_))
        || record.dispatch(operation).is_some_and(|sent| sent.outcome().is_some());
    if is_definite { Ok(record) } else { look_up_after(core, record, &subject).await }
}

/// A refused cancel is asked for again under a new key, so a refusal of what was done gives the money back twice. A PG that
/// passes on the words of another one may word a lost answer so that no table knows it. So what it shows is asked once
/// before the refusal is answered. Without an answer to that a decline is in doubt; wrong keys stay wrong keys, for a look-up
/// needs them too.
async fn refused_cancel(
    core: &Committer,
    before: PaymentRecord,
    operation: &Operation,
    sent: &Dispatch,
    refusal: Setback,
) -> Result<PaymentRecord, StoreError> {
    let Some(subject) = before.charge_of(operation).map(Charge::subject) else { return Ok(before) };
    let (merchant, id) = (&before.payment.merchant, &before.payment.id);
    let in_doubt = match look_up(core, merchant, id, &subject, Priority::Critical).await {
        Ok(shown) => is_less_left_than_known(&before, &shown.record, operation),
        Err(_) => matches!(refusal, Setback::Declined(_)),
    };
    let setback = match refusal {
        Setback::Declined(failure) | Setback::Refused(failure) if in_doubt => Setback::Doubted(failure),
        refusal => refusal,
    };
    // What the look-up found done is not refused any more.
    record_setback(core, &before, operation, sent, &setback).await
}

/// A PG refuses a confirm as invalid also where the buyer's browser named another order's payment, or paid another
/// amount in the window. That is looked up first, and pages nobody.
async fn refused_as_invalid(
    core: &Committer,
    account: &ConnectedAccount,
    record: PaymentRecord,
    operation: &Operation,
    sent: &Dispatch,
    pg: PgMessage,
) -> Result<PaymentRecord, StoreError> {
    let Some(subject) = record.charge_of(operation).map(Charge::subject) else { return Ok(record) };
    let (merchant, id) = (&record.payment.merchant, &record.payment.id);
    let setback = match look_up(core, merchant, id, &subject, Priority::Critical).await {
        Ok(LookedUp { record, met_foreign, .. }) => {
            let shown = record.charge_of(operation).and_then(|charge| charge.snapshot.as_ref());
            let expected = record.payment.terms.amount;
            // The window was for this order and this amount, so the mistake is in our request or keys.
            let is_ours = shown.is_some_and(|snapshot| snapshot.total == expected) && !met_foreign;
            if is_ours {
                page_operator(account, &record, &pg);
                Setback::Refused(Failure::by_pg(FailureReason::ProviderMisconfigured, pg))
            } else {
                Setback::Refused(Failure::by_pg(FailureReason::Mismatch, pg))
            }
        }
        Err(LookUpError::Store(error)) => return Err(error),
        // It is not known yet whose fault it is. A buyer who may have paid gets no final error.
        Err(LookUpError::Provider(_) | LookUpError::Busy(_) | LookUpError::NoCredentials) => {
            Setback::Later(pg)
        }
    };
    record_setback(core, &record, operation, sent, &setback).await
}

async fn record_setback(
    core: &Committer,
    record: &PaymentRecord,
    operation: &Operation,
    sent: &Dispatch,
    setback: &Setback,
) -> Result<PaymentRecord, StoreError> {
    let (merchant, id) = (&record.payment.merchant, &record.payment.id);
    core.update(merchant, id, |draft, context| answer::answered(draft, operation, sent, setback, context))
        .await
}

/// Asks what is true right after a request; if the PG gives no answer, the look-up stays owed.
async fn look_up_after(
    core: &Committer,
    record: PaymentRecord,
    subject: &LookUpSubject,
) -> Result<PaymentRecord, StoreError> {
    match look_up(core, &record.payment.merchant, &record.payment.id, subject, Priority::Critical).await {
        Ok(looked_up) => Ok(looked_up.record),
        Err(LookUpError::Store(error)) => Err(error),
        Err(LookUpError::Provider(_) | LookUpError::Busy(_) | LookUpError::NoCredentials) => {
            core.payment(&record.payment.merchant, &record.payment.id).await
        }
    }
}

fn cancelled(record: &PaymentRecord, operation: &Operation, outcome: CancelOutcome) -> Success {
    let charge = record.charge_of(operation);
    // A snapshot of another payment is no answer; that the PG did it stays to be looked up.
    let is_ours = |snapshot: &Snapshot| charge.is_some_and(|charge| is_of(snapshot, charge, record));
    let status = match outcome.status {
        PgCancelStatus::Done => CancelStatus::Done,
        PgCancelStatus::Pending => CancelStatus::Pending,
        PgCancelStatus::Failed => CancelStatus::Unknown,
    };
    Success { status, pg_cancel_id: outcome.pg_cancel_id, snapshot: outcome.snapshot.filter(is_ours) }
}

/// Whether an answer shows the charge that was asked for. A PG that replays an answer by key alone may answer with another.
fn is_of(snapshot: &Snapshot, charge: &Charge, record: &PaymentRecord) -> bool {
    // An unnamed charge takes its PG id from this answer, so only the order id can be compared.
    let same_id = charge.pg_payment_id.as_ref().is_none_or(|id| *id == snapshot.pg_payment_id);
    let attempt = record.attempt_of(&snapshot.order_id);
    same_id && attempt.is_some_and(|attempt| attempt.number == charge.attempt)
}

/// Whether more went back from a charge since `before` than its cancels account for: then an open one may have been done.
fn is_less_left_than_known(before: &PaymentRecord, after: &PaymentRecord, operation: &Operation) -> bool {
    let cancelled = |record: &PaymentRecord| {
        let shown = record.charge_of(operation).and_then(|charge| charge.snapshot.as_ref());
        shown.map_or(0, |shown| shown.cancelled.amount())
    };
    let known = |record: &PaymentRecord| {
        let rows = record.charge_of(operation).map_or(&[][..], |charge| &charge.cancels);
        let went_back =
            rows.iter().filter(|row| matches!(row.status, CancelStatus::Done | CancelStatus::Pending));
        went_back.map(|row| row.amount.amount()).sum::<u64>()
    };
    cancelled(after).saturating_sub(cancelled(before)) > known(after).saturating_sub(known(before))
}

fn another_payment(record: &PaymentRecord, operation: &Operation) -> ProviderError {
    tracing::error!(
        payment = %record.payment.id,
        account = %record.payment.account,
        ?operation,
        "the PG answered a request with another payment"
    );
    ProviderError::Unknown(Response::Error(PgMessage::new("another_payment", "")))
}
