//! Asking the PG and committing what follows: look-ups, and requests that move money.
//!
//! One machine for confirms, cancels and closes: the request is committed with everything it is built from, sent, and its
//! answer classified and committed. What is not definite is looked up, and sent again while a guard makes that safe.

pub(crate) mod answer;
mod commit;
mod due;
mod guards;
mod hints;
mod look_up;
mod operator;
mod request;
mod send;
#[cfg(test)]
mod tests;

pub(crate) use commit::{Committer, ROUNDS};
pub(crate) use due::{send_due, send_first};
pub(crate) use hints::{due_from, owe_hint};
pub(crate) use look_up::{LookUpError, LookedUp, is_of_account, look_up, put_off};
pub(crate) use send::send;
