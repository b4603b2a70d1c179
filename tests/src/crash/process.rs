//! The processes: the simulators, which live as long as their lane, and the server, which dies and is
//! started again at once.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{fail_points, victim};

/// How long a process may take to say that it is there.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// How long a process may take to end once its output has.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// How often in a row a server may fail to start before it is given up.
const FAILED_STARTS: u32 = 20;

/// The pause after a start that failed: its port may not be free yet.
const AFTER_FAILED_START: Duration = Duration::from_millis(20);

/// A process that speaks in lines, and ends when its standard input does.
#[derive(Debug)]
struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = input.zip(output).context("the pipes of a process are missing")?;
        Ok(Self { child, input, output: BufReader::new(output).lines() })
    }

    /// Reads on until `found` finds something.
    async fn wait_for<T>(&mut self, mut found: impl FnMut(&str) -> Option<T>) -> anyhow::Result<T> {
        let read = async {
            while let Some(line) = self.output.next_line().await? {
                if let Some(found) = found(&line) {
                    return Ok(found);
                }
            }
            anyhow::bail!("the process ended")
        };
        timeout(STARTS_WITHIN, read).await.context("the process says nothing")?
    }

    /// Whether it is still there a moment later: its output may end before it does.
    async fn is_there(&mut self) -> bool {
        timeout(ENDS_WITHIN, self.child.wait()).await.is_err()
    }

    async fn kill(mut self) {
        // An error means that it is dead already.
        let _ = self.child.kill().await;
    }
}

/// The PGs, and the clock that they and the server share.
#[derive(Debug)]
pub struct Simulators {
    urls: BTreeMap<String, String>,
    ahead_ms: AtomicU64,
    http: reqwest::Client,
    process: Process,
}

impl Simulators {
    /// Starts them.
    ///
    /// # Errors
    ///
    /// They cannot be started.
    pub async fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.arg("sandbox").env_clear();
        let mut process = Process::start(&mut command, &folder.join("simulators.log"))?;
        let mut urls = BTreeMap::new();
        process
            .wait_for(|line| {
                let mut words = line.split_whitespace();
                if let (Some(name), Some(url)) = (words.next(), words.next())
                    && url.starts_with("http://")
                    && name != "control:"
                {
                    urls.insert(name.to_owned(), url.to_owned());
                }
                (urls.len() == 2 && line.contains("control:")).then_some(())
            })
            .await?;
        let http = reqwest::Client::builder().no_proxy().timeout(STARTS_WITHIN).build()?;
        Ok(Self { urls, ahead_ms: AtomicU64::new(0), http, process })
    }

    /// Where a PG is.
    #[must_use]
    pub fn url(&self, pg: &str) -> &str {
        self.urls.get(pg).map(String::as_str).unwrap_or_default()
    }

    /// Forgets every payment and every fault. The clock stays.
    pub(super) async fn reset(&self, pg: &str) -> anyhow::Result<()> {
        self.control(pg, "reset", json!({})).await.map(|_| ())
    }

    /// Asks a simulator for something that has to work.
    ///
    /// # Errors
    ///
    /// It did not work.
    pub async fn control(&self, pg: &str, call: &str, body: Value) -> anyhow::Result<Value> {
        let (status, answer) = self.try_control(pg, call, body).await?;
        anyhow::ensure!(status == 200, "the simulator answered {call} with {status}: {answer}");
        Ok(answer)
    }

    pub(super) async fn try_control(
        &self,
        pg: &str,
        call: &str,
        body: Value,
    ) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}/_sandbox/{call}", self.url(pg));
        let method = if call == "webhook-targets" { reqwest::Method::PUT } else { reqwest::Method::POST };
        let answer = self.http.request(method, url).json(&body).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    /// Reads a log, or the books.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub async fn read(&self, pg: &str, what: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.http.get(format!("{}/_sandbox/{what}", self.url(pg))).send().await?;
        Ok(answer.json().await?)
    }

    /// Stops them.
    pub async fn stop(self) {
        self.process.kill().await;
    }

    fn ahead_ms(&self) -> u64 {
        self.ahead_ms.load(Ordering::SeqCst)
    }

    async fn advance(&self, pg: &str, by: Duration) -> anyhow::Result<()> {
        self.control(pg, "clock", json!({ "advance_s": by.as_secs() })).await?;
        self.ahead_ms.fetch_add(by.as_secs().saturating_mul(1_000), Ordering::SeqCst);
        Ok(())
    }
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program.
    pub program: PathBuf,
    /// Where its logs go.
    pub folder: PathBuf,
    /// Its configuration.
    pub variables: BTreeMap<String, String>,
    /// The PG whose account it has.
    pub pg: &'static str,
    /// Where its lives die: the first at the first of them, and so on. The last life does not.
    pub die_at: Vec<String>,
}

/// A server that is started again whenever it dies.
#[derive(Debug)]
pub struct Server {
    orders: mpsc::Sender<Order>,
    deaths: Arc<AtomicU32>,
    admin: watch::Receiver<String>,
    supervisor: JoinHandle<()>,
}

#[derive(Debug)]
enum Order {
    Advance(Duration, oneshot::Sender<()>),
    Kill(oneshot::Sender<()>),
}

impl Server {
    /// Starts one.
    #[must_use]
    pub fn start(settings: Settings, simulators: Arc<Simulators>) -> Self {
        let (orders, received) = mpsc::channel(64);
        let deaths = Arc::new(AtomicU32::new(0));
        let (lives, admin) = watch::channel(String::new());
        let lives = Lives { deaths: Arc::clone(&deaths), admin: lives };
        let supervisor = tokio::spawn(supervise(settings, simulators, received, lives));
        Self { orders, deaths, admin, supervisor }
    }

    /// Where the admin listener of its present life is.
    pub(super) fn admin_address(&self) -> String {
        self.admin.borrow().clone()
    }

    /// Moves the clock, of the simulators too, once the server is there and calls no PG.
    pub(super) async fn advance(&self, by: Duration) -> anyhow::Result<()> {
        self.order(|done| Order::Advance(by, done)).await
    }

    /// `kill -9`.
    pub(super) async fn kill(&self) -> anyhow::Result<()> {
        self.order(Order::Kill).await
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) -> anyhow::Result<()> {
        let (done, is_done) = oneshot::channel();
        self.orders.send(order(done)).await.ok().context("the server cannot be started any more")?;
        is_done.await.context("the server does not follow the command")
    }

    /// How often it died.
    #[must_use]
    pub fn deaths(&self) -> u32 {
        self.deaths.load(Ordering::SeqCst)
    }

    /// Kills it for good.
    pub async fn stop(self) {
        drop(self.orders);
        // An error means that the supervisor has given up before.
        let _ = self.supervisor.await;
    }
}

/// What a supervisor reports of the runs of its server.
struct Lives {
    deaths: Arc<AtomicU32>,
    admin: watch::Sender<String>,
}

async fn supervise(
    settings: Settings,
    simulators: Arc<Simulators>,
    mut orders: mpsc::Receiver<Order>,
    Lives { deaths, admin }: Lives,
) {
    let mut failed_starts = 0;
    while failed_starts < FAILED_STARTS {
        let life = deaths.load(Ordering::SeqCst);
        let Ok((mut process, address)) = begin_life(&settings, &simulators, life).await else {
            // It may have been set to die this early.
            deaths.fetch_add(1, Ordering::SeqCst);
            failed_starts += 1;
            sleep(AFTER_FAILED_START).await;
            continue;
        };
        admin.send_replace(address);
        failed_starts = 0;
        loop {
            tokio::select! {
                _ = process.child.wait() => break,
                order = orders.recv() => match order {
                    None => return process.kill().await,
                    Some(Order::Kill(done)) => {
                        let _ = process.child.kill().await;
                        let _ = done.send(());
                    }
                    Some(Order::Advance(by, done)) => {
                        let moved = advance(&settings, &simulators, &mut process, by).await;
                        // If it died meanwhile, its next life begins at the new time.
                        if moved.is_ok() || !process.is_there().await {
                            let _ = done.send(());
                        }
                        // Else whoever asked gets no answer.
                    }
                },
            }
        }
        deaths.fetch_add(1, Ordering::SeqCst);
    }
}

async fn advance(
    settings: &Settings,
    simulators: &Simulators,
    process: &mut Process,
    by: Duration,
) -> anyhow::Result<()> {
    simulators.advance(settings.pg, by).await?;
    process.input.write_all(format!("{}\n", by.as_secs()).as_bytes()).await?;
    process.input.flush().await?;
    process.wait_for(|line| (line == victim::MOVED).then_some(())).await
}

/// A new life, and where its admin listener is.
async fn begin_life(
    settings: &Settings,
    simulators: &Simulators,
    life: u32,
) -> anyhow::Result<(Process, String)> {
    let mut command = Command::new(&settings.program);
    command.env_clear().envs(&settings.variables);
    command.env(victim::AHEAD_MS, simulators.ahead_ms().to_string());
    command.env(fail_points::LOG, points_log(&settings.folder, life));
    let die_at = usize::try_from(life).ok().and_then(|life| settings.die_at.get(life));
    if let Some(point) = die_at {
        command.env(fail_points::AT, point);
    }
    let mut process = Process::start(&mut command, &settings.folder.join("server.log"))?;
    let address = process.wait_for(|line| line.strip_prefix(victim::READY).map(str::to_owned)).await?;
    Ok((process, address.trim().to_owned()))
}

/// Where a life notes the points it passes.
#[must_use]
pub fn points_log(folder: &Path, life: u32) -> PathBuf {
    folder.join(format!("points-{life}.log"))
}
