//! The PG as one replica reaches it.

use std::sync::Arc;

use async_trait::async_trait;
use gateway_core::{
    BrowserStep, CancelOutcome, CancelRequest, ConfirmRequest, Failure, FailureReason, InvalidBrowserResult,
    PaidList, PaymentProvider, PaymentRef, PaymentRequest, Prepared, Proof, ProviderDescription,
    ProviderError, RawWebhook, ReturnClaim, Secret, Snapshot, WebhookClaim, WebhookRejected, WebhookSubject,
};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Kind, Model,
    network::{Errand, Work},
};

/// The PG as one replica reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) model: Arc<Model>,
    pub(crate) replica: usize,
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

#[async_trait]
impl PaymentProvider for Client {
    fn describe(&self) -> &ProviderDescription {
        &self.model.description
    }

    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError> {
        let url = format!("https://pg.example/{}", order.pg_order_id);
        let step = BrowserStep::Redirect { url };
        self.call(Errand {
            name: format!("request {}", order.pg_order_id),
            key: None,
            is_supported: false,
            work: Box::new(|_| Ok(Prepared { step, pg_id: None, state: None })),
        })
        .await
    }

    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult> {
        let pg_id = text(result, "pg_id").map(|id| id.parse().map_err(|_| InvalidBrowserResult("no id")));
        let failure = text(result, "failure").map(|failure| match failure.as_str() {
            "closed" => Failure::of(FailureReason::BuyerClosed),
            _ => Failure::of(FailureReason::IssuerDeclined),
        });
        Ok(ReturnClaim {
            pg_id: pg_id.transpose()?,
            pg_order_id: text(result, "order_id"),
            amount: text(result, "amount"),
            failure,
        })
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Snapshot, ProviderError> {
        let (model, request) = (Arc::clone(&self.model), request.clone());
        let sent_at = model.world.now();
        let takes = model.kind == Kind::OnConfirm;
        if takes {
            model.watchman.confirm_sent(&model, &request);
        }
        let key = takes.then(|| request.idempotency_key.clone());
        let name = format!("confirm {} {:?}", request.idempotency_key, request.pg_id);
        let answered = request.idempotency_key.clone();
        let work: Work<Snapshot> = match model.kind {
            Kind::OnConfirm => Box::new(move |books: &mut _| model.take(books, &request, sent_at)),
            Kind::BeforeConfirm => Box::new(move |books: &mut _| model.read(books, &request, sent_at)),
        };
        let answer = self.call(Errand { name, key, is_supported: false, work }).await;
        self.model.watchman.answered(&answered, answer.as_ref().err());
        answer
    }

    async fn verify(&self, subject: &PaymentRef) -> Result<Vec<Snapshot>, ProviderError> {
        let (model, subject) = (Arc::clone(&self.model), subject.clone());
        let asked_at = model.world.now();
        self.call(Errand {
            name: format!("look up {:?} {}", subject.pg_id, subject.pg_order_id),
            key: None,
            is_supported: false,
            work: Box::new(move |books| Ok(model.look_up(books, &subject, asked_at))),
        })
        .await
    }

    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError> {
        let (model, request) = (Arc::clone(&self.model), request.clone());
        let sent_at = model.world.now();
        model.watchman.cancel_sent(&model, &request);
        let key = Some(request.idempotency_key.clone());
        let name = format!("cancel {} {:?} of {}", request.idempotency_key, request.amount, request.pg_id);
        let answered = request.idempotency_key.clone();
        let work = Box::new(move |books: &mut _| model.give_back(books, &request, sent_at));
        let answer = self.call(Errand { name, key, is_supported: true, work }).await;
        self.model.watchman.answered(&answered, answer.as_ref().err());
        answer
    }

    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected> {
        let body: Value = serde_json::from_slice(&delivery.body).map_err(|_| WebhookRejected::Malformed)?;
        let proof = match (text(&body, "delivery"), text(&body, "secret")) {
            (Some(_), _) => Proof::Signed,
            (None, Some(secret)) => Proof::Secret(Secret::new(secret)),
            (None, None) => Proof::None,
        };
        let pg_id = text(&body, "pg_id").and_then(|id| id.parse().ok());
        let subject = match (pg_id, text(&body, "order_id")) {
            (Some(pg_id), pg_order_id) => WebhookSubject::Payment { pg_id, pg_order_id },
            (None, Some(pg_order_id)) => WebhookSubject::Order(pg_order_id),
            (None, None) => WebhookSubject::Nothing,
        };
        Ok(WebhookClaim { proof, subject, delivery_id: text(&body, "delivery") })
    }

    fn paid_list(&self) -> Option<&dyn PaidList> {
        (self.model.kind == Kind::BeforeConfirm).then_some(self)
    }
}

#[async_trait]
impl PaidList for Client {
    async fn paid_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Snapshot>, ProviderError> {
        let model = Arc::clone(&self.model);
        let asked_at = model.world.now();
        self.call(Errand {
            name: "list what was paid".to_owned(),
            key: None,
            is_supported: false,
            work: Box::new(move |books| {
                let shown = books.rows.values().filter_map(|row| model.shown(row, asked_at));
                Ok(shown.filter(|shown| shown.paid_at.is_some_and(|at| from <= at && at <= to)).collect())
            }),
        })
        .await
    }
}
