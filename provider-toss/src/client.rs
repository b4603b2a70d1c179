//! Sends one request to Toss Payments, once, and reads the answer.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use paymux_core::provider::ProviderError;
use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER},
    redirect,
};
use rustls::crypto::CryptoProvider;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::{
    call::Call,
    config::{ConfigError, TossConfig},
    unreadable::Unreadable,
};

/// No payment and no page of transactions comes near it; what is larger is neither.
const LONGEST_BODY: usize = 1024 * 1024;

/// Below the keep-alive of common load balancers (60 s), so that a request is rarely written to a
/// connection the peer is closing: that outcome would be unknown.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const TRACE_ID: &str = "x-tosspayments-trace-id";

/// What came back: some HTTP answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// Toss' clock, to the second.
    pub(crate) date: Option<Timestamp>,
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Answer {
    /// Shows no body: it holds buyers and secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// One account's way to the API.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    secret_key: SecretString,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that never repeats, never follows a redirect and asks no proxy: what it is asked to
    /// send is what Toss gets, at most once.
    pub(crate) fn new(config: &TossConfig, base: Url) -> Result<Self, ConfigError> {
        // Building a client without one would panic.
        if CryptoProvider::get_default().is_none() {
            return Err(ConfigError::NoTlsProvider);
        }
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(config.connect_timeout())
            .timeout(config.read_timeout())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .map_err(ConfigError::Client)?;
        Ok(Self { http, base, secret_key: config.secret_key.clone() })
    }

    /// Asks. Toss ignores idempotency keys here.
    pub(crate) async fn get(
        &self,
        call: Call,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, ProviderError> {
        let request = self.request(Method::GET, path)?;
        self.send(call, if query.is_empty() { request } else { request.query(query) }).await
    }

    /// Does something, under a key.
    pub(crate) async fn post<B: Serialize + Sync>(
        &self,
        call: Call,
        path: &[&str],
        key: &str,
        body: &B,
    ) -> Result<Answer, ProviderError> {
        let body = serde_json::to_vec(body).map_err(ProviderError::not_sent)?;
        let request = self.request(Method::POST, path)?.header(IDEMPOTENCY_KEY, key);
        self.send(call, request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    /// The user name is the key, the password is empty. `Accept-Language` is never set: it would
    /// translate the values we read.
    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, ProviderError> {
        let url = self.url(path)?;
        Ok(self.http.request(method, url).basic_auth(self.secret_key.expose_secret(), None::<&str>))
    }

    fn url(&self, path: &[&str]) -> Result<Url, ProviderError> {
        // A URL parser takes these for directions, so they would name another endpoint.
        if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(ProviderError::Unsupported("a payment key that is a direction in a path"));
        }
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(ProviderError::Unsupported("a base address without a path")),
        };
        Ok(url)
    }

    async fn send(&self, call: Call, request: RequestBuilder) -> Result<Answer, ProviderError> {
        let response = request.send().await.map_err(transport_error)?;
        let status = response.status().as_u16();
        let (retry_after, date) = (retry_after(response.headers()), date(response.headers()));
        let trace_id = response.headers().get(TRACE_ID).and_then(|id| id.to_str().ok()).unwrap_or("");
        tracing::debug!(?call, status, trace_id, "toss answered");
        Ok(Answer { status, retry_after, date, body: read_body(response).await? })
    }
}

/// A request that never connected moved nothing; any other failure may have.
/// The URL is dropped because it holds the payment key.
fn transport_error(error: reqwest::Error) -> ProviderError {
    let never_sent = error.is_connect() || error.is_builder();
    let source = error.without_url();
    if never_sent { ProviderError::not_sent(source) } else { ProviderError::no_answer(source) }
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| ProviderError::no_answer(error.without_url()))?
    {
        if body.len().saturating_add(chunk.len()) > LONGEST_BODY {
            return Err(ProviderError::no_answer(Unreadable::TooLong));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Seconds only: the other form, a date, would need a clock, and Toss documents neither.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Timestamp::try_from(date).ok()
}
