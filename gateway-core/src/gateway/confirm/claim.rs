//! What a browser says was paid, as a charge of the record.

use crate::{
    account::ConnectedAccount,
    dispatch::Committer,
    gateway::{GatewayError, RequestKey, request_key::idempotency},
    lifecycle::{Context, Draft},
    model::{Attempt, ChargeId, Claim, PgPaymentId, Secret},
    store::PaymentRecord,
};

/// How many charges a payment keeps that only browsers have named. A further claim is looked up and not kept.
// Every answer of the PG is matched against all charges of a payment, and ids can be made up without end.
pub(super) const MOST_CLAIMS: usize = 32;

/// A claim and what it is of.
pub(super) struct Claimed<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) pg_payment_id: Option<&'a PgPaymentId>,
    pub(super) state: Option<&'a Secret>,
}

/// A draft in which the claim's charge is known. `by_us`: its money moves when we ask for it, so nothing is looked up
/// for the claim alone.
pub(super) fn claim(
    core: &Committer,
    account: &ConnectedAccount,
    record: PaymentRecord,
    claimed: &Claimed<'_>,
    by_us: bool,
) -> (Draft, ChargeId) {
    let context = core.context(account, None, &[]);
    let mut draft = Draft::of(record);
    let number = claimed.attempt.number;
    let id = draft.charge_for_claim(number, claimed.pg_payment_id, claimed.state, &context);
    // The first claim stays: its time says whether the buyer was in time, and its state is what the confirm
    // sends.
    if let Some(charge) = draft.record.charge_mut(&id).filter(|charge| charge.claim.is_none()) {
        charge.claim = Some(Claim {
            at: context.now,
            state: claimed.state.cloned(),
            is_unnamed: claimed.pg_payment_id.is_none(),
            // Where we take the money, none moves before our request, so there is nothing for the PG to show.
            is_open: !by_us && charge.snapshot.is_none(),
        });
    }
    (draft, id)
}

pub(super) async fn commit_claim(
    core: &Committer,
    account: &ConnectedAccount,
    mut draft: Draft,
    key: Option<&RequestKey>,
    change: impl FnOnce(&mut Draft, &Context<'_>),
) -> Result<PaymentRecord, GatewayError> {
    let context = core.context(account, None, &[]);
    change(&mut draft, &context);
    let payment = &draft.record.payment;
    let idempotency = idempotency(key, &payment.merchant, &payment.id, None, core.now());
    Ok(core.commit(draft, &context, idempotency).await?)
}

/// How many charges only browsers have named.
pub(super) fn claims(record: &PaymentRecord) -> usize {
    record.charges.iter().filter(|charge| charge.snapshot.is_none() && charge.confirm.is_none()).count()
}
