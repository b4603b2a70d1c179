//! Accepts connections, and closes those that only cost.
//!
//! Poem's own server speaks HTTP/2 to whoever asks for it, lets headers arrive a byte at a time for ever, and repeats a
//! failed `accept` without a pause. So this is a loop of ours over hyper's HTTP/1 (`docs/adr/0014-http-1-and-a-pool.md`).

use std::{
    collections::BTreeMap,
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use poem::{EndpointExt as _, IntoEndpoint, endpoint::ToDynEndpoint};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    connection::{Ending, Ends, Routes},
    pool::{Full, Peer, Pool, Seat},
};
use crate::config::{Limits, Network};

mod connection;
mod pool;

/// Long enough for a descriptor to be closed, short enough for nobody to notice.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// What the system keeps of an answer that nobody reads, also once the connection is closed. Left to itself it takes
/// megabytes of each.
const SEND_BUFFER: u32 = 64 * 1_024;

/// Connections that the system keeps until they are accepted.
const QUEUE: u32 = 1_024;

/// How often the log says that there is no room.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What connections may cost.
#[derive(Clone, Debug)]
pub struct ListenerLimits {
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one address.
    pub connections_per_peer: usize,
    /// A connection that has sent no complete head of a request for so long is closed, also between two requests.
    pub header_time: Duration,
    /// From these addresses come many callers.
    pub proxies: Vec<Network>,
}

impl ListenerLimits {
    /// Those of the configuration.
    #[must_use]
    pub fn new(limits: Limits, proxies: &[Network]) -> Self {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            connections: count(limits.connections),
            connections_per_peer: count(limits.connections_per_peer),
            header_time: limits.header_time,
            proxies: proxies.to_vec(),
        }
    }
}

/// Why we cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error("{address} is in use by another process; set {setting} (or {variable}) to another address")]
    Busy {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// The setting to change.
        setting: &'static str,
        /// The variable that sets it.
        variable: String,
    },
    /// The operating system refuses for another reason.
    #[error("cannot listen on {address}, which {setting} names")]
    Refused {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// The setting that says so.
        setting: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A listener that anybody may reach.
#[derive(Debug)]
pub struct Hardened {
    listeners: Vec<TcpListener>,
    limits: ListenerLimits,
}

impl Hardened {
    /// Listens on `address`. `setting` is the key that named it, for errors.
    ///
    /// # Errors
    ///
    /// [`ListenError`], naming the setting.
    pub fn bind(
        address: SocketAddr,
        setting: &'static str,
        limits: ListenerLimits,
    ) -> Result<Self, ListenError> {
        let listener = listen(address, setting)?;
        Ok(Self::new(vec![listener], limits))
    }

    /// As [`bind_loopback`](Self::bind_loopback) on the IPv4 loopback address, else as [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// [`ListenError`], naming the setting.
    pub fn bind_loopback_or(
        address: SocketAddr,
        setting: &'static str,
        limits: ListenerLimits,
    ) -> Result<Self, ListenError> {
        if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return Self::bind_loopback(address, setting, limits);
        }
        Self::bind(address, setting, limits)
    }

    /// Listens on `address`, which is loopback, and on the same port of `[::1]` where the
    /// machine has it: `localhost` means either.
    ///
    /// # Errors
    ///
    /// [`ListenError`], naming the setting.
    pub fn bind_loopback(
        address: SocketAddr,
        setting: &'static str,
        limits: ListenerLimits,
    ) -> Result<Self, ListenError> {
        let first = listen(address, setting)?;
        let port = first.local_addr().map_or(address.port(), |address| address.port());
        let twin = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port);
        let mut listeners = vec![first];
        if address.is_ipv4() {
            match listen(twin, setting) {
                Ok(second) => listeners.push(second),
                Err(busy @ ListenError::Busy { .. }) => return Err(busy),
                // A machine without IPv6 is fine.
                Err(ListenError::Refused { .. }) => {}
            }
        }
        Ok(Self::new(listeners, limits))
    }

    const fn new(listeners: Vec<TcpListener>, limits: ListenerLimits) -> Self {
        Self { listeners, limits }
    }

    /// Where it listens, with the ports it really got.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Answers with `endpoint` until `stop` is done; requests in flight then get `wait` to end.
    ///
    /// What takes longer is dropped at its next `await`. Work that must not be, such as a call
    /// that moves money, runs in a task of its own; only the wait for it is dropped then.
    pub async fn serve<E>(self, endpoint: E, stop: impl Future<Output = ()>, wait: Duration)
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let routes: Routes = Arc::new(ToDynEndpoint(endpoint.into_endpoint().map_to_response()));
        let pool = Pool::new(self.limits.connections, self.limits.connections_per_peer);
        let (connections, stopping) = (TaskTracker::new(), CancellationToken::new());
        let ending = Ending { head_within: self.limits.header_time, stopping: stopping.clone(), wait };
        let accepting = async {
            let mut log = FullLog::default();
            loop {
                let (stream, ends) = self.accept(&pool, &mut log).await;
                if let Some(seat) = self.seat(&pool, ends, &mut log).await {
                    let (routes, ending) = (Arc::clone(&routes), ending.clone());
                    connections.spawn(connection::serve(stream, ends, routes, seat, ending));
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = stop => {}
        }
        drop(self.listeners);
        stopping.cancel();
        connections.close();
        // Each connection ends by itself after `wait`.
        connections.wait().await;
    }

    async fn accept(&self, pool: &Pool, log: &mut FullLog) -> (TcpStream, Ends) {
        let mut has_failed = false;
        loop {
            match poll_fn(|context| poll_accept(&self.listeners, context)).await {
                Ok(accepted) => return accepted,
                Err(error) if is_about_one_client(&error) => {}
                // No descriptors are left, most likely. Linux says so also where nobody waits to be accepted, so a single
                // failure is no reason to close somebody's connection.
                Err(error) => {
                    if has_failed {
                        log.say(Why::System, &format!("the system accepts no more ({error})"));
                        pool.make_room();
                    }
                    has_failed = true;
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
    }

    /// A seat for a new connection, or `None` if its peer has enough. Where every connection is busy it waits, and the
    /// system keeps those who come after.
    async fn seat(&self, pool: &Arc<Pool>, ends: Ends, log: &mut FullLog) -> Option<Seat> {
        let address = ends.remote.ip();
        let is_proxy = self.limits.proxies.iter().any(|proxy| proxy.contains(address));
        let peer = (!is_proxy).then(|| Peer::from(address));
        loop {
            match pool.admit(peer) {
                Ok(admitted) => {
                    if admitted.made_room {
                        log.say(Why::MadeRoom, &format!("an idle one was closed to make room for {address}"));
                    }
                    return Some(admitted.seat);
                }
                Err(Full::Peer) => {
                    log.say(Why::Peer, &format!("{address} has as many as one may have, and all are busy"));
                    return None;
                }
                Err(Full::Everywhere) => {
                    log.say(Why::Busy, &format!("all are busy, and {address} waits"));
                    pool.changed().await;
                }
            }
        }
    }
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    MadeRoom,
    Peer,
    Busy,
    System,
}

/// Says that there is no room, for each reason once a minute.
#[derive(Debug, Default)]
struct FullLog(BTreeMap<Why, Said>);

#[derive(Debug, Default)]
struct Said {
    at: Option<Instant>,
    unsaid: u32,
}

impl FullLog {
    fn say(&mut self, why: Why, what: &str) {
        let (now, said) = (Instant::now(), self.0.entry(why).or_default());
        if said.at.is_some_and(|at| now.duration_since(at) < SAID_AGAIN_AFTER) {
            said.unsaid = said.unsaid.saturating_add(1);
            return;
        }
        let unsaid = std::mem::take(&mut said.unsaid);
        said.at = Some(now);
        tracing::warn!(unsaid, "connections are full: {what}");
    }
}

fn listen(address: SocketAddr, setting: &'static str) -> Result<TcpListener, ListenError> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let listening = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        // What is accepted inherits it.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        socket.listen(QUEUE)
    });
    listening.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            let variable = crate::config::variable_of(setting);
            ListenError::Busy { address, setting, variable }
        } else {
            ListenError::Refused { address, setting, source }
        }
    })
}

fn poll_accept(listeners: &[TcpListener], context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, Ends)>> {
    for listener in listeners {
        if let Poll::Ready(accepted) = listener.poll_accept(context) {
            return Poll::Ready(accepted.and_then(|(stream, remote)| {
                // Only a matter of speed.
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr()?;
                Ok((stream, Ends { local, remote }))
            }));
        }
    }
    Poll::Pending
}

fn is_about_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | NotConnected)
}

#[cfg(test)]
mod tests;
