//! What the HTTP contract promises, at the real binary: nothing bad gets in, nothing is done twice,
//! nothing secret gets out.

#![expect(clippy::unwrap_used, reason = "a contract that cannot be asked about is a failed test")]

mod admin;
mod bad_bodies;
mod bad_input;
mod connections;
mod disk;
mod idempotency;
mod keys;
mod locked;
mod process;
mod secrets;
mod stalled_log;
mod stop_under_load;
mod waiting;
