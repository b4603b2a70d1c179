//! Reading a payment, and having an uncertain one looked up.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    Gateway, GatewayError, MerchantId, PaymentId, PaymentRecord,
    schedule::{is_uncertain, later},
};

/// How old an uncertain state may be when a merchant reads it, before the PG is asked again.
const FRESH_FOR: Duration = Duration::from_secs(10);

/// When reads last had an uncertain payment looked up. Only what is younger than [`FRESH_FOR`] is kept.
#[derive(Debug, Default)]
pub(crate) struct RecentReads(Mutex<HashMap<PaymentId, Timestamp>>);

impl RecentReads {
    /// Whether nobody asked for this payment to be looked up lately; from now on somebody has.
    fn is_first(&self, id: &PaymentId, now: Timestamp) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, at| later(*at, FRESH_FOR) > now);
        // What is kept is not renewed, or a reader who never stops would never be heard again.
        let first = !recent.contains_key(id);
        recent.entry(id.clone()).or_insert(now);
        first
    }
}

impl Gateway {
    /// A payment of a merchant. If it has been uncertain for a while, it is due for a look-up at once,
    /// which this read does not wait for.
    ///
    /// # Errors
    ///
    /// [`GatewayError::NotFound`], also for another merchant's; [`GatewayError::Store`].
    pub async fn read(&self, merchant: &MerchantId, id: &PaymentId) -> Result<PaymentRecord, GatewayError> {
        let record = self.payment(merchant, id).await?;
        let now = self.clock.now();
        if is_uncertain(&record)
            && sent_at(&record).is_some_and(|at| later(at, FRESH_FOR) <= now)
            && self.reads.is_first(id, now)
        {
            self.mark(&record.payment.account, id, now).await?;
        }
        Ok(record)
    }
}

/// When the newest request without a definite answer went out.
fn sent_at(record: &PaymentRecord) -> Option<Timestamp> {
    let confirms =
        record.attempts.iter().filter(|attempt| attempt.is_uncertain()).map(|attempt| &attempt.confirm);
    let cancels =
        record.cancels.iter().filter(|cancel| cancel.status.is_unsettled()).map(|cancel| &cancel.sending);
    confirms.chain(cancels).flatten().map(|sent| sent.sent_at).max()
}
