//! Toss Payments (토스페이먼츠) as a Paymux payment provider.
//!
//! Money moves in two steps: the buyer authenticates in Toss' window, which gives a `paymentKey`, and we
//! confirm. Everything here is translation: [`Toss`] sends one request per call and classifies the answer.
//!
//! The HTTP client goes by the TLS provider of the process, so that no second one comes into the binary: install one
//! before [`Toss::new`], which else answers [`ConfigError::NoTlsProvider`]. With `rustls` and its feature `ring` that is
//! `rustls::crypto::ring::default_provider().install_default()`.

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
