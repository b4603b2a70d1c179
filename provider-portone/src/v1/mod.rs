//! PortOne V1: money moves in the payment window, `imp_uid` names a payment, a token opens the API.

mod bank;
mod cancel;
mod charset;
mod client;
mod config;
mod errors;
mod look_up;
mod movements;
mod prepare;
mod read_return;
mod refusal;
mod token;
mod transport;
mod webhook;
mod window;
mod wire;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::MoneyMoves,
    provider::{
        BrowserResult, CancelOutcome, CancelRequest, ChargeRef, ConfirmRequest, Guard, Guards,
        InvalidBrowserResult, LookUp, Movements, PaymentProvider, PaymentRequest, Prepared,
        ProviderDescription, ProviderError, RawWebhook, ReturnClaim, Taken, WebhookClaim, WebhookRejected,
    },
};

use client::Client;
pub use config::{AuthorizationForm, Channel, ConfigError, PortOneV1Config, RefundBankCodes};

/// One merchant's account at PortOne, spoken to through the V1 API.
///
/// V1 takes the money in the payment window, has no idempotency key and signs no webhook. So
/// [`confirm`](PaymentProvider::confirm) is not supported and the payment is looked up instead, every cancel carries
/// the balance it expects (`checksum`), and a webhook is a hint: a reason to look the payment up, nothing more.
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
    /// [`ConfigError`] if a setting cannot be used or no TLS provider is installed.
    pub fn new(config: PortOneV1Config) -> Result<Self, ConfigError> {
        config.check()?;
        let client = Client::new(&config)?;
        let description = describe(&config);
        Ok(Self { config, description, client })
    }
}

fn describe(config: &PortOneV1Config) -> ProviderDescription {
    let mut portone = ProviderDescription::new("portone", config.mode, config.imp_code.as_str());
    portone.credential = config.credential();
    portone.api_version = "v1".to_owned();
    portone.methods.clone_from(&config.methods);
    portone.guards = Guards {
        // A `merchant_uid` that was paid is refused before the window opens (F1002).
        window: vec![Guard::Order],
        confirm: Vec::new(),
        // `checksum`: nothing is executed unless it is what V1 has as the balance, and V1 books what its PG answered.
        cancel_all: vec![Guard::CopiedBalance],
        cancel_part: vec![Guard::CopiedBalance],
        // An account that is closed is no longer `ready`, and only a `ready` one is closed.
        close: if config.vbank_close_supported { vec![Guard::Charge] } else { Vec::new() },
    };
    portone.cancels_by_order = false;
    portone.shows_whole_orders = true;
    // The registration of the amount. It is two when the window was opened before under the same order id.
    portone.requests_per_window = 1;
    portone.read_timeout = config.read_timeout;
    // V1 reads the HTTP status only.
    portone.webhook_reply = "";
    portone
}

#[async_trait]
impl PaymentProvider for PortOneV1 {
    fn describe(&self) -> &ProviderDescription {
        &self.description
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let step = window::step(&self.config, order)?;
        prepare::register(&self.client, &order.order_id, order.amount).await?;
        Ok(Prepared { step, pg_payment_id: None, money_moves: MoneyMoves::BeforeConfirm })
    }

    fn read_return(&self, result: &BrowserResult) -> Result<ReturnClaim, InvalidBrowserResult> {
        read_return::read(result)
    }

    async fn confirm(&self, _: &ConfirmRequest) -> Result<Taken, ProviderError> {
        Err(ProviderError::Unsupported("a confirm: PortOne V1 takes the money in its window"))
    }

    async fn verify(&self, subject: &ChargeRef) -> Result<LookUp, ProviderError> {
        look_up::verify(&self.client, subject).await
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        cancel::cancel(&self.client, &self.config, request).await
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        webhook::read(delivery)
    }

    async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        self.client.pg_time().await
    }

    fn movements(&self) -> Option<&dyn Movements> {
        Some(self)
    }
}
