//! What nobody waits for: payments that are due, received webhooks, the PG's own list, and the clock.

mod due;
mod inbox;
mod room;
mod sweep;
mod time;
mod workers;

pub use inbox::InboxOutcome;
pub use workers::Workers;
