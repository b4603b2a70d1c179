//! PortOne as a Paymux payment provider.
//!
//! [`PortOneV1`] speaks the V1 API (`api.iamport.kr`): the buyer pays in the browser, we read what was taken.

mod v1;

pub use v1::{AuthorizationForm, Channel, ConfigError, PortOneV1, PortOneV1Config, RefundBankCodes};
