//! PortOne as a Paymux payment provider.
//!
//! [`PortOneV1`] speaks the V1 API (`api.iamport.kr`): the buyer pays in the browser, we read what was taken.
//!
//! The HTTP client goes by the TLS provider of the process, so that no second one comes into the binary: install one
//! before [`PortOneV1::new`], which else answers [`ConfigError::NoTlsProvider`]. With `rustls` and its feature `ring` that
//! is `rustls::crypto::ring::default_provider().install_default()`.

mod v1;

pub use v1::{AuthorizationForm, Channel, ConfigError, PortOneV1, PortOneV1Config, RefundBankCodes};
