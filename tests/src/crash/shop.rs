//! A merchant's server that does as the documentation says: whatever breaks, it sends the same request with
//! the same key again.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

pub use super::{
    books::Books,
    settings::{MERCHANT_KEY, WEBHOOK_TOKEN, free_port, variables},
};
use super::{
    books::shown,
    process::{Server, Settings, Simulators},
    reply::Reply,
};

/// What things cost here, in won.
pub const AMOUNT: u64 = 15_000;

/// How long a request may be repeated, and a condition waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pause between two tries or looks.
const PAUSE: Duration = Duration::from_millis(10);

/// How many looks are taken before time is moved, by how much, and how often at the most.
const LOOKS_PER_STEP: u32 = 3;
const STEP: Duration = Duration::from_secs(20);
const STEP_EVERY: Duration = Duration::from_millis(30);

/// After so many steps they are longer: what is left waits for hours.
const SHORT_STEPS: u32 = 20;
const LONG_STEP: Duration = Duration::from_secs(20 * 60);

/// A slow machine is given the same hours: the wait does not end before so many steps, unless it has
/// lasted so many times as long.
const LEAST_STEPS: u32 = 60;
const MOST_PATIENCE: u32 = 6;

/// The step while many flows run at once: no buyer's ten minutes may pass because another one waits.
const CROWDED_STEP: Duration = Duration::from_secs(5);

/// A shop with one account at one PG.
#[derive(Debug)]
pub struct Shop {
    /// The PG.
    pub pg: &'static str,
    /// The server.
    pub server: Server,
    simulators: Arc<Simulators>,
    url: String,
    http: reqwest::Client,
    last_step: Mutex<Instant>,
    crowded: AtomicBool,
}

impl Shop {
    /// Opens a shop; its server dies at the points given, one life after the other.
    ///
    /// # Errors
    ///
    /// The simulators do not answer.
    pub async fn open(
        program: &Path,
        folder: &Path,
        simulators: &Arc<Simulators>,
        pg: &'static str,
        die_at: Vec<String>,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        simulators.reset(pg).await?;
        let hook = format!("http://127.0.0.1:{port}/webhooks/{pg}/{WEBHOOK_TOKEN}");
        simulators.control(pg, "webhook-targets", json!([{ "url": hook }])).await?;
        let variables = variables(folder, port, pg, simulators.url(pg));
        let (program, folder) = (program.to_owned(), folder.to_owned());
        let settings = Settings { program, folder, variables, pg, die_at };
        Ok(Self {
            pg,
            server: Server::start(settings, Arc::clone(simulators)),
            simulators: Arc::clone(simulators),
            url: format!("http://127.0.0.1:{port}"),
            // Long enough for a confirm that waits; a dead server answers at once.
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                .pool_idle_timeout(Duration::from_secs(3))
                .build()?,
            last_step: Mutex::new(Instant::now()),
            crowded: AtomicBool::new(false),
        })
    }

    /// Whether money moves when we confirm, not in the window.
    #[must_use]
    pub fn confirms(&self) -> bool {
        self.pg == "toss"
    }

    /// Registers an order; gives the payment's id. `method` is a blank where the buyer chooses.
    pub(super) async fn register(&self, order: &str, method: &str) -> anyhow::Result<String> {
        self.register_as(order, method, "티셔츠", "register").await
    }

    /// The same for what is called so, under this key.
    pub(super) async fn register_as(
        &self,
        order: &str,
        method: &str,
        name: &str,
        key: &str,
    ) -> anyhow::Result<String> {
        let mut body = json!({
            "order_id": order,
            "order_name": name,
            "amount": AMOUNT,
            "currency": "KRW",
            "return_url": "http://localhost:3000/return",
        });
        if !method.is_empty() {
            body["method"] = method.into();
        }
        let key = format!("{key}-{order}");
        let answer = self.post("/v1/payments", &key, &body).await?.expect(&[200, 201])?;
        Ok(answer["id"].as_str().context("a payment without an id")?.to_owned())
    }

    /// Prepares the browser step; gives what the page passes to the window.
    pub(super) async fn prepare(&self, id: &str, key: &str) -> anyhow::Result<Map<String, Value>> {
        let window = self.prepare_unless_paid(id, key).await?;
        window.context("the payment is paid, so there is no window to prepare")
    }

    /// The same; `None` if the payment is paid by now.
    pub(super) async fn prepare_unless_paid(
        &self,
        id: &str,
        key: &str,
    ) -> anyhow::Result<Option<Map<String, Value>>> {
        let path = format!("/v1/payments/{id}/next-action");
        let reply = self.post(&path, &format!("{key}-{id}"), &Value::Null).await?;
        if reply.status == 409 && reply.body["payment_status"] == "paid" {
            return Ok(None);
        }
        let answer = reply.expect(&[200])?;
        let calls = answer["next_action"]["calls"].as_array();
        let arguments = calls.and_then(|calls| calls.last()?["args"].get(0)?.as_object());
        arguments.cloned().map(Some).with_context(|| format!("no call of a script in {answer}"))
    }

    /// The buyer goes through the window; gives what the browser brings back.
    pub(super) async fn buyer(
        &self,
        window: &Map<String, Value>,
        method: &str,
        outcome: &str,
        amount: u64,
    ) -> anyhow::Result<Value> {
        let visit = json!({
            "order_id": pg_order(window)?,
            "method": method,
            "outcome": outcome,
            "amount": amount,
            // Every window was opened before anything was paid: a PG that refuses a paid order does so when it opens.
            "already_open": true,
            "bypass_prepare": amount != AMOUNT,
            "order_name": "티셔츠",
            "sdk": window,
        });
        Ok(self.simulators.control(self.pg, "pay", visit).await?["browser_result"].take())
    }

    /// The buyer's money arrives on the account.
    pub(super) async fn deposit(&self, window: &Map<String, Value>) -> anyhow::Result<()> {
        let order = json!({ "order_id": pg_order(window)? });
        self.simulators.control(self.pg, "deposit", order).await.map(|_| ())
    }

    /// The PG learns of a deposit that was made so long ago, and sends no webhook.
    pub(super) async fn late_deposit(
        &self,
        window: &Map<String, Value>,
        ago: Duration,
    ) -> anyhow::Result<()> {
        let at_s = i64::try_from(ago.as_secs())?.checked_neg();
        let order = json!({ "order_id": pg_order(window)?, "at_s": at_s, "notify": false });
        self.simulators.control(self.pg, "deposit", order).await.map(|_| ())
    }

    /// Hands over what the browser brought back.
    pub(super) async fn confirm(&self, id: &str, key: &str, result: &Value) -> anyhow::Result<Reply> {
        let body = json!({ "browser_result": result });
        self.post(&format!("/v1/payments/{id}/confirm"), &format!("{key}-{id}"), &body).await
    }

    /// The same, once, for a page that is gone before the answer.
    pub(super) async fn confirm_and_leave(&self, id: &str, result: &Value) {
        let body = json!({ "browser_result": result });
        // Whatever comes of it, nobody is there any more.
        let _ = self.send(Method::POST, &format!("/v1/payments/{id}/confirm"), None, Some(&body)).await;
    }

    /// Cancels, again and again until there is an answer that stays. `None` is all that is left.
    pub(super) async fn cancel(
        &self,
        id: &str,
        key: &str,
        amount: Option<u64>,
        to_account: bool,
    ) -> anyhow::Result<Reply> {
        let mut body = json!({ "reason": "재고 없음" });
        if let Some(amount) = amount {
            body["amount"] = amount.into();
        }
        if to_account {
            body["refund_account"] = refund_account();
        }
        self.post(&format!("/v1/payments/{id}/cancel"), &format!("{key}-{id}"), &body).await
    }

    /// Names the account that a compensation waits for.
    pub(super) async fn take_over(&self, id: &str, cancel: &Value) -> anyhow::Result<Reply> {
        let body = json!({ "reason": "이중 결제", "cancel_id": cancel, "refund_account": refund_account() });
        self.post(&format!("/v1/payments/{id}/cancel"), &format!("take-over-{id}"), &body).await
    }

    /// Scripts what goes wrong at the PG.
    pub(super) async fn faults(&self, rules: Value) -> anyhow::Result<()> {
        self.simulators.control(self.pg, "faults", rules).await.map(|_| ())
    }

    /// Every payment there is, every event, and the PG's books.
    pub(super) async fn books(&self) -> anyhow::Result<Books> {
        Ok(Books {
            payments: self.pages("/v1/payments?limit=100").await?,
            events: self.pages("/v1/events?limit=100").await?,
            rows: self.simulators.read(self.pg, "payments").await?,
        })
    }

    /// What operators have to look into, though nothing happened that needs one: reviews that wait for a person, and
    /// amounts that are not the sums of their events.
    pub(super) async fn operators_findings(&self) -> anyhow::Result<Vec<String>> {
        let admin = || format!("http://{}", self.server.admin_address());
        let reviews = self.get_from(admin, "/reviews?limit=100").await?;
        let ledger = self.get_from(admin, "/ledger/check?limit=500").await?;
        let reviews = reviews["data"].as_array().into_iter().flatten();
        let reviews = reviews.map(|review| format!("a review waits for a person: {review}"));
        let differences = ledger["differences"].as_array().context("no differences")?.iter();
        Ok(reviews.chain(differences.map(|found| format!("the ledger differs: {found}"))).collect())
    }

    /// Lets time pass until a payment is as it should be, and gives it.
    pub(super) async fn wait_until(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let look = async || {
            let payment = self.get(&format!("/v1/payments/{id}")).await?;
            Ok(if is_so(&payment) { Ok(payment) } else { Err(shown(&payment)) })
        };
        self.eventually(look).await?.map_err(|seen| anyhow::anyhow!("it never happened: {seen}"))
    }

    /// Lets time pass until something is so; gives it, or what was seen last when the wait ends.
    pub(super) async fn eventually<T, E>(
        &self,
        mut look: impl AsyncFnMut() -> anyhow::Result<Result<T, E>>,
    ) -> anyhow::Result<Result<T, E>> {
        let began = Instant::now();
        let (mut looks, mut steps) = (0_u32, 0_u32);
        loop {
            let seen = look().await?;
            let waited = began.elapsed();
            let is_over = waited > PATIENCE && steps >= LEAST_STEPS || waited > PATIENCE * MOST_PATIENCE;
            if seen.is_ok() || is_over {
                return Ok(seen);
            }
            looks += 1;
            if looks.is_multiple_of(LOOKS_PER_STEP) {
                steps += 1;
                self.step(match steps {
                    _ if self.crowded.load(Ordering::SeqCst) => CROWDED_STEP,
                    ..=SHORT_STEPS => STEP,
                    _ => LONG_STEP,
                })
                .await?;
            }
            sleep(PAUSE).await;
        }
    }

    /// Says whether many flows run at once.
    pub(super) fn set_crowded(&self, crowded: bool) {
        self.crowded.store(crowded, Ordering::SeqCst);
    }

    /// Lets a long time pass at once, if that disturbs nobody; answers whether it did.
    pub(super) async fn later(&self, by: Duration) -> anyhow::Result<bool> {
        if self.crowded.load(Ordering::SeqCst) {
            return Ok(false);
        }
        self.server.advance(by).await.map(|()| true)
    }

    /// A step of time, unless somebody else took one a moment ago.
    async fn step(&self, by: Duration) -> anyhow::Result<()> {
        let mut last = self.last_step.lock().await;
        if last.elapsed() >= STEP_EVERY {
            self.server.advance(by).await?;
            *last = Instant::now();
        }
        Ok(())
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Reply> {
        let body = Some(body).filter(|body| !body.is_null());
        let look = async || {
            let sent = self.send(Method::POST, path, Some(key), body).await;
            Ok(match sent {
                Ok(reply) if !reply.is_to_be_repeated() => Ok(reply),
                Ok(reply) => Err(format!("{} {}", reply.status, reply.body)),
                Err(error) => Err(format!("{error:#}")),
            })
        };
        self.eventually(look).await?.map_err(|seen| anyhow::anyhow!("{path}: no answer that stays: {seen}"))
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.get_from(|| self.url.clone(), path).await
    }

    /// Reads from a listener, which may be at another address in its next life.
    async fn get_from(&self, url: impl Fn() -> String, path: &str) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sent = self.send_to(&url(), Method::GET, path, None, None).await;
            match sent {
                Ok(reply) if reply.status == 200 => return Ok(reply.body),
                Ok(reply) if reply.status < 500 => anyhow::bail!("{path}: {} {}", reply.status, reply.body),
                _ if Instant::now() > deadline => anyhow::bail!("{path}: no answer"),
                _ => sleep(PAUSE).await,
            }
        }
    }

    async fn pages(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("{path}{cursor}")).await?;
            let Value::Array(data) = page["data"].take() else { anyhow::bail!("{path} is no list") };
            let ended = data.is_empty();
            all.extend(data);
            match page["next_cursor"].as_str().filter(|_| !ended) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        self.send_to(&self.url, method, path, key, body).await
    }

    async fn send_to(
        &self,
        url: &str,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        let mut request = self.http.request(method, format!("{url}{path}")).bearer_auth(MERCHANT_KEY);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok(Reply { status, body: answer.json().await.unwrap_or_default() })
    }
}

fn pg_order(window: &Map<String, Value>) -> anyhow::Result<&Value> {
    window.get("orderId").or_else(|| window.get("merchant_uid")).context("a window without an order id")
}

/// An account that a refund reaches.
fn refund_account() -> Value {
    json!({ "bank_code": "088", "account_number": "110123456789", "holder_name": "홍길동" })
}
