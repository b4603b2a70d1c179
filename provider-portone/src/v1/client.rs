//! Sends a call with a token, and reads PortOne's envelope in the order its documents demand.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gateway_core::{PgMessage, ProviderError};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::{
    config::{AuthorizationForm, ConfigError, PortOneV1Config},
    token::{AccessToken, IssueToken, Issued, TokenCache, TokenError},
    transport::{Call, Reply, Transport},
    wire::{Credentials, Token},
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
    /// Anything else that PortOne worded.
    Refused(Refusal),
}

/// PortOne's words for not doing what was asked.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl Refusal {
    /// In the words of the core.
    pub(crate) fn pg(&self) -> PgMessage {
        PgMessage::new(self.code.to_string(), self.message.clone())
    }
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
            include_sandbox: config.mode == gateway_core::Mode::Test,
            read_timeout: config.read_timeout,
        })
    }

    /// Whether look-ups by `imp_uid` show payments of test channels. Since 2026-01-26 they are
    /// hidden unless asked for (PortOne docs, GET /payments/{imp_uid}).
    pub(crate) fn include_sandbox(&self) -> bool {
        self.include_sandbox
    }

    /// Sends a call. A refused token is thrown away and the call sent once more: a 401 comes before
    /// any processing, so that is safe even where money moves. All of it, tokens too, takes no longer
    /// than the read timeout: nothing is sent after it.
    ///
    /// # Errors
    ///
    /// `Misconfigured` if a fresh token is refused too, `NotProcessed` for "too many requests",
    /// `NotSent`, or `OutcomeUnknown` if the answer cannot be read.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, ProviderError> {
        let deadline = Instant::now() + self.read_timeout;
        let mut reply = self.send(&call, deadline).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            reply = self.send(&call, deadline).await?;
        }
        if reply.status == StatusCode::UNAUTHORIZED {
            return Err(ProviderError::Misconfigured(words(&reply)));
        }
        answer(&reply)
    }

    /// Sends a call with a token; one that is refused is thrown away.
    async fn send(&self, call: &Call, deadline: Instant) -> Result<Reply, ProviderError> {
        let token = timeout_at(deadline, self.tokens.get());
        let token = token.await.map_err(|late| ProviderError::NotSent(late.into()))??;
        let reply = self.transport.send(call, Some(&self.authorization(&token)), deadline).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            self.tokens.forget(token.generation).await;
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
        return Err(ProviderError::NotProcessed { retry_after: reply.retry_after, pg: words(reply) });
    }
    let envelope = reply.body.envelope().map_err(ProviderError::no_answer)?;
    let refused = |message: Option<String>| {
        let message = message.unwrap_or_default();
        Answer::Refused(Refusal { status: reply.status, code: envelope.code, message })
    };
    if !reply.status.is_success() || envelope.code != 0 {
        return Ok(refused(envelope.message));
    }
    envelope
        .response
        .map(Answer::Processed)
        .ok_or_else(|| ProviderError::no_answer("the answer has no response"))
}

/// What an answer says in words, if it says something.
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
        let unavailable = |error: ProviderError| TokenError::Unavailable(error.into());
        let reply = self
            .transport
            .send(&call, None, Instant::now() + self.read_timeout)
            .await
            .map_err(unavailable)?;
        // 400: key or secret missing. Neither heals by asking again.
        if matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST) {
            return Err(TokenError::Refused(words(&reply)));
        }
        match answer(&reply).map_err(unavailable)? {
            Answer::Processed(response) => {
                let token = Token::read(&response).map_err(|error| TokenError::Unavailable(error.into()))?;
                let told = u64::try_from(token.expired_at.saturating_sub(token.now)).unwrap_or(0);
                Ok(Issued { token: token.access_token, told: Duration::from_secs(told) })
            }
            Answer::Refused(refusal) => Err(unavailable(super::errors::look_up(&refusal))),
        }
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
    async fn a_call_waits_for_a_token_no_longer_than_for_an_answer() {
        let config = crate::v1::tests::config("http://127.0.0.1:9");
        let client =
            Client { tokens: TokenCache::new(Arc::new(Silent)), ..crate::v1::tests::client(&config) };
        let asked = Instant::now();
        let answer = client.call(Call::new("test", Method::GET, ["x"])).await;
        assert_eq!(answer.err().map(|error| error.name()), Some("not_sent"));
        assert_eq!(asked.elapsed().as_secs(), config.read_timeout.as_secs());
    }
}
