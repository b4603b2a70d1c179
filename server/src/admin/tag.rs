//! The chapters of the admin API's document.

use poem_openapi::Tags;

/// What an operation is about.
#[derive(Tags)]
pub(super) enum Tag {
    /// What only a person can decide.
    Reviews,
    /// Whether the books agree with themselves.
    Ledger,
}
