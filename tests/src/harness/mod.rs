//! A demo server in this process, and a shop that uses it over HTTP as any merchant would.

#![expect(clippy::unwrap_used, reason = "a harness that cannot do its part is a failed test")]

mod books;
mod client;
mod demo;
mod hand;
mod permissive;
mod shop;

pub use client::{Client, Reply, SentRequest};
pub use demo::Demo;
pub use shop::{AMOUNT, Shop, eventually};
