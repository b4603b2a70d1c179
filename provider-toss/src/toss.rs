//! One account at Toss Payments.

use async_trait::async_trait;
use gateway_core::{
    CancelAmount, CancelOutcome, CancelRequest, CancelStatus, ConfirmRequest, InvalidBrowserResult, PaidList,
    PaymentProvider, PaymentRef, PaymentRequest, PgStatus, Prepared, ProviderDescription, ProviderError,
    RawWebhook, ReturnClaim, Snapshot, WebhookClaim, WebhookRejected,
};
use serde_json::Value;

use crate::{
    browser_result,
    client::Client,
    config::{Checkout, ConfigError, TossConfig},
    errors::{Call, Unreadable, accepted, is_not_found},
    terms, webhook,
    window::{self, Window},
    wire::{CancelBody, ConfirmBody, snapshot},
};

/// One merchant account (MID) at Toss Payments.
#[derive(Debug)]
pub struct Toss {
    client: Client,
    checkout: Checkout,
    window: Window,
    description: ProviderDescription,
}

impl Toss {
    /// The account that `config` names. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the keys do not belong together or an address is none.
    ///
    /// # Panics
    ///
    /// If the process has installed no TLS provider (`rustls::crypto::CryptoProvider`).
    pub fn new(config: &TossConfig) -> Result<Self, ConfigError> {
        let keys = config.key_pair()?;
        let description = terms::describe(config, keys);
        if config.methods.is_empty() || description.methods.iter().any(|terms| terms.minimums.is_empty()) {
            return Err(ConfigError::NothingOffered);
        }
        Ok(Self {
            client: Client::new(config, config.api(keys.mode)?)?,
            checkout: config.checkout,
            window: Window::new(config, keys)?,
            description,
        })
    }
}

#[async_trait]
impl PaymentProvider for Toss {
    fn describe(&self) -> &ProviderDescription {
        &self.description
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        match self.checkout {
            Checkout::Sdk => self.window.step(order),
            Checkout::Server => {
                let body = window::create_body(order)?;
                let key = &order.idempotency_key;
                let answer = self.client.post(Call::Create, &["v1", "payments"], key, &body).await?;
                window::redirect(accepted(Call::Create, &answer)?)
            }
        }
    }

    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
        browser_result::read(result)
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Snapshot, ProviderError> {
        let payment_key =
            request.pg_id.as_ref().ok_or(ProviderError::Unsupported("a confirm without a payment key"))?;
        let body = ConfirmBody::new(request, payment_key);
        let path = ["v1", "payments", "confirm"];
        let answer = self.client.post(Call::Confirm, &path, &request.idempotency_key, &body).await?;
        Ok(snapshot(accepted(Call::Confirm, &answer)?)?)
    }

    async fn verify(&self, subject: &PaymentRef) -> Result<Vec<Snapshot>, ProviderError> {
        let by_key = subject.pg_id.as_ref().map(|key| ["v1", "payments", key.as_str()]);
        let by_order = ["v1", "payments", "orders", subject.pg_order_id.as_str()];
        let path = by_key.as_ref().map_or(&by_order[..], |path| &path[..]);
        let answer = self.client.get(Call::LookUp, path).await?;
        if is_not_found(&answer) {
            return Ok(Vec::new());
        }
        Ok(vec![snapshot(accepted(Call::LookUp, &answer)?)?])
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        let body = CancelBody::new(request)?;
        let path = ["v1", "payments", request.pg_id.as_str(), "cancel"];
        let answer = self.client.post(Call::Cancel, &path, &request.idempotency_key, &body).await?;
        outcome(request, snapshot(accepted(Call::Cancel, &answer)?)?)
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        webhook::read(delivery)
    }

    /// Toss' transaction list is not used: money moves only when we confirm, so none comes unseen.
    fn paid_list(&self) -> Option<&dyn PaidList> {
        None
    }
}

/// What became of our cancel: the entry that carries our id, never one that merely has our amount.
fn outcome(request: &CancelRequest, snapshot: Snapshot) -> Result<CancelOutcome, ProviderError> {
    let ours = snapshot.cancels.iter().find(|cancel| cancel.id.as_ref() == Some(&request.id));
    let (status, pg_cancel_id) = match ours {
        Some(cancel) => (cancel.status, cancel.pg_cancel_id.clone()),
        // An account that is closed is closed; not every version lists that as a cancel.
        None if request.amount == CancelAmount::Close && snapshot.status == PgStatus::Cancelled => {
            (CancelStatus::Done, None)
        }
        None => return Err(Unreadable::NoSuchCancel.into()),
    };
    Ok(CancelOutcome { status, pg_cancel_id, snapshot: Some(snapshot) })
}
