//! The event feed.

use std::sync::Arc;

use paymux_core::{
    gateway::Gateway,
    model::{Event, Movement},
};
use poem_openapi::{Enum, Object, OpenApi, param::Query, payload::Json};

use super::{
    ApiError,
    answer::problem_of,
    date_time::DateTime,
    list::{ListObject, page_size},
    parameter::wrong,
    payment_body::PaymentBody,
    tag::Tag,
    words::ApiCurrency,
};
use crate::http::MerchantAuth;

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
#[oai(rename = "Event", skip_serializing_if_is_none)]
pub(crate) struct EventBody {
    /// `event`.
    object: EventObject,
    /// Our name for it.
    id: String,
    /// What happened, such as `payment.paid`; all of them are in the description of this API. New ones may appear:
    /// ignore those you do not know.
    #[oai(rename = "type")]
    kind: String,
    /// Counts the events of this payment from 1.
    number: u64,
    /// The payment.
    payment_id: String,
    /// The cancel or close it is about.
    cancel_id: Option<String>,
    /// The money that moved. Every amount in or out is in exactly one event.
    movement: Option<MovementBody>,
    /// When.
    created_at: DateTime,
    /// The payment as it was then.
    data: PaymentBody,
}

/// Money in or out of one charge, which is one payment at the payment gateway
#[derive(Debug, Object)]
#[oai(rename = "Movement")]
pub(crate) struct MovementBody {
    /// Our name for the charge.
    charge: String,
    /// The currency of both amounts.
    currency: ApiCurrency,
    /// What came in, in the currency's minor unit. Negative if the payment gateway took back what it had said before.
    paid: i64,
    /// What was given back. Negative likewise.
    cancelled: i64,
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
            payment_id: event.payment.payment.id.to_string(),
            cancel_id: event.cancel.as_ref().map(ToString::to_string),
            movement: event.movement.as_ref().map(Into::into),
            created_at: event.created_at.into(),
            data: (&event.payment).into(),
        }
    }
}

impl From<&Movement> for MovementBody {
    fn from(movement: &Movement) -> Self {
        Self {
            charge: movement.charge.to_string(),
            currency: movement.currency.into(),
            paid: movement.paid,
            cancelled: movement.cancelled,
        }
    }
}
