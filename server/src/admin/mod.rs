//! What operators reach on the admin listener: health, the reviews, and the ledger.

mod access;
pub(crate) mod ledger;
pub(crate) mod review_body;
mod review_id;
mod reviews;
mod tag;

use std::sync::Arc;

use paymux_core::gateway::Gateway;
use poem::{Endpoint, EndpointExt as _, Response, Route};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use self::{access::Access, ledger::LedgerApi, reviews::ReviewsApi};
use crate::{
    api::HealthApi,
    config::ServerConfig,
    http::{Addresses, Bodies, BodyLimits, Funnel, docs::Documentation},
};

const DESCRIPTION: &str = "\
For the operators of this gateway, not for merchants. Reviews and the ledger need the admin key \
(`Authorization: Bearer <server.admin_key>`) where one is configured, and always unless the listener is a loopback \
address. Errors are `application/problem+json`, as in the public API.";

/// The routes of the admin listener.
pub(crate) fn routes(
    config: &ServerConfig,
    gateway: &Arc<Gateway>,
    tasks: &TaskTracker,
) -> impl Endpoint<Output = Response> + 'static {
    let service = service(gateway, tasks.clone());
    let documentation = Documentation::new(&service, complete);
    let allowed = Addresses::of(documentation.document());
    let access = Arc::new(Access::new(config));
    let limits = config.limits;
    let routes = documentation.mount(Route::new().nest("/", service));
    // Inside of the guard, so no body is read of a caller without the key; and what everybody may ask takes none.
    let expected = Arc::new(|request: &poem::Request| !access::is_for_all(request.uri().path()));
    let routes = Bodies::new(routes, BodyLimits::from(limits), expected)
        .around(move |endpoint, request| access::guard(Arc::clone(&access), endpoint, request));
    Funnel::new(routes, limits.request_time, allowed)
}

fn service(gateway: &Arc<Gateway>, tasks: TaskTracker) -> OpenApiService<impl OpenApi + use<>, ()> {
    let gateway = Arc::clone(gateway);
    let apis = (
        ReviewsApi { gateway: Arc::clone(&gateway), tasks },
        LedgerApi { gateway: Arc::clone(&gateway) },
        HealthApi::new(gateway),
    );
    OpenApiService::new(apis, "Paymux admin", env!("CARGO_PKG_VERSION")).description(DESCRIPTION)
}

/// Errors only merchants meet: poem-openapi gives every operation all there are.
const NEVER_ANSWERED: [&str; 4] = ["402", "422", "429", "502"];

/// Completes the document: who may call, and which errors there are.
fn complete(document: &mut Value) {
    let key = json!({ "type": "http", "scheme": "bearer", "description": "`server.admin_key`, if one is configured" });
    document["components"]["securitySchemes"] = json!({ "AdminKey": key });
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (path, item) in paths {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            if !access::is_for_all(path) {
                operation["security"] = json!([{ "AdminKey": [] }]);
            }
            if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
                responses.retain(|status, _| !NEVER_ANSWERED.contains(&status.as_str()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
