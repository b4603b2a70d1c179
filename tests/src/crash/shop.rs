//! A merchant's server that does as the documentation says: whatever breaks, it sends the same request with
//! the same key again.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::process::{Server, Settings, Simulators};

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

/// A slow machine is given the same hours: patience is not over before so many steps, unless it has
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
        let settings = Settings {
            program: program.to_owned(),
            folder: folder.to_owned(),
            variables: variables(folder, port, pg, simulators.url(pg)),
            pg,
            die_at,
        };
        Ok(Self {
            pg,
            server: Server::start(settings, Arc::clone(simulators)),
            simulators: Arc::clone(simulators),
            url: format!("http://127.0.0.1:{port}"),
            // Long enough for a confirm that waits; a dead server answers at once.
            http: reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?,
            last_step: Mutex::new(Instant::now()),
            crowded: AtomicBool::new(false),
        })
    }

    /// Whether money moves when we confirm, not in the window.
    #[must_use]
    pub fn confirms(&self) -> bool {
        self.pg == "toss"
    }

    /// Registers an order; gives the payment's id.
    pub(super) async fn register(&self, order: &str, method: &str) -> anyhow::Result<String> {
        let body = json!({
            "order_id": order,
            "order_name": "티셔츠",
            "amount": AMOUNT,
            "currency": "KRW",
            "method": method,
            "return_url": "http://localhost:3000/return",
        });
        let key = format!("register-{order}");
        let answer = self.post("/v1/payments", &key, &body).await?.expect(&[200, 201])?;
        Ok(answer["id"].as_str().context("a payment without an id")?.to_owned())
    }

    /// Prepares the browser step; gives what the page passes to the window.
    pub(super) async fn prepare(&self, id: &str, key: &str) -> anyhow::Result<Map<String, Value>> {
        let path = format!("/v1/payments/{id}/next-action");
        let answer = self.post(&path, &format!("{key}-{id}"), &Value::Null).await?.expect(&[200])?;
        let calls = answer["next_action"]["calls"].as_array();
        let arguments = calls.and_then(|calls| calls.last()?["args"].get(0)?.as_object());
        arguments.cloned().with_context(|| format!("no call of a script in {answer}"))
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
            body["refund_account"] =
                json!({ "bank_code": "88", "account_number": "110123456789", "holder_name": "홍길동" });
        }
        self.post(&format!("/v1/payments/{id}/cancel"), &format!("{key}-{id}"), &body).await
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

    /// Lets time pass until a payment is as it should be, and gives it.
    pub(super) async fn until(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let look = async || {
            let payment = self.get(&format!("/v1/payments/{id}")).await?;
            Ok(if is_so(&payment) { Ok(payment) } else { Err(shown(&payment)) })
        };
        self.eventually(look).await?.map_err(|seen| anyhow::anyhow!("it never happened: {seen}"))
    }

    /// Lets time pass until something is so; gives it, or what was seen last when patience is over.
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

    /// Lets a long time pass at once, if that disturbs nobody; tells whether it did.
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
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sent = self.send(Method::GET, path, None, None).await;
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
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(MERCHANT_KEY);
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

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Reply {
    /// What the documentation says of the answer: `same_key`.
    fn is_to_be_repeated(&self) -> bool {
        self.status >= 500 || self.body["retry"] == "same_key"
    }

    pub(super) fn expect(self, statuses: &[u16]) -> anyhow::Result<Value> {
        anyhow::ensure!(statuses.contains(&self.status), "answered {} {}", self.status, self.body);
        Ok(self.body)
    }
}

/// Everything that is said of the payments, by us and by the PG.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Our payments, newest first.
    pub payments: Vec<Value>,
    /// Our events, oldest first.
    pub events: Vec<Value>,
    /// The PG's rows.
    pub rows: Vec<Value>,
}

/// What of a payment a person wants to see.
pub(super) fn shown(payment: &Value) -> Value {
    let names = ["id", "status", "amount_paid", "amount_cancelled", "failure", "last_attempt", "cancels"];
    only(payment, &names)
}

impl Books {
    /// What of them a person wants to see.
    #[must_use]
    pub fn shown(&self) -> String {
        let ours = self.payments.iter().map(|payment| format!("ours:   {}\n", shown(payment)));
        let names = ["order_id", "pg_id", "status", "amount", "taken", "given_back"];
        let theirs = self.rows.iter().map(|row| format!("theirs: {}\n", only(row, &names)));
        ours.chain(theirs).collect()
    }
}

fn only(value: &Value, names: &[&str]) -> Value {
    Value::Object(names.iter().map(|name| ((*name).to_owned(), value[*name].clone())).collect())
}

fn pg_order(window: &Map<String, Value>) -> anyhow::Result<&Value> {
    window.get("orderId").or_else(|| window.get("merchant_uid")).context("a window without an order id")
}

/// A port that was free a moment ago. The server keeps it for all its lives, so that webhooks find it.
///
/// # Errors
///
/// There is none.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The unguessable part of the address that the PG's webhooks go to.
pub const WEBHOOK_TOKEN: &str = "crash-matrix-webhook-token";

/// The public key of the demo merchant.
pub const MERCHANT_KEY: &str = "sk_test_demo";
/// Its hash.
const MERCHANT_KEY_HASH: &str = "sha256:5d48f1024f38b44ad9ddc03dc12b2a8287c7ec690065dcef384cb1fd1753626d";

/// What `paymux serve` is configured with: one merchant with one account, whose PG is somewhere on this machine.
#[must_use]
pub fn variables(folder: &Path, port: u16, pg: &str, base_url: &str) -> BTreeMap<String, String> {
    let account = pg.to_uppercase();
    let general = [
        ("SERVER__LISTEN".to_owned(), format!("127.0.0.1:{port}")),
        ("SERVER__ADMIN_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("SERVER__PUBLIC_URL".to_owned(), format!("http://127.0.0.1:{port}")),
        ("DATABASE__URL".to_owned(), format!("sqlite:{}", folder.join("paymux.db").display())),
        ("DATABASE__ENCRYPTION_KEY".to_owned(), BASE64_STANDARD.encode([7; 32])),
        ("MERCHANTS__SHOP__KEYS".to_owned(), MERCHANT_KEY_HASH.to_owned()),
        // Time is moved by days where a refund waits; no order may run out meanwhile.
        ("MERCHANTS__SHOP__PAYABLE_FOR".to_owned(), "90d".to_owned()),
    ];
    let own: &[(&str, &str)] = match pg {
        "toss" => &[("CLIENT_KEY", "test_ck_paymuxdemo"), ("SECRET_KEY", "test_sk_paymuxdemo")],
        _ => &[
            ("IMP_KEY", "paymux_demo_key"),
            ("IMP_SECRET", "paymux_demo_secret"),
            ("IMP_CODE", "imp00000000"),
            ("CHANNEL_KEY", "channel-key-paymux-demo"),
            ("REFUND_BANK_CODES", "last_two_digits"),
        ],
    };
    let shared = [
        ("KIND", pg),
        ("MERCHANT", "shop"),
        ("MODE", "test"),
        ("WEBHOOK_PATH_TOKEN", WEBHOOK_TOKEN),
        ("BASE_URL", base_url),
    ];
    let of_account = shared.iter().chain(own);
    let of_account =
        of_account.map(|(name, value)| (format!("ACCOUNTS__{account}__{name}"), (*value).to_owned()));
    general.into_iter().chain(of_account).map(|(name, value)| (format!("PAYMUX__{name}"), value)).collect()
}
