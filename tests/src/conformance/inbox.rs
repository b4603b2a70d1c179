//! A merchant's webhook URL, which keeps what comes as the gateway would.

use std::time::Duration;

use jiff::Timestamp;
use paymux_core::provider::RawWebhook;
use paymux_sandbox::{SandboxClock, WebhookTarget};
use poem::{
    EndpointExt, IntoEndpoint, Request, Server,
    endpoint::make,
    listener::{Acceptor, Listener, TcpListener},
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// Real time within which a webhook must have come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What has come to one URL.
#[derive(Debug)]
pub struct Inbox {
    url: String,
    received: mpsc::UnboundedReceiver<RawWebhook>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Inbox {
    /// Listens on a free port. Deliveries come at the time of this clock.
    pub async fn open(clock: SandboxClock) -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = acceptor.local_addr()[0].as_socket_addr().copied().unwrap();
        let (tell, received) = mpsc::unbounded_channel();
        let keep = make(move |request| {
            let (tell, now_ms) = (tell.clone(), clock.now_ms());
            async move {
                // A test that has ended does not look any more.
                let _ = tell.send(raw(request, now_ms).await);
            }
        });
        let serving = tokio::spawn(Server::new_with_acceptor(acceptor).run(keep.into_endpoint().boxed()));
        Self { url: format!("http://{address}/webhooks"), received, serving }
    }

    /// What to register at the PG.
    #[must_use]
    pub fn target(&self) -> WebhookTarget {
        WebhookTarget::all_events(&self.url)
    }

    /// The next webhook.
    pub async fn next(&mut self) -> RawWebhook {
        timeout(PATIENCE, self.received.recv()).await.expect("a webhook in time").unwrap()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn raw(mut request: Request, now_ms: u64) -> RawWebhook {
    let text = |value: &poem::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = request.take_body().into_vec().await.unwrap();
    let received_at = Timestamp::from_millisecond(i64::try_from(now_ms).unwrap()).unwrap();
    RawWebhook { headers, body, received_at }
}

/// A webhook with this `Content-Type`, none if it is empty, that nobody sent.
pub(super) fn delivery(content_type: &str, body: impl Into<Vec<u8>>) -> RawWebhook {
    let named = Some(content_type).filter(|text| !text.is_empty());
    let headers = named.map(|text| ("content-type".to_owned(), text.to_owned())).into_iter().collect();
    RawWebhook { headers, body: body.into(), received_at: Timestamp::UNIX_EPOCH }
}
