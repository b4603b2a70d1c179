//! Talks to the admin listener of a running server.

use std::{ffi::OsString, fmt, path::Path, time::Duration};

use poem_openapi::types::ParseFromJSON;
use reqwest::{Method, RequestBuilder, StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::error::{ClientError, OperatorError};
use crate::{
    cli::AdminArgs,
    config::{AdminListener, variable_of},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than the server lets a request take, so that it is the server who says that it took too long.
const TIMEOUT: Duration = Duration::from_secs(90);

/// A way to one server's admin listener.
pub(super) struct AdminClient {
    http: reqwest::Client,
    url: Url,
    key: Option<SecretString>,
}

impl fmt::Debug for AdminClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminClient").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl AdminClient {
    /// To the server the arguments name, else to the configured one.
    pub(super) fn new(
        args: &AdminArgs,
        config: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, OperatorError> {
        let named = args.admin_key.clone().map(SecretString::from);
        let (url, key) = match &args.admin_url {
            // The configured key is sent to the configured server and to no other.
            Some(url) => (url.clone(), named),
            None => {
                let listener = AdminListener::load(config, variables)?;
                (listener.url, named.or(listener.key))
            }
        };
        // An error means that somebody in this process was first, with a provider as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(ClientError::Client)?;
        Ok(Self { http, url, key })
    }

    /// Reads something.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, ClientError> {
        self.send(self.request(Method::GET, path).query(query)).await
    }

    /// Changes something.
    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Value, ClientError> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Reads an answer as what it should be.
    pub(super) fn read<T: ParseFromJSON>(&self, answer: &Value) -> Result<T, ClientError> {
        T::parse_from_json(Some(answer.clone())).map_err(|_| self.unexpected_answer(StatusCode::OK))
    }

    #[cfg(test)]
    pub(super) fn key(&self) -> Option<String> {
        self.key.as_ref().map(|key| key.expose_secret().to_owned())
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, ClientError> {
        let response = request.send().await.map_err(|source| self.no_answer(source))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|source| self.no_answer(source))?;
        let answer: Value = serde_json::from_slice(&bytes).map_err(|_| self.unexpected_answer(status))?;
        if status.is_success() { Ok(answer) } else { Err(self.refused(status, &answer)) }
    }

    fn no_answer(&self, source: reqwest::Error) -> ClientError {
        let (url, source) = (self.url.clone(), source.without_url());
        if source.is_connect() {
            ClientError::Unreachable { url, source }
        } else {
            ClientError::NoAnswer { url, source }
        }
    }

    fn refused(&self, status: StatusCode, problem: &Value) -> ClientError {
        let text = |name: &str| problem.get(name).and_then(Value::as_str).map(str::to_owned);
        match (text("detail"), text("code"), text("request_id")) {
            (Some(_), Some(_), Some(_)) if status == StatusCode::UNAUTHORIZED => {
                ClientError::Key { url: self.url.clone(), variable: variable_of("server.admin_key") }
            }
            (Some(message), Some(code), Some(request_id)) => {
                let message = message.trim_end_matches('.').to_owned();
                ClientError::Refused { message, code, request_id }
            }
            _ => self.unexpected_answer(status),
        }
    }

    fn unexpected_answer(&self, status: StatusCode) -> ClientError {
        ClientError::UnexpectedAnswer { url: self.url.clone(), status }
    }
}
