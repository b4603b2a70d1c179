//! The driver: one run of every flow lists its points, then one run dies at each.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::time::sleep;

use super::{
    job::Job,
    plan::{PGS, Plan},
    process::Simulators,
    table::{Outcome, Table},
};

/// After so many runs something is said.
const SAID_EVERY: usize = 100;

/// How often a lane without a job looks for one that another lane has found.
const IDLE: Duration = Duration::from_millis(20);

/// Runs what the environment says and prints the table; answers whether nothing was wrong.
///
/// # Errors
///
/// Something could not even be tried.
pub async fn run() -> anyhow::Result<bool> {
    let plan = Plan::from_environment()?;
    let began = Instant::now();
    let table = run_plan(&plan, |line| println!("{line}")).await?;
    println!("\n{table}");
    println!("{}", table.summary(began.elapsed()));
    Ok(table.is_clean())
}

/// Runs a plan; says what happens as it happens.
///
/// # Errors
///
/// Something could not even be tried.
pub async fn run_plan(plan: &Plan, say: fn(&str)) -> anyhow::Result<Table> {
    // An error means that somebody in this process was first, with a provider as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let flows = plan.flows.iter().map(|(pg, flow)| Job::Flow { pg, flow: *flow, die_at: Vec::new() });
    let random = (0..plan.random)
        .flat_map(|run| PGS.map(|pg| Job::Random { pg, seed: plan.seed.saturating_add(run) }));
    let work = Work {
        queue: RefCell::new(flows.chain(random).collect()),
        running: Cell::new(0),
        table: RefCell::default(),
        say,
    };
    try_join_all((0..plan.lanes).map(|_| work.lane(plan))).await?;
    Ok(work.table.into_inner())
}

/// What the lanes share. They are one task: what takes time happens in other processes.
struct Work {
    queue: RefCell<VecDeque<Job>>,
    running: Cell<usize>,
    table: RefCell<Table>,
    say: fn(&str),
}

impl Work {
    /// Runs one job after the other, with simulators of its own.
    async fn lane(&self, plan: &Plan) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let simulators = Arc::new(Simulators::start(&plan.program, folder.path()).await?);
        loop {
            let job = self.queue.borrow_mut().pop_front();
            let Some(job) = job else {
                if self.running.get() == 0 {
                    break;
                }
                sleep(IDLE).await;
                continue;
            };
            self.running.update(|running| running + 1);
            let ran = job.run(plan, &simulators).await;
            self.running.update(|running| running - 1);
            let (outcome, next) = ran?;
            self.note(&outcome, &next);
            self.queue.borrow_mut().extend(next);
        }
        if let Some(simulators) = Arc::into_inner(simulators) {
            simulators.stop().await;
        }
        Ok(())
    }

    fn note(&self, outcome: &Outcome, next: &[Job]) {
        let Outcome { flow, point, pg, findings, evidence, deaths } = outcome;
        if !findings.is_clean() {
            (self.say)(&format!("\nWRONG {pg}/{flow} at {point}: {findings:#?}\n{evidence}"));
        } else if *deaths == 0 && !next.is_empty() {
            (self.say)(&format!("{pg}/{flow}: {} points", next.len()));
        }
        let runs = self.table.borrow_mut().add(outcome);
        if runs.is_multiple_of(SAID_EVERY) {
            let left = self.queue.borrow().len().saturating_add(next.len());
            (self.say)(&format!("{runs} runs, {left} to come"));
        }
    }
}
