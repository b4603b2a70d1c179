//! Where a received webhook waits, by what it names: what anybody can make up takes no space from what names something we
//! know.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::inbox::names;
use crate::{
    Gateway, PgOrderId, PgPaymentId, Proof, RawWebhook, Room, StoreError, account::ConnectedAccount,
    lifecycle::schedule::later,
};

/// How many webhooks about charges that we do not know wait among the known ones for each order id, in so long a time. A PG
/// without signatures names a new charge in its first webhook, and some send it once; a forger who knows an order id names
/// thousands.
const NEW_CHARGES: u32 = 8;
const COUNTED_FOR: Duration = Duration::from_secs(10 * 60);

/// How many unknown charges webhooks named lately, by order id, and since when they are counted.
#[derive(Debug, Default)]
pub(in crate::gateway) struct NewCharges(Mutex<HashMap<PgOrderId, (u32, Timestamp)>>);

impl NewCharges {
    /// Counts one; whether it waits among the known ones.
    fn admits(&self, order_id: &PgOrderId, now: Timestamp) -> bool {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders.retain(|_, (_, since)| later(*since, COUNTED_FOR) > now && *since <= now);
        let (count, _) = orders.entry(order_id.clone()).or_insert((0, now));
        *count = count.saturating_add(1);
        *count <= NEW_CHARGES
    }
}

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
        Ok(is_ours && (pg_payment_id.is_none() || self.new_charges.admits(&order_id, self.core.now())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_new_charges_of_an_order_wait_among_the_known() {
        let (new, start) = (NewCharges::default(), Timestamp::UNIX_EPOCH);
        let order = |attempt: &str| format!("pay06h2twmmenvh33xd2xvcgez7x4{attempt}").parse().unwrap();
        let (one, other): (PgOrderId, PgOrderId) = (order("01"), order("02"));
        assert!((0..NEW_CHARGES).all(|_| new.admits(&one, start)));
        assert!(!new.admits(&one, start), "a forger's");
        assert!(new.admits(&other, start), "each order has its own");
        assert!(new.admits(&one, later(start, COUNTED_FOR)), "after a while it is another's turn");
    }
}
