//! Workspace tests.

mod architecture;
mod conformance;
mod contract;
mod crash;
mod flows;
mod openapi;
mod simulation;
mod store;
