//! V1 over HTTP, as a client meets it.

mod bench;
mod cancels;
mod faults;
mod look_ups;
mod preparing;
mod tokens;
mod virtual_accounts;
mod webhooks;
mod windows;
