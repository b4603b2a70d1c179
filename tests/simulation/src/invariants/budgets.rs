//! Invariant 16 and liveness: every repetition has a budget, and nothing stays overdue.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use paymux_core::{
    model::{Charge, LookUpSubject},
    store::PaymentRecord,
};

use super::Commit;
use crate::{model_pg::Model, world::World};

/// How many calls of a payment an hour may have by itself, and how many more for each thing that happened to it.
const CALLS: u64 = 60;
const CALLS_EACH: u64 = 8;
/// The same for events.
const EVENTS: u64 = 30;
const EVENTS_EACH: u64 = 8;

/// How long after a PG answers again nothing is overdue any more.
const CAUGHT_UP: Duration = Duration::from_secs(2 * 3_600);

/// What a payment costs in each hour.
#[derive(Default)]
pub(super) struct Budgets {
    calls: BTreeMap<(String, i64), u64>,
    events: BTreeMap<(String, i64), u64>,
    stirs: BTreeMap<(String, i64), u64>,
    /// When each account's look-ups were first answered after faults ended.
    answered_at: BTreeMap<usize, jiff::Timestamp>,
}

/// The part of an order id, a payment id or a key that names the payment.
fn unique(name: &str) -> Option<String> {
    let rest = name.strip_prefix("pay_").or_else(|| name.strip_prefix("pay"))?;
    rest.get(..26).map(str::to_owned)
}

fn hour(world: &World) -> i64 {
    world.now().as_second() / 3_600
}

impl Budgets {
    /// What happened to a payment lately: each may cost some calls.
    fn stirred_lately(&self, of: &str, hour: i64) -> u64 {
        (hour - 2..=hour).filter_map(|hour| self.stirs.get(&(of.to_owned(), hour))).sum()
    }

    pub(super) fn stirred(&mut self, world: &World, name: &str) {
        if let Some(of) = unique(name) {
            *self.stirs.entry((of, hour(world))).or_default() += 1;
        }
    }

    pub(super) fn called(&mut self, world: &World, _model: &Model, name: Option<&str>) {
        let Some(of) = name.and_then(unique) else { return };
        let hour = hour(world);
        let calls = self.calls.entry((of.clone(), hour)).or_default();
        *calls += 1;
        let (calls, most) = (*calls, CALLS + CALLS_EACH * self.stirred_lately(&of, hour));
        if calls > most {
            world.violated(16, || format!("{of} cost {calls} calls in an hour, and {most} are its budget"));
        }
    }

    pub(super) fn committed(&mut self, world: &World, commit: &Commit<'_>) {
        let Some(of) = unique(commit.after.payment.id.as_str()) else { return };
        let hour = hour(world);
        let events = self.events.entry((of.clone(), hour)).or_default();
        *events += u64::try_from(commit.change.events.len()).unwrap_or(0);
        let (events, most) = (*events, EVENTS + EVENTS_EACH * self.stirred_lately(&of, hour));
        if events > most {
            world.violated(16, || format!("{of} made {events} events in an hour, and {most} are its budget"));
        }
    }

    /// Nothing stays overdue for long once the PG answers, and what is uncertain is never left alone.
    pub(super) fn nothing_is_left(&self, world: &World, commit: &Commit<'_>, records: &[&PaymentRecord]) {
        let now = world.now();
        let answered_at = self.answered_at.get(&commit.model.number);
        let has_caught_up = world.is_clock_right() && answered_at.is_some_and(|at| earlier(now) > *at);
        for record in records.iter().filter(|record| record.payment.account == commit.model.account) {
            let owed = record.checks.owed.iter().map(|owed| owed.at);
            let pending = record.checks.pending.iter().filter_map(|pending| pending.next_at);
            if has_caught_up && owed.chain(pending).any(|at| at < earlier(now)) {
                world.violated(15, || format!("{} is overdue: {:?}", record.payment.id, record.checks));
            }
        }
        let (record, reviews) = (commit.after, &commit.after.payment.reviews);
        let is_alone = |charge: &&Charge| {
            let is_checked = record.checks.owed.iter().any(|owed| match &owed.of {
                LookUpSubject::Attempt(number) => charge.attempt == *number,
                LookUpSubject::Charge { pg_payment_id, .. } => {
                    charge.pg_payment_id.as_ref() == Some(pg_payment_id)
                }
            });
            let goes_out = record.checks.pending.iter().any(|pending| pending.next_at.is_some());
            is_uncertain(charge)
                && !is_checked
                && !goes_out
                && !reviews.iter().any(paymux_core::model::Review::is_open)
        };
        if record.charges.iter().any(|charge| is_alone(&charge)) {
            world.violated(15, || format!("{} is uncertain, and nobody will look", record.payment.id));
        }
    }

    pub(super) fn looked_up(&mut self, world: &World, model: &Model) {
        if !world.has_faults() && !world.is_out(model.number) {
            let now = world.now();
            self.answered_at.entry(model.number).or_insert(now);
        }
    }
}

fn earlier(now: Timestamp) -> Timestamp {
    now.saturating_sub(CAUGHT_UP).unwrap_or(Timestamp::MIN)
}

/// Whether money may have moved without our knowing.
fn is_uncertain(charge: &Charge) -> bool {
    let confirms = charge.confirm.as_ref().is_some_and(|sent| sent.outcome().is_none());
    let cancels =
        charge.cancels.iter().any(|cancel| cancel.dispatch.is_some() && cancel.status.is_unresolved());
    let closes = charge.closes.iter().any(|close| close.dispatch.is_some() && close.status.is_unresolved());
    confirms || cancels || closes || charge.claim.as_ref().is_some_and(|claim| claim.is_open)
}
