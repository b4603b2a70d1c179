//! Where a received webhook waits, by what it names: what anybody can make up takes no space from what names something we
//! know.

use std::time::Duration;

use super::inbox::names;
use crate::{
    account::ConnectedAccount,
    gateway::Gateway,
    model::{PgOrderId, PgPaymentId},
    provider::{Proof, RawWebhook},
    store::{Room, StoreError},
};

/// How many webhooks about charges that we do not know wait among the known ones for each order id, in so long a time. A PG
/// without signatures names a new charge in its first webhook, and some send it once; a forger who knows an order id names
/// thousands.
pub(in crate::gateway) const NEW_CHARGES: usize = 8;
pub(in crate::gateway) const COUNTED_FOR: Duration = Duration::from_secs(10 * 60);

impl Gateway {
    /// Where a webhook waits.
    pub(super) async fn room_of(
        &self,
        account: &ConnectedAccount,
        raw: &RawWebhook,
    ) -> Result<Room, StoreError> {
        let Ok(claim) = account.provider.webhook(raw) else { return Ok(Room::Unverified) };
        if claim.proof == Proof::Signed {
            return Ok(Room::Known);
        }
        let Some((pg_payment_id, order_id)) = names(&claim) else { return Ok(Room::Unverified) };
        let is_known = self.names_known(account, pg_payment_id, order_id).await?;
        Ok(if is_known { Room::Known } else { Room::Unverified })
    }

    async fn names_known(
        &self,
        account: &ConnectedAccount,
        pg_payment_id: Option<&PgPaymentId>,
        order_id: Option<&str>,
    ) -> Result<bool, StoreError> {
        if let Some(id) = pg_payment_id
            && self.core.store.owner_of_charge(&account.id, id).await?.is_some()
        {
            return Ok(true);
        }
        let Some(Ok(order_id)) = order_id.map(str::parse::<PgOrderId>) else { return Ok(false) };
        let is_ours = self.core.store.owner_of_order(&account.id, &order_id).await?.is_some();
        Ok(is_ours && (pg_payment_id.is_none() || self.new_charges.admit(&order_id, self.core.now()).is_ok()))
    }
}
