//! Where a received webhook waits, by what it names: what anybody can make up takes no space from what names something we
//! know.

use crate::{
    account::ConnectedAccount,
    gateway::Gateway,
    model::{PgOrderId, PgPaymentId},
    provider::{Proof, RawWebhook, WebhookClaim, WebhookSubject},
    store::{Room, StoreError},
};

/// Where a webhook waits.
pub(super) async fn room_of(
    gateway: &Gateway,
    account: &ConnectedAccount,
    raw: &RawWebhook,
) -> Result<Room, StoreError> {
    // What cannot be read is stored too: operators learn from it that an address or a version is wrong.
    let Ok(claim) = account.provider.webhook(raw) else { return Ok(Room::Unverified) };
    // Only the PG can send these. A secret proves as much, but only beside its charge, and the ids say enough
    // here.
    if claim.proof == Proof::Signed {
        return Ok(Room::Known);
    }
    let Some((pg_payment_id, order_id)) = names(&claim) else { return Ok(Room::Unverified) };
    let is_known = names_known(gateway, account, pg_payment_id, order_id).await?;
    Ok(if is_known { Room::Known } else { Room::Unverified })
}

async fn names_known(
    gateway: &Gateway,
    account: &ConnectedAccount,
    pg_payment_id: Option<&PgPaymentId>,
    order_id: Option<&str>,
) -> Result<bool, StoreError> {
    // A charge that we know may be named as often as anybody likes: its hints share one look-up.
    if let Some(id) = pg_payment_id
        && gateway.core.store.owner_of_charge(&account.id, id).await?.is_some()
    {
        return Ok(true);
    }
    let Some(Ok(order_id)) = order_id.map(str::parse::<PgOrderId>) else { return Ok(false) };
    let is_ours = gateway.core.store.owner_of_order(&account.id, &order_id).await?.is_some();
    // An order id is seen by every buyer's browser. Of the charges that nobody knows yet only a few of each
    // order wait here, for one of them may be the PG's first word of a payment; the rest is for the other
    // room.
    Ok(is_ours
        && (pg_payment_id.is_none()
            || gateway.admissions.new_charges.admit(&order_id, gateway.core.now()).is_ok()))
}

/// What a webhook names, if it names anything.
pub(super) fn names(claim: &WebhookClaim) -> Option<(Option<&PgPaymentId>, Option<&str>)> {
    match &claim.subject {
        WebhookSubject::Charge { pg_payment_id, order_id }
            if pg_payment_id.is_some() || order_id.is_some() =>
        {
            Some((pg_payment_id.as_ref(), order_id.as_deref()))
        }
        WebhookSubject::Charge { .. } | WebhookSubject::Cancel(_) | WebhookSubject::Other => None,
    }
}
