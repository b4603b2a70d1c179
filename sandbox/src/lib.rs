//! Simulators of the payment gateways' own HTTP APIs.
//!
//! [`start`] serves one [`Simulator`] on a port of its own, with the PG's paths and, under `/_sandbox/`, the control
//! API that plays buyer, bank, clock and bad network. [`Control`] is the same in process.

mod action_options;
mod books;
mod calls;
mod clock;
mod connection;
mod control;
mod control_routes;
mod control_types;
mod fault;
mod fingerprint;
mod foreign_payment;
mod http_types;
mod key_types;
pub mod portone;
mod random;
mod server;
mod simulator;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod toss;
mod webhook;

pub use action_options::ActionOptions;
pub use books::Books;
pub use calls::Call;
pub use clock::SandboxClock;
pub use control::Control;
pub use control_routes::ControlAccess;
pub use control_types::{
    ControlError, ControlErrorCode, OrderAction, PayAnswer, PayMethod, PayOutcome, PayRequest,
};
pub use fault::{Fault, FaultRule, WEBHOOK};
pub use foreign_payment::ForeignPayment;
pub use http_types::{Answer, ApiRequest};
pub use key_types::{IssueKey, IssuedKey, RevokeKey};
pub use server::{Running, SandboxConfig, start};
pub use simulator::{Execution, Simulator};
pub use webhook::{Delivery, DeliveryAttempt, Outbox, Webhook, WebhookRules, WebhookTarget, minutes};
