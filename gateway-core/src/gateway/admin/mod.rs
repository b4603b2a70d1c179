//! What operators do: decide reviews, and check the ledger.

mod ledger;
mod reviews;

pub use ledger::{LedgerDifference, LedgerPage, LedgerProblem};
pub use reviews::Verdict;
