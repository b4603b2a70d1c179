//! The operations on reviews.

use std::sync::Arc;

use paymux_core::{
    gateway::{Gateway, GatewayError},
    model::Review,
    store::PaymentRecord,
};
use poem_openapi::{
    Enum, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use tokio_util::task::TaskTracker;

use super::{
    review_body::{CloseReview, ReviewBody, ReviewList},
    review_id::ReviewId,
    tag::Tag,
};
use crate::{
    api::{
        ApiError,
        answer::problem_of,
        list::{ListObject, page_size},
        parameter::wrong,
        strict_json::StrictJson,
    },
    http::ErrorCode,
};

/// The operations on reviews.
#[derive(Clone, Debug)]
pub(super) struct ReviewsApi {
    pub(super) gateway: Arc<Gateway>,
    pub(super) tasks: TaskTracker,
}

/// Which reviews are listed
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum Listed {
    /// Those that wait for somebody.
    #[default]
    Open,
    /// Closed ones too.
    All,
}

impl Listed {
    fn lists(self, review: &Review) -> bool {
        self == Self::All || review.is_open()
    }
}

#[OpenApi(prefix_path = "/reviews", tag = "Tag::Reviews")]
impl ReviewsApi {
    /// List reviews
    ///
    /// Every merchant's; those of the oldest payment first.
    #[oai(path = "/", method = "get", operation_id = "listReviews")]
    async fn list(
        &self,
        /// Which; the open ones if absent.
        state: Query<Option<Listed>>,
        /// The `next_cursor` of the page before.
        #[oai(validator(max_length = 64))]
        cursor: Query<Option<String>>,
        /// How many, 1 to 100; 20 if absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Json<ReviewList>, ApiError> {
        let after = cursor.0.map(|cursor| cursor.parse()).transpose();
        let after: Option<ReviewId> =
            after.map_err(|_| wrong("cursor", "must be the next_cursor of a page"))?;
        let limit = page_size(limit.0);
        let page = self.page(state.0.unwrap_or_default(), after.as_ref(), limit).await;
        let mut data = page.map_err(|error| problem_of(&error))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let full = data.len() > limit;
        data.truncate(limit);
        let next_cursor = data.last().filter(|_| full).map(|review| review.id.clone());
        Ok(Json(ReviewList { object: ListObject::List, data, next_cursor }))
    }

    /// Read a review
    #[oai(path = "/:id", method = "get", operation_id = "readReview")]
    async fn read(
        &self,
        /// The review's id.
        id: Path<String>,
    ) -> Result<Json<ReviewBody>, ApiError> {
        let id = review_id(&id.0)?;
        let record = self.gateway.payment_of_any(&id.payment).await.map_err(|error| problem_of(&error))?;
        shown(&record, &id).map(Json)
    }

    /// Close a review
    ///
    /// Says what you found out. The payment gateway is asked first, once more: what it answers closes
    /// the review, and this answers 409 `review_closed` and changes nothing. What was sent again a moment ago may still be
    /// done: 409 `request_under_way`, look again in two minutes.
    #[oai(path = "/:id/close", method = "post", operation_id = "closeReview")]
    async fn close(
        &self,
        /// The review's id.
        id: Path<String>,
        body: StrictJson<CloseReview>,
    ) -> Result<Json<ReviewBody>, ApiError> {
        let id = review_id(&id.0)?;
        let (gateway, verdict) = (Arc::clone(&self.gateway), body.0.into_domain());
        // A task of its own: what was asked of the PG is brought to an end, whoever hangs up. The core logs
        // who decided what, and keeps it with the payment and its events.
        let closed = self.tasks.spawn(async move {
            let record = gateway.close_review(&id.payment, id.number, &verdict).await?;
            Ok::<_, GatewayError>((id, record))
        });
        match closed.await {
            Ok(Ok((id, record))) => shown(&record, &id).map(Json),
            Ok(Err(error)) => Err(problem_of(&error)),
            Err(_panic) => Err(ApiError::new(ErrorCode::Internal)),
        }
    }
}

impl ReviewsApi {
    /// The reviews after one, and one more than `limit` if there are more.
    async fn page(
        &self,
        listed: Listed,
        after: Option<&ReviewId>,
        limit: u32,
    ) -> Result<Vec<ReviewBody>, GatewayError> {
        let mut page = Vec::new();
        if let Some(after) = after {
            // The page before may have ended in the middle of a payment.
            let record = self.gateway.payment_of_any(&after.payment).await?;
            page.extend(reviews(&record, listed, after.number));
        }
        let after = after.map(|review| &review.payment);
        let records = self.gateway.reviews(listed == Listed::Open, after, limit.saturating_add(1)).await?;
        page.extend(records.iter().flat_map(|record| reviews(record, listed, 0)));
        Ok(page)
    }
}

/// The reviews of a payment after the one with a number.
fn reviews(record: &PaymentRecord, listed: Listed, after: u16) -> impl Iterator<Item = ReviewBody> {
    let reviews = record.payment.reviews.iter();
    let reviews = reviews.filter(move |review| review.number > after && listed.lists(review));
    reviews.map(|review| ReviewBody::new(record, review))
}

fn shown(record: &PaymentRecord, id: &ReviewId) -> Result<ReviewBody, ApiError> {
    let review = record.payment.reviews.iter().find(|review| review.number == id.number);
    review.map(|review| ReviewBody::new(record, review)).ok_or_else(|| ApiError::new(ErrorCode::NotFound))
}

/// What cannot be an id is no review's.
fn review_id(text: &str) -> Result<ReviewId, ApiError> {
    text.parse().map_err(|_| ApiError::new(ErrorCode::NotFound))
}
