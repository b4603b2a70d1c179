//! What to run: everything, or what the environment says.

use std::path::PathBuf;

use anyhow::Context as _;

use super::flows::Flow;

/// The PGs.
pub const PGS: [&str; 2] = ["toss", "portone"];

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that is killed.
    pub program: PathBuf,
    /// The flows and their PGs.
    pub flows: Vec<(&'static str, Flow)>,
    /// Only at points of these names, if any are given.
    pub points: Vec<&'static str>,
    /// How many runs with random kills, for each PG.
    pub random: u64,
    /// The first seed of those.
    pub seed: u64,
    /// How many runs at once.
    pub lanes: usize,
    /// Whether the life after a death right after a confirm or a cancel dies too, at each of its points.
    pub twice: bool,
}

impl Plan {
    /// Everything, or what the environment says: `PAYMUX_CRASH_FLOWS=toss/card_paid,portone` names flows,
    /// PGs or both; `PAYMUX_CRASH_RANDOM` is how many runs are killed at random for each PG.
    ///
    /// # Errors
    ///
    /// A variable cannot be read, or names nothing.
    pub fn from_environment() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let named = std::env::var("PAYMUX_CRASH_FLOWS").unwrap_or_default();
        let named: Vec<&str> = named.split(',').filter(|name| !name.is_empty()).collect();
        let all = PGS.iter().flat_map(|pg| Flow::ALL.map(|flow| (*pg, flow)));
        let is_named = |(pg, flow): &(&str, Flow)| {
            let full = format!("{pg}/{}", flow.name());
            named.is_empty() || named.iter().any(|name| *name == full || name == pg || *name == flow.name())
        };
        let flows: Vec<_> = all.filter(is_named).collect();
        anyhow::ensure!(
            !flows.is_empty() || named == ["none"],
            "PAYMUX_CRASH_FLOWS names no flow: {named:?}"
        );
        Ok(Self {
            program: own.with_file_name(format!("crash-server{}", std::env::consts::EXE_SUFFIX)),
            flows,
            points: Vec::new(),
            random: number("PAYMUX_CRASH_RANDOM", 5)?,
            seed: number("PAYMUX_CRASH_SEED", 1)?,
            lanes: usize::try_from(number("PAYMUX_CRASH_LANES", 4)?)?.max(1),
            twice: number("PAYMUX_CRASH_TWICE", 1)? > 0,
        })
    }
}

fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is not a number")),
        Err(_) => Ok(default),
    }
}
