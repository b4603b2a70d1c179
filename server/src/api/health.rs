//! Whether the process is alive, and whether it can work.

use std::sync::Arc;

use gateway_core::Gateway;
use poem_openapi::{Enum, Object, OpenApi, payload::Json};

use super::{Tag, answer::problem_of};
use crate::http::ApiError;

/// Health.
#[derive(Clone, Debug)]
pub(crate) struct HealthApi {
    pub(crate) gateway: Arc<Gateway>,
}

/// A good state
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum Good {
    /// All is well
    Ok,
}

/// All is well
#[derive(Debug, Object)]
pub(crate) struct Health {
    /// `ok`.
    status: Good,
}

#[OpenApi(tag = "Tag::Health")]
impl HealthApi {
    /// Is it alive?
    ///
    /// For a supervisor: restart the process if this does not answer.
    #[oai(path = "/healthz", method = "get", operation_id = "checkHealth")]
    async fn alive(&self) -> Json<Health> {
        Json(Health { status: Good::Ok })
    }

    /// Can it work?
    ///
    /// For a load balancer: send no requests while this answers 503. It reads and writes the database.
    #[oai(path = "/readyz", method = "get", operation_id = "checkReadiness")]
    async fn ready(&self) -> Result<Json<Health>, ApiError> {
        self.gateway.store().ping().await.map_err(|error| problem_of(&error.into()))?;
        Ok(Json(Health { status: Good::Ok }))
    }
}
