//! What kind of world a seed makes.

use std::time::Duration;

use gateway_core::{AccountLimits, LatePayments};

use super::rng::Rng;

/// What kind of world a seed makes: how much goes wrong, and how the PGs behave where PGs differ.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// How many calls to a PG in a thousand go wrong while faults are on.
    pub(crate) network_faults: u64,
    /// How many of those that move money.
    pub(crate) money_faults: u64,
    /// How many calls to the store in a thousand fail while faults are on.
    pub(crate) store_faults: u64,
    /// How often a replica dies.
    pub(crate) crashes: u64,
    /// How often a replica stops for longer than its leases and goes on.
    pub(crate) freezes: u64,
    /// How many times in a thousand a replica dies or stops right when a call of it comes back: between a commit
    /// and the request, or between an answer and its commit.
    pub(crate) strikes: u64,
    /// How many times in a thousand the store takes up to twenty seconds.
    pub(crate) slow_store: u64,
    /// The PG's look-ups show what was true up to a minute ago.
    pub(crate) stale_reads: bool,
    /// The PG's webhooks may be ahead of its look-ups.
    pub(crate) early_webhooks: bool,
    /// Where money moves on confirm, the PG takes money again under another key.
    pub(crate) permissive: bool,
    /// The PG signs its webhooks and numbers the deliveries.
    pub(crate) signs: bool,
    /// The PG names its cancels.
    pub(crate) names_cancels: bool,
    /// The PG can close an unpaid account.
    pub(crate) closes_accounts: bool,
    /// What happens to late money.
    pub(crate) late_payments: LatePayments,
    /// How long a registered payment may be paid.
    pub(crate) payable_for: Duration,
    /// How many orders the merchant has.
    pub(crate) orders: u64,
    /// How much the accounts may ask of their PGs.
    pub(crate) limits: AccountLimits,
    /// For how long things go wrong.
    pub(crate) chaos: Duration,
}

impl Profile {
    /// The world of a seed.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let freezes = if rng.chance(350) { rng.between(1, 2) } else { 0 };
        let network_faults = [0, 100, 300, 500][rng.index(4)];
        Self {
            network_faults,
            money_faults: if rng.chance(400) { 750 } else { network_faults },
            store_faults: [0, 0, 10, 30][rng.index(4)],
            crashes: [0, 1, 2, 4][rng.index(4)],
            freezes,
            strikes: [0, 0, 2, 6][rng.index(4)],
            slow_store: [0, 0, 3, 20][rng.index(4)],
            stale_reads: rng.chance(300),
            early_webhooks: rng.chance(500),
            permissive: rng.chance(300),
            signs: rng.chance(400),
            names_cancels: rng.chance(600),
            closes_accounts: rng.chance(700),
            late_payments: if rng.chance(300) { LatePayments::GiveBack } else { LatePayments::Keep },
            payable_for: Duration::from_secs(60 * [20, 60, 180][rng.index(3)]),
            orders: rng.between(1, 4),
            limits: AccountLimits {
                requests_per_minute: rng.chance(300).then(|| [8, 20, 60][rng.index(3)]),
                unproved_hints_per_minute: [2, 20, 600][rng.index(3)],
                ..AccountLimits::default()
            },
            chaos: Duration::from_secs(60 * [20, 60, 120][rng.index(3)]),
        }
    }
}
