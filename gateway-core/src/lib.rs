//! The domain of Paymux: payments and charges, the [`PaymentProvider`](provider::PaymentProvider) trait that every PG
//! stands behind, the [`Store`](store::Store) and [`Clock`](clock::Clock) ports, and the use cases.
//!
//! Knows no HTTP, no SQL and no PG. Start reading at [`gateway::Gateway`] to embed it, and at
//! [`provider::PaymentProvider`] to add a PG.

pub mod account;
pub mod clock;
mod dispatch;
pub mod gateway;
mod lifecycle;
pub mod model;
pub mod provider;
pub mod store;
