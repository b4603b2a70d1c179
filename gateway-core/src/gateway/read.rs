//! Reading a payment, and having an uncertain one looked up.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{Gateway, GatewayError};
use crate::{Charge, MerchantId, OwedLookUp, PaymentId, PaymentRecord, Why, lifecycle::schedule::later};

/// How old an uncertain state may be when a merchant reads it, before the PG is asked again.
const FRESH_FOR: Duration = Duration::from_secs(10);

/// When reads last had an uncertain payment looked up. Only what is younger than [`FRESH_FOR`] is kept.
#[derive(Debug, Default)]
pub(super) struct RecentReads(Mutex<HashMap<PaymentId, Timestamp>>);

impl RecentReads {
    /// Whether nobody asked for this payment to be looked up lately; from now on somebody has.
    fn is_first(&self, id: &PaymentId, now: Timestamp) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, at| later(*at, FRESH_FOR) > now && *at <= now);
        let is_first = !recent.contains_key(id);
        recent.entry(id.clone()).or_insert(now);
        is_first
    }
}

impl Gateway {
    /// A payment of a merchant. One that is uncertain is looked up in the background, at most every ten seconds.
    ///
    /// # Errors
    ///
    /// [`GatewayError::NotFound`], also for another merchant's; [`GatewayError::Store`].
    pub async fn read(&self, merchant: &MerchantId, id: &PaymentId) -> Result<PaymentRecord, GatewayError> {
        let record = self.payment(merchant, id).await?;
        let now = self.core.now();
        let owed: Vec<_> = record
            .charges
            .iter()
            .filter(|charge| charge.is_uncertain())
            .map(|charge: &Charge| OwedLookUp { of: charge.subject(), at: now, why: Why::Hint, tries: 0 })
            .collect();
        if !owed.is_empty() && self.reads.is_first(id, now) {
            self.core.store.owe(merchant, id, owed, now).await?;
            self.core.wake(&record.payment.account);
        }
        Ok(record)
    }
}
