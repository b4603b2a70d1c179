//! One connection: HTTP/1 and nothing else, and no more time than a client needs that means well.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::{
    Endpoint as _, Response,
    endpoint::DynEndpoint,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use super::pool::Seat;

/// The head of a request: its first line and all headers.
const HEAD_BYTES: usize = 32 * 1_024;

/// How long a client may leave an answer unread.
const UNREAD_ANSWER: Duration = Duration::from_secs(10);

/// What is left of an answer is written within this time when the process stops.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The routes.
pub(super) type Routes = Arc<dyn DynEndpoint<Output = Response>>;

/// Who is connected, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
}

/// How a connection ends, apart from its client's wish.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// A connection without a complete head of a request for so long is closed.
    pub(super) head_within: Duration,
    /// The process stops.
    pub(super) stopping: CancellationToken,
    /// How long requests in flight may still take then.
    pub(super) wait: Duration,
}

/// Answers the requests of a connection until it ends. A connection that has to give way, and is therefore idle, is
/// closed at once.
pub(super) async fn serve(stream: TcpStream, ends: Ends, routes: Routes, seat: Seat, ending: Ending) {
    let seat = Arc::new(seat);
    let handled = Arc::clone(&seat);
    let service = service_fn(move |request: poem::http::Request<Incoming>| {
        let (routes, busy) = (Arc::clone(&routes), handled.busy());
        let from = (LocalAddr(ends.local.into()), RemoteAddr(ends.remote.into()));
        let request = poem::Request::from((request, from.0, from.1, Scheme::HTTP));
        async move {
            let response = routes.get_response(request).await;
            drop(busy);
            Ok::<poem::http::Response<_>, Infallible>(response.into())
        }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD_ANSWER));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // It runs whenever no request is read, so it ends idle connections as well.
        .header_read_timeout(ending.head_within)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    tokio::pin!(connection);
    // How a connection ended is its client's affair; what a request came to is logged where it is handled.
    tokio::select! {
        // First: what has to give way must not begin with a request that has just arrived.
        biased;
        () = seat.evicted() => return,
        _ = connection.as_mut() => return,
        () = ending.stopping.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let wait = if seat.is_idle() { LAST_WORDS.min(ending.wait) } else { ending.wait };
    let _ = timeout(wait, connection).await;
}
