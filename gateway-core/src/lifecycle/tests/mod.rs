//! The folds and the rules beside them, as tables and as properties: no await, no PG, no store.

mod absence;
mod acceptance;
mod amounts;
mod apply;
mod cancels;
mod compensation;
mod decisions;
mod events;
mod less;
pub(crate) mod pg;
mod plan;
mod properties;
mod reviews;
pub(crate) mod sample;
mod status;
mod status_accounts;
mod view;
