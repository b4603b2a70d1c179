//! What an answer does to its request's row, and when a request may go out again: no await, no PG, no store.

mod answers;
mod repeats;
mod retries;
