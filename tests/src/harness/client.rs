//! An HTTP client that remembers what it sent.

use std::{
    ops::Index,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;

/// Longer than any answer takes, so that a server that hangs fails the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    sent: Mutex<Vec<SentRequest>>,
}

/// A request as it went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// The method.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The headers, sorted, without those of the connection.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null where there is none.
    pub body: Value,
}

impl Client {
    /// A client that has sent nothing.
    #[must_use]
    pub fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        Self { http: http.unwrap(), sent: Mutex::default() }
    }

    /// Sends one request.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let request = request.build().unwrap();
        self.note(&request);
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        Reply { status, headers, body }
    }

    /// What was sent so far.
    pub fn sent(&self) -> Vec<SentRequest> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, request: &reqwest::Request) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = request.headers().iter();
        let mut headers: Vec<_> =
            headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        headers.sort();
        let (url, body) = (request.url(), request.body().and_then(reqwest::Body::as_bytes));
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(SentRequest {
            method: request.method().to_string(),
            path: format!("{}{query}", url.path()),
            headers,
            body: text(body.unwrap_or_default()),
        });
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Reply {
    /// The answer, if it has this status and code; a problem's code is its `code`, a payment's its `status`.
    #[track_caller]
    pub fn expect(self, status: u16, code: &str) -> Self {
        let said = self.body.get("code").or_else(|| self.body.get("status")).and_then(Value::as_str);
        assert!(
            self.status == status && said == Some(code),
            "expected {status} {code}, was answered {} {:#}",
            self.status,
            self.body
        );
        self
    }

    /// A text of the body.
    #[must_use]
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {:#}", self.body)).to_owned()
    }

    /// Whether this is the stored answer to an earlier request.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }
}

impl Index<&str> for Reply {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        &self.body[name]
    }
}
