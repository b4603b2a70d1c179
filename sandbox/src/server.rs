//! Serves one simulator on one address.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};

use crate::{
    Control, Simulator, WebhookTarget,
    calls::CallLog,
    connection::{Service, serve},
    control::{Core, Refusal},
    control_routes::ControlAccess,
    fault::FaultScript,
    webhook::{WebhookSender, webhook_client},
};

/// How long a webhook may take to be answered: both PGs' documents say about ten seconds.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connections may finish their work at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// How often the simulator looks at its clock by itself.
const TICK: Duration = Duration::from_secs(1);

/// How one simulator is served.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// The account it plays, for the fault script and the logs.
    pub account: String,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What callers of the control API must send in `X-Sandbox-Key`. Required unless `listen` is loopback.
    pub control_key: Option<String>,
    /// Where webhooks go.
    pub webhook_targets: Vec<WebhookTarget>,
}

impl SandboxConfig {
    /// On a free loopback port, without webhooks.
    #[must_use]
    pub fn loopback(account: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control_key: None,
            webhook_targets: Vec::new(),
        }
    }
}

/// A simulator that is being served. Dropping it stops it at once; [`shutdown`](Self::shutdown) is the polite way.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    control: Control,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// Starts to serve a simulator on the current runtime.
///
/// # Errors
///
/// The address is taken, or is not loopback and no control key is configured.
pub async fn start(config: SandboxConfig, simulator: impl Simulator) -> io::Result<Running> {
    let loopback = config.listen.ip().is_loopback();
    if !loopback && config.control_key.as_ref().is_none_or(String::is_empty) {
        let message = "a sandbox that does not listen on loopback needs a control key";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let listener = TcpListener::bind(config.listen).await?;
    let addr = listener.local_addr()?;
    let client = webhook_client(WEBHOOK_TIMEOUT).map_err(io::Error::other)?;
    let simulator: Arc<dyn Simulator> = Arc::new(simulator);
    let (clock, rules) = (simulator.clock().clone(), simulator.webhook_rules());
    let (refusals, refusals_asked) = mpsc::channel(1);
    let core = Arc::new(Core {
        account: config.account,
        sender: WebhookSender::new(client, clock, rules, config.webhook_targets),
        simulator,
        faults: FaultScript::default(),
        calls: CallLog::default(),
        refusals,
    });
    let control = Control::new(Arc::clone(&core));
    let (stop, stopped) = watch::channel(false);
    let access = ControlAccess { key: config.control_key, loopback };
    let service =
        Service { core, control: control.clone(), access: Arc::new(access), stopped: stopped.clone() };
    let server = Server { addr, service, stopped, connections: JoinSet::new() };
    let serving = tokio::spawn(server.run(listener, refusals_asked));
    tracing::info!(account = control.account(), kind = control.kind(), %addr, "a simulated PG is listening");
    Ok(Running { addr, control, stop, serving })
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL of the PG's API: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The control API in process.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops listening, lets calls under way finish for a few seconds, and calls off webhooks. Books stay.
    pub async fn shutdown(mut self) {
        // An error means that the server has ended already.
        let _ = self.stop.send(true);
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
        self.control.call_off_webhooks();
    }
}

#[derive(Debug)]
struct Server {
    addr: SocketAddr,
    service: Service,
    stopped: watch::Receiver<bool>,
    connections: JoinSet<()>,
}

impl Server {
    async fn run(mut self, mut listener: TcpListener, mut refusals: mpsc::Receiver<Refusal>) {
        // Changes when idle connections are to close: at shutdown, and while nobody listens.
        let (close, _) = watch::channel(0_u64);
        let mut stopped = self.stopped.clone();
        let clock = self.service.core.simulator.clock().clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => self.accepted(accepted, &close).await,
                Some(refusal) = refusals.recv() => match self.refuse(listener, &refusal.duration, refusal.closed, &close).await {
                    Some(reopened) => listener = reopened,
                    None => break,
                },
                () = clock.sleep(TICK) => self.service.core.tick(),
                _ = stopped.changed() => {
                    drop(listener);
                    break;
                }
            }
            while self.connections.try_join_next().is_some() {}
        }
        close.send_modify(|generation| *generation += 1);
        let finished = async { while self.connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, finished).await;
        self.service.core.sender.call_off();
    }

    async fn accepted(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>, close: &watch::Sender<u64>) {
        match accepted {
            Ok((stream, _)) => {
                self.connections.spawn(serve(stream, self.service.clone(), close.subscribe()));
            }
            Err(error) => {
                // Out of file descriptors, most likely: trying again at once would only spin.
                tracing::warn!(%error, "a simulated PG could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Closes the port for a while, and keeps it meanwhile: the system gives it to nobody who asks for a free one.
    /// `None`: there is no way back.
    async fn refuse(
        &mut self,
        listener: TcpListener,
        duration: &Duration,
        closed: tokio::sync::oneshot::Sender<()>,
        close: &watch::Sender<u64>,
    ) -> Option<TcpListener> {
        drop(listener);
        let reserved = reserve(self.addr);
        close.send_modify(|generation| *generation += 1);
        let _ = closed.send(());
        let mut stopped = self.stopped.clone();
        tokio::select! {
            () = tokio::time::sleep(*duration) => {}
            _ = stopped.changed() => return None,
        }
        match reserved.and_then(|socket| socket.listen(1024)) {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::error!(%error, addr = %self.addr, "a simulated PG could not listen again");
                None
            }
        }
    }
}

/// A socket that holds the address without listening: whoever connects is refused.
fn reserve(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}
