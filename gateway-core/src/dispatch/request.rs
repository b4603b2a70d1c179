//! Building a request from what was committed, and from nothing else.

use crate::{
    model::Operation,
    provider::{CancelRequest, CancelScope, ChargeRef, ConfirmRequest},
    store::PaymentRecord,
};

/// A request to the PG that moves money.
#[derive(Debug)]
pub(super) enum MoneyRequest {
    Confirm(ConfirmRequest),
    Cancel(CancelRequest),
}

/// The request of an operation as it was committed; `None` if it was not.
pub(super) fn build(record: &PaymentRecord, operation: &Operation) -> Option<MoneyRequest> {
    let sent = record.dispatch(operation)?;
    let charge = record.charge_of(operation)?;
    let order_id = record.attempt(charge.attempt)?.pg_order_id.clone();
    // The committed sequence: after a crash the repeat has to carry the same key.
    let idempotency_key = operation.idempotency_key(&record.payment.id, sent.key_seq);
    let pg_payment_id = charge.pg_payment_id.clone();
    Some(match operation {
        Operation::Confirm(_) => MoneyRequest::Confirm(ConfirmRequest {
            charge: ChargeRef { order_id, pg_payment_id },
            // What was registered, never what a browser said: a PG refuses a window that was paid with less.
            amount: record.payment.terms.amount,
            state: charge.claim.as_ref().and_then(|claim| claim.state.clone()),
            idempotency_key,
        }),
        Operation::Cancel(id) => {
            let cancel = charge.cancel(id)?;
            let tax_free = cancel.tax_free_amount;
            // "All" is sent without an amount: PGs count a discount in or out, and ours may differ.
            let scope = if cancel.is_whole {
                CancelScope::All { tax_free }
            } else {
                CancelScope::Part { amount: cancel.amount, tax_free, vat: cancel.vat_amount }
            };
            MoneyRequest::Cancel(CancelRequest {
                id: cancel.id.clone(),
                order_id,
                pg_payment_id: pg_payment_id?,
                scope,
                cancellable: cancel.cancellable_before,
                reason: cancel.reason.clone(),
                refund_account: cancel.refund_account.clone(),
                channel_pg: charge.snapshot.as_ref().and_then(|shown| shown.channel_pg.clone()),
                idempotency_key,
            })
        }
        Operation::Close(id) => {
            let close = charge.close(id)?;
            MoneyRequest::Cancel(CancelRequest {
                id: close.id.clone(),
                order_id,
                pg_payment_id: pg_payment_id?,
                scope: CancelScope::Close,
                cancellable: record.payment.terms.amount,
                reason: close.reason.clone(),
                refund_account: None,
                channel_pg: None,
                idempotency_key,
            })
        }
    })
}
