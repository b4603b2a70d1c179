//! The use cases over a scripted PG, a store in memory and a clock that stands still.

mod bench;
mod cancels;
mod cases;
mod confirms;
mod deposits;
mod errors_of_cancel;
mod errors_of_confirm;
mod fake_books;
mod fake_pg;
mod interleavings;
mod late_money;
mod ledger;
mod mismatches;
mod registers;
mod storms;
mod surplus;
mod sweeps;
mod truths;
mod webhooks;
