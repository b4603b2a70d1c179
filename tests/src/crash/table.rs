//! What came of the runs, as a table.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::audit::Findings;

/// What came of one run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The flow.
    pub flow: &'static str,
    /// Where the server died: the name of the point.
    pub point: String,
    /// The PG.
    pub pg: &'static str,
    /// How often it died.
    pub deaths: u32,
    /// What was wrong.
    pub findings: Findings,
    /// What a person needs to understand it.
    pub evidence: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    runs: usize,
    kills: u64,
    duplicates: usize,
    orphans: usize,
    wrong: usize,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.kills += u64::from(outcome.deaths);
        self.duplicates += outcome.findings.duplicates.len();
        self.orphans += outcome.findings.orphans.len();
        self.wrong += outcome.findings.wrong.len();
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<(&'static str, String, &'static str), Counts>,
    totals: Counts,
}

impl Table {
    /// Adds what came of a run; answers how many there are.
    pub fn add(&mut self, outcome: &Outcome) -> usize {
        let key = (outcome.flow, outcome.point.clone(), outcome.pg);
        self.rows.entry(key).or_default().add(outcome);
        self.totals.add(outcome);
        self.totals.runs
    }

    /// Whether nothing was wrong, and something was run.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        let totals = &self.totals;
        totals.runs > 0 && totals.kills > 0 && totals.duplicates + totals.orphans + totals.wrong == 0
    }

    /// The line that counts everything.
    #[must_use]
    pub fn summary(&self, took: Duration) -> String {
        let Counts { runs, kills, duplicates, orphans, wrong } = self.totals;
        let seconds = took.as_secs();
        format!(
            "total: {runs} runs, {kills} kills, {duplicates} duplicates, {orphans} orphans, {wrong} wrong states ({seconds} s)"
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24} {:<30} {:<8} {:>5} {:>6} {:>10} {:>8} {:>6}",
            "flow", "point", "PG", "runs", "kills", "duplicates", "orphans", "wrong"
        )?;
        for ((flow, point, pg), counts) in &self.rows {
            let Counts { runs, kills, duplicates, orphans, wrong } = counts;
            writeln!(
                f,
                "{flow:<24} {point:<30} {pg:<8} {runs:>5} {kills:>6} {duplicates:>10} {orphans:>8} {wrong:>6}"
            )?;
        }
        Ok(())
    }
}
