//! Runs the worlds of the simulation: a number of them, or one and what happened in it.

#![expect(clippy::unwrap_used, reason = "a thread that panicked is a failed test")]

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use simulation::{EXPECTED_RED, Outcome, Stats, run};

/// How many worlds a normal test run makes.
const RUNS: u64 = 500;
const THREADS: usize = 2;
/// How many of the last steps of a failed run are shown, unless one seed was asked for.
const SHOWN: usize = 250;

fn is_expected_red(seed: u64) -> bool {
    EXPECTED_RED.iter().any(|(red, _)| *red == seed)
}

/// Runs the seeds `first..first + runs`; the totals, and the first seed that failed. Nobody goes on behind that one.
fn many(first: u64, runs: u64) -> (Stats, Option<u64>) {
    let failed = AtomicU64::new(u64::MAX);
    let part = |thread: usize| {
        let mut stats = Stats::default();
        for seed in (first..first + runs).skip(thread).step_by(THREADS) {
            if seed > failed.load(Ordering::Relaxed) {
                break;
            }
            if is_expected_red(seed) {
                continue;
            }
            let outcome = run(seed, false);
            stats += outcome.stats;
            if outcome.violation.is_some() {
                failed.fetch_min(seed, Ordering::Relaxed);
            }
        }
        stats
    };
    let stats = thread::scope(|scope| {
        let part = &part;
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || part(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(Stats::default(), |mut all, stats| {
            all += stats;
            all
        })
    });
    (stats, Some(failed.into_inner()).filter(|seed| *seed != u64::MAX))
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
fn worlds_of_known_faults_are_red() {
    for (seed, fault) in EXPECTED_RED {
        assert!(run(*seed, false).violation.is_some(), "seed {seed} is green, remove its line: {fault}");
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
