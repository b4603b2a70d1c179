//! PortOne V1: money moves in the payment window, `imp_uid` names a payment, a token opens the API.

mod bank;
mod cancel;
mod client;
mod config;
mod errors;
mod look_up;
mod paid_list;
mod prepare;
mod read_return;
mod token;
mod transport;
mod webhook;
mod window;
mod wire;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use gateway_core::{
    CancelOutcome, CancelRequest, ConfirmRequest, InvalidBrowserResult, MoneyMoves, PaidList,
    PaymentProvider, PaymentRef, PaymentRequest, Prepared, ProviderDescription, ProviderError, RawWebhook,
    ReturnClaim, Snapshot, WebhookClaim, WebhookRejected,
};
use serde_json::Value;

use client::Client;
pub use config::{AuthorizationForm, Channel, ConfigError, PortOneV1Config, RefundBankCodes};

/// One merchant's account at PortOne, spoken to through the V1 API.
///
/// V1 takes the money in the payment window, knows no idempotency key and signs no webhook. So
/// [`confirm`](PaymentProvider::confirm) only reads, every cancel carries the balance it expects
/// (`checksum`), and a webhook is a hint to look up.
#[derive(Debug)]
pub struct PortOneV1 {
    config: PortOneV1Config,
    description: ProviderDescription,
    client: Client,
}

impl PortOneV1 {
    /// A provider for this account. Sends nothing yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a setting cannot be used.
    ///
    /// # Panics
    ///
    /// If the process has installed no TLS crypto provider.
    pub fn new(config: PortOneV1Config) -> Result<Self, ConfigError> {
        config.check()?;
        let client = Client::new(&config)?;
        let description = ProviderDescription {
            kind: "portone",
            mode: config.mode,
            pg_merchant: config.imp_code.clone(),
            credential: config.credential(),
            methods: config.methods.clone(),
            money_moves: MoneyMoves::BeforeConfirm,
            repeat_safe_for: None,
            read_timeout: config.read_timeout,
            closes_accounts: config.vbank_close_supported,
            api_version: "v1".to_owned(),
        };
        Ok(Self { config, description, client })
    }
}

#[async_trait]
impl PaymentProvider for PortOneV1 {
    fn describe(&self) -> &ProviderDescription {
        &self.description
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let step = window::step(&self.config, order)?;
        prepare::register(&self.client, &order.pg_order_id, order.amount).await?;
        Ok(Prepared { step, pg_id: None, state: None })
    }

    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
        read_return::read(result)
    }

    /// Reads what was taken in the window; see `look_up::confirm` for what "nothing found" means.
    async fn confirm(&self, request: &ConfirmRequest) -> Result<Snapshot, ProviderError> {
        look_up::confirm(&self.client, &request.pg_order_id, request.pg_id.as_ref()).await
    }

    async fn verify(&self, subject: &PaymentRef) -> Result<Vec<Snapshot>, ProviderError> {
        look_up::verify(&self.client, &subject.pg_order_id, subject.pg_id.as_ref()).await
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        cancel::cancel(&self.client, &self.config, request).await
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        webhook::read(delivery)
    }

    fn paid_list(&self) -> Option<&dyn PaidList> {
        Some(self)
    }
}
