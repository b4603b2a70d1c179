//! A provider with fail points around every call of its PG.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::provider::{
    BrowserResult, CancelOutcome, CancelRequest, ChargeRef, ConfirmRequest, InvalidBrowserResult, LookUp,
    Movements, Page, PaymentProvider, PaymentRequest, PgMovement, Prepared, ProviderDescription,
    ProviderError, RawWebhook, ReturnClaim, Taken, WebhookClaim, WebhookRejected,
};

use super::fail_points::around_call;

/// The provider inside does the work.
#[derive(Debug)]
pub(super) struct CrashingProvider(Arc<dyn PaymentProvider>);

impl CrashingProvider {
    pub(super) fn around(inner: Arc<dyn PaymentProvider>) -> Arc<dyn PaymentProvider> {
        Arc::new(Self(inner))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentProvider for CrashingProvider {
    fn describe(&self) -> &ProviderDescription {
        self.0.describe()
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        around_call("request", self.0.request(order)).await
    }

    fn read_return(&self, result: &BrowserResult) -> Result<ReturnClaim, InvalidBrowserResult> {
        self.0.read_return(result)
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Taken, ProviderError> {
        around_call("confirm", self.0.confirm(request)).await
    }

    async fn verify(&self, subject: &ChargeRef) -> Result<LookUp, ProviderError> {
        around_call("verify", self.0.verify(subject)).await
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        around_call("cancel", self.0.cancel(request)).await
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        self.0.webhook(delivery)
    }

    async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        around_call("pg_time", self.0.pg_time()).await
    }

    fn movements(&self) -> Option<&dyn Movements> {
        self.0.movements().map(|_| self as &dyn Movements)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Movements for CrashingProvider {
    fn shows_part_cancels(&self) -> bool {
        self.0.movements().is_some_and(Movements::shows_part_cancels)
    }

    async fn page(
        &self,
        from: Timestamp,
        to: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page<PgMovement>, ProviderError> {
        // Handed out only where the provider inside has a list.
        let Some(list) = self.0.movements() else { return Err(ProviderError::Unsupported("a list")) };
        around_call("movements", list.page(from, to, cursor)).await
    }
}
