//! Sends one HTTP request, once, and reads a bounded answer.

use std::time::Duration;

use jiff::Timestamp;
use paymux_core::provider::ProviderError;
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use super::{
    config::{ConfigError, PortOneV1Config},
    wire::{Body, is_path_segment},
};

/// A page of 1,000 payments has some three megabytes.
const LONGEST_BODY: usize = 16 * 1024 * 1024;
/// Shorter than load balancers keep an idle connection, so that none is written to as it closes.
const IDLE: Duration = Duration::from_secs(20);

/// The HTTP client and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    http: reqwest::Client,
    base: Url,
}

/// One request, without its authorization. Has no `Debug`: a body may hold the credentials.
pub(crate) struct Call {
    /// Its name in the log.
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// Path segments, percent-encoded when sent.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    /// JSON, already written, so that a repeat sends the same bytes.
    pub(crate) body: Option<Vec<u8>>,
}

/// An answer with a body that could be read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// When it was made, by PortOne's clock.
    pub(crate) date: Option<Timestamp>,
    pub(crate) body: Body,
}

impl Call {
    pub(crate) fn new<const N: usize>(name: &'static str, method: Method, path: [&str; N]) -> Self {
        let path = path.into_iter().map(str::to_owned).collect();
        Self { name, method, path, query: Vec::new(), body: None }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).expect("our bodies have text keys and no failing parts"));
        self
    }
}

impl Transport {
    pub(crate) fn new(config: &PortOneV1Config) -> Result<Self, ConfigError> {
        // Building a client without one would panic.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(ConfigError::NoTlsProvider);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .user_agent(concat!("paymux/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ConfigError::HttpClient)?;
        Ok(Self { http, base: config.base_url()? })
    }

    /// Sends a call once, and waits for its answer until `deadline`.
    ///
    /// # Errors
    ///
    /// `NotDone` if no connection came about, `Unknown` if no whole answer came back.
    pub(crate) async fn send(
        &self,
        call: &Call,
        authorization: Option<&str>,
        deadline: Instant,
    ) -> Result<Reply, ProviderError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ProviderError::not_sent("time ran out before it was sent"));
        }
        let mut request = self.http.request(call.method.clone(), self.url(call)?).timeout(left);
        if let Some(value) = authorization {
            let mut value = HeaderValue::from_str(value).map_err(ProviderError::not_sent)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json").body(body.clone());
        }
        let response = request.send().await.map_err(transport_error)?;
        let status = response.status();
        tracing::debug!(call = call.name, status = status.as_u16(), "portone answered");
        let (retry_after, date) = (retry_after(response.headers()), date(response.headers()));
        Ok(Reply { status, retry_after, date, body: read_bounded(response).await? })
    }

    fn url(&self, call: &Call) -> Result<Url, ProviderError> {
        let unusable = || ProviderError::not_sent("an id cannot stand in an address");
        let mut url = self.base.clone();
        if !call.path.iter().all(|segment| is_path_segment(segment)) {
            return Err(unusable());
        }
        url.path_segments_mut().map_err(|()| unusable())?.pop_if_empty().extend(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Timestamp::try_from(time).ok()
}

async fn read_bounded(mut response: reqwest::Response) -> Result<Body, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| ProviderError::no_answer(error.without_url()))?
    {
        if body.len().saturating_add(chunk.len()) > LONGEST_BODY {
            return Err(ProviderError::no_answer("the answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Body(body))
}

/// A request that never connected did nothing; any other failure may have. The address is dropped,
/// because it holds a payment's id.
fn transport_error(error: reqwest::Error) -> ProviderError {
    let never_sent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    if never_sent { ProviderError::not_sent(error) } else { ProviderError::no_answer(error) }
}
