//! Every fault on every call of every PG, with the answer's status, code and body varied, through the real
//! server; and its books held against the PG's afterwards.
//!
//! `plan` says what is tried, `flow` what a shop does meanwhile, `merchant` how it does it: as the API
//! tells it. [`run`] puts them together, [`table`] counts.

pub mod answers;
pub mod plan;
pub mod run;
pub mod table;

mod flow;
mod merchant;
