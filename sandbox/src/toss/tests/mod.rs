//! Against the running simulator, over HTTP.

mod bench;
mod cancels;
mod confirms;
mod failed_refunds;
mod faults;
mod idempotency;
mod look_ups;
mod permissive;
mod server_made;
mod versions;
mod virtual_accounts;
mod webhooks;
