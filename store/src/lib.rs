//! The stores of Paymux: SQLite, embedded.
//!
//! One process owns the file. One thread writes and puts waiting changes into one commit; a few
//! connections read beside it. What is not searched is sealed with a [`Key`] from the configuration.

mod accounts;
mod admin;
mod commit;
mod events;
mod fault;
mod file;
mod idempotency;
mod inbox;
mod migrations;
mod open;
mod open_error;
#[cfg(test)]
mod plans;
mod queue;
mod readers;
mod records;
mod seal;
mod sqlite;
mod values;
mod writer;

pub use open_error::OpenError;
pub use seal::{InvalidKey, Key, Keys};
pub use sqlite::SqliteStore;
