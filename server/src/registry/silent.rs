//! A provider of an account without credentials.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::provider::{
    BrowserResult, CancelOutcome, CancelRequest, ChargeRef, ConfirmRequest, InvalidBrowserResult, LookUp,
    Movements, PaymentProvider, PaymentRequest, Prepared, ProviderDescription, ProviderError, RawWebhook,
    ReturnClaim, Taken, WebhookClaim, WebhookRejected,
};

const REFUSED: ProviderError = ProviderError::Unsupported("calls of an account without credentials");

/// Reads what comes, describes itself, and sends nothing: its secrets are placeholders. The core does not call it, and
/// a mistake there must not reach the PG.
#[derive(Debug)]
pub(super) struct Silent(pub(super) Arc<dyn PaymentProvider>);

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl PaymentProvider for Silent {
    fn describe(&self) -> &ProviderDescription {
        self.0.describe()
    }

    async fn request(&self, _: &PaymentRequest) -> Result<Prepared, ProviderError> {
        Err(REFUSED)
    }

    fn read_return(&self, result: &BrowserResult) -> Result<ReturnClaim, InvalidBrowserResult> {
        self.0.read_return(result)
    }

    async fn confirm(&self, _: &ConfirmRequest) -> Result<Taken, ProviderError> {
        Err(REFUSED)
    }

    async fn verify(&self, _: &ChargeRef) -> Result<LookUp, ProviderError> {
        Err(REFUSED)
    }

    async fn cancel(&self, _: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        Err(REFUSED)
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        self.0.webhook(delivery)
    }

    async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        Err(REFUSED)
    }

    fn movements(&self) -> Option<&dyn Movements> {
        None
    }
}
