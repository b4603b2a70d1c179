//! V1 over HTTP, as a client meets it.

mod backdated;
mod bench;
mod cancels;
mod faults;
mod foreign;
mod keys;
mod lists;
mod look_ups;
mod preparing;
mod promotions;
mod tokens;
mod virtual_accounts;
mod webhooks;
mod windows;
