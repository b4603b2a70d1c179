//! A listener that keeps what it is sent and gives the answers it was set to.
//!
//! It imitates nothing of Toss: one connection, one request, one reply.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use paymux_core::model::{IdSource, PgOrderId};
use paymux_toss::{Toss, TossConfig};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// The payment of [`card`].
pub(crate) const CARD_KEY: &str = "tshop20260314103015Qe7Rd";
/// The payment of [`account`].
pub(crate) const ACCOUNT_KEY: &str = "tshop20260314103015Va1Ue";

/// What a connection is answered with.
pub(crate) enum Reply {
    /// A status and a body.
    Json(u16, String),
    /// The same with a header line.
    With(u16, &'static str, String),
    /// The bytes as they are, then the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, and the connection stays open.
    Silence,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// `POST /v1/payments/confirm`.
    pub(crate) line: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Shared {
    replies: Mutex<VecDeque<Reply>>,
    received: Mutex<Vec<Received>>,
    arrived: Notify,
}

pub(crate) struct Stub {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

impl Stub {
    pub(crate) async fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shared =
            Arc::new(Shared { replies: Mutex::new(replies.into_iter().collect()), ..Shared::default() });
        tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared }
    }

    /// An account whose API is this stub.
    pub(crate) fn toss(&self) -> Toss {
        self.toss_with(|_| ())
    }

    pub(crate) fn toss_with(&self, change: impl FnOnce(&mut TossConfig)) -> Toss {
        toss_at(&self.address, change)
    }

    /// Every request that came.
    pub(crate) fn all(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The only request that came.
    pub(crate) fn only(&self) -> Received {
        let mut received = self.all();
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    /// Until a request has come whole.
    pub(crate) async fn arrival(&self) {
        self.shared.arrived.notified().await;
    }
}

pub(crate) fn toss_at(address: &str, change: impl FnOnce(&mut TossConfig)) -> Toss {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = TossConfig::new("test_ck_client", "test_sk_canary");
    config.base_url = address.to_owned();
    change(&mut config);
    Toss::new(&config).unwrap()
}

/// An approved card payment of [`order_id`].
pub(crate) fn card() -> String {
    of_our_order(include_str!("../bodies/card.json"))
}

/// An issued account of [`order_id`].
pub(crate) fn account() -> String {
    of_our_order(include_str!("../bodies/virtual_account.json"))
}

fn of_our_order(body: &str) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    body["orderId"] = order_id().as_str().into();
    body.to_string()
}

pub(crate) fn order_id() -> PgOrderId {
    PgOrderId::of(&IdSource::seeded(1).payment(Timestamp::UNIX_EPOCH), 1).unwrap()
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut silent = Vec::new();
    while let Ok((mut connection, _)) = listener.accept().await {
        let Some(request) = read(&mut connection).await else { continue };
        shared.received.lock().unwrap().push(request);
        let reply = shared.replies.lock().unwrap().pop_front();
        shared.arrived.notify_one();
        let bytes = match reply {
            Some(Reply::Json(status, body)) => http(status, "x-stub: 1", &body),
            Some(Reply::With(status, header, body)) => http(status, header, &body),
            Some(Reply::Raw(bytes)) => bytes,
            Some(Reply::Silence) => {
                silent.push(connection);
                continue;
            }
            None => http(500, "x-stub: 1", "the stub has no reply left"),
        };
        let _ = connection.write_all(&bytes).await;
    }
}

fn http(status: u16, header: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{header}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

async fn read(connection: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        if let Some(received) = whole(&bytes) {
            return Some(received);
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn whole(bytes: &[u8]) -> Option<Received> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.strip_suffix(" HTTP/1.1")?.to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    (body.len() >= length).then(|| Received { line, headers, body: body.to_owned() })
}
