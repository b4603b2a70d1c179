//! The domain of Paymux: payments and charges, the [`PaymentProvider`](provider::PaymentProvider) trait that every PG
//! stands behind, the [`Store`](store::Store) and [`Clock`](clock::Clock) ports, and the use cases.
//!
//! Knows no HTTP, no SQL and no PG. Start reading at [`gateway::Gateway`] to embed it, and at
//! [`provider::PaymentProvider`] to add a PG.
//!
//! A program that embeds it needs these crates, and installs a TLS provider of `rustls` before it makes an account:
//!
//! ```toml
//! [dependencies]
//! paymux-core = { path = "paymux/gateway-core" }
//! paymux-store = { path = "paymux/store" }          # SQLite; for a test there is store::MemoryStore
//! paymux-toss = { path = "paymux/provider-toss" }
//! rustls = { version = "0.23", default-features = false, features = ["ring"] }
//! serde_json = "1"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//!
//! # For a provider of one's own:
//! async-trait = "0.1"
//! jiff = "0.2"
//! ```
//!
//! Before 1.0 a minor version may add a field or a variant. What a program has to match whole to be right, as the status of
//! a payment and the kinds of events, is not `#[non_exhaustive]`: a new one should not compile unseen. Errors and the reasons of
//! failures are, since all of them have the same default.
//!
//! # Examples
//!
//! `examples/shop.rs` is a shop that embeds Paymux, with Toss Payments (`paymux-toss`) played by a simulator
//! (`paymux-sandbox`): a payment from the order through the buyer's window to the refund, and the events of it.
//!
//! ```text
//! $ cargo run -p paymux-core --example shop
//! registered order-1 for 12000 KRW
//! the browser loads https://js.tosspayments.com/v2/standard and calls TossPayments.payment.requestPayment
//! the buyer agreed in the window
//! confirmed: paid, 12000 KRW
//! refunded a part: partially_cancelled, 2000 KRW back
//! refunded the rest: cancelled, 12000 KRW back
//! event 1: payment.registered
//! event 2: payment.confirming
//! event 3: payment.paid
//! event 4: cancel.requested
//! event 5: payment.partially_cancelled
//! event 6: cancel.done
//! event 7: cancel.requested
//! event 8: payment.cancelled
//! event 9: cancel.done
//! stopped
//! ```
//!
//! `examples/own_provider/` is a PG of one's own behind [`provider::PaymentProvider`], a piggy bank in memory: how a
//! repeated request takes no money twice, what is a decline and what is in doubt, and what it refuses as unsupported.
//!
//! ```text
//! $ cargo run -p paymux-core --example own_provider
//! registered: ready
//! the buyer is sent to a page of the PG
//! confirmed: paid, 12000 KRW in the pig
//! confirmed again: 12000 KRW
//! refunded (a scratch): partially_cancelled, 2000 KRW back
//! refunded (sent back): cancelled, 12000 KRW back
//! ```

pub mod account;
pub mod clock;
mod dispatch;
pub mod gateway;
mod lifecycle;
pub mod model;
pub mod provider;
pub mod store;
