//! What the tests of this crate share: an HTTP client and an inbox for webhooks.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc};

use crate::{
    WebhookTarget,
    webhook::{body_as_json, webhook_client},
};

/// Real time within which anything a test waits for must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A client without proxies, redirects or retries.
pub(crate) fn client() -> reqwest::Client {
    webhook_client(PATIENCE).unwrap()
}

/// A received webhook.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    /// JSON where it is JSON, else a text.
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A merchant's webhook URL.
#[derive(Debug)]
pub(crate) struct Inbox {
    url: String,
    received: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Inbox {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let (tell, received) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        tokio::spawn(receive(listener, tell, Arc::clone(&answers)));
        Self { url, received, answers }
    }

    pub(crate) fn target(&self) -> WebhookTarget {
        WebhookTarget::all_events(&self.url)
    }

    /// The statuses of the next answers; 200 when there are none.
    pub(crate) fn will_answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    /// The next webhook.
    pub(crate) async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("a webhook in time").unwrap()
    }

    /// Whether nothing has come that was not looked at.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

async fn receive(
    listener: TcpListener,
    tell: mpsc::UnboundedSender<Received>,
    answers: Arc<Mutex<VecDeque<u16>>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tell, answers) = (tell.clone(), Arc::clone(&answers));
        let respond = service_fn(move |request: Request<Incoming>| {
            let (tell, answers) = (tell.clone(), Arc::clone(&answers));
            async move {
                let (parts, body) = request.into_parts();
                let body: Bytes = body.collect().await.unwrap().to_bytes();
                let status = answers.lock().unwrap().pop_front().unwrap_or(200);
                // A test that has ended does not look any more.
                let _ = tell.send(Received { headers: parts.headers, body: body_as_json(&body) });
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), respond));
    }
}
