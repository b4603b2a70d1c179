//! A merchant's webhook URL, which keeps what comes as the gateway would.

use std::time::Duration;

use gateway_core::RawWebhook;
use poem::{
    EndpointExt, IntoEndpoint, Request, Server,
    endpoint::make,
    listener::{Acceptor, Listener, TcpListener},
};
use sandbox::WebhookTarget;
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
    /// Listens on a free port.
    pub async fn open() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = acceptor.local_addr()[0].as_socket_addr().copied().unwrap();
        let (tell, received) = mpsc::unbounded_channel();
        let keep = make(move |request| {
            let tell = tell.clone();
            async move {
                // A test that has ended does not look any more.
                let _ = tell.send(raw(request).await);
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

async fn raw(mut request: Request) -> RawWebhook {
    let content_type = request.content_type().unwrap_or_default().to_lowercase();
    let text = |value: &poem::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = request.take_body().into_vec().await.unwrap();
    RawWebhook {
        content_type: content_type.split(';').next().unwrap_or_default().trim().to_owned(),
        headers,
        body,
    }
}
