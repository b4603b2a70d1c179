//! The simulated PGs: inside a demo, or alone as `paymux sandbox`.

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use paymux_core::model::AccountId;
use paymux_sandbox::{
    Control, Running, SandboxClock, SandboxConfig, WebhookTarget,
    portone::{PortoneConfig, PortoneSimulator},
    toss::{KeyPair, Toss, TossConfig},
};
use secrecy::ExposeSecret as _;

use crate::{
    cli::SandboxArgs,
    config::{AccountConfig, Config, ConfigError},
};

/// The public keys of the simulated Toss Payments: they open nothing else.
const TOSS_CLIENT_KEY: &str = "test_ck_paymuxdemo";
const TOSS_SECRET_KEY: &str = "test_sk_paymuxdemo";
const TOSS_WIDGET_CLIENT_KEY: &str = "test_gck_paymuxdemo";
const TOSS_WIDGET_SECRET_KEY: &str = "test_gsk_paymuxdemo";

/// The public keys of the simulated PortOne: they open nothing else.
const PORTONE_KEY: &str = "paymux_demo_key";
const PORTONE_SECRET: &str = "paymux_demo_secret";
const PORTONE_CODE: &str = "imp00000000";
const PORTONE_CHANNEL: &str = "channel-key-paymux-demo";

/// The running simulators, by account.
#[derive(Debug)]
pub struct Simulators {
    running: BTreeMap<AccountId, Running>,
}

/// Why the simulators cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// An account is of a kind that has no simulator.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port or the books cannot be used.
    #[error("the simulator of account `{account}` cannot start")]
    Start {
        /// The account.
        account: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Simulators {
    /// The control of every simulator, by account.
    pub(crate) fn controls(&self) -> BTreeMap<AccountId, Control> {
        self.running.iter().map(|(account, running)| (account.clone(), running.control())).collect()
    }

    /// Stops them all.
    pub async fn shutdown(self) {
        for running in self.running.into_values() {
            running.shutdown().await;
        }
    }
}

/// Starts a simulator for every account and points the account at it. Their webhooks go to
/// `gateway`. Books are kept beside the database, or in memory without a folder.
pub(crate) async fn start(
    config: &mut Config,
    clock: &SandboxClock,
    gateway: SocketAddr,
    folder: Option<&Path>,
) -> Result<Simulators, SimulatorError> {
    let mut running = BTreeMap::new();
    for account in config.accounts.values_mut() {
        let books = folder.map(|folder| folder.join(format!("sandbox-{}.json", account.id)));
        let hook = webhook_address(gateway, account);
        let sandbox = SandboxConfig {
            webhook_targets: vec![WebhookTarget::all_events(hook)],
            ..SandboxConfig::loopback(account.id.as_str())
        };
        let started = match account.kind.as_str() {
            "toss" => start_toss(sandbox, clock, books, false).await,
            "portone" => start_portone(sandbox, clock, books, false).await,
            _ => return Err(account.settings.wrong("kind", "has no simulator").into()),
        };
        let started =
            started.map_err(|source| SimulatorError::Start { account: account.id.to_string(), source })?;
        point_at(account, &started.base_url());
        running.insert(account.id.clone(), started);
    }
    Ok(Simulators { running })
}

/// Gives an account the address and the keys of its simulator, where the configuration does not. The simulator's secrets open
/// nothing at another address.
fn point_at(account: &mut AccountConfig, base_url: &str) {
    let settings = &mut account.settings;
    let is_ours = !settings.is_set("base_url");
    settings.set_default("base_url", base_url.to_owned());
    let secrets: &[(&'static str, &str)] = match account.kind.as_str() {
        _ if !is_ours => &[],
        "toss" => &[("secret_key", TOSS_SECRET_KEY)],
        _ => &[("imp_key", PORTONE_KEY), ("imp_secret", PORTONE_SECRET)],
    };
    for (key, secret) in secrets {
        settings.set_default(key, (*secret).to_owned());
    }
    match account.kind.as_str() {
        "toss" => {
            settings.set_default("client_key", TOSS_CLIENT_KEY.to_owned());
            settings.set_default("script_base_url", base_url.to_owned());
        }
        _ => {
            settings.set_default("imp_code", PORTONE_CODE.to_owned());
            settings.set_default("channel_key", PORTONE_CHANNEL.to_owned());
            settings.set_default("script_url", format!("{base_url}/v1/iamport.js"));
            settings.set_default("refund_bank_codes", "last_two_digits".to_owned());
        }
    }
}

fn webhook_address(gateway: SocketAddr, account: &AccountConfig) -> String {
    let token = account.webhook_path_token.expose_secret();
    format!("http://{gateway}/webhooks/{}/{token}", account.id)
}

async fn start_toss(
    sandbox: SandboxConfig,
    clock: &SandboxClock,
    books: Option<PathBuf>,
    permissive: bool,
) -> io::Result<Running> {
    let keys = vec![
        KeyPair::new(TOSS_CLIENT_KEY, TOSS_SECRET_KEY),
        KeyPair::new(TOSS_WIDGET_CLIENT_KEY, TOSS_WIDGET_SECRET_KEY),
    ];
    let config = TossConfig { keys, books, permissive, ..TossConfig::default() };
    paymux_sandbox::start(sandbox, Toss::new(config, clock.clone())?).await
}

async fn start_portone(
    sandbox: SandboxConfig,
    clock: &SandboxClock,
    books: Option<PathBuf>,
    permissive: bool,
) -> io::Result<Running> {
    let config = PortoneConfig {
        imp_key: PORTONE_KEY.to_owned(),
        imp_secret: PORTONE_SECRET.to_owned(),
        merchant_code: PORTONE_CODE.to_owned(),
        permissive,
        ..PortoneConfig::default()
    };
    paymux_sandbox::start(sandbox, PortoneSimulator::open(config, clock.clone(), books)?).await
}

/// Starts the simulators alone, each on a port of its own.
///
/// # Errors
///
/// If a port is taken, or is not loopback and no control key is given.
pub async fn start_alone(args: &SandboxArgs) -> Result<Simulators, SimulatorError> {
    let clock = SandboxClock::system();
    let mut running = BTreeMap::new();
    for (index, kind) in (0u16..).zip(["toss", "portone"]) {
        let failed = |source| SimulatorError::Start { account: kind.to_owned(), source };
        let port = if args.port == 0 { 0 } else { args.port.saturating_add(index) };
        let sandbox = SandboxConfig {
            listen: SocketAddr::new(args.listen, port),
            control_key: args.control_key.clone(),
            ..SandboxConfig::loopback(kind)
        };
        if let Some(folder) = &args.data {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let books = args.data.as_ref().map(|folder| folder.join(format!("sandbox-{kind}.json")));
        let started = match kind {
            "toss" => start_toss(sandbox, &clock, books, args.permissive).await,
            _ => start_portone(sandbox, &clock, books, args.permissive).await,
        }
        .map_err(failed)?;
        let account = kind.parse().map_err(|_| failed(io::ErrorKind::InvalidInput.into()))?;
        running.insert(account, started);
    }
    Ok(Simulators { running })
}

impl Simulators {
    /// What a program needs to use the simulators, for people to read.
    #[must_use]
    pub fn sheet(&self) -> String {
        let mut sheet = String::from("Simulated payment gateways. Nothing here moves money.\n");
        for (account, running) in &self.running {
            let keys = match account.as_str() {
                "toss" => format!(
                    "client key {TOSS_CLIENT_KEY}, secret key {TOSS_SECRET_KEY}\n             \
                     widget     {TOSS_WIDGET_CLIENT_KEY}, {TOSS_WIDGET_SECRET_KEY}"
                ),
                _ => format!("imp_key {PORTONE_KEY}, imp_secret {PORTONE_SECRET}, code {PORTONE_CODE}"),
            };
            let url = running.base_url();
            sheet.push_str(&format!(
                "\n  {account:<9}  {url}\n             {keys}\n             control: {url}/_sandbox/\n"
            ));
        }
        sheet
    }
}
