//! The workspace tests of Paymux.

pub mod conformance;
pub mod crash;
pub mod faults;
pub mod harness;
pub mod store_suite;
