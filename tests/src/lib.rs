//! The workspace tests of Paymux.

pub mod store_suite;
