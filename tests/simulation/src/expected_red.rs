//! Worlds of faults that are known and not fixed yet.

/// The seed of each, and what is wrong there. A fix removes its line: a world of this list that turns green fails the run.
pub const EXPECTED_RED: &[(u64, &str)] = &[];
