//! What came of the runs: fault × call × PG.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::plan::Case;
use crate::crash::audit::Findings;

/// What came of one run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was tried.
    pub case: Case,
    /// What was wrong.
    pub findings: Findings,
    /// Both books.
    pub books: String,
    /// Whether the fault was met at all.
    pub met: bool,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings { duplicates, orphans, wrong } = &self.findings;
        writeln!(f, "{}", self.case.name())?;
        for (kind, findings) in [("duplicate", duplicates), ("orphan", orphans), ("wrong", wrong)] {
            findings.iter().try_for_each(|finding| writeln!(f, "  {kind}: {finding}"))?;
        }
        self.books.lines().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    runs: usize,
    met: usize,
    duplicates: usize,
    orphans: usize,
    wrong: usize,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.met += usize::from(outcome.met);
        self.duplicates += outcome.findings.duplicates.len();
        self.orphans += outcome.findings.orphans.len();
        self.wrong += outcome.findings.wrong.len();
    }

    const fn is_clean(&self) -> bool {
        self.duplicates == 0 && self.orphans == 0 && self.wrong == 0
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<(String, String, &'static str), Counts>,
    totals: Counts,
}

impl Table {
    /// Adds what came of a run.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let Case { pg, place, call, fault, .. } = &outcome.case;
        let key = (format!("{fault:?}"), format!("{call} ({place:?})"), *pg);
        self.rows.entry(key).or_default().add(outcome);
        self.totals.add(outcome);
    }

    /// Whether something was run, and nothing was wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.totals.runs > 0 && self.totals.is_clean()
    }

    /// The rows in which a run did not meet its fault.
    #[must_use]
    pub fn unmet(&self) -> Vec<String> {
        let unmet = self.rows.iter().filter(|(_, counts)| counts.met < counts.runs);
        unmet.map(|((fault, call, pg), counts)| format!("{pg} {call} {fault}: {counts:?}")).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| fault | call | PG | runs | duplicates | orphans | wrong |")?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        let row = |f: &mut fmt::Formatter<'_>, name: [&str; 3], counts: &Counts| {
            let Counts { runs, duplicates, orphans, wrong, .. } = counts;
            let [fault, call, pg] = name;
            writeln!(f, "| {fault} | {call} | {pg} | {runs} | {duplicates} | {orphans} | {wrong} |")
        };
        for ((fault, call, pg), counts) in &self.rows {
            row(f, [fault, call, pg], counts)?;
        }
        row(f, ["all", "", ""], &self.totals)
    }
}
