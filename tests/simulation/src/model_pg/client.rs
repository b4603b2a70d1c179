//! The PG as one replica reaches it.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::{BrowserStep, Failure, FailureReason, MoneyMoves, Secret},
    provider::{
        CancelOutcome, CancelRequest, ChargeRef, ClaimOutcome, ConfirmRequest, InvalidBrowserResult, LookUp,
        Movements, PaymentProvider, PaymentRequest, Prepared, Proof, ProviderDescription, ProviderError,
        RawWebhook, ReturnClaim, Taken, WebhookClaim, WebhookRejected, WebhookSubject,
    },
};
use serde_json::Value;

use super::{
    CONFIRMS_WITHIN, Kind, Model,
    network::{PgCall, Work},
};

/// The PG as one replica reaches it, with the credential it was started with.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) model: Arc<Model>,
    pub(crate) replica: usize,
    pub(crate) description: ProviderDescription,
}

impl Client {
    pub(crate) fn new(model: &Arc<Model>, replica: usize) -> Self {
        let description = model.description(model.world.credential());
        Self { model: Arc::clone(model), replica, description }
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

#[async_trait]
impl PaymentProvider for Client {
    fn describe(&self) -> &ProviderDescription {
        &self.description
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let url = format!("https://pg.example/{}", order.order_id);
        let step = BrowserStep::Redirect { url, form: None };
        let money_moves = match self.model.kind {
            Kind::OnConfirm => MoneyMoves::OnConfirm { within: CONFIRMS_WITHIN },
            Kind::BeforeConfirm => MoneyMoves::BeforeConfirm,
        };
        self.call(PgCall {
            name: format!("request {}", order.order_id),
            order: Some(order.order_id.to_string()),
            key: None,
            is_supported: false,
            work: Box::new(move |_| Ok(Prepared { step, pg_payment_id: None, money_moves })),
        })
        .await
    }

    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
        let pg_id = text(result, "pg_id").map(|id| id.parse().map_err(|_| InvalidBrowserResult("no id")));
        let outcome = match text(result, "failure").as_deref() {
            Some("closed") => ClaimOutcome::Failed(Failure::of(FailureReason::BuyerClosed)),
            Some(_) => ClaimOutcome::Failed(Failure::of(FailureReason::IssuerDeclined)),
            None if self.model.kind == Kind::OnConfirm => ClaimOutcome::Confirm(None),
            None => ClaimOutcome::Verify,
        };
        Ok(ReturnClaim {
            pg_payment_id: pg_id.transpose()?,
            order_id: text(result, "order_id"),
            amount: text(result, "amount"),
            outcome,
        })
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Taken, ProviderError> {
        let (model, request) = (Arc::clone(&self.model), request.clone());
        let sent_at = model.world.now();
        model.checker.confirm_sent(&model, &request);
        let key = request.idempotency_key.clone();
        let credential = self.description.credential.clone();
        let work: Work<Taken> =
            Box::new(move |books: &mut _| model.take(books, &request, &credential, sent_at));
        let name = format!("confirm {key}");
        let call = PgCall { name, order: None, key: Some(key.clone()), is_supported: true, work };
        let answer = self.call(call).await;
        self.model.checker.answered(&key, answer.as_ref().err());
        answer
    }

    async fn verify(&self, subject: &ChargeRef) -> Result<LookUp, ProviderError> {
        let (model, subject) = (Arc::clone(&self.model), subject.clone());
        let asked_at = model.world.now();
        let answer = self
            .call(PgCall {
                name: format!("look up {:?} {}", subject.pg_payment_id, subject.order_id),
                order: Some(subject.order_id.to_string()),
                key: None,
                is_supported: true,
                work: Box::new(move |books| Ok(model.look_up(books, &subject, asked_at))),
            })
            .await;
        if answer.is_ok() {
            self.model.checker.looked_up(&self.model);
        }
        answer
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        let (model, request) = (Arc::clone(&self.model), request.clone());
        let sent_at = model.world.now();
        model.checker.cancel_sent(&model, &request);
        let key = request.idempotency_key.clone();
        let name = format!("cancel {key} {:?} of {}", request.scope, request.pg_payment_id);
        let credential = self.description.credential.clone();
        let work: Work<CancelOutcome> =
            Box::new(move |books: &mut _| model.give_back(books, &request, &credential, sent_at));
        let call = PgCall { name, order: None, key: Some(key.clone()), is_supported: true, work };
        let answer = self.call(call).await;
        self.model.checker.answered(&key, answer.as_ref().err());
        answer
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        let body: Value =
            serde_json::from_slice(&delivery.body).map_err(|_| WebhookRejected::Malformed("no JSON"))?;
        let proof = match (text(&body, "delivery"), text(&body, "secret")) {
            (Some(_), _) => Proof::Signed,
            (None, Some(secret)) => Proof::Secret(Secret::new(secret)),
            (None, None) => Proof::None,
        };
        let pg_payment_id = text(&body, "pg_id").and_then(|id| id.parse().ok());
        let subject = WebhookSubject::Charge { pg_payment_id, order_id: text(&body, "order_id") };
        Ok(WebhookClaim { proof, subject, delivery_id: text(&body, "delivery") })
    }

    async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        let model = Arc::clone(&self.model);
        self.call(PgCall {
            name: "what time is it".to_owned(),
            order: None,
            key: None,
            is_supported: true,
            work: Box::new(move |_| Ok(model.world.now())),
        })
        .await
    }

    fn movements(&self) -> Option<&dyn Movements> {
        Some(self)
    }
}
