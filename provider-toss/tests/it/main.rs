//! What goes over the wire, byte for byte, and what is made of the answers, against a stub on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod cancel;
mod confirm;
mod institutions;
mod lookup;
mod movements;
mod pg_time;
mod request;
mod setup;
mod stub;
mod transport;
