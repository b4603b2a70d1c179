//! What a server of the matrix is configured with.

use std::{
    collections::BTreeMap,
    io,
    net::TcpListener,
    path::Path,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// The unguessable part of the address that the PG's webhooks go to.
pub const WEBHOOK_TOKEN: &str = "crash-matrix-webhook-token";

/// The public key of the demo merchant.
pub const MERCHANT_KEY: &str = "sk_test_demo";
/// Its hash.
const MERCHANT_KEY_HASH: &str = "sha256:5d48f1024f38b44ad9ddc03dc12b2a8287c7ec690065dcef384cb1fd1753626d";

/// The ports that are given out. Systems take those of outgoing connections from above (Linux: from 32,768), so none of
/// these is taken by a mere connection while its server is dead.
const PORTS: std::ops::Range<u16> = 15_000..30_000;

/// How many ports were given out by this process.
static GIVEN_OUT: AtomicU16 = AtomicU16::new(0);

/// A port that was free a moment ago. The server keeps it for all its lives, so that webhooks find it.
///
/// # Errors
///
/// There is none.
pub fn free_port() -> io::Result<u16> {
    // Processes that run at once begin at different places.
    let first = u16::try_from(process::id().wrapping_mul(97) % u32::from(PORTS.end - PORTS.start));
    let first = first.unwrap_or_default();
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in PORTS {
        let next = GIVEN_OUT.fetch_add(1, Ordering::Relaxed).wrapping_add(first) % (PORTS.end - PORTS.start);
        match TcpListener::bind(("127.0.0.1", PORTS.start + next)) {
            Ok(listener) => return Ok(listener.local_addr()?.port()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What `paymux serve` is configured with: one merchant with one account, whose PG is somewhere on this machine.
#[must_use]
pub fn variables(folder: &Path, port: u16, pg: &str, base_url: &str) -> BTreeMap<String, String> {
    let account = pg.to_uppercase();
    let general = [
        ("SERVER__LISTEN".to_owned(), format!("127.0.0.1:{port}")),
        ("SERVER__ADMIN_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("SERVER__PUBLIC_URL".to_owned(), format!("http://127.0.0.1:{port}")),
        ("DATABASE__URL".to_owned(), format!("sqlite:{}", folder.join("paymux.db").display())),
        ("DATABASE__ENCRYPTION_KEY".to_owned(), BASE64_STANDARD.encode([7; 32])),
        ("MERCHANTS__SHOP__KEYS".to_owned(), MERCHANT_KEY_HASH.to_owned()),
        // Time is moved by days where a refund waits; no order may run out meanwhile.
        ("MERCHANTS__SHOP__PAYABLE_FOR".to_owned(), "90d".to_owned()),
    ];
    let own: &[(&str, &str)] = match pg {
        "toss" => &[("CLIENT_KEY", "test_ck_paymuxdemo"), ("SECRET_KEY", "test_sk_paymuxdemo")],
        _ => &[
            ("IMP_KEY", "paymux_demo_key"),
            ("IMP_SECRET", "paymux_demo_secret"),
            ("IMP_CODE", "imp00000000"),
            ("CHANNEL_KEY", "channel-key-paymux-demo"),
            ("REFUND_BANK_CODES", "last_two_digits"),
        ],
    };
    let shared = [
        ("KIND", pg),
        ("MERCHANT", "shop"),
        ("MODE", "test"),
        ("WEBHOOK_PATH_TOKEN", WEBHOOK_TOKEN),
        ("BASE_URL", base_url),
    ];
    let of_account = shared.iter().chain(own);
    let of_account =
        of_account.map(|(name, value)| (format!("ACCOUNTS__{account}__{name}"), (*value).to_owned()));
    general.into_iter().chain(of_account).map(|(name, value)| (format!("PAYMUX__{name}"), value)).collect()
}
