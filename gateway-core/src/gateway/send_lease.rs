//! A last look before money is asked for: whether what was committed to be sent is still ours to send.

use crate::{
    Gateway, GatewayError, PaymentRecord, Sending,
    schedule::{SENT_WITHIN, later},
};

impl Gateway {
    /// Whether a request that was committed may still go out. A process that stood still since then may have
    /// been given up: another has repeated the request, or has been told by the PG that it never came.
    ///
    /// Others count on it that a request sets out within [`SENT_WITHIN`] or not at all.
    ///
    /// # Errors
    ///
    /// [`GatewayError::Store`], [`GatewayError::NotFound`]: nothing was sent.
    pub(crate) async fn is_still_ours(
        &self,
        record: &PaymentRecord,
        waiting: impl Fn(&PaymentRecord) -> Option<&Sending>,
    ) -> Result<bool, GatewayError> {
        let now = self.payment(&record.payment.merchant, &record.payment.id).await?;
        let committed = waiting(record);
        let is_kept = committed.is_some() && waiting(&now) == committed;
        // Last, for the read itself may have taken long.
        let in_time = committed.is_some_and(|sent| self.clock.now() < later(sent.sent_at, SENT_WITHIN));
        if !(is_kept && in_time) {
            tracing::error!(payment = %record.payment.id, account = %record.payment.account, "a request for money came too late to be sent; it was left to whoever looks at the payment next");
        }
        Ok(is_kept && in_time)
    }
}
