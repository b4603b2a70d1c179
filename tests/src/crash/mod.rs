//! The crash matrix: the real server, killed at every named point of every flow, and its books held
//! against the PG's afterwards.
//!
//! Two programs: `crash-server` is the server with fail points around its store and its
//! providers, and dies at the one it is given; `crash-matrix` is the merchant, the buyer and the auditor.

pub mod audit;
pub mod flows;
pub mod matrix;
pub mod plan;
pub mod process;
pub mod shop;
pub mod table;
pub mod victim;

mod books;
mod crashing_provider;
mod crashing_store;
mod fail_points;
mod job;
mod movable_clock;
mod random_kills;
mod reply;
mod settings;
