//! The server that crashes at a given point: see `tests::crash`.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tests::crash::victim::run().await
}
