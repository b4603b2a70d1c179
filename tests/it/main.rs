//! Workspace tests.

mod architecture;
mod bulkhead;
mod circles;
mod clock_back;
mod conformance;
mod contract;
mod crash;
mod documents;
mod faults;
mod flows;
mod openapi;
mod store;
mod storm;
