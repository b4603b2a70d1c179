//! A provider with fail points around every call of its PG.

use std::sync::Arc;

use async_trait::async_trait;
use gateway_core::{
    CancelOutcome, CancelRequest, ConfirmRequest, InvalidBrowserResult, PaidList, PaymentProvider,
    PaymentRef, PaymentRequest, Prepared, ProviderDescription, ProviderError, RawWebhook, ReturnClaim,
    Snapshot, WebhookClaim, WebhookRejected,
};
use jiff::Timestamp;
use serde_json::Value;

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

    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
        self.0.read_return(result)
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Snapshot, ProviderError> {
        around_call("confirm", self.0.confirm(request)).await
    }

    async fn verify(&self, subject: &PaymentRef) -> Result<Vec<Snapshot>, ProviderError> {
        around_call("verify", self.0.verify(subject)).await
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        around_call("cancel", self.0.cancel(request)).await
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        self.0.webhook(delivery)
    }

    fn paid_list(&self) -> Option<&dyn PaidList> {
        self.0.paid_list().map(|_| self as &dyn PaidList)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaidList for CrashingProvider {
    async fn paid_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Snapshot>, ProviderError> {
        // Handed out only where the provider inside has a list.
        let Some(list) = self.0.paid_list() else { return Ok(Vec::new()) };
        around_call("paid_between", list.paid_between(from, to)).await
    }
}
