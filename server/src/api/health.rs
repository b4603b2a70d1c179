//! Whether the process is alive, and whether it can work.

use std::{sync::Arc, time::Duration};

use paymux_core::gateway::Gateway;
use poem_openapi::{Enum, Object, OpenApi, payload::Json};
use tokio::{sync::Mutex, time::Instant};

use super::{ApiError, answer::problem_of, tag::Tag};
use crate::http::ErrorCode;

/// Why the gateway is not ready, though its database works.
const CLOCK_IN_DOUBT: &str = "clock_in_doubt";

/// How long what was found out of the database is answered to others.
const FRESH: Duration = Duration::from_secs(1);

/// Health.
#[derive(Clone, Debug)]
pub(crate) struct HealthApi {
    gateway: Arc<Gateway>,
    /// When the database was last tried, and whether it worked.
    // Anybody may ask, and each try writes: who asks while one is made waits for it.
    tried: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl HealthApi {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway, tried: Arc::default() }
    }

    async fn try_database(&self) -> Result<(), ApiError> {
        let mut tried = self.tried.lock().await;
        match *tried {
            Some((at, works)) if at.elapsed() < FRESH => {
                if works {
                    Ok(())
                } else {
                    Err(ApiError::new(ErrorCode::StorageUnavailable).retry_after(1))
                }
            }
            _ => {
                let done = self.gateway.store().ping().await;
                *tried = Some((Instant::now(), done.is_ok()));
                done.map_err(|error| problem_of(&error.into()))
            }
        }
    }
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
    /// For a load balancer: send no requests while this answers 503. Once a second at most it writes to the database, sees
    /// whether its file is still the one that the next start will open, and reads a row. `not_ready` with
    /// the reason `clock_in_doubt`: this machine's clock was set, or does not agree with the newest data. Nothing expires
    /// until a payment gateway's clock agrees with it.
    #[oai(path = "/readyz", method = "get", operation_id = "checkReadiness")]
    async fn ready(&self) -> Result<Json<Health>, ApiError> {
        self.try_database().await?;
        if self.gateway.is_clock_wrong() {
            return Err(ApiError::with(ErrorCode::NotReady, |problem| {
                problem.reason = Some(CLOCK_IN_DOUBT.to_owned());
                problem.detail = "The machine's clock was set, or does not agree with the newest data. \
                    Nothing expires until a payment gateway's clock agrees with it."
                    .to_owned();
            }));
        }
        Ok(Json(Health { status: Good::Ok }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use paymux_core::{
        clock::{Clock as _, ManualClock},
        store::MemoryStore,
    };
    use paymux_store::{Key, Keys, SqliteStore};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn database_is_tried_once_a_second_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let (file, away) = (folder.path().join("paymux.db"), folder.path().join("away.db"));
        let store = SqliteStore::open(&file, &Keys::only(Key::generate())).unwrap();
        let gateway = Gateway::builder(Arc::new(store)).start().await.unwrap();
        let api = HealthApi::new(Arc::new(gateway));
        assert!(api.ready().await.is_ok());
        std::fs::rename(&file, &away).unwrap();
        assert!(api.ready().await.is_ok(), "known since less than a second");
        tokio::time::advance(FRESH).await;
        for _ in 0..2 {
            let error = api.ready().await.unwrap_err();
            assert!(error.body_json().contains("storage_unavailable"), "{}", error.body_json());
        }
        std::fs::rename(&away, &file).unwrap();
        tokio::time::advance(FRESH).await;
        assert!(api.ready().await.is_ok());
    }

    #[tokio::test]
    async fn not_ready_while_the_clock_is_in_doubt() {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let clock = ManualClock::at(Timestamp::from_second(1_790_000_000).unwrap());
        let store = Arc::new(MemoryStore::default());
        let gateway = Gateway::builder(store).clock(Arc::new(clock.clone())).start().await.unwrap();
        let api = HealthApi::new(Arc::new(gateway));
        clock.advance(HOUR);
        assert!(api.ready().await.is_ok(), "time that passed is no doubt");
        clock.set(clock.now().saturating_add(HOUR).unwrap());
        let error = api.ready().await.unwrap_err();
        let body: serde_json::Value = serde_json::from_str(&error.body_json()).unwrap();
        assert_eq!((&body["code"], &body["reason"]), (&"not_ready".into(), &CLOCK_IN_DOUBT.into()));
        assert_eq!(poem::Error::from(error).status(), 503);
    }
}
