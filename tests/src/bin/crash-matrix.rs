//! Kills the server at every point of every flow, prints what came of it: see `tests::crash`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let clean = tests::crash::matrix::run().await?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
