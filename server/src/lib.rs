//! The Paymux server: configuration, HTTP API, workers and command line, over the use cases of
//! `paymux-core`. [`App`] is all of it, running.

mod admin;
pub mod api;
mod app;
pub mod cli;
pub mod config;
mod demo;
mod descriptors;
pub mod http;
mod nearest;
pub mod operator;
mod random;
mod registry;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod webhooks;

pub use app::{App, Parts, StartError, documentation};
pub use demo::{Simulators, start_alone as run_sandbox};
