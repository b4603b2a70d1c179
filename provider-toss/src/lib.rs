//! Toss Payments (토스페이먼츠) as a Paymux payment provider.
//!
//! Money moves in two steps: the buyer authenticates in Toss' window, which gives a `paymentKey`, and we
//! confirm. Everything here is translation: [`Toss`] sends one request per call and classifies the answer.
//!
//! The HTTP client goes by the TLS provider of the process, so that no second one comes into the binary: install one
//! before [`Toss::new`], which else answers [`ConfigError::NoTlsProvider`]. With `rustls` and its feature `ring` that is
//! `rustls::crypto::ring::default_provider().install_default()`.
//!
//! ```no_run
//! use paymux_core::provider::{ChargeRef, PaymentProvider, ProviderError};
//! use paymux_toss::{Toss, TossConfig};
//!
//! # async fn look_up(subject: ChargeRef) -> Result<(), Box<dyn std::error::Error>> {
//! // An error means that somebody else in this process has installed one.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//! let toss = Toss::new(&TossConfig::new("test_ck_…", "test_sk_…"))?;
//! match toss.verify(&subject).await {
//!     Ok(look_up) => println!("{} payments, complete: {}", look_up.charges.len(), look_up.complete),
//!     Err(ProviderError::Misconfigured(pg)) => println!("an operator is needed: {}", pg.code),
//!     Err(error) => println!("Toss did not tell: {}", error.detail()),
//! }
//! # Ok(())
//! # }
//! ```

mod browser_result;
mod call;
mod client;
mod config;
mod errors;
mod movements;
mod terms;
mod toss;
mod unreadable;
mod webhook;
mod window;
mod wire;

pub use config::{Checkout, ConfigError, TossConfig};
pub use toss::Toss;
