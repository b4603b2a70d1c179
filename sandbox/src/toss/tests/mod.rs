//! Against the running simulator, over HTTP.

mod bench;
mod cancels;
mod confirms;
mod discounts;
mod failed_refunds;
mod faults;
mod foreign;
mod idempotency;
mod keys;
mod look_ups;
mod options;
mod permissive;
mod server_made;
mod transactions;
mod versions;
mod virtual_accounts;
mod webhooks;
