//! Sends a call with a token, and reads PortOne's envelope in the order its documents demand.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::PgMessage,
    provider::{ProviderError, Response},
};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::{
    config::{AuthorizationForm, ConfigError, PortOneV1Config},
    refusal::Refusal,
    token::{AccessToken, IssueToken, Issued, TokenCache, TokenError},
    transport::{Call, Reply, Transport},
    wire::{Credentials, Token, Unreadable},
};

/// The API, logged in.
#[derive(Debug)]
pub(crate) struct Client {
    transport: Transport,
    tokens: TokenCache,
    form: AuthorizationForm,
    include_sandbox: bool,
    read_timeout: Duration,
}

/// PortOne's answer: what came in its envelope.
pub(crate) enum Answer {
    /// HTTP 2xx and `code` 0. Says that it was processed, not that money moved.
    Processed(Box<RawValue>),
    /// Anything else in PortOne's envelope.
    Refused(Refusal),
}

impl Client {
    pub(crate) fn new(config: &PortOneV1Config) -> Result<Self, ConfigError> {
        let transport = Transport::new(config)?;
        let login = Login {
            transport: transport.clone(),
            key: config.imp_key.clone(),
            secret: config.imp_secret.clone(),
            read_timeout: config.read_timeout,
        };
        Ok(Self {
            transport,
            tokens: TokenCache::new(Arc::new(login)),
            form: config.authorization,
            include_sandbox: config.mode == paymux_core::model::Mode::Test,
            read_timeout: config.read_timeout,
        })
    }

    /// Whether look-ups by `imp_uid` show payments of test channels. Since 2026-01-26 they are
    /// hidden unless asked for (PortOne docs, GET /payments/{imp_uid}).
    pub(crate) fn include_sandbox(&self) -> bool {
        self.include_sandbox
    }

    /// When an operation that starts now has to be over, however many requests it sends.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.read_timeout
    }

    /// Sends a call. A refused token is discarded and the call sent once more: a 401 comes before
    /// any processing, so that is safe even where money moves. Nothing is sent after `deadline`.
    ///
    /// # Errors
    ///
    /// `Misconfigured` if the credentials or a fresh token are refused; `NotDone` if there was no token, no
    /// connection, or too many requests; `Unknown` if the answer cannot be read.
    pub(crate) async fn call(&self, call: Call, deadline: Instant) -> Result<Answer, ProviderError> {
        let mut reply = self.send(&call, deadline).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            reply = self.send(&call, deadline).await?;
        }
        if reply.status == StatusCode::UNAUTHORIZED {
            return Err(ProviderError::Misconfigured(words(&reply)));
        }
        answer(&reply)
    }

    /// PortOne's clock, from the answer to a call without a token: a 401, the cheapest there is.
    ///
    /// # Errors
    ///
    /// `NotDone` or `Unknown` if no answer came, or one without a time.
    pub(crate) async fn pg_time(&self) -> Result<Timestamp, ProviderError> {
        let call = Call::new("pg_time", Method::GET, ["users", "pg"]);
        let reply = self.transport.send(&call, None, self.deadline()).await?;
        let no_time = Unreadable::new("the header Date", "is missing or no HTTP date");
        reply.date.ok_or_else(|| ProviderError::no_answer(no_time))
    }

    /// Sends a call with a token; one that is refused is discarded.
    async fn send(&self, call: &Call, deadline: Instant) -> Result<Reply, ProviderError> {
        let token = timeout_at(deadline, self.tokens.get());
        let token = token.await.map_err(ProviderError::not_sent)??;
        let reply = self.transport.send(call, Some(&self.authorization(&token)), deadline).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            self.tokens.invalidate(token.generation).await;
        }
        Ok(reply)
    }

    fn authorization(&self, token: &AccessToken) -> String {
        let token = token.value.expose_secret();
        match self.form {
            AuthorizationForm::Bearer => format!("Bearer {token}"),
            AuthorizationForm::Bare => token.to_owned(),
        }
    }
}

fn answer(reply: &Reply) -> Result<Answer, ProviderError> {
    if reply.status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ProviderError::later(words(reply), reply.retry_after));
    }
    let envelope = reply.body.envelope().map_err(ProviderError::no_answer)?;
    if !reply.status.is_success() || envelope.code != 0 {
        let message = envelope.message.unwrap_or_default();
        return Ok(Answer::Refused(Refusal { status: reply.status, code: envelope.code, message }));
    }
    let missing = Unreadable::new("response", "is missing");
    envelope.response.map(Answer::Processed).ok_or_else(|| ProviderError::no_answer(missing))
}

/// PortOne's code and text, or the HTTP status if it sent none.
fn words(reply: &Reply) -> PgMessage {
    match reply.body.envelope() {
        Ok(envelope) => PgMessage::new(envelope.code.to_string(), envelope.message.unwrap_or_default()),
        Err(_) => PgMessage::new(reply.status.as_u16().to_string(), ""),
    }
}

/// `POST /users/getToken`.
struct Login {
    transport: Transport,
    key: SecretString,
    secret: SecretString,
    read_timeout: Duration,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

#[async_trait]
impl IssueToken for Login {
    async fn issue(&self) -> Result<Issued, TokenError> {
        let credentials =
            Credentials { imp_key: self.key.expose_secret(), imp_secret: self.secret.expose_secret() };
        let call = Call::new("get_token", Method::POST, ["users", "getToken"]).json(&credentials);
        let deadline = Instant::now() + self.read_timeout;
        let reply = self.transport.send(&call, None, deadline).await.map_err(no_token)?;
        // 400: key or secret missing. Asking again changes neither.
        if matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST) {
            return Err(TokenError::Refused(words(&reply)));
        }
        match answer(&reply).map_err(no_token)? {
            Answer::Processed(response) => {
                let token = Token::read(&response).map_err(|error| TokenError::Unanswered(error.into()))?;
                Ok(Issued { token: token.access_token, lifetime: token.lifetime })
            }
            Answer::Refused(refusal) => Err(TokenError::Later { pg: refusal.pg(), retry_after: None }),
        }
    }
}

/// Whatever became of a login, the call behind it was not sent. What is kept is whether PortOne answered.
fn no_token(error: ProviderError) -> TokenError {
    match error {
        ProviderError::NotDone { response: Response::Error(pg), retry_after } => {
            TokenError::Later { pg, retry_after }
        }
        ProviderError::NotDone { response: Response::Unanswered(source), .. }
        | ProviderError::Unknown(Response::Unanswered(source)) => TokenError::Unanswered(source),
        other => TokenError::Unanswered(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the question and never answers.
    #[derive(Debug)]
    struct Silent;

    #[async_trait]
    impl IssueToken for Silent {
        async fn issue(&self) -> Result<Issued, TokenError> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn call_waits_for_a_token_until_its_deadline() {
        let config = crate::v1::tests::config("http://127.0.0.1:9");
        let client =
            Client { tokens: TokenCache::new(Arc::new(Silent)), ..crate::v1::tests::client(&config) };
        let asked = Instant::now();
        let call = Call::new("test", Method::GET, ["x"]);
        let answer = client.call(call, client.deadline()).await;
        assert_eq!(answer.err().map(|error| error.name()), Some("not_sent"));
        assert_eq!(asked.elapsed().as_secs(), config.read_timeout.as_secs());
    }
}
