//! `[server]`: where we listen, how we are reached, what a request may cost.

use std::{net::SocketAddr, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    ConfigError, RunMode, Settings,
    network::Network,
    origins::{is_loopback, parse_base_url},
};

/// Short enough to guess is as good as none.
const MIN_KEY_LENGTH: usize = 16;

/// `[server]`.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where merchants, buyers and PGs reach us.
    pub listen: SocketAddr,
    /// Where operators reach us. Never the same as `listen`.
    pub admin_listen: SocketAddr,
    /// What operators send to see and close reviews. Without one, only callers on this machine may.
    pub admin_key: Option<SecretString>,
    /// Our address as buyers and PGs see it.
    pub public_url: Url,
    /// Whose forwarded headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// What a request may cost.
    pub limits: Limits,
    /// How long a confirm call waits for the PG before it answers "confirming".
    pub confirm_wait: Duration,
    /// How long requests in flight may still run when the process is stopped.
    pub shutdown_wait: Duration,
}

/// What one request or connection may cost us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Larger bodies are answered 413.
    pub body_bytes: u32,
    /// Connections open at once. Where there is no room the oldest idle one is closed.
    pub connections: u32,
    /// Connections open at once from one address that is no proxy's.
    pub connections_per_peer: u32,
    /// Requests handled at once; further ones are answered 503.
    pub requests: u32,
    /// A connection that has sent no complete head of a request for so long is closed, also between two requests.
    pub header_time: Duration,
    /// A request that takes longer is answered 503.
    pub request_time: Duration,
}

impl ServerConfig {
    pub(super) fn read(mut table: Settings, mode: RunMode) -> Result<Self, ConfigError> {
        let (listen, admin_listen) = read_listeners(&mut table, mode)?;
        let admin_key = read_admin_key(&mut table)?;
        let trusted_proxies = table.list("trusted_proxies", Network::parse)?;
        let limits = Limits::read(&mut table)?;
        let confirm_wait = required(&mut table, "confirm_wait")?;
        let shutdown_wait = required(&mut table, "shutdown_wait")?;
        if confirm_wait >= limits.request_time {
            return Err(table.wrong("confirm_wait", "must be shorter than request_time"));
        }
        let public_url = read_public_url(&mut table, mode, listen);
        // A misspelled key explains a missing one.
        table.deny_rest()?;
        Ok(Self {
            listen,
            admin_listen,
            admin_key,
            public_url: public_url?,
            trusted_proxies: trusted_proxies.unwrap_or_default(),
            limits,
            confirm_wait,
            shutdown_wait,
        })
    }
}

impl Limits {
    fn read(table: &mut Settings) -> Result<Self, ConfigError> {
        let mut integer = |key, range| {
            let number = table.integer(key, range)?;
            number.ok_or_else(|| table.missing(key))
        };
        let body_bytes = integer("max_body_bytes", 1_024..=1_048_576)?;
        let connections = integer("max_connections", 1..=1_000_000)?;
        let connections_per_peer = integer("max_connections_per_peer", 1..=1_000_000)?;
        let requests = integer("max_requests", 1..=1_000_000)?;
        let header_time = required(table, "header_time")?;
        let request_time = required(table, "request_time")?;
        Ok(Self { body_bytes, connections, connections_per_peer, requests, header_time, request_time })
    }
}

/// The built-in file holds every duration, so that none is missing in practice.
fn required(table: &mut Settings, key: &str) -> Result<Duration, ConfigError> {
    let duration = table.duration(key)?;
    duration.ok_or_else(|| table.missing(key))
}

/// `server.admin_key`, if there is one.
pub(super) fn read_admin_key(table: &mut Settings) -> Result<Option<SecretString>, ConfigError> {
    let key = table.optional_secret("admin_key")?;
    let fits_a_header = |key: &str| key.bytes().all(|byte| byte.is_ascii_graphic());
    match key.as_ref().map(|key| key.expose_secret()) {
        Some(text) if text.len() < MIN_KEY_LENGTH || !fits_a_header(text) => {
            let reason =
                format!("must be at least {MIN_KEY_LENGTH} letters, digits or signs, without spaces");
            Err(table.wrong("admin_key", reason))
        }
        _ => Ok(key),
    }
}

/// The address at `key`.
pub(super) fn read_address(table: &mut Settings, key: &str) -> Result<SocketAddr, ConfigError> {
    table.required(key, |text| {
        text.parse().map_err(|_| "must be an address such as \"127.0.0.1:8080\"".to_owned())
    })
}

fn read_listeners(table: &mut Settings, mode: RunMode) -> Result<(SocketAddr, SocketAddr), ConfigError> {
    let mut address = |key| {
        let address = read_address(table, key)?;
        if mode == RunMode::Demo && !address.ip().is_loopback() {
            return Err(table.wrong(key, "must be a loopback address in a demo"));
        }
        Ok(address)
    };
    let (listen, admin) = (address("listen")?, address("admin_listen")?);
    // Port 0 is a port of its own each time.
    if listen == admin && listen.port() != 0 {
        return Err(table.wrong("admin_listen", "must differ from server.listen"));
    }
    Ok((listen, admin))
}

fn read_public_url(table: &mut Settings, mode: RunMode, listen: SocketAddr) -> Result<Url, ConfigError> {
    match (table.parsed("public_url", parse_base_url)?, mode) {
        (Some(url), RunMode::Demo) if !is_loopback(&url) => {
            Err(table.wrong("public_url", "must be on this machine in a demo"))
        }
        (Some(url), _) => Ok(url),
        (None, RunMode::Demo) => Ok(loopback_url(listen.port())),
        (None, RunMode::Serve) => Err(table.missing("public_url")),
    }
}

fn loopback_url(port: u16) -> Url {
    Url::parse(&format!("http://localhost:{port}")).expect("a port makes a valid address")
}
