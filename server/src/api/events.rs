//! The event feed.

use std::sync::Arc;

use gateway_core::{Event, Gateway};
use poem_openapi::{Enum, Object, OpenApi, param::Query, payload::Json};

use super::{
    Tag,
    answer::problem_of,
    date_time::DateTime,
    list::{ListObject, page_size},
    payment_body::PaymentBody,
    register_body::wrong,
};
use crate::http::{ApiError, MerchantAuth};

/// The event feed.
#[derive(Clone, Debug)]
pub(crate) struct EventsApi {
    pub(crate) gateway: Arc<Gateway>,
}

/// The kind of an object
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum EventObject {
    /// An event
    Event,
}

/// Something that happened to a payment
#[derive(Debug, Object)]
#[oai(rename = "Event")]
pub(crate) struct EventBody {
    /// `event`.
    object: EventObject,
    /// Our name for it.
    id: String,
    /// What happened, such as `payment.paid`. New kinds may appear: ignore those you do not know.
    #[oai(rename = "type")]
    kind: String,
    /// Counts the events of this payment from 1.
    number: u64,
    /// The payment.
    payment_id: String,
    /// When.
    created_at: DateTime,
    /// The payment as it was then.
    data: PaymentBody,
}

/// A page of events, oldest first
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct EventList {
    /// `list`.
    object: ListObject,
    /// The events.
    data: Vec<EventBody>,
    /// Pass it as `cursor` for what comes after. It is there on the last page too: keep it, and ask again later.
    next_cursor: Option<String>,
}

#[OpenApi(prefix_path = "/v1/events", tag = "Tag::Events")]
impl EventsApi {
    /// Read the event feed
    ///
    /// Every event of your payments, oldest first. The feed never skips or repeats: remember `next_cursor` and ask
    /// again from there.
    #[oai(path = "/", method = "get", operation_id = "listEvents")]
    async fn list(
        &self,
        auth: MerchantAuth,
        /// The `next_cursor` of the page before; from the beginning if absent.
        #[oai(validator(max_length = 20))]
        cursor: Query<Option<String>>,
        /// How many, 1 to 100; 20 if absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Json<EventList>, ApiError> {
        let after = cursor.0.as_deref().map(position).transpose()?;
        let events = self.gateway.store().events(&auth.0, after.unwrap_or(0), page_size(limit.0)).await;
        let events = events.map_err(|error| problem_of(&error.into()))?;
        let last = events.last().map(|event| event.position).or(after);
        Ok(Json(EventList {
            object: ListObject::List,
            data: events.iter().map(Into::into).collect(),
            next_cursor: last.map(|position| position.to_string()),
        }))
    }
}

fn position(cursor: &str) -> Result<u64, ApiError> {
    let position = cursor.parse::<u64>().ok().filter(|position| i64::try_from(*position).is_ok());
    position.ok_or_else(|| wrong("cursor", "must be the next_cursor of a page"))
}

impl From<&Event> for EventBody {
    fn from(event: &Event) -> Self {
        let event = &event.event;
        Self {
            object: EventObject::Event,
            id: event.id.to_string(),
            kind: event.kind.name().to_owned(),
            number: event.number,
            payment_id: event.payment.id.to_string(),
            created_at: event.created_at.into(),
            data: event.into(),
        }
    }
}
