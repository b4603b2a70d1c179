//! On a paused clock: a fetch takes its time only when nothing else is left to do, so all callers miss
//! together, and a token expires when the test says.

use std::{future::poll_fn, sync::Mutex, task::Poll};

use super::*;

const CALLERS: usize = 1_000;

/// Issues tokens of one lifetime, and counts them.
#[derive(Debug)]
struct Issuer {
    issued: AtomicU64,
    lifetime: Duration,
    refuse_next: Mutex<bool>,
}

impl Issuer {
    fn new(lifetime_s: u64) -> Arc<Self> {
        let lifetime = Duration::from_secs(lifetime_s);
        Arc::new(Self { issued: AtomicU64::default(), lifetime, refuse_next: Mutex::new(false) })
    }

    fn issued(&self) -> u64 {
        self.issued.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl IssueToken for Issuer {
    async fn issue(&self) -> Result<Issued, TokenError> {
        self.issued.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(500)).await;
        if std::mem::take(&mut *self.refuse_next.lock().unwrap()) {
            return Err(TokenError::Refused(PgMessage::new("-1", "wrong key")));
        }
        Ok(Issued { token: "token".into(), lifetime: self.lifetime })
    }
}

async fn all_get(tokens: &TokenCache) -> Vec<Result<AccessToken, ProviderError>> {
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move { tokens.get().await })
        })
        .collect();
    let mut got = Vec::new();
    for caller in callers {
        got.push(caller.await.unwrap());
    }
    got
}

#[tokio::test(start_paused = true)]
async fn thousand_first_callers_cause_one_fetch() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    assert!(all_get(&tokens).await.iter().all(Result::is_ok));
    assert_eq!(issuer.issued(), 1);
}

#[tokio::test(start_paused = true)]
async fn thousand_callers_after_expiry_cause_one_fetch() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    tokens.get().await.unwrap();
    // Issued after half a second for 1800 s, 30 s of margin: good for 1769.5 s from here.
    tokio::time::advance(Duration::from_secs(1_769)).await;
    all_get(&tokens).await;
    assert_eq!(issuer.issued(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(all_get(&tokens).await.iter().all(Result::is_ok));
    assert_eq!(issuer.issued(), 2);
}

#[tokio::test(start_paused = true)]
async fn thousand_refusals_of_one_token_cause_one_fetch() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    let refused: Vec<_> = all_get(&tokens).await.into_iter().map(Result::unwrap).collect();
    let again: Vec<_> = refused
        .into_iter()
        .map(|token| {
            let tokens = tokens.clone();
            tokio::spawn(async move {
                tokens.invalidate(token.generation).await;
                tokens.get().await
            })
        })
        .collect();
    for caller in again {
        assert_eq!(caller.await.unwrap().unwrap().generation, 1);
    }
    assert_eq!(issuer.issued(), 2);
}

#[tokio::test(start_paused = true)]
async fn late_refusal_of_an_old_token_keeps_the_new_one() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    let old = tokens.get().await.unwrap();
    tokens.invalidate(old.generation).await;
    let new = tokens.get().await.unwrap();
    tokens.invalidate(old.generation).await;
    assert_eq!(tokens.get().await.unwrap().generation, new.generation);
    assert_eq!(issuer.issued(), 2);
}

#[tokio::test(start_paused = true)]
async fn caller_who_leaves_does_not_stop_the_fetch() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    let leader = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.get().await.is_ok() }
    });
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if issuer.issued() == 1 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    assert!(tokens.get().await.is_ok());
    assert_eq!(issuer.issued(), 1);
}

#[tokio::test(start_paused = true)]
async fn error_reaches_all_who_waited_and_is_not_kept() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    *issuer.refuse_next.lock().unwrap() = true;
    for got in all_get(&tokens).await {
        assert_eq!(got.unwrap_err().name(), "misconfigured");
    }
    assert_eq!(issuer.issued(), 1);
    assert!(tokens.get().await.is_ok());
    assert_eq!(issuer.issued(), 2);
}

#[tokio::test(start_paused = true)]
async fn expired_token_that_returns_is_fetched_once() {
    let issuer = Issuer::new(0);
    let tokens = TokenCache::new(issuer.clone());
    for _ in 0..10 {
        all_get(&tokens).await;
    }
    assert_eq!(issuer.issued(), 1);
    tokio::time::advance(SHORTEST_LIFE).await;
    all_get(&tokens).await;
    assert_eq!(issuer.issued(), 2);
}

#[test]
fn token_is_used_until_shortly_before_its_end() {
    let ms = Duration::from_millis;
    for (lifetime, took, life) in [
        (ms(1_800_000), ms(0), ms(1_770_000)),
        (ms(1_800_000), ms(2_500), ms(1_767_500)),
        // What PortOne gives in the last minute: five more.
        (ms(330_000), ms(100), ms(299_900)),
        (ms(60_000), ms(0), ms(30_000)),
        // Too little for the margin: used to its end.
        (ms(30_000), ms(0), ms(30_000)),
        (ms(20_000), ms(5_000), ms(15_000)),
        (ms(1_000), ms(900), SHORTEST_LIFE),
        (ms(0), ms(0), SHORTEST_LIFE),
        (ms(10), ms(60_000), SHORTEST_LIFE),
    ] {
        assert_eq!(usable_life(lifetime, took), life, "{lifetime:?} {took:?}");
    }
}
