//! Simulators of the payment gateways' own HTTP APIs.
//!
//! [`start`] serves one [`Simulator`] on a port of its own, with the PG's paths and, under `/_sandbox/`, the control
//! API that plays buyer, bank, clock and bad network. [`Control`] is the same in process.
//!
//! ```
//! use paymux_sandbox::{
//!     PayOutcome, PayRequest, SandboxClock, SandboxConfig, start,
//!     toss::{KeyPair, Toss, TossConfig},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = vec![KeyPair::new("test_ck_shop", "test_sk_shop")];
//! let pg = Toss::new(TossConfig { keys, ..TossConfig::default() }, SandboxClock::system())?;
//! let pg = start(SandboxConfig::loopback("toss"), pg).await?;
//! println!("requests go to {}", pg.base_url());
//!
//! // The buyer agrees in the window. What the browser brings back is what Toss' return URL carries.
//! let buyer = PayRequest::new("order-0001", PayOutcome::Approve, 12_000);
//! let brought_back = pg.control().pay(&buyer)?.browser_result;
//! assert_eq!(brought_back["orderId"], "order-0001");
//! assert!(brought_back.contains_key("paymentKey"));
//! pg.shutdown().await;
//! # Ok(())
//! # }
//! ```

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
