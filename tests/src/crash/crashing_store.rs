//! A store with fail points around every durable write.
//!
//! Reads have none: to die before one is to die after the write before it. Nor has the moment before a
//! lease, which comes again and again while nothing happens.

use std::sync::Arc;

use async_trait::async_trait;
use paymux_core::store::{
    PendingCall, Store, StoreAccess, StoreAnswer, StoreCall, StoreError, StoreHook, WrappedStore,
};

use super::fail_points::{around, pass};

/// The fail points.
#[derive(Debug)]
struct Points;

/// The store inside does the work.
pub(super) fn crashing_store(inner: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(WrappedStore::new(inner, Points))
}

#[async_trait]
impl StoreHook for Points {
    async fn around<T: StoreAnswer>(&self, call: StoreCall, made: PendingCall<T>) -> Result<T, StoreError> {
        match call.access {
            StoreAccess::Reads => made.await,
            StoreAccess::Leases => {
                let leased = made.await?;
                if leased.is_something() {
                    pass(&format!("{}.after", call.name));
                }
                Ok(leased)
            }
            StoreAccess::Writes => around(call.name, made).await,
        }
    }
}
