//! The operations on payments.

use std::{collections::BTreeMap, sync::Arc};

use paymux_core::{
    model::{MerchantId, PaymentId},
    store::{PaymentFilter, PaymentRecord},
};
use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
    types::ToJSON as _,
};

use super::{
    ApiError,
    answer::{Answer, PaymentAnswer, RegisterAnswer, problem_of},
    browser_body::{ConfirmPayment, PrepareNextAction},
    cancel_body::CancelPayment,
    list::{ListObject, page_size},
    operations::{About, Asked, Operations},
    parameter::wrong,
    payment_body::PaymentBody,
    register_body::RegisterPayment,
    strict_json::{OptionalJson, StrictJson},
    tag::Tag,
    words::ApiPaymentStatus,
};
use crate::{
    config::ReturnOrigins,
    http::{ErrorCode, MerchantAuth},
};

/// The operations on payments.
#[derive(Clone, Debug)]
pub(crate) struct PaymentsApi {
    pub(crate) operations: Operations,
    pub(crate) origins: Arc<BTreeMap<MerchantId, ReturnOrigins>>,
}

/// A page of payments, newest first
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct PaymentList {
    /// `list`.
    object: ListObject,
    /// The payments.
    data: Vec<PaymentBody>,
    /// Pass it as `cursor` for the next page; absent on the last.
    next_cursor: Option<String>,
}

#[OpenApi(prefix_path = "/v1/payments", tag = "Tag::Payments")]
impl PaymentsApi {
    /// Register a payment
    ///
    /// Calls no payment gateway. An order has one open or paid payment: the same body again gives the same payment, with
    /// a new deadline if it had failed or expired. Another body over a failed or expired payment, and any body over a
    /// cancelled one, registers a new payment.
    #[oai(path = "/", method = "post", operation_id = "registerPayment")]
    async fn register(
        &self,
        auth: MerchantAuth,
        /// Your name for this request, at most 255 characters. A repeat with the same key and body gets the same answer, for 15 days.
        #[oai(name = "Idempotency-Key", validator(max_length = 255))]
        idempotency_key: Header<Option<String>>,
        body: StrictJson<RegisterPayment>,
    ) -> Result<RegisterAnswer, ApiError> {
        let asked = Asked::new(auth.0, idempotency_key.0, "/v1/payments", &body.0.to_json_string())?;
        let origins =
            self.origins.get(&asked.merchant).ok_or_else(|| ApiError::new(ErrorCode::Unauthenticated))?;
        let new = body.0.into_domain(origins, self.operations.gateway.clock().now());
        let merchant = asked.merchant.clone();
        let answer = self.operations.run(asked, About::NewPayment, move |gateway, key, earlier| async move {
            let (record, created) = match earlier.payment() {
                Some(id) => (gateway.payment(&merchant, id).await?, true),
                None => {
                    let registered = gateway.register(&merchant, new?, key.as_ref()).await?;
                    (registered.record, registered.created)
                }
            };
            Ok(Answer::registered(&record, created, gateway.clock().now()))
        });
        Ok(answer.await?.into())
    }

    /// List payments
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listPayments")]
    async fn list(
        &self,
        auth: MerchantAuth,
        /// Only of this order.
        #[oai(validator(max_length = 64))]
        order_id: Query<Option<String>>,
        /// Only in this status.
        status: Query<Option<ApiPaymentStatus>>,
        /// The `next_cursor` of the page before.
        #[oai(validator(max_length = 64))]
        cursor: Query<Option<String>>,
        /// How many, 1 to 100; 20 if absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Json<PaymentList>, ApiError> {
        let order_id = order_id.0.map(|id| id.parse()).transpose().map_err(|rule| wrong("order_id", rule))?;
        let before = cursor.0.map(|id| id.parse()).transpose();
        let filter = PaymentFilter {
            order_id,
            status: status.0.map(Into::into),
            before: before.map_err(|_| wrong("cursor", "must be the next_cursor of a page"))?,
        };
        let limit = page_size(limit.0);
        let records = self.operations.gateway.store().payments(&auth.0, &filter, limit + 1).await;
        let mut records = records.map_err(|error| problem_of(&error.into()))?;
        let full = records.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next_cursor = records.last().filter(|_| full).map(|record| record.payment.id.to_string());
        Ok(Json(PaymentList {
            object: ListObject::List,
            data: records.iter().map(|record| self.show(record)).collect(),
            next_cursor,
        }))
    }

    /// Read a payment
    ///
    /// A payment that has been `confirming` for a while is looked up at the payment gateway in the background.
    #[oai(path = "/:id", method = "get", operation_id = "readPayment")]
    async fn read(
        &self,
        auth: MerchantAuth,
        /// The payment's id.
        id: Path<String>,
    ) -> Result<Json<PaymentBody>, ApiError> {
        let gateway = &self.operations.gateway;
        let record = gateway.read(&auth.0, &payment_id(&id.0)?).await.map_err(|error| problem_of(&error))?;
        Ok(Json(self.show(&record)))
    }

    /// Prepare the browser step
    ///
    /// Gives the payment with its `next_action`: what the buyer's browser has to do. Asked again, it shows the same
    /// step while the buyer can pay with it. The body may be left out.
    #[oai(path = "/:id/next-action", method = "post", operation_id = "prepareNextAction")]
    async fn next_action(
        &self,
        auth: MerchantAuth,
        /// The payment's id.
        id: Path<String>,
        /// Your name for this request. A repeat with the same key and body gets the same answer, for 15 days.
        #[oai(name = "Idempotency-Key", validator(max_length = 255))]
        idempotency_key: Header<Option<String>>,
        body: OptionalJson<PrepareNextAction>,
    ) -> Result<PaymentAnswer, ApiError> {
        let id = payment_id(&id.0)?;
        let body = body.0.unwrap_or_default();
        let path = format!("/v1/payments/{id}/next-action");
        let asked = Asked::new(auth.0, idempotency_key.0, &path, &body.to_json_string())?;
        let device = body.device.map(Into::into).unwrap_or_default();
        let (merchant, shown) = (asked.merchant.clone(), id.clone());
        let answer = self.operations.run(asked, About::Payment(shown), move |gateway, key, _| async move {
            let (record, step) = gateway.next_action(&merchant, &id, device, key.as_ref()).await?;
            Ok(Answer::prepared(&record, &step))
        });
        Ok(answer.await?.into())
    }

    /// Confirm a payment
    ///
    /// Takes what the browser brought back, success or failure, as it came, and makes the payment final. A buyer who
    /// closed the window is no error: the payment is `ready` again, `last_attempt.code` says `buyer_closed`.
    #[oai(path = "/:id/confirm", method = "post", operation_id = "confirmPayment")]
    async fn confirm(
        &self,
        auth: MerchantAuth,
        /// The payment's id.
        id: Path<String>,
        /// Your name for this request. A repeat with the same key and body gets the same answer, for 15 days.
        #[oai(name = "Idempotency-Key", validator(max_length = 255))]
        idempotency_key: Header<Option<String>>,
        body: Json<ConfirmPayment>,
    ) -> Result<PaymentAnswer, ApiError> {
        let id = payment_id(&id.0)?;
        let path = format!("/v1/payments/{id}/confirm");
        let asked = Asked::new(auth.0, idempotency_key.0, &path, &body.0.to_json_string())?;
        let (merchant, shown, result) = (asked.merchant.clone(), id.clone(), body.0.browser_result);
        let answer = self.operations.run(asked, About::Payment(shown), move |gateway, key, _| async move {
            let record = gateway.confirm(&merchant, &id, &result, key.as_ref()).await?;
            Ok(Answer::payment(&record, gateway.clock().now()))
        });
        Ok(answer.await?.into())
    }

    /// Verify a payment
    ///
    /// Asks the payment gateway now, and gives the payment as it is after that.
    #[oai(path = "/:id/verify", method = "post", operation_id = "verifyPayment")]
    async fn verify(
        &self,
        auth: MerchantAuth,
        /// The payment's id.
        id: Path<String>,
        /// Your name for this request. A repeat with the same key gets the same answer, for 15 days.
        #[oai(name = "Idempotency-Key", validator(max_length = 255))]
        idempotency_key: Header<Option<String>>,
    ) -> Result<PaymentAnswer, ApiError> {
        let id = payment_id(&id.0)?;
        let asked = Asked::new(auth.0, idempotency_key.0, &format!("/v1/payments/{id}/verify"), "")?;
        let (merchant, shown) = (asked.merchant.clone(), id.clone());
        let answer = self.operations.run(asked, About::Payment(shown), move |gateway, _, _| async move {
            let record = gateway.verify(&merchant, &id).await?;
            Ok(Answer::payment(&record, gateway.clock().now()))
        });
        Ok(answer.await?.into())
    }

    /// Cancel a payment
    ///
    /// Cancels all or part of a paid payment; closes one that is not paid. With `cancel_id` it has a waiting
    /// compensation sent. Needs an `Idempotency-Key`: a repeat with the same key never cancels twice, however late it
    /// comes.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "cancelPayment")]
    async fn cancel(
        &self,
        auth: MerchantAuth,
        /// The payment's id.
        id: Path<String>,
        /// Your name for this cancel, required and kept for ever. A repeat with the same key and body shows what
        /// became of this cancel.
        #[oai(name = "Idempotency-Key", validator(max_length = 255))]
        idempotency_key: Header<Option<String>>,
        body: StrictJson<CancelPayment>,
    ) -> Result<PaymentAnswer, ApiError> {
        let id = payment_id(&id.0)?;
        if idempotency_key.0.is_none() {
            return Err(ApiError::new(ErrorCode::IdempotencyKeyRequired));
        }
        let path = format!("/v1/payments/{id}/cancel");
        let asked = Asked::new(auth.0, idempotency_key.0, &path, &body.0.to_json_string())?;
        let gateway = &self.operations.gateway;
        let record = gateway.payment(&asked.merchant, &id).await.map_err(|error| problem_of(&error))?;
        let new = body.0.into_domain(record.payment.currency());
        let (merchant, shown) = (asked.merchant.clone(), id.clone());
        let answer =
            self.operations.run(asked, About::Cancel(shown), move |gateway, key, earlier| async move {
                let (record, cancel) = match earlier.cancel() {
                    Some(cancel) => gateway.cancel_result(&merchant, &id, cancel).await?,
                    None => gateway.cancel(&merchant, &id, &new?, key.as_ref()).await?,
                };
                Ok(Answer::cancel(&record, &cancel, gateway.clock().now()))
            });
        Ok(answer.await?.into())
    }
}

impl PaymentsApi {
    fn show(&self, record: &PaymentRecord) -> PaymentBody {
        PaymentBody::of(record, self.operations.gateway.clock().now())
    }
}

/// What cannot be an id is no payment's.
fn payment_id(text: &str) -> Result<PaymentId, ApiError> {
    text.parse().map_err(|_| ApiError::new(ErrorCode::NotFound))
}
