//! Keeps the access token: one fetch for all who need one, discarded only by the call that saw it refused.
//!
//! `getToken` is no rotation: before its expiry it hands out the same token again, and in its last
//! minute it adds five. So a margin must be under a minute, or each fetch would bring the same
//! nearly dead token back (PortOne docs, V1 API authentication).

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use moka::{future::Cache, ops::compute::Op};
use paymux_core::{
    model::PgMessage,
    provider::{BoxError, ProviderError},
};
use secrecy::SecretString;
use tokio::time::Instant;

/// How long before its end a token is no longer used. Below the minute in which PortOne extends it.
const MARGIN: Duration = Duration::from_secs(30);
/// However short a token's life, one is not fetched more often than this.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// A token as `getToken` gave it.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) token: SecretString,
    /// `expired_at − now`, both by PortOne's clock: ours may be wrong.
    pub(crate) lifetime: Duration,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// Key or secret are wrong: asking again will not help.
    #[error("PortOne refused the credentials")]
    Refused(PgMessage),
    /// PortOne answered, and not with a token.
    #[error("PortOne gave no token")]
    Later {
        /// Its code and text.
        pg: PgMessage,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// No answer that can be read.
    #[error("no token could be fetched")]
    Unanswered(#[source] BoxError),
}

/// Who issues tokens: PortOne.
#[async_trait]
pub(crate) trait IssueToken: fmt::Debug + Send + Sync + 'static {
    /// Asks for a token, once.
    async fn issue(&self) -> Result<Issued, TokenError>;
}

/// A token that may be used.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub(crate) value: SecretString,
    /// Which fetch brought it: a refusal discards this one and no newer one.
    pub(crate) generation: u64,
    /// Kept beside the token rather than with the cache, whose own clock is the real one: on tokio's
    /// clock an expiry can be tested.
    good_until: Instant,
}

/// Keeps one access token.
#[derive(Clone, Debug)]
pub(crate) struct TokenCache {
    cache: Cache<(), AccessToken>,
    issuer: Arc<dyn IssueToken>,
    generations: Arc<AtomicU64>,
}

impl TokenCache {
    pub(crate) fn new(issuer: Arc<dyn IssueToken>) -> Self {
        // One entry and no bound, so that it is never evicted.
        Self { cache: Cache::builder().build(), issuer, generations: Arc::default() }
    }

    /// A token that is good now. Callers that find none wait for a single fetch; its error is given
    /// to all of them and not cached.
    ///
    /// # Errors
    ///
    /// `Misconfigured` if the credentials are refused, else `NotDone`: without a token nothing was sent.
    pub(crate) async fn get(&self) -> Result<AccessToken, ProviderError> {
        let stale = match self.cache.get(&()).await {
            Some(token) if Instant::now() < token.good_until => return Ok(token),
            Some(token) => Some(token.generation),
            None => None,
        };
        let keeper = self.clone();
        // A task of its own: if the caller who leads the fetch goes away, the others do not start again.
        let fetched = tokio::spawn(async move {
            if let Some(generation) = stale {
                keeper.invalidate(generation).await;
            }
            keeper.cache.try_get_with((), keeper.fetch()).await
        });
        match fetched.await {
            Ok(Ok(token)) => Ok(token),
            Ok(Err(error)) => Err(no_token(error)),
            Err(ended) => Err(ProviderError::not_sent(ended)),
        }
    }

    /// Discards this token, unless a newer one has taken its place: a thousand calls refused with
    /// the same token cause one fetch.
    pub(crate) async fn invalidate(&self, generation: u64) {
        let is_it = |token: &AccessToken| token.generation == generation;
        let remove_if_same = |entry: Option<moka::Entry<(), AccessToken>>| {
            let same = entry.is_some_and(|entry| is_it(entry.value()));
            std::future::ready(if same { Op::Remove } else { Op::Nop })
        };
        self.cache.entry(()).and_compute_with(remove_if_same).await;
    }

    async fn fetch(&self) -> Result<AccessToken, TokenError> {
        let asked = Instant::now();
        let Issued { token, lifetime } = self.issuer.issue().await?;
        let answered = Instant::now();
        let life = usable_life(lifetime, answered.saturating_duration_since(asked));
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        Ok(AccessToken { value: token, generation, good_until: answered + life })
    }
}

/// How long a token may be used: its lifetime, less the time the answer took, less the margin.
/// One with less than the margin left is used to its end, because another fetch may bring it again.
fn usable_life(lifetime: Duration, took: Duration) -> Duration {
    let left = lifetime.saturating_sub(took);
    let early = left.saturating_sub(MARGIN);
    if early >= SHORTEST_LIFE { early } else { left.max(SHORTEST_LIFE) }
}

fn no_token(error: Arc<TokenError>) -> ProviderError {
    match &*error {
        TokenError::Refused(pg) => ProviderError::Misconfigured(pg.clone()),
        TokenError::Later { pg, retry_after } => ProviderError::later(pg.clone(), *retry_after),
        TokenError::Unanswered(_) => ProviderError::not_sent(error),
    }
}

#[cfg(test)]
mod tests;
