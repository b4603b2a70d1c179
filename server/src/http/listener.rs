//! Accepts connections, and cuts those that only cost.
//!
//! Two things poem's own acceptor leaves open: headers that arrive a byte at a time never time
//! out, and an error of `accept` (too many open files) is repeated without a pause.

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use poem::{
    Addr, IntoEndpoint, Server,
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep},
};

use crate::config::Limits;

/// Long enough for a descriptor to be closed, short enough for nobody to notice.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub struct ListenerLimits {
    /// Connections open at once.
    pub connections: usize,
    /// A connection on which we wrote nothing for so long is cut. Longer than any request may
    /// take, or an answer in the making would be cut.
    pub silent_connection: Duration,
}

impl From<Limits> for ListenerLimits {
    fn from(limits: Limits) -> Self {
        let connections = usize::try_from(limits.connections).unwrap_or(usize::MAX);
        Self {
            connections: connections.min(Semaphore::MAX_PERMITS),
            silent_connection: limits.silent_connection,
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

/// The hardened acceptor.
#[derive(Debug)]
pub struct Hardened {
    listeners: Vec<TcpListener>,
    permits: Arc<Semaphore>,
    silent_connection: Duration,
}

impl Hardened {
    /// Listens on `address`. `setting` is the key that named it, for errors.
    ///
    /// # Errors
    ///
    /// [`ListenError`], naming the setting.
    pub async fn bind(
        address: SocketAddr,
        setting: &'static str,
        limits: ListenerLimits,
    ) -> Result<Self, ListenError> {
        let listener = listen(address, setting).await?;
        Ok(Self::new(vec![listener], limits))
    }

    /// As [`bind_loopback`](Self::bind_loopback) on the IPv4 loopback address, else as [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// [`ListenError`], naming the setting.
    pub async fn bind_loopback_or(
        address: SocketAddr,
        setting: &'static str,
        limits: ListenerLimits,
    ) -> Result<Self, ListenError> {
        if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return Self::bind_loopback(address, setting, limits).await;
        }
        Self::bind(address, setting, limits).await
    }

    /// Listens on `address`, which is loopback, and on the same port of `[::1]` where the
    /// machine has it: `localhost` means either.
    ///
    /// # Errors
    ///
    /// [`ListenError`], naming the setting.
    pub async fn bind_loopback(
        address: SocketAddr,
        setting: &'static str,
        limits: ListenerLimits,
    ) -> Result<Self, ListenError> {
        let first = listen(address, setting).await?;
        let port = first.local_addr().map_or(address.port(), |address| address.port());
        let twin = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port);
        let mut listeners = vec![first];
        if address.is_ipv4() {
            match listen(twin, setting).await {
                Ok(second) => listeners.push(second),
                Err(busy @ ListenError::Busy { .. }) => return Err(busy),
                // A machine without IPv6 is fine.
                Err(ListenError::Refused { .. }) => {}
            }
        }
        Ok(Self::new(listeners, limits))
    }

    fn new(listeners: Vec<TcpListener>, limits: ListenerLimits) -> Self {
        Self {
            listeners,
            permits: Arc::new(Semaphore::new(limits.connections)),
            silent_connection: limits.silent_connection,
        }
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
    ///
    /// # Errors
    ///
    /// If the server cannot run.
    pub async fn serve<E>(self, endpoint: E, stop: impl Future<Output = ()>, wait: Duration) -> io::Result<()>
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        Server::new_with_acceptor(self).run_with_graceful_shutdown(endpoint, stop, Some(wait)).await
    }
}

async fn listen(address: SocketAddr, setting: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            let variable = crate::config::variable_of(setting);
            ListenError::Busy { address, setting, variable }
        } else {
            ListenError::Refused { address, setting, source }
        }
    })
}

impl Acceptor for Hardened {
    type Io = Guarded<TcpStream>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        let addresses = self.addresses();
        addresses.into_iter().map(|address| LocalAddr(Addr::SocketAddr(address))).collect()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, local, remote) = loop {
            match poll_fn(|context| poll_accept(&self.listeners, context)).await {
                Ok(accepted) => break accepted,
                // Its client is gone already: no reason to let others wait.
                Err(error) if is_about_one_client(&error) => {}
                Err(error) => {
                    // The caller asks again at once, whatever went wrong.
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    return Err(error);
                }
            }
        };
        let guarded = Guarded::new(stream, self.silent_connection, permit);
        Ok((guarded, LocalAddr(local.into()), RemoteAddr(remote.into()), Scheme::HTTP))
    }
}

type Accepted = (TcpStream, SocketAddr, SocketAddr);

fn poll_accept(listeners: &[TcpListener], context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
    for listener in listeners {
        if let Poll::Ready(accepted) = listener.poll_accept(context) {
            return Poll::Ready(accepted.and_then(|(stream, remote)| {
                // Only a matter of speed.
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr()?;
                Ok((stream, local, remote))
            }));
        }
    }
    Poll::Pending
}

fn is_about_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | NotConnected)
}

/// A connection that fails once nothing was written on it for too long, and that counts as open
/// until it is dropped.
#[derive(Debug)]
pub struct Guarded<S> {
    stream: S,
    deadline: Pin<Box<Sleep>>,
    silence: Duration,
    _permit: OwnedSemaphorePermit,
}

impl<S> Guarded<S> {
    fn new(stream: S, silence: Duration, permit: OwnedSemaphorePermit) -> Self {
        let deadline = Box::pin(tokio::time::sleep(silence));
        Self { stream, deadline, silence, _permit: permit }
    }

    /// Fails when the time is up, and wakes the task then.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn wrote(&mut self, written: &Poll<io::Result<usize>>) {
        if matches!(written, Poll::Ready(Ok(bytes)) if *bytes > 0) {
            let next = Instant::now() + self.silence;
            self.deadline.as_mut().reset(next);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
