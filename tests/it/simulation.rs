//! The seeded simulation of the gateway.

#![expect(clippy::unwrap_used, reason = "a thread that panicked is a failed test")]

use std::{env, thread};

use tests::simulation::{Outcome, Stats, run};

/// How many worlds a normal test run makes.
const RUNS: u64 = 2_000;
const THREADS: usize = 2;
/// How many of the last turns of a failed run are shown, unless one seed was asked for.
const SHOWN: usize = 250;

/// Runs the seeds `first..first + runs`; the totals, and the first seed that failed.
fn many(first: u64, runs: u64) -> (Stats, Option<u64>) {
    let part = |thread: usize| {
        let (mut stats, mut failed) = (Stats::default(), None);
        for seed in (first..first + runs).skip(thread).step_by(THREADS) {
            let outcome = run(seed, false);
            stats += outcome.stats;
            if outcome.violation.is_some() {
                failed = Some(seed);
                break;
            }
        }
        (stats, failed)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || part(thread))).collect();
        let mut total = (Stats::default(), None::<u64>);
        for (stats, failed) in threads.into_iter().map(|thread| thread.join().unwrap()) {
            total.0 += stats;
            total.1 = match (total.1, failed) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        total
    })
}

fn show(seed: u64, outcome: &Outcome, most: usize) {
    let from = outcome.trace.len().saturating_sub(most);
    for line in &outcome.trace[from..] {
        println!("{line}");
    }
    println!("seed {seed}: {}", outcome.violation.as_deref().unwrap_or("nothing is wrong"));
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

#[test]
fn whatever_goes_wrong_paymux_and_the_pgs_agree_in_the_end() {
    if let Some(seed) = number("PAYMUX_SEED") {
        let outcome = run(seed, true);
        show(seed, &outcome, usize::MAX);
        assert_eq!(outcome.violation, None, "seed {seed}");
        return;
    }
    let (first, runs) = (number("PAYMUX_FIRST_SEED").unwrap_or(0), number("PAYMUX_RUNS").unwrap_or(RUNS));
    let (stats, failed) = many(first, runs);
    println!("{stats}");
    if let Some(seed) = failed {
        let outcome = run(seed, true);
        show(seed, &outcome, SHOWN);
        panic!("PAYMUX_SEED={seed} replays it: {}", outcome.violation.unwrap_or_default());
    }
}

#[test]
fn a_seed_is_one_run() {
    for seed in 0..20 {
        let (once, again) = (run(seed, true), run(seed, true));
        assert_eq!(once.trace, again.trace, "seed {seed}");
        assert_eq!(once.stats, again.stats, "seed {seed}");
    }
}
