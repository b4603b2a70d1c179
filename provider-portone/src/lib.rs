//! PortOne as a Paymux payment provider.
//!
//! [`PortOneV1`] speaks the V1 API (`api.iamport.kr`): the buyer pays in the browser, we read what was taken.
//!
//! The HTTP client goes by the TLS provider of the process, so that no second one comes into the binary: install one
//! before [`PortOneV1::new`], which else answers [`ConfigError::NoTlsProvider`]. With `rustls` and its feature `ring` that
//! is `rustls::crypto::ring::default_provider().install_default()`.
//!
//! ```no_run
//! use paymux_core::{
//!     model::Mode,
//!     provider::{ChargeRef, PaymentProvider},
//! };
//! use paymux_portone::{Channel, PortOneV1, PortOneV1Config};
//!
//! # async fn look_up(subject: ChargeRef) -> Result<(), Box<dyn std::error::Error>> {
//! // An error means that somebody else in this process has installed one.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//! let channel = Channel::Key("channel-key-…".to_owned());
//! let config = PortOneV1Config::new("imp_key", "imp_secret", "imp00000000", channel, Mode::Test);
//! let portone = PortOneV1::new(config)?;
//! // The money moves in the window, so this and not `confirm` says whether it was paid.
//! let look_up = portone.verify(&subject).await?;
//! println!("{} payments, complete: {}", look_up.charges.len(), look_up.complete);
//! # Ok(())
//! # }
//! ```

mod v1;

pub use v1::{AuthorizationForm, Channel, ConfigError, PortOneV1, PortOneV1Config, RefundBankCodes};
