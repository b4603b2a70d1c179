//! The server that dies where it is told: see `tests::crash`.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tests::crash::victim::run().await
}
