//! On a paused clock: a fetch takes its time only when nothing else is left to do, so "all at once"
//! is all at once, and an expiry comes when the test says.

use std::{future::poll_fn, sync::Mutex, task::Poll};

use super::*;

const CALLERS: usize = 1_000;

/// Hands out a token as told, and counts.
#[derive(Debug)]
struct Issuer {
    issued: AtomicU64,
    told: Duration,
    refuse_next: Mutex<bool>,
}

impl Issuer {
    fn new(told_s: u64) -> Arc<Self> {
        let told = Duration::from_secs(told_s);
        Arc::new(Self { issued: AtomicU64::default(), told, refuse_next: Mutex::new(false) })
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
            return Err(TokenError::Refused(PgMessage::new("-1", "no")));
        }
        Ok(Issued { token: "token".into(), told: self.told })
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
async fn a_thousand_cold_callers_cause_one_fetch() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    assert!(all_get(&tokens).await.iter().all(Result::is_ok));
    assert_eq!(issuer.issued(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_after_an_expiry_cause_one_fetch_and_none_before() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    tokens.get().await.unwrap();
    // Issued after half a second, told 1800 s, 30 s of margin: good for 1769.5 s from here.
    tokio::time::advance(Duration::from_secs(1_769)).await;
    all_get(&tokens).await;
    assert_eq!(issuer.issued(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(all_get(&tokens).await.iter().all(Result::is_ok));
    assert_eq!(issuer.issued(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_refusals_of_one_token_cause_one_fetch() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    let refused: Vec<_> = all_get(&tokens).await.into_iter().map(Result::unwrap).collect();
    let again: Vec<_> = refused
        .into_iter()
        .map(|token| {
            let tokens = tokens.clone();
            tokio::spawn(async move {
                tokens.forget(token.generation).await;
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
async fn a_late_refusal_of_an_old_token_leaves_the_new_one() {
    let issuer = Issuer::new(1_800);
    let tokens = TokenCache::new(issuer.clone());
    let old = tokens.get().await.unwrap();
    tokens.forget(old.generation).await;
    let new = tokens.get().await.unwrap();
    tokens.forget(old.generation).await;
    assert_eq!(tokens.get().await.unwrap().generation, new.generation);
    assert_eq!(issuer.issued(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_does_not_stop_the_fetch_for_the_others() {
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
async fn an_error_is_given_to_all_who_waited_and_forgotten() {
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
async fn a_nearly_dead_token_that_comes_back_is_not_fetched_by_every_call() {
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
fn a_token_is_used_until_shortly_before_its_end() {
    let ms = Duration::from_millis;
    for (told, took, life) in [
        (ms(1_800_000), ms(0), ms(1_770_000)),
        (ms(1_800_000), ms(2_500), ms(1_767_500)),
        // What PortOne gives in the last minute: five more.
        (ms(330_000), ms(100), ms(299_900)),
        (ms(60_000), ms(0), ms(30_000)),
        // Too little for the margin: used for what it has.
        (ms(30_000), ms(0), ms(30_000)),
        (ms(20_000), ms(5_000), ms(15_000)),
        (ms(1_000), ms(900), SHORTEST_LIFE),
        (ms(0), ms(0), SHORTEST_LIFE),
        (ms(10), ms(60_000), SHORTEST_LIFE),
    ] {
        assert_eq!(usable_life(told, took), life, "{told:?} {took:?}");
    }
}
