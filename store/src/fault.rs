//! Why work on the database was not done.

use std::sync::Arc;

use paymux_core::store::StoreError;

/// Why work on the database was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A rule of the store refuses.
    #[error(transparent)]
    Rule(StoreError),
    #[error("the database refused")]
    Sqlite(#[from] rusqlite::Error),
    /// The transaction this work shared with others failed.
    #[error("the transaction failed")]
    Batch(#[source] Arc<rusqlite::Error>),
    #[error("the transaction was lost")]
    Lost,
    #[error("the database file, its log or the log's index was moved away or replaced while it was open")]
    Replaced,
    #[error("the work panicked")]
    Panicked,
    #[error("the store is closing")]
    Closing,
    /// The serde error is left out: it may quote what was sealed.
    #[error("a row of `{0}` was changed, or sealed with a key that is not configured")]
    Sealed(&'static str),
    #[error("a row of `{0}` cannot be read")]
    Unreadable(&'static str),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Rule(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Rule(error) => error,
            other => Self::Unavailable(Box::new(other)),
        }
    }
}
