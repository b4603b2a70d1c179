//! A few connections that read beside the writer.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::fault::Fault;

/// Connections that read. A panic inside a read gives the connection back unharmed.
#[derive(Debug)]
pub(crate) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        let permits = Arc::new(Semaphore::new(connections.len()));
        Self { free: Arc::new(Mutex::new(connections)), permits }
    }

    /// Runs `work` on a blocking thread, everything in it seeing the same moment.
    pub(crate) async fn call<R, F>(&self, work: F) -> Result<R, Fault>
    where
        R: Send + 'static,
        F: FnOnce(&Connection) -> Result<R, Fault> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Fault::Closing)?;
        let free = Arc::clone(&self.free);
        let read = move || {
            let borrowed = Borrowed::of(free).ok_or(Fault::Closing)?;
            let connection = borrowed.connection.as_ref().ok_or(Fault::Closing)?;
            let snapshot = connection.unchecked_transaction()?;
            let result = work(connection);
            drop(snapshot);
            drop(borrowed);
            // Only after the connection is back, or the next reader would find none.
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| Fault::Panicked)?
    }
}

/// A connection that goes back when this is dropped.
struct Borrowed {
    connection: Option<Connection>,
    free: Arc<Mutex<Vec<Connection>>>,
}

impl Borrowed {
    fn of(free: Arc<Mutex<Vec<Connection>>>) -> Option<Self> {
        let connection = free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Self { connection: Some(connection), free })
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}
