//! Reading a payment, and having an uncertain one looked up.

use super::{Gateway, GatewayError};
use crate::{
    model::{Charge, MerchantId, PaymentId},
    store::{OwedLookUp, PaymentRecord, Why},
};

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
        // Merchants poll. The admission is asked last, so that a read with nothing to look up does not use it
        // up.
        if !owed.is_empty() && self.admissions.reads.admit(id, now).is_ok() {
            // In the background: a read must not hang on a slow PG. And beside the version: it must not make
            // a confirm that is under way lose its race.
            self.core.store.owe(merchant, id, owed, now).await?;
            self.core.notify(&record.payment.account);
        }
        Ok(record)
    }
}
