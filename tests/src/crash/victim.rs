//! `crash-server`: the program that is killed.
//!
//! `crash-server` is `paymux serve` with fail points; `crash-server sandbox` is `paymux sandbox`
//! in permissive mode. Both end when their standard input does, so that nothing outlives the driver.

use std::{io::Write as _, sync::Arc, time::Duration};

use clap::Parser as _;
use paymux_sandbox::SandboxClock;
use paymux_server::{
    App, Parts,
    cli::{Cli, Command},
    config::{Config, RunMode},
    run_sandbox,
    telemetry::{self, LogFormat},
};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use super::{
    crashing_provider::CrashingProvider, crashing_store::crashing_store, fail_points::between_calls,
    movable_clock::MovableClock,
};

/// How far the clock is ahead of the machine's when the server starts, in milliseconds.
pub(super) const AHEAD_MS: &str = "CRASH_CLOCK_AHEAD_MS";

/// The word before the address of the admin listener once requests are answered.
pub(super) const READY: &str = "ready";

/// What is said once the clock was moved.
pub(super) const MOVED: &str = "moved";

/// Runs the program.
///
/// # Errors
///
/// It could not start.
pub async fn run() -> anyhow::Result<()> {
    telemetry::start(LogFormat::Text, None)?;
    if std::env::args().nth(1).is_some_and(|role| role == "sandbox") {
        simulators().await
    } else {
        serve().await
    }
}

async fn simulators() -> anyhow::Result<()> {
    let cli = Cli::try_parse_from(["paymux", "sandbox", "--port", "0", "--permissive"])?;
    let Command::Sandbox(args) = cli.chosen() else { anyhow::bail!("the command line has changed") };
    let simulators = run_sandbox(&args).await?;
    say(&simulators.sheet())?;
    while orders().next_line().await?.is_some() {}
    simulators.shutdown().await;
    Ok(())
}

async fn serve() -> anyhow::Result<()> {
    let ahead = std::env::var(AHEAD_MS).ok().and_then(|ms| ms.parse().ok()).unwrap_or(0);
    let clock = SandboxClock::ahead_by(ahead);
    let parts = Parts {
        clock: Some(Arc::new(MovableClock::new(clock.clone()))),
        store: crashing_store,
        provider: CrashingProvider::around,
    };
    let config = Config::load(RunMode::Serve, None, std::env::vars_os())?;
    let app = App::start_with(config, parts).await?;
    say(&format!("{READY} {}", app.admin_address()))?;
    let mut orders = orders();
    while let Some(order) = orders.next_line().await? {
        let by = Duration::from_secs(order.parse()?);
        between_calls(|| clock.advance(by)).await;
        app.gateway().notify_all();
        say(MOVED)?;
    }
    // The driver is gone, and nobody will look at the books.
    Ok(())
}

fn orders() -> Lines<BufReader<Stdin>> {
    BufReader::new(tokio::io::stdin()).lines()
}

fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
