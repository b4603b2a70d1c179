//! The public API: its operations, its types, and the service that publishes them.

pub(crate) mod answer;
mod browser_body;
mod cancel_body;
pub(crate) mod date_time;
mod event_kinds;
mod events;
mod failure_body;
mod health;
mod institutions;
pub(crate) mod list;
mod next_action_body;
mod operations;
pub(crate) mod parameter;
mod payment_body;
mod payments;
mod problem;
mod providers;
mod published;
pub(crate) mod register_body;
pub(crate) mod strict_json;
mod tag;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod words;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use paymux_core::{gateway::Gateway, model::MerchantId};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService, ServerObject};
use tokio_util::task::TaskTracker;

pub use failure_body::PgMessageBody;
pub(crate) use health::HealthApi;
pub use payment_body::PaymentBody;
pub use problem::{ApiError, Problem};
pub(crate) use published::complete as complete_document;

use self::{
    events::EventsApi, institutions::InstitutionsApi, operations::Operations, payments::PaymentsApi,
    providers::ProvidersApi,
};
use crate::{config::ReturnOrigins, http::error_code};

const DESCRIPTION: &str = "\
One API for a merchant's payments, whichever payment gateway (PG) stands behind it.

**The usual way.** Register a payment (`POST /v1/payments`), prepare the browser step
(`POST /v1/payments/{id}/next-action`), let the buyer's browser do what `next_action` says, and send what it brings
back, success or failure, as it came, to `POST /v1/payments/{id}/confirm`. The calls, the states and the events are
the same for every payment gateway.

**Amounts** are whole numbers in the currency's minor unit: 1,000 won is `1000`.

**Uncertainty is not failure.** 202 and `confirming` mean that the payment gateway was asked and has not given a
definite answer. Show the buyer `message` and do not let them pay again; read the payment later, or follow
`GET /v1/events`.

**Idempotency.** Every POST takes an `Idempotency-Key`; a cancel needs one. For 15 days, and for ever for a cancel, the
same key with the same body gets the same final answer, with the header `Idempotent-Replayed: true`. With another body
it is refused. 202, 429, 5xx, every 409 and a cancel whose refund is `pending` are not final: a repeat shows the current
state, that of a refused cancel too, with that header. A request refused as invalid is not kept.

**Money that does not pay the order** (a second payment in another tab, another amount, a late payment) stands in
`duplicates` and in no amount of the payment. Paymux cancels it where that is certain, and opens a review for an
operator where it is not.

**Errors** are `application/problem+json`. Programs look at `code` and `retry`; `message` and `message_ko` are for
people. What to do about each, and its texts in both languages, is on [the page of errors](/docs/errors).

";

/// The API over a gateway.
pub(crate) fn service(
    gateway: &Arc<Gateway>,
    origins: Arc<BTreeMap<MerchantId, ReturnOrigins>>,
    tasks: TaskTracker,
    wait: Duration,
) -> OpenApiService<impl OpenApi + use<>, ()> {
    let gateway = Arc::clone(gateway);
    let operations = Operations::new(Arc::clone(&gateway), tasks, wait);
    let apis = (
        PaymentsApi { operations, origins },
        EventsApi { gateway: Arc::clone(&gateway) },
        ProvidersApi { gateway: Arc::clone(&gateway) },
        InstitutionsApi,
        HealthApi::new(gateway),
    );
    OpenApiService::new(apis, "Paymux API", env!("CARGO_PKG_VERSION"))
        .server(ServerObject::new("/").description("The gateway that serves this document"))
        .license(LicenseObject::new("Apache-2.0").identifier("Apache-2.0"))
        .summary("Payments in Korea, through any payment gateway")
        .description(description())
}

fn description() -> String {
    let events = "**Events** of the feed:\n\n";
    let (errors, kinds) = (error_code::markdown_table(), event_kinds::markdown_table());
    format!("{DESCRIPTION}{errors}\n{events}{kinds}")
}
