//! The published API description is the one the server serves.

use std::{env, fs, path::Path};

use serde_json::Value;
use tests::harness::{Client, Demo};

fn published() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/openapi.json")
}

/// `UPDATE_OPENAPI=1 cargo test -p tests openapi` writes the file anew.
#[test]
fn the_published_document_is_the_servers() {
    let printed = paymux_server::documentation().printed();
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(published(), &printed).unwrap();
    }
    let kept = fs::read_to_string(published()).unwrap_or_default();
    assert!(
        kept == printed,
        "run `UPDATE_OPENAPI=1 cargo test -p tests openapi` and commit openapi/openapi.json"
    );
}

#[tokio::test]
async fn the_published_document_is_served() {
    let demo = Demo::start(&[]).await;
    let reply =
        Client::new().send(reqwest::Method::GET, &format!("{}/openapi.json", demo.url()), &[], None).await;
    let kept: Value = serde_json::from_str(&fs::read_to_string(published()).unwrap()).unwrap();
    assert!(reply.body == kept, "the server describes another API than openapi/openapi.json");
}
