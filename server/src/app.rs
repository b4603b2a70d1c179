//! The running server: everything put together, and taken apart again.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use paymux_core::{
    account::Account,
    clock::{Clock, SystemClock},
    gateway::{BuildError, Gateway, MerchantPolicy, Workers},
    model::{AccountId, MerchantId},
    provider::PaymentProvider,
    store::{Store, StoreError},
};
use paymux_sandbox::Control;
use paymux_store::{Key, Keys, OpenError, SqliteStore};
use poem::{EndpointExt as _, Route, post};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::task::TaskTracker;

use crate::{
    admin, api,
    config::{Config, ConfigError, DatabaseUrl, EncryptionKey, ReturnOrigins, RunMode},
    demo::{self, DemoClock, SimulatorError, Simulators},
    descriptors,
    http::{
        Addresses, Bodies, BodyLimits, Expected, Funnel, Hardened, ListenError, ListenerLimits, MerchantKeys,
        auth::is_by_a_merchant, docs::Documentation,
    },
    registry,
    webhooks::{self, WebhookTokens},
};

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong: starting again will not help.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database cannot be opened.
    #[error("the database cannot be opened")]
    Database(#[source] Box<OpenError>),
    /// A file of the demo cannot be used.
    #[error("{} cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The configured accounts do not fit the payments in the database, or it cannot be written.
    #[error(transparent)]
    Store(StoreError),
    /// A merchant's account is not there.
    #[error(transparent)]
    Build(BuildError),
    /// The simulators cannot start.
    #[error(transparent)]
    Simulators(#[from] SimulatorError),
}

impl StartError {
    /// Whether somebody has to change the configuration first: starting again will not help.
    #[must_use]
    pub const fn is_about_config(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Build(_) | Self::Store(StoreError::AccountChanged { .. }))
    }
}

/// A running server.
#[derive(Debug)]
pub struct App {
    gateway: Arc<Gateway>,
    addresses: Vec<SocketAddr>,
    admin: SocketAddr,
    banner: Option<String>,
    controls: BTreeMap<AccountId, Control>,
    simulators: Option<Simulators>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
    workers: Workers,
    tasks: TaskTracker,
    shutdown_wait: Duration,
}

/// What a program that embeds the server may put in the place of, or around, the usual parts.
pub struct Parts {
    /// Another clock than the machine's. A demo has its own.
    pub clock: Option<Arc<dyn Clock>>,
    /// Put around the store.
    pub store: fn(Arc<dyn Store>) -> Arc<dyn Store>,
    /// Put around every account's provider.
    pub provider: fn(Arc<dyn PaymentProvider>) -> Arc<dyn PaymentProvider>,
}

impl Default for Parts {
    /// The usual parts, nothing around them.
    fn default() -> Self {
        Self { clock: None, store: |store| store, provider: |provider| provider }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// What demo mode adds: the shared clock and the simulated PGs.
struct DemoParts {
    clock: DemoClock,
    simulators: Simulators,
}

impl App {
    /// Starts everything. Returns when requests are answered.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Parts::default()).await
    }

    /// As [`start`](Self::start), with some parts replaced or wrapped.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing is left running.
    pub async fn start_with(mut config: Config, parts: Parts) -> Result<Self, StartError> {
        // An error means that somebody in this process was first, with a provider as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut limits = ListenerLimits::new(config.server.limits, &config.server.trusted_proxies);
        limits.connections = descriptors::connections_within_limit(limits.connections);
        let (connections, connections_per_peer) =
            (descriptors::FOR_OPERATORS, descriptors::FOR_OPERATORS / 4);
        let operators = ListenerLimits { connections, connections_per_peer, ..limits.clone() };
        let public = Hardened::bind_loopback_or(config.server.listen, "server.listen", limits)?;
        let admin = Hardened::bind(config.server.admin_listen, "server.admin_listen", operators)?;
        let addresses = public.addresses();
        let address = addresses.first().copied().unwrap_or(config.server.listen);
        let demo = match config.mode {
            RunMode::Demo => Some(start_demo(&mut config, address).await?),
            RunMode::Serve => None,
        };
        let store = (parts.store)(open_store(&config).await?);
        let accounts = accounts(&config, demo.is_some(), parts.provider)?;
        let clock: Arc<dyn Clock> = match &demo {
            Some(demo) => Arc::new(demo.clock.clone()),
            None => parts.clock.unwrap_or_else(|| Arc::new(SystemClock::default())),
        };
        let gateway = gateway(&config, store, clock, accounts).await?;
        Ok(Self::serve(config, Arc::new(gateway), demo, public, admin))
    }

    fn serve(
        config: Config,
        gateway: Arc<Gateway>,
        demo: Option<DemoParts>,
        public: Hardened,
        admin: Hardened,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let tasks = TaskTracker::new();
        let addresses = public.addresses();
        let admin_address = admin.addresses().first().copied().unwrap_or(config.server.admin_listen);
        let banner = demo.as_ref().map(|_| demo::banner(&shown_url(&config, &addresses), admin_address));
        let controls = demo.as_ref().map(|demo| demo.simulators.controls()).unwrap_or_default();
        let wait = config.server.shutdown_wait;

        let mut servers = JoinSet::new();
        let mut until_stopped = stopped.clone();
        let stop_public = async move { drop(until_stopped.wait_for(|stop| *stop).await) };
        let routes = public_routes(&config, &gateway, demo.as_ref(), &tasks);
        servers.spawn(public.serve(routes, stop_public, wait));
        let mut until_stopped = stopped.clone();
        let stop_admin = async move { drop(until_stopped.wait_for(|stop| *stop).await) };
        let operators = admin::routes(&config.server, &gateway, &tasks);
        servers.spawn(admin.serve(operators, stop_admin, wait));
        let workers = Workers::start(&gateway);
        Self {
            gateway,
            addresses,
            admin: admin_address,
            banner,
            controls,
            simulators: demo.map(|demo| demo.simulators),
            stop,
            servers,
            workers,
            tasks,
            shutdown_wait: wait,
        }
    }

    /// Where the API is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses.first().copied().unwrap_or(self.admin)
    }

    /// Where operators reach it.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// What a demo says when it is ready.
    #[must_use]
    pub fn banner(&self) -> Option<&str> {
        self.banner.as_deref()
    }

    /// The use cases, for a program that embeds the server.
    #[must_use]
    pub const fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The controls of the simulated PGs, by account; empty unless this is a demo.
    #[must_use]
    pub const fn controls(&self) -> &BTreeMap<AccountId, Control> {
        &self.controls
    }

    /// Stops: no new request is taken, those in flight and what they began are waited for. What
    /// takes longer is dropped; its rows are durable, and the next start goes on with it.
    ///
    /// # Errors
    ///
    /// If a listener had failed.
    pub async fn stop(mut self) -> io::Result<()> {
        self.stop.send_replace(true);
        let mut ended = Ok(());
        while let Some(served) = self.servers.join_next().await {
            ended = ended.and(served.map_err(|_| io::Error::other("a listener failed")));
        }
        self.tasks.close();
        let begun = async { tokio::join!(self.workers.stop(), self.tasks.wait()) };
        if tokio::time::timeout(self.shutdown_wait, begun).await.is_err() {
            tracing::warn!("some work did not end in time; the next start goes on with it");
        }
        if let Some(simulators) = self.simulators {
            simulators.shutdown().await;
        }
        ended
    }
}

async fn start_demo(config: &mut Config, address: SocketAddr) -> Result<DemoParts, StartError> {
    let DatabaseUrl::Sqlite(path) = &config.database.url;
    let folder = path.parent().filter(|_| path.as_os_str() != ":memory:").map(Path::to_owned);
    let folder = folder.map(|folder| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder });
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StartError::File { path, source }
    };
    if let Some(folder) = &folder {
        fs::create_dir_all(folder).map_err(failed(folder))?;
        clear_without_database(config, folder).map_err(failed(folder))?;
    }
    let clock_file = folder.as_ref().map(|folder| folder.join("sandbox-clock"));
    let clock = DemoClock::open(clock_file.clone())
        .map_err(failed(clock_file.as_deref().unwrap_or(Path::new("sandbox-clock"))))?;
    let simulators = demo::start(config, clock.sandbox(), address, folder.as_deref()).await?;
    Ok(DemoParts { clock, simulators })
}

/// Books, clock and database belong together: without the database the others are of another time.
fn clear_without_database(config: &Config, folder: &Path) -> io::Result<()> {
    let DatabaseUrl::Sqlite(database) = &config.database.url;
    if database.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("sandbox-") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let DatabaseUrl::Sqlite(path) = &config.database.url;
    let key = match &config.database.encryption_key {
        Some(key) => key.clone(),
        None => demo_key(config, path)?,
    };
    let previous =
        config.database.previous_encryption_key.iter().map(|key| Key::new(*key.expose())).collect();
    let keys = Keys { current: Key::new(*key.expose()), previous };
    let path = path.clone();
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(path, &keys)).await;
    match opened {
        Ok(Ok(store)) => Ok(Arc::new(store)),
        Ok(Err(error)) => Err(StartError::Database(Box::new(error))),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// A demo makes a key for itself and keeps it beside its database.
fn demo_key(config: &Config, database: &Path) -> Result<EncryptionKey, StartError> {
    if database.as_os_str() == ":memory:" {
        return Ok(EncryptionKey::generate());
    }
    let path = config.database.demo_key_file();
    EncryptionKey::load_or_create(&path).map_err(|source| StartError::File { path, source })
}

fn accounts(
    config: &Config,
    simulated: bool,
    around: fn(Arc<dyn PaymentProvider>) -> Arc<dyn PaymentProvider>,
) -> Result<Vec<Account>, ConfigError> {
    let account = |account: &crate::config::AccountConfig| {
        let connected = registry::provider(account)?;
        let provider = around(connected.provider);
        let mut connection = Account::new(account.id.clone(), account.merchant.clone(), provider);
        connection.simulated = simulated;
        connection.retired = account.retired;
        connection.has_credentials = connected.has_credentials;
        connection.limits = registry::limits(account);
        Ok(connection)
    };
    config.accounts.values().map(account).collect()
}

async fn gateway(
    config: &Config,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    accounts: Vec<Account>,
) -> Result<Gateway, StartError> {
    let mut builder = Gateway::builder(store).clock(clock);
    for account in accounts {
        builder = builder.account(account);
    }
    for merchant in config.merchants.values() {
        let mut policy = MerchantPolicy::new(merchant.default_account.clone());
        policy.account_by_method = merchant.accounts_by_method.clone();
        policy.late_payments = merchant.late_payments;
        policy.payable_for = merchant.payable_for;
        builder = builder.merchant(merchant.id.clone(), policy);
    }
    builder.start().await.map_err(|error| match error {
        BuildError::Store(error) => StartError::Store(error),
        error => StartError::Build(error),
    })
}

/// The API's documentation over no gateway in particular: what `paymux openapi` prints.
///
/// # Panics
///
/// Never: the document is made from the program itself.
#[must_use]
pub fn documentation() -> Documentation {
    let store: Arc<dyn Store> = Arc::new(paymux_core::store::MemoryStore::default());
    let started = Gateway::builder(store).start().now_or_never();
    let gateway =
        started.and_then(Result::ok).expect("a store in memory never waits, and nothing is configured");
    let origins = Arc::new(BTreeMap::new());
    let service = api::service(&Arc::new(gateway), origins, TaskTracker::new(), Duration::ZERO);
    Documentation::new(&service, api::complete_document)
}

fn public_routes(
    config: &Config,
    gateway: &Arc<Gateway>,
    demo: Option<&DemoParts>,
    tasks: &TaskTracker,
) -> impl poem::Endpoint<Output = poem::Response> + 'static {
    let origins: BTreeMap<MerchantId, ReturnOrigins> = config
        .merchants
        .values()
        .map(|merchant| (merchant.id.clone(), merchant.return_origins.clone()))
        .collect();
    let service = api::service(gateway, Arc::new(origins), tasks.clone(), config.server.confirm_wait);
    let documentation = Documentation::new(&service, api::complete_document);
    let allowed = Addresses::of(documentation.document()).and("/webhooks/{account}/{token}", "POST");
    let mut routes = documentation.mount(Route::new().nest("/", service));
    routes = routes.at("/webhooks/:account/:token", post(webhooks::receive));
    if let Some(demo) = demo {
        let merchants = config.merchants.keys().cloned();
        routes = demo::mount(
            routes,
            Arc::clone(gateway),
            demo.simulators.controls(),
            merchants,
            demo.clock.clone(),
        );
    }
    let (keys, tokens) = (MerchantKeys::new(config), WebhookTokens::new(config));
    let expected = expected_bodies(keys.clone(), tokens.clone(), demo.is_some());
    let limits = config.server.limits;
    let routes = routes.data(Arc::clone(gateway)).data(keys).data(tokens);
    Funnel::new(Bodies::new(routes, BodyLimits::from(limits), expected), limits.request_time, allowed)
}

/// No body is read of a caller without a key: of the API's operations only those that need one take a body.
fn expected_bodies(keys: MerchantKeys, tokens: WebhookTokens, is_demo: bool) -> Expected {
    Arc::new(move |request| {
        let path = request.uri().path();
        match path.split('/').nth(1) {
            Some("v1") => is_by_a_merchant(request, &keys),
            Some("webhooks") => tokens.has(path),
            // A demo listens on loopback only; its page sends what the buyer does.
            _ => is_demo,
        }
    })
}

/// The address a person can open: the port that was really taken, if any was good.
fn shown_url(config: &Config, addresses: &[SocketAddr]) -> url::Url {
    let mut url = config.server.public_url.clone();
    if config.server.listen.port() == 0
        && let Some(address) = addresses.first()
    {
        // A loopback URL takes a port.
        let _ = url.set_port(Some(address.port()));
    }
    url
}

#[cfg(test)]
mod tests;
