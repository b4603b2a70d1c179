//! One account at Toss Payments.

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::{PgCancelStatus, PgStatus, Snapshot},
    provider::{
        BrowserResult, CancelOutcome, CancelRequest, CancelScope, ChargeRef, ConfirmRequest,
        InvalidBrowserResult, LookUp, Movements, PaymentProvider, PaymentRequest, Prepared,
        ProviderDescription, ProviderError, RawWebhook, ReturnClaim, Taken, WebhookClaim, WebhookRejected,
    },
};

use crate::{
    browser_result,
    call::Call,
    client::{Answer, Client},
    config::{Checkout, ConfigError, TossConfig},
    errors::{accepted, is_not_found},
    terms,
    unreadable::Unreadable,
    webhook,
    window::{self, Window},
    wire::{CancelBody, ConfirmBody, Payment, snapshot},
};

/// An order id that no payment has: ours begin with `pay`.
const NO_ORDER: &str = "no-such-order";

/// One merchant account (MID) at Toss Payments.
#[derive(Debug)]
pub struct Toss {
    pub(crate) client: Client,
    checkout: Checkout,
    window: Window,
    description: ProviderDescription,
}

impl Toss {
    /// The account that `config` names. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the keys do not belong together, an address is none or no TLS provider is installed.
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
                window::redirect(order, accepted(Call::Create, &answer)?)
            }
        }
    }

    fn read_return(&self, result: &BrowserResult) -> Result<ReturnClaim, InvalidBrowserResult> {
        browser_result::read(result)
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Taken, ProviderError> {
        let ChargeRef { order_id, pg_payment_id } = &request.charge;
        let key =
            pg_payment_id.as_ref().ok_or(ProviderError::Unsupported("a confirm without a payment key"))?;
        let path = ["v1", "payments", "confirm"];
        let sent = ConfirmBody::new(request, key);
        let answer = self.client.post(Call::Confirm, &path, &request.idempotency_key, &sent).await?;
        let body = accepted(Call::Confirm, &answer)?;
        let payment = Payment::read(body)?.of_order(order_id)?.of_key(key)?;
        Ok(Taken { webhook_secret: payment.webhook_secret(), snapshot: Some(snapshot(&payment, body)?) })
    }

    /// By payment key the answer is complete. By order id Toss shows one payment of possibly several, and does not say
    /// which (Toss docs, reference: orderId로 결제 조회): such an answer, "there is none" included, never is.
    async fn verify(&self, subject: &ChargeRef) -> Result<LookUp, ProviderError> {
        let by_key = subject.pg_payment_id.as_ref();
        let answer = match by_key {
            Some(key) => self.client.get(Call::LookUp, &["v1", "payments", key.as_str()], &[]).await?,
            None => self.look_up_order(subject.order_id.as_str()).await?,
        };
        let complete = by_key.is_some();
        if is_not_found(&answer) {
            return Ok(LookUp { charges: Vec::new(), complete });
        }
        let body = accepted(Call::LookUp, &answer)?;
        let payment = Payment::read(body)?;
        // A key that a browser claimed may be another order's: that is for the core to see.
        let payment = match by_key {
            Some(key) => payment.of_key(key)?,
            None => payment.of_order(&subject.order_id)?,
        };
        Ok(LookUp { charges: vec![snapshot(&payment, body)?], complete })
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        let sent = CancelBody::new(request)?;
        let path = ["v1", "payments", request.pg_payment_id.as_str(), "cancel"];
        let answer = self.client.post(Call::Cancel, &path, &request.idempotency_key, &sent).await?;
        let body = accepted(Call::Cancel, &answer)?;
        let payment = Payment::read(body)?.of_order(&request.order_id)?.of_key(&request.pg_payment_id)?;
        outcome(request, snapshot(&payment, body)?)
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        webhook::read(delivery)
    }

    /// A look-up that finds nothing: no call of Toss' is cheaper.
    async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        let answer = self.look_up_order(NO_ORDER).await?;
        Ok(answer.date.ok_or(Unreadable::field("Date header", "is missing or not a date"))?)
    }

    fn movements(&self) -> Option<&dyn Movements> {
        Some(self)
    }
}

impl Toss {
    async fn look_up_order(&self, order_id: &str) -> Result<Answer, ProviderError> {
        self.client.get(Call::LookUp, &["v1", "payments", "orders", order_id], &[]).await
    }
}

/// What became of our cancel: the newest entry that carries our id, never one that merely has our amount.
fn outcome(request: &CancelRequest, snapshot: Snapshot) -> Result<CancelOutcome, ProviderError> {
    let mut newest_first = snapshot.cancels.iter().flatten().rev();
    let ours = newest_first.find(|cancel| cancel.id.as_ref() == Some(&request.id));
    let (status, pg_cancel_id) = match ours {
        Some(cancel) => (cancel.status, cancel.pg_cancel_id.clone()),
        // An account that is closed is closed; not every version lists that as a cancel.
        None if request.scope == CancelScope::Close && snapshot.status == PgStatus::Closed => {
            (PgCancelStatus::Done, None)
        }
        None => return Err(Unreadable::NoSuchCancel.into()),
    };
    Ok(CancelOutcome { status, pg_cancel_id, snapshot: Some(snapshot) })
}
