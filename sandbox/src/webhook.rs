//! Sends webhooks the way a PG does: to every registered URL, again and again until it is taken.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{runtime::Handle, sync::oneshot, task::JoinSet};

use crate::{
    Fault, SandboxClock, WEBHOOK,
    clock::millis,
    fault::{FaultRule, FaultScript},
    random::{LOWER, random_text},
};

/// How many deliveries are remembered for `GET /_sandbox/webhooks`.
const REMEMBERED_DELIVERIES: usize = 10_000;

/// A URL registered for webhooks, as in the PG's console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTarget {
    /// Where to.
    pub url: String,
    /// Which events, by the PG's names; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

impl WebhookTarget {
    /// A target for all events.
    #[must_use]
    pub fn all_events(url: impl Into<String>) -> Self {
        Self { url: url.into(), events: None }
    }

    fn wants(&self, event: &str) -> bool {
        self.events.as_ref().is_none_or(|events| events.iter().any(|wanted| wanted == event))
    }
}

/// One message to the merchant.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The PG's name of the event, which targets register for.
    pub event: String,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body, byte for byte the same in every attempt.
    pub body: Bytes,
    /// Where to send it in place of the registered targets, if anywhere: V1's per-payment `notice_url`.
    pub instead_of_targets: Vec<String>,
}

impl Webhook {
    /// A JSON message.
    #[must_use]
    pub fn json(event: impl Into<String>, body: &Value) -> Self {
        Self {
            event: event.into(),
            content_type: "application/json",
            body: Bytes::from(body.to_string()),
            instead_of_targets: Vec::new(),
        }
    }
}

/// The webhooks one operation causes. The core sends them when the operation's answer is on its way.
#[derive(Debug, Default)]
pub struct Outbox(pub(crate) Vec<Webhook>);

impl Outbox {
    /// Puts a webhook in.
    pub fn push(&mut self, webhook: Webhook) {
        self.0.push(webhook);
    }
}

/// How a PG delivers.
#[derive(Clone)]
pub struct WebhookRules {
    /// The pauses before each retry, on the sandbox clock.
    pub retry_after: Vec<Duration>,
    /// Which answers mean that it was taken.
    pub taken: fn(StatusCode) -> bool,
    /// The headers of an attempt, beside the content type.
    pub headers: fn(&DeliveryAttempt) -> Vec<(&'static str, String)>,
}

impl fmt::Debug for WebhookRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRules").field("retry_after", &self.retry_after).finish_non_exhaustive()
    }
}

/// What the headers of one attempt are made of.
#[derive(Clone, Debug)]
pub struct DeliveryAttempt {
    /// Names the message: 24 random letters and digits, the same in every attempt and for every target.
    pub message_id: String,
    /// How many attempts were made before this one.
    pub retried: usize,
    /// Now, in milliseconds since the Unix epoch on the sandbox clock.
    pub now_ms: u64,
}

/// One attempt to deliver, as logged.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// Names the message; attempts and targets share it.
    pub message_id: String,
    /// The PG's name of the event.
    pub event: String,
    /// Where to.
    pub url: String,
    /// How many attempts were made before this one.
    pub retried: usize,
    /// When, in milliseconds since the Unix epoch on the sandbox clock.
    pub sent_at_ms: u64,
    /// The status it was answered with; `None` if it was not answered.
    pub answer_status: Option<u16>,
    /// The body that was sent.
    pub body: Value,
}

/// Sends, retries and logs.
#[derive(Debug)]
pub(crate) struct WebhookSender {
    courier: Arc<Courier>,
    targets: Mutex<Vec<WebhookTarget>>,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: JoinSet<()>,
    /// Webhooks that `reorder` holds back until another one was sent.
    held: Vec<(String, Webhook)>,
}

/// What every delivery task shares.
#[derive(Debug)]
struct Courier {
    client: reqwest::Client,
    clock: SandboxClock,
    rules: WebhookRules,
    log: Mutex<VecDeque<Delivery>>,
}

impl WebhookSender {
    /// A sender on the current runtime.
    pub(crate) fn new(
        client: reqwest::Client,
        clock: SandboxClock,
        rules: WebhookRules,
        targets: Vec<WebhookTarget>,
    ) -> Self {
        Self {
            courier: Arc::new(Courier { client, clock, rules, log: Mutex::default() }),
            targets: Mutex::new(targets),
            runtime: Handle::current(),
            state: Mutex::default(),
        }
    }

    /// Replaces the registered URLs.
    pub(crate) fn set_targets(&self, targets: Vec<WebhookTarget>) {
        *lock(&self.targets) = targets;
    }

    /// Sends all that an operation caused, once `answered` resolves. Waits for nothing but the first attempts of
    /// those which the fault script wants to be early.
    pub(crate) async fn send_all(
        &self,
        outbox: Outbox,
        faults: &FaultScript,
        answered: Option<oneshot::Receiver<()>>,
    ) {
        let early = self.dispatch(outbox, faults, answered);
        for delivered in early {
            // An error means that the delivery was called off by a reset.
            let _ = delivered.await;
        }
    }

    /// Starts the deliveries; answers what to wait for so that the early ones really are.
    pub(crate) fn dispatch(
        &self,
        outbox: Outbox,
        faults: &FaultScript,
        answered: Option<oneshot::Receiver<()>>,
    ) -> Vec<oneshot::Receiver<()>> {
        let mut early = Vec::new();
        let mut batch = Vec::new();
        let now_ms = self.courier.clock.now_ms();
        let mut state = lock(&self.state);
        for webhook in outbox.0 {
            let id = random_text(LOWER, 24);
            let rule = faults.judge(WEBHOOK).rule;
            match rule.as_ref().map(|rule| rule.fault) {
                Some(Fault::Drop) => {}
                Some(Fault::Reorder) => state.held.push((id, webhook)),
                Some(Fault::Early) => {
                    let (notify, notified) = oneshot::channel();
                    early.push(notified);
                    self.spawn(&mut state, vec![Planned::now(id, webhook, Some(notify))], None);
                }
                _ => {
                    batch.push(Planned::by_rule(id.clone(), webhook.clone(), rule.as_ref(), now_ms));
                    if rule.is_some_and(|rule| rule.fault == Fault::Duplicate) {
                        batch.push(Planned::now(id, webhook, None));
                    }
                    batch.extend(state.held.drain(..).map(|(id, held)| Planned::now(id, held, None)));
                }
            }
        }
        if !batch.is_empty() {
            self.spawn(&mut state, batch, answered);
        }
        early
    }

    /// Calls off everything that is under way.
    pub(crate) fn call_off(&self) {
        let mut state = lock(&self.state);
        state.running.abort_all();
        state.held.clear();
    }

    /// Calls off everything that is under way and forgets the log.
    pub(crate) fn reset(&self) {
        self.call_off();
        lock(&self.courier.log).clear();
    }

    /// All remembered attempts, in the order in which they ended.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.courier.log).iter().cloned().collect()
    }

    fn spawn(&self, state: &mut State, batch: Vec<Planned>, answered: Option<oneshot::Receiver<()>>) {
        while state.running.try_join_next().is_some() {}
        let targets = lock(&self.targets).clone();
        let courier = Arc::clone(&self.courier);
        state.running.spawn_on(deliver_batch(courier, targets, batch, answered), &self.runtime);
    }
}

/// A webhook and what is special about its delivery.
#[derive(Debug)]
struct Planned {
    id: String,
    webhook: Webhook,
    /// The first attempt is not made before this.
    not_before_ms: Option<u64>,
    notify_first_attempt: Option<oneshot::Sender<()>>,
}

impl Planned {
    fn now(id: String, webhook: Webhook, notify_first_attempt: Option<oneshot::Sender<()>>) -> Self {
        Self { id, webhook, not_before_ms: None, notify_first_attempt }
    }

    /// Reckoned now, not when the delivery starts: the clock may be advanced in between.
    fn by_rule(id: String, webhook: Webhook, rule: Option<&FaultRule>, now_ms: u64) -> Self {
        let delay = rule.filter(|rule| rule.fault == Fault::Delay).map(FaultRule::duration);
        let not_before_ms = delay.map(|delay| now_ms.saturating_add(millis(delay)));
        Self { not_before_ms, ..Self::now(id, webhook, None) }
    }
}

/// Starts one batch in its order: each webhook's first attempts are over before the next one is sent.
async fn deliver_batch(
    courier: Arc<Courier>,
    targets: Vec<WebhookTarget>,
    batch: Vec<Planned>,
    answered: Option<oneshot::Receiver<()>>,
) {
    if let Some(answered) = answered {
        // An error is the usual way of telling: the answer's body was written and dropped.
        let _ = answered.await;
    }
    // Aborted with this task, so that a reset leaves nothing behind.
    let mut later = JoinSet::new();
    for planned in batch {
        let delayed = planned.not_before_ms.is_some();
        let (first_attempts_over, over) = oneshot::channel();
        let urls = urls(&targets, &planned.webhook);
        later.spawn(deliver(Arc::clone(&courier), urls, planned, first_attempts_over));
        if !delayed {
            let _ = over.await;
        }
    }
    while later.join_next().await.is_some() {}
}

/// Where a webhook goes: to who registered for it, unless it says otherwise itself.
fn urls(targets: &[WebhookTarget], webhook: &Webhook) -> Vec<String> {
    if !webhook.instead_of_targets.is_empty() {
        return webhook.instead_of_targets.clone();
    }
    let interested = targets.iter().filter(|target| target.wants(&webhook.event));
    interested.map(|target| target.url.clone()).collect()
}

/// Delivers one webhook everywhere, and again where it was not taken.
async fn deliver(
    courier: Arc<Courier>,
    urls: Vec<String>,
    planned: Planned,
    first_attempts_over: oneshot::Sender<()>,
) {
    courier.clock.sleep_until(planned.not_before_ms.unwrap_or(0)).await;
    let mut not_taken = JoinSet::new();
    for url in urls {
        let sent_at_ms = courier.clock.now_ms();
        if !courier.attempt(&planned, &url, 0, sent_at_ms).await {
            let again = (planned.id.clone(), planned.webhook.clone());
            let courier = Arc::clone(&courier);
            not_taken.spawn(async move { courier.retry(again, &url, sent_at_ms).await });
        }
    }
    // Nobody waits for a delayed one, and an early one's call may be gone.
    let _ = first_attempts_over.send(());
    if let Some(notify) = planned.notify_first_attempt {
        let _ = notify.send(());
    }
    while not_taken.join_next().await.is_some() {}
}

impl Courier {
    /// Follows the retry schedule. Each pause counts from the attempt before, whenever that was answered.
    async fn retry(&self, (id, webhook): (String, Webhook), url: &str, mut sent_at_ms: u64) {
        let planned = Planned::now(id, webhook, None);
        for (index, pause) in self.rules.retry_after.iter().enumerate() {
            self.clock.sleep_until(sent_at_ms.saturating_add(millis(*pause))).await;
            sent_at_ms = self.clock.now_ms();
            if self.attempt(&planned, url, index + 1, sent_at_ms).await {
                return;
            }
        }
        tracing::warn!(url, id = planned.id, "a simulated PG gave up on a webhook");
    }

    /// Sends once; `true` if it was taken.
    async fn attempt(&self, planned: &Planned, url: &str, retried: usize, now_ms: u64) -> bool {
        let attempt = DeliveryAttempt { message_id: planned.id.clone(), retried, now_ms };
        let mut request =
            self.client.post(url).header(http::header::CONTENT_TYPE, planned.webhook.content_type);
        for (name, value) in (self.rules.headers)(&attempt) {
            request = request.header(name, value);
        }
        let answer = request.body(planned.webhook.body.clone()).send().await;
        let status = answer.as_ref().ok().map(reqwest::Response::status);
        self.note(Delivery {
            message_id: planned.id.clone(),
            event: planned.webhook.event.clone(),
            url: url.to_owned(),
            retried,
            sent_at_ms: now_ms,
            answer_status: status.map(|status| status.as_u16()),
            body: body_as_json(&planned.webhook.body),
        });
        status.is_some_and(self.rules.taken)
    }

    fn note(&self, delivery: Delivery) {
        let mut log = lock(&self.log);
        if log.len() == REMEMBERED_DELIVERIES {
            log.pop_front();
        }
        log.push_back(delivery);
    }
}

/// The client webhooks are sent with: straight to the URL, plain HTTP, and no longer than a PG waits.
pub(crate) fn webhook_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(timeout)
        .tls_backend_preconfigured(no_tls())
        .build()
}

/// Trusts nobody: a sandbox talks to its neighbours in plain HTTP, and whoever embeds it chooses the process's TLS
/// provider. Without any, building a client would panic.
fn no_tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// JSON where it is JSON, else a text.
pub(crate) fn body_as_json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
}

/// A retry schedule in whole minutes, as both PGs' documents give it.
#[must_use]
pub fn minutes(schedule: &[u64]) -> Vec<Duration> {
    schedule.iter().map(|minutes| Duration::from_secs(minutes.saturating_mul(60))).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
