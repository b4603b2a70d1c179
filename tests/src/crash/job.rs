//! One run: a server, a flow, a crash, and the books afterwards.

use std::{fs, path::Path, sync::Arc, time::Duration};

use super::{
    audit::{Findings, audit},
    flows::{Flow, Placed},
    plan::Plan,
    process::{Simulators, points_log},
    random_kills,
    shop::{Books, Shop},
    table::Outcome,
};

/// How long the server must stay as it is once everything is final: whatever it would still send
/// a second time has been sent by then.
const AFTERWARDS: Duration = Duration::from_secs(15 * 60);

/// The lines of a log that are shown of a run that went wrong.
const SHOWN_LINES: usize = 25;

/// A death here is followed by one at every point of the next life: money has moved, and nobody knows.
const MONEY_MOVED: [&str; 2] = ["confirm.after", "cancel.after"];

/// One run.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// A flow whose server dies at a point, its next life at the next point, and the last not at all.
    Flow { pg: &'static str, flow: Flow, die_at: Vec<String> },
    /// Many flows at once and kills at any moment.
    Random { pg: &'static str, seed: u64 },
}

impl Job {
    const fn pg(&self) -> &'static str {
        match self {
            Self::Flow { pg, .. } | Self::Random { pg, .. } => pg,
        }
    }

    fn flow(&self) -> &'static str {
        match self {
            Self::Flow { flow, .. } => flow.name(),
            Self::Random { .. } => "many_at_once",
        }
    }

    /// Where it dies, exactly.
    fn deaths(&self) -> String {
        match self {
            Self::Flow { die_at, .. } => die_at.join(", then "),
            Self::Random { seed, .. } => format!("random moments, seed {seed}"),
        }
    }

    /// Its row in the table.
    fn row(&self) -> String {
        match self {
            Self::Flow { die_at, .. } => match &die_at[..] {
                [] => "(none)".to_owned(),
                [at] => name_of(at).to_owned(),
                [at, ..] => format!("{}, then any", name_of(at)),
            },
            Self::Random { seed, .. } => format!("random, seed {seed}"),
        }
    }

    /// The runs that this one shows to be of interest.
    fn next(&self, plan: &Plan, folder: &Path) -> Vec<Self> {
        let Self::Flow { pg, flow, die_at } = self else { return Vec::new() };
        let (life, goes_on) = match &die_at[..] {
            [] => (0, true),
            [at] => (1, plan.twice && MONEY_MOVED.contains(&name_of(at))),
            _ => (2, false),
        };
        let passed = fs::read_to_string(points_log(folder, life)).unwrap_or_default();
        let chosen = |point: &&str| plan.points.is_empty() || plan.points.contains(&name_of(point));
        let points = passed.lines().filter(|point| goes_on && chosen(point));
        points
            .map(|point| {
                let die_at = die_at.iter().cloned().chain([point.to_owned()]).collect();
                Self::Flow { pg, flow: *flow, die_at }
            })
            .collect()
    }

    /// Runs it; gives what came of it and what to run next.
    pub(super) async fn run(
        self,
        plan: &Plan,
        simulators: &Arc<Simulators>,
    ) -> anyhow::Result<(Outcome, Vec<Self>)> {
        let folder = tempfile::tempdir()?;
        let die_at = match &self {
            Self::Flow { die_at, .. } => die_at.clone(),
            Self::Random { .. } => Vec::new(),
        };
        let shop = Shop::open(&plan.program, folder.path(), simulators, self.pg(), die_at).await?;
        let placed = match &self {
            Self::Flow { flow, .. } => flow.run(&shop, "order-1").await.map(|placed| vec![placed]),
            Self::Random { seed, .. } => random_kills::run(&shop, *seed).await,
        };
        let (findings, books) = compare(&shop, placed).await;
        let deaths = shop.server.deaths();
        shop.server.stop().await;
        let clean = findings.is_clean();
        let (next, evidence) = if clean {
            (self.next(plan, folder.path()), String::new())
        } else {
            (Vec::new(), evidence(folder.path(), &self.deaths(), &books))
        };
        if !clean {
            // What is wrong is looked into later.
            let _ = folder.keep();
        }
        let (flow, point, pg) = (self.flow(), self.row(), self.pg());
        Ok((Outcome { flow, point, pg, deaths, findings, evidence }, next))
    }
}

/// The name of a point without the number.
fn name_of(point: &str) -> &str {
    point.split_once(' ').map_or(point, |(name, _)| name)
}

/// Waits until the books agree, lets more time pass, and compares again.
async fn compare(shop: &Shop, ran: anyhow::Result<Vec<Placed>>) -> (Findings, Books) {
    let (placed, failed) = match ran {
        Ok(placed) => (placed, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    let mut last = Books::default();
    let found = agree(shop, &placed, &mut last).await;
    let found = match found {
        Ok(findings) if findings.is_clean() => match shop.server.advance(AFTERWARDS).await {
            Ok(()) => agree(shop, &placed, &mut last).await,
            Err(error) => Err(error),
        },
        other => other,
    };
    let mut findings = found.unwrap_or_else(|error| Findings {
        wrong: vec![format!("the books cannot be read: {error:#}")],
        ..Findings::default()
    });
    findings.wrong.extend(failed);
    (findings, last)
}

async fn agree(shop: &Shop, placed: &[Placed], last: &mut Books) -> anyhow::Result<Findings> {
    let look = async || {
        *last = shop.books().await?;
        let mut findings = audit(last, placed);
        if findings.is_clean() {
            findings.wrong = shop.operators_findings().await?;
        }
        Ok(if findings.is_clean() { Ok(()) } else { Err(findings) })
    };
    Ok(shop.eventually(look).await?.err().unwrap_or_default())
}

fn evidence(folder: &Path, deaths: &str, books: &Books) -> String {
    let mut text = format!("died at {deaths}; everything is in {}\n{}", folder.display(), books.shown());
    let log = fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)) {
        text.push_str(&format!("log:    {line}\n"));
    }
    text
}
