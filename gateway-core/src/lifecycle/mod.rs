//! Pure: what an answer of the PG, a browser result, a person or time does to a payment record. No await, no I/O.
//!
//! Two folds do most of it, each with a table of its steps on top: [`apply`] draws the consequences of a look-up for the
//! charges, [`status`] reads off the charges what is shown of the payment. Between them stand, from the bottom up:
//!
//! | file | says |
//! |---|---|
//! | [`schedule`] | how long everything waits |
//! | `context`, `answer`, `draft` | what a fold knows, what the PG answered, the record that changes |
//! | `fit` | whether money is what was registered, and whether it is late |
//! | [`review`] | what only a person can decide |
//! | `role` | giving a charge the order, and taking it away |
//! | [`compensation`] | what goes back by itself, and why |
//! | `reversals` | money that went away or came again |
//! | [`acceptance`] | which charge pays the order |
//! | `cancels` | following cancels and closes |
//! | `plan` | what is to be looked up and sent next |
//! | [`decision`] | what a person's decision does |
//! | `events` | what a change announces |
//! | [`finish`] | all that follows from a draft, as one atomic change |

pub(crate) mod acceptance;
mod answer;
pub(crate) mod apply;
mod cancels;
pub(crate) mod compensation;
mod context;
pub(crate) mod decision;
mod draft;
mod events;
pub(crate) mod finish;
mod fit;
mod plan;
mod reversals;
pub(crate) mod review;
mod role;
pub(crate) mod schedule;
mod status;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use answer::{Answer, Foreign};
pub(crate) use context::Context;
pub(crate) use draft::Draft;
pub(crate) use events::amounts;
pub(crate) use status::failure_of;
