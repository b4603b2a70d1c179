//! What kind of world a seed makes.

use std::time::Duration;

use paymux_core::{account::AccountLimits, model::LatePayments};

use super::rng::Rng;

const HOUR: u64 = 60 * 60;

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
    /// How often a replica stalls for longer than its leases and goes on.
    pub(crate) freezes: u64,
    /// How many times in a thousand a replica dies or stalls right when a call of it comes back: between a commit
    /// and the request, or between an answer and its commit.
    pub(crate) strikes: u64,
    /// How many times in a thousand the store takes up to twenty seconds.
    pub(crate) slow_store: u64,
    /// The PG's look-ups show what was true up to a minute ago.
    pub(crate) stale_reads: bool,
    /// The PG's webhooks may be ahead of its look-ups.
    pub(crate) early_webhooks: bool,
    /// How many webhooks in ten are lost for good, those of console cancels and reversals included.
    pub(crate) lost_webhooks: u64,
    /// The PG takes money again under another key, and lets an order be paid twice in two windows.
    pub(crate) permissive: bool,
    /// The PG signs its webhooks and numbers the deliveries.
    pub(crate) signs: bool,
    /// The PG names its cancels.
    pub(crate) names_cancels: bool,
    /// The PG in between keeps a copy of the balance, and books a cancel only once the PG behind has done it.
    pub(crate) copies_balance: bool,
    /// The PG can close an unpaid account.
    pub(crate) closes_accounts: bool,
    /// A refund of a deposit needs the buyer's account.
    pub(crate) refund_needs_account: bool,
    /// How many payments in a thousand the PG gives a discount on.
    pub(crate) discounts: u64,
    /// How many payments in a thousand the PG itself waits for.
    pub(crate) pendings: u64,
    /// How many payments in a thousand a buyer disputes at the card company.
    pub(crate) disputes: u64,
    /// How many payments in a thousand come in the wrong mode.
    pub(crate) wrong_modes: u64,
    /// Deposits are booked hours after they were made.
    pub(crate) late_booking: bool,
    /// What the PG called failed may be paid a little later.
    pub(crate) recovers: bool,
    /// How many look-ups by order in a thousand leave a row out that cannot be read, where the PG shows whole orders.
    pub(crate) leaves_rows_out: u64,
    /// Of the money that the PG gave back some is there again later: it could not be paid out.
    pub(crate) undoes_cancels: bool,
    /// The PG's list shows a movement up to an hour later, and holds rows of other systems that cannot be read.
    pub(crate) odd_lists: bool,
    /// How often a replica asks whether a sweep is due.
    pub(crate) sweep_every: Duration,
    /// Somebody makes up browser results and webhooks.
    pub(crate) forges: bool,
    /// When, if ever, the credentials are rotated.
    pub(crate) rotates_at: Option<Duration>,
    /// When, if ever, the first account is retired.
    pub(crate) retires_at: Option<Duration>,
    /// When, if ever, an account is configured as another one: the start has to be refused while its money may move.
    pub(crate) swaps_at: Option<Duration>,
    /// When, if ever, the PG of one account is away, and for how long.
    pub(crate) outage: Option<(usize, Duration, Duration)>,
    /// When, if ever, somebody sets the clock, by how many seconds, and for how long.
    pub(crate) clock_step: Option<(Duration, i64, Duration)>,
    /// What happens to late payments.
    pub(crate) late_payments: LatePayments,
    /// How long a registered payment may be paid.
    pub(crate) payable_for: Duration,
    /// How many orders the merchant has.
    pub(crate) orders: u64,
    /// How much the accounts may ask of their PGs.
    pub(crate) limits: AccountLimits,
    /// Whether a buyer pays by card in one tab and by deposit in the other; then an account is past due long before the payment.
    pub(crate) mixes_methods: bool,
    /// For how long things go wrong.
    pub(crate) chaos: Duration,
}

impl Profile {
    /// The world of a seed. What was added later is drawn from chance of its own, so that the worlds without it stay what
    /// they were.
    pub(crate) fn draw(rng: &mut Rng, later: &mut Rng) -> Self {
        let chaos = Duration::from_secs(60 * [20, 60, 120][rng.index(3)]);
        let freezes = if rng.chance(350) { rng.between(1, 2) } else { 0 };
        let network_faults = [0, 100, 300, 500][rng.index(4)];
        let during = |rng: &mut Rng| Duration::from_secs(rng.below(chaos.as_secs()));
        let mut profile = Self {
            network_faults,
            money_faults: if rng.chance(400) { 750 } else { network_faults },
            store_faults: [0, 0, 10, 30][rng.index(4)],
            crashes: [0, 1, 2, 4][rng.index(4)],
            freezes,
            strikes: [0, 0, 2, 6][rng.index(4)],
            slow_store: [0, 0, 3, 20][rng.index(4)],
            stale_reads: rng.chance(300),
            early_webhooks: rng.chance(500),
            lost_webhooks: [0, 2, 5, 10][rng.index(4)],
            permissive: rng.chance(300),
            signs: rng.chance(400),
            names_cancels: rng.chance(600),
            copies_balance: false,
            closes_accounts: rng.chance(700),
            refund_needs_account: rng.chance(400),
            discounts: if rng.chance(250) { 400 } else { 0 },
            pendings: if rng.chance(250) { 300 } else { 0 },
            disputes: if rng.chance(150) { 300 } else { 0 },
            wrong_modes: if rng.chance(80) { 150 } else { 0 },
            late_booking: rng.chance(250),
            recovers: rng.chance(300),
            leaves_rows_out: [0, 0, 0, 100, 500][later.index(5)],
            undoes_cancels: later.chance(200),
            odd_lists: rng.chance(350),
            sweep_every: Duration::from_secs(HOUR * [1, 1, 3, 12][rng.index(4)]),
            forges: rng.chance(500),
            rotates_at: rng.chance(200).then(|| during(rng)),
            retires_at: rng.chance(100).then(|| during(rng)),
            swaps_at: rng.chance(300).then(|| during(rng)),
            outage: rng.chance(200).then(|| {
                let hours = [1, 3, 26][rng.index(3)];
                (rng.index(2), during(rng), Duration::from_secs(HOUR * hours))
            }),
            clock_step: rng.chance(100).then(|| {
                let hours = [-20, -1, 1, 20, 400][rng.index(5)];
                (during(rng), hours * 3_600, Duration::from_secs(60 * rng.between(1, 90)))
            }),
            late_payments: if rng.chance(300) { LatePayments::Cancel } else { LatePayments::Keep },
            payable_for: Duration::from_secs(60 * [20, 60, 180][rng.index(3)]),
            orders: rng.between(1, 4),
            limits: AccountLimits {
                requests_per_minute: rng.chance(300).then(|| [8, 20, 60][rng.index(3)]),
                unverified_webhooks_per_minute: [2, 20, 600][rng.index(3)],
                ..AccountLimits::default()
            },
            mixes_methods: false,
            chaos,
        };
        if later.chance(100) {
            profile.mixes_methods = true;
            (profile.payable_for, profile.chaos) =
                (Duration::from_secs(72 * HOUR), Duration::from_secs(5 * HOUR));
        }
        profile.copies_balance = later.chance(300);
        profile
    }

    /// Whether the clock of the replicas is ever not the true one.
    pub(crate) const fn steps_clock(&self) -> bool {
        self.clock_step.is_some()
    }
}
