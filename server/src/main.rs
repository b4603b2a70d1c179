//! The `paymux` binary.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use server::{
    App, StartError,
    cli::{Cli, Command, SandboxArgs, exit_code},
    config::{Config, DEFAULT_FILE, NewMerchantKey, RunMode},
    documentation, run_sandbox, telemetry,
};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = telemetry::start(cli.log_format, cli.log.as_deref()) {
        return fail(&error.into(), exit_code::USAGE);
    }
    let done = match cli.chosen() {
        Command::Demo => serve(&cli, RunMode::Demo),
        Command::Serve => serve(&cli, RunMode::Serve),
        Command::Sandbox(args) => sandbox(&args),
        Command::Key => print(&NewMerchantKey::generate().report()),
        Command::Config => print(DEFAULT_FILE),
        Command::Openapi => print(&documentation().printed()),
    };
    match done {
        Ok(()) => ExitCode::from(exit_code::OK),
        Err(error) => {
            let wrong_config = error.downcast_ref::<server::config::ConfigError>().is_some()
                || matches!(error.downcast_ref::<StartError>(), Some(StartError::Config(_)));
            fail(&error, if wrong_config { exit_code::CONFIG } else { exit_code::FAILED })
        }
    }
}

fn serve(cli: &Cli, mode: RunMode) -> anyhow::Result<()> {
    let file = Config::file(mode, cli.config.clone());
    let config = Config::load(mode, file.as_deref(), std::env::vars_os())?;
    runtime()?.block_on(async {
        let app = App::start(config).await?;
        if let Some(banner) = app.banner() {
            print(banner)?;
        }
        tracing::info!(address = %app.address(), "paymux is ready");
        stopped().await?;
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
    // Standard error may be closed; then nobody listens anyway.
    let _ = writeln!(io::stderr(), "paymux: {error:#}");
    ExitCode::from(code)
}
