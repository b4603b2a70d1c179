//! Sending what is due: repeats, and money that goes back by itself.

use super::{
    answer,
    commit::Committer,
    look_up::{LookUpError, look_up},
    send::send,
};
use crate::{
    account::Priority,
    clock::{Clock, DAY},
    lifecycle::{
        Draft,
        compensation::{self, Held},
    },
    model::{CancelId, Charge, LookUpSubject, MerchantId, Operation, PaymentId},
    provider::ChargeRef,
    store::{PaymentRecord, StoreError},
};

/// Sends an operation that is due: commits its next send, then sends it. A compensation goes out only after look-ups that
/// show its reason still. If another was faster nothing is sent.
pub(crate) async fn send_due(
    core: &Committer,
    record: PaymentRecord,
    operation: &Operation,
) -> Result<PaymentRecord, LookUpError> {
    let compensates = match operation {
        Operation::Cancel(id) => record.cancel(id).and_then(|(_, cancel)| cancel.compensates),
        Operation::Confirm(_) | Operation::Close(_) => None,
    };
    match (operation, compensates) {
        (Operation::Cancel(id), Some(_)) => send_compensation(core, record, id).await,
        _ => commit_and_send(core, record, operation, |_, _| Ok(())).await,
    }
}

/// Money that must go back: asks once more what is true, and sends only what still has its reason.
async fn send_compensation(
    core: &Committer,
    record: PaymentRecord,
    id: &CancelId,
) -> Result<PaymentRecord, LookUpError> {
    let (merchant, payment) = (record.payment.merchant.clone(), record.payment.id.clone());
    let operation = Operation::Cancel(id.clone());
    let Some(account) = core.account_of(&record) else { return Ok(record) };
    let context = core.context(account, None, &[]);
    let mut draft = Draft::of(record.clone());
    if !answer::may_go_out(&mut draft, &operation, &context) {
        // What may not go out now costs the PG no look-up.
        return Ok(core.commit(draft, &context, None).await?);
    }
    // Days may have passed since the reason was found. If the money that is kept was cancelled or reversed
    // since then, this refund would leave the order with none.
    for (payment, subject) in subjects_before(core, &record, id).await? {
        look_up(core, &merchant, &payment, &subject, Priority::Uncertain).await?;
    }
    let record = core.payment(&merchant, &payment).await?;
    // The look-ups may have found it done, or held it for a person.
    let still =
        record.cancel(id).is_some_and(|(_, cancel)| cancel.status.is_unresolved() && cancel.held.is_none());
    if !still {
        return Ok(record);
    }
    commit_and_send(core, record, &operation, |draft, context| {
        compensation::check_compensation(draft, id, context)
    })
    .await
}

/// What has to be looked up right before a compensation: its own charge and the one that pays the order, beside which it
/// may be a duplicate.
async fn subjects_before(
    core: &Committer,
    record: &PaymentRecord,
    id: &CancelId,
) -> Result<Vec<(PaymentId, LookUpSubject)>, StoreError> {
    let mut subjects = Vec::new();
    if let Some((charge, _)) = record.cancel(id) {
        subjects.push((record.payment.id.clone(), charge.subject()));
    }
    // Of a payment that gave way, the money that is kept is at the order's other payment.
    let sibling = core.sibling(record).await?.filter(|_| record.payment.yielded);
    let holder = sibling.as_ref().unwrap_or(record);
    if let Some(paying) = holder.accepted().map(Charge::subject) {
        subjects.push((holder.payment.id.clone(), paying));
    }
    Ok(subjects)
}

async fn commit_and_send(
    core: &Committer,
    record: PaymentRecord,
    operation: &Operation,
    check: impl Fn(&mut Draft, &crate::lifecycle::Context<'_>) -> Result<(), Held> + Send + Sync,
) -> Result<PaymentRecord, LookUpError> {
    let Some(account) = core.account_of(&record) else { return Ok(record) };
    // A PG that takes the order id in a cancel gives back the order's current payment, which may be the one
    // to keep. Not due again at once, or it would be looked up in a loop.
    if account.description().cancels_by_order && !names_this_charge(core, &record, operation).await? {
        let (merchant, id) = (&record.payment.merchant, &record.payment.id);
        return Ok(core
            .update(merchant, id, |draft, context| answer::put_off(draft, operation, DAY, context))
            .await?);
    }
    let sibling = core.sibling(&record).await?;
    // Before the time of the send is read: a stall between the two counts as one.
    let began = core.clock.monotonic();
    let context = core.context(account, sibling.as_ref(), &[]);
    let mut draft = Draft::of(record);
    if answer::asks_for_no_more(&mut draft, operation, &context)
        || !answer::may_go_out(&mut draft, operation, &context)
    {
        return Ok(core.commit(draft, &context, None).await?);
    }
    let held = check(&mut draft, &context).err();
    match (held, operation) {
        (Some(why), Operation::Cancel(id)) => compensation::hold(&mut draft, id, why),
        (Some(_), _) => {}
        (None, operation) => draft.send(operation, &context),
    }
    // The row says "sent" before the first byte: after a crash a worker looks it up. If another process was
    // faster, this commit fails and nothing is sent.
    let record = core.commit(draft, &context, None).await?;
    if held.is_some() {
        return Ok(record);
    }
    Ok(send(core, record, operation, began).await?)
}

/// Where a cancel names the order, it is of the charge that the PG shows for the order right now.
async fn names_this_charge(
    core: &Committer,
    record: &PaymentRecord,
    operation: &Operation,
) -> Result<bool, LookUpError> {
    let (Some(account), Some(charge)) = (core.account_of(record), record.charge_of(operation)) else {
        return Ok(false);
    };
    if matches!(operation, Operation::Confirm(_)) {
        return Ok(true);
    }
    let Some(attempt) = record.attempt(charge.attempt) else { return Ok(false) };
    // Asked without the PG's id, because the cancel will name only the order as well.
    let order = ChargeRef { order_id: attempt.pg_order_id.clone(), pg_payment_id: None };
    let shown = account.call(account.provider.verify(&order)).await.map_err(LookUpError::Provider)?;
    let is_only =
        shown.charges.iter().all(|shown| Some(&shown.pg_payment_id) == charge.pg_payment_id.as_ref());
    Ok(is_only && !shown.charges.is_empty())
}

/// Commits the first send of an operation that a caller asked for, and sends it.
pub(crate) async fn send_first(
    core: &Committer,
    record: PaymentRecord,
    operation: &Operation,
) -> Result<PaymentRecord, StoreError> {
    let (merchant, id): (MerchantId, PaymentId) =
        (record.payment.merchant.clone(), record.payment.id.clone());
    match send_due(core, record, operation).await {
        Ok(record) => Ok(record),
        Err(LookUpError::Store(error)) => Err(error),
        // Nothing was sent. The row is committed and due, so a worker sends it.
        Err(LookUpError::Provider(_) | LookUpError::Busy(_) | LookUpError::NoCredentials) => {
            core.payment(&merchant, &id).await
        }
    }
}
