//! The `paymux` binary.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};

use clap::Parser as _;
use paymux_server::{
    App, StartError,
    cli::{Cli, Command, SandboxArgs, exit_code},
    config::{Config, ConfigError, DEFAULT_FILE, NewMerchantKey, RunMode},
    documentation,
    operator::{self, OperatorError},
    run_sandbox,
    telemetry::{self, Log},
};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = match telemetry::start(cli.log_format, cli.log.as_deref()) {
        Ok(log) => log,
        Err(error) => return fail(&error.into(), exit_code::USAGE),
    };
    let nothing_else = |()| exit_code::OK;
    let done = match cli.chosen() {
        Command::Demo => serve(&cli, RunMode::Demo, &log).map(nothing_else),
        Command::Serve => serve(&cli, RunMode::Serve, &log).map(nothing_else),
        Command::Sandbox(args) => sandbox(&args).map(nothing_else),
        Command::Reviews(args) => {
            let file = Config::file(RunMode::Serve, cli.config);
            operate(operator::reviews(args, file.as_deref(), std::env::vars_os()))
        }
        Command::Ledger(args) => {
            let file = Config::file(RunMode::Serve, cli.config);
            operate(operator::ledger(args, file.as_deref(), std::env::vars_os()))
        }
        Command::Key => print(&NewMerchantKey::generate().report()).map(nothing_else),
        Command::Config => print(DEFAULT_FILE).map(nothing_else),
        Command::Openapi => print(&documentation().printed()).map(nothing_else),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let code = if is_about_config(&error) { exit_code::CONFIG } else { exit_code::FAILED };
            fail(&error, code)
        }
    }
}

fn is_about_config(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ConfigError>().is_some()
        || error.downcast_ref::<StartError>().is_some_and(StartError::is_about_config)
        || matches!(error.downcast_ref::<OperatorError>(), Some(OperatorError::Config(_)))
}

/// Runs an operator's command; gives its exit code.
fn operate(command: impl Future<Output = Result<u8, OperatorError>>) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(command)?)
}

fn serve(cli: &Cli, mode: RunMode, log: &Log) -> anyhow::Result<()> {
    let file = Config::file(mode, cli.config.clone());
    let config = Config::load(mode, file.as_deref(), std::env::vars_os())?;
    runtime()?.block_on(async {
        let app = App::start(config).await?;
        if let Some(banner) = app.banner() {
            print(banner)?;
        }
        tracing::info!(admin = %app.admin_address(), address = %app.address(), "paymux is ready");
        tokio::select! {
            stopped = stopped() => stopped?,
            () = log.report() => {}
        }
        tracing::info!("paymux is stopping");
        Ok(app.stop().await?)
    })
}

fn sandbox(args: &SandboxArgs) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let simulators = run_sandbox(args).await?;
        print(&simulators.sheet())?;
        stopped().await?;
        simulators.shutdown().await;
        Ok(())
    })
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Returns when somebody wants the process to stop.
async fn stopped() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `paymux config | head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    let line = format!("paymux: {error:#}");
    let (done, written) = mpsc::channel();
    // Standard error may be closed, or be a pipe that nobody reads: the process ends all the same.
    thread::spawn(move || {
        let _ = writeln!(io::stderr(), "{line}");
        let _ = done.send(());
    });
    let _ = written.recv_timeout(Duration::from_secs(1));
    ExitCode::from(code)
}
