//! What is counted over a run, or over many.

use std::{fmt, ops::AddAssign};

/// What is counted over a run, or over many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Runs.
    pub runs: u64,
    /// Turns given to a task or to something that was due.
    pub steps: u64,
    /// Replicas that died.
    pub crashes: u64,
    /// Replicas that stopped for longer than their leases and went on.
    pub freezes: u64,
    /// Calls to the store or to a PG that went wrong.
    pub faults: u64,
    /// Changes committed.
    pub commits: u64,
    /// Requests for money or its return that reached a PG.
    pub posts: u64,
    /// Payments registered.
    pub payments: u64,
    /// PG payments that took money.
    pub charges: u64,
    /// Cancels the PGs executed.
    pub cancels: u64,
    /// Cancels of our own: money that must not stay.
    pub compensations: u64,
    /// Reviews that were opened.
    pub reviews: u64,
    /// Orders whose buyer paid twice and did not get it back.
    pub duplicates: u64,
    /// Money at a PG that Paymux does not know of.
    pub orphans: u64,
    /// Payments of which Paymux and the PG say different things in the end.
    pub wrong_states: u64,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.freezes += other.freezes;
        self.faults += other.faults;
        self.commits += other.commits;
        self.posts += other.posts;
        self.payments += other.payments;
        self.charges += other.charges;
        self.cancels += other.cancels;
        self.compensations += other.compensations;
        self.reviews += other.reviews;
        self.duplicates += other.duplicates;
        self.orphans += other.orphans;
        self.wrong_states += other.wrong_states;
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs, {} steps, {} crashes, {} freezes, {} faults, {} commits, {} requests for money, \
             {} payments, {} charges, {} cancels ({} compensations), {} reviews, duplicates {}, orphans {}, wrong states {}",
            self.runs,
            self.steps,
            self.crashes,
            self.freezes,
            self.faults,
            self.commits,
            self.posts,
            self.payments,
            self.charges,
            self.cancels,
            self.compensations,
            self.reviews,
            self.duplicates,
            self.orphans,
            self.wrong_states,
        )
    }
}
