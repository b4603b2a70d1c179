//! The `paymux` binary as a process of its own, logging all that an operator can make it log.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, PipeReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use paymux_server::config::KeyHash;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tests::harness::eventually;

/// The key of the demo's merchant, and of the second merchant there is here.
pub(super) const DEMO_KEY: &str = "sk_test_demo";
pub(super) const OTHER_KEY: &str = "sk_test_other_merchant";

/// What the hourly sweep of a payment gateway's list asks, whoever asks for what: its time, by a call that finds nothing,
/// and its list.
const SWEEP: [&str; 5] = [
    "/v1/payments/orders/no-such-order",
    "/users/pg",
    "/users/getToken",
    "/v1/transactions",
    "/payments/status/",
];

/// How much a pipe of Linux holds.
const PIPE: usize = 64 * 1024;

/// A running `paymux demo` with two merchants. Ends with the value.
#[derive(Debug)]
pub(super) struct Process {
    folder: TempDir,
    child: Child,
    url: String,
    variables: Vec<(String, String)>,
    http: reqwest::Client,
}

/// An answer, as text.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) text: String,
}

impl Process {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one, configured further: `("SERVER__MAX_BODY_BYTES", "1000")`.
    pub(super) async fn start_with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let child = spawn(folder.path(), &variables);
        let mut process = Self { folder, child, url: String::new(), variables, http: client() };
        process.url = process.wait_until_ready().await;
        process
    }

    /// Starts one whose log goes into a pipe that is full and that nobody reads while the other value is there.
    pub(super) async fn start_unread() -> (Self, PipeReader) {
        let folder = tempfile::tempdir().unwrap();
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&[b' '; PIPE]).unwrap();
        let mut command = command(folder.path(), &[]);
        let mut child = command.stdout(Stdio::piped()).stderr(writer).spawn().unwrap();
        let mut banner = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { folder, child, url: String::new(), variables: Vec::new(), http: client() };
        process.url = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            while !line.trim_start().starts_with("API ") {
                line.clear();
                assert_ne!(banner.read_line(&mut line).unwrap(), 0, "there is no banner");
            }
            line.trim_start().trim_start_matches("API").trim().to_owned()
        })
        .await
        .unwrap();
        (process, reader)
    }

    /// Kills it as a power cut would, and starts it again on the same data.
    pub(super) async fn crash(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.resume().await;
    }

    /// Starts it again on the same data.
    pub(super) async fn resume(&mut self) {
        self.child = spawn(self.folder.path(), &self.variables);
        self.url = self.wait_until_ready().await;
    }

    /// Asks it to stop, as a supervisor does; whether it ended well.
    pub(super) async fn terminate(&mut self) -> bool {
        ask_to_stop(&self.child);
        let child = &mut self.child;
        eventually(async || child.try_wait().unwrap().ok_or("it still runs".to_owned())).await.success()
    }

    /// Sets something for its next life.
    pub(super) fn configure(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Starts it again on data that it cannot use: its exit code, and what it said.
    pub(super) async fn ends_at_once(&mut self) -> (Option<i32>, String) {
        self.child = spawn(self.folder.path(), &self.variables);
        let child = &mut self.child;
        let status = eventually(async || child.try_wait().unwrap().ok_or("it still runs".to_owned())).await;
        (status.code(), self.log())
    }

    /// Lets it open only so many files and connections from now on.
    pub(super) fn limit_descriptors(&self, most: u32) -> bool {
        run("prlimit", &["--pid", &self.child.id().to_string(), &format!("--nofile={most}:{most}")])
    }

    /// Hundredths of a second of processor time that it has used (proc(5), utime and stime).
    pub(super) fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, after_name) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<_> = after_name.split(' ').collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    async fn wait_until_ready(&mut self) -> String {
        eventually(async || {
            let log = self.log();
            let ready = log.lines().find(|line| line.contains("paymux is ready"));
            let address =
                ready.and_then(|line| line.split_once("address=")).map(|(_, address)| address.trim());
            address.map(|address| format!("http://{address}")).ok_or(log.clone())
        })
        .await
    }

    /// The address to connect to.
    pub(super) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A POST of the demo's merchant.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path).bearer_auth(DEMO_KEY)
    }

    /// A GET of the demo's merchant, as JSON.
    pub(super) async fn get(&self, path: &str) -> Value {
        answer(self.request(Method::GET, path).bearer_auth(DEMO_KEY)).await.json()
    }

    /// A call of the sandbox's control API.
    pub(super) async fn control(&self, call: &str, body: &Value) -> Value {
        let answer = answer(self.request(Method::POST, &format!("/_sandbox/{call}")).json(body)).await;
        assert_eq!(answer.status, 200, "{call}: {}", answer.text);
        answer.json()
    }

    /// Everything it has logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The bytes of the database, its write-ahead log and its index: all files but the simulators' own.
    pub(super) fn database(&self) -> Vec<u8> {
        let entries = fs::read_dir(self.folder.path().join("data")).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        let ours: Vec<_> = files.filter(|path| path.to_string_lossy().contains("paymux.db")).collect();
        assert!(!ours.is_empty());
        ours.iter().flat_map(|path| fs::read(path).unwrap()).collect()
    }

    /// Asserts that nothing came of what was sent: no row, no event, no call to a payment gateway.
    pub(super) async fn assert_untouched(&self) {
        for key in [DEMO_KEY, OTHER_KEY] {
            for path in ["/v1/payments", "/v1/events"] {
                let list = answer(self.request(Method::GET, path).bearer_auth(key)).await.json();
                assert_eq!(list["data"], serde_json::json!([]), "{path}");
            }
        }
        let calls = self.get("/_sandbox/calls").await;
        let all = calls.as_object().unwrap().values().flat_map(|calls| calls.as_array().unwrap());
        let is_sweep = |call: &Value| {
            let path = call["path"].as_str().unwrap();
            SWEEP.iter().any(|swept| path.starts_with(swept))
        };
        let asked: Vec<_> = all.filter(|call| !is_sweep(call)).collect();
        assert!(asked.is_empty(), "a payment gateway was called: {asked:?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Asserts status and code; gives the body.
    #[track_caller]
    pub(super) fn expect(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        let said = body.get("code").or_else(|| body.get("status"));
        assert!(
            self.status == status && said == Some(&code.into()),
            "not {status} {code}: {} {}",
            self.status,
            self.text
        );
        body
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Whether a text stands anywhere in the answer.
    pub(super) fn quotes(&self, text: &str) -> bool {
        self.text.contains(text) || format!("{:?}", self.headers).contains(text)
    }
}

/// Sends SIGTERM, as a supervisor does. By the shell, for a bare Debian has no `kill` of its own.
pub(super) fn ask_to_stop(child: &Child) {
    assert!(run("sh", &["-c", "kill -TERM \"$1\"", "sh", &child.id().to_string()]));
}

/// Runs a program; whether it ended well.
pub(super) fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
}

/// Sends a request.
pub(super) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

fn client() -> reqwest::Client {
    // The server of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A connection of its own for each request: one that the server ends after refusing a body must not be the next one's.
    reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

fn spawn(folder: &Path, variables: &[(String, String)]) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    command(folder, variables).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn command(folder: &Path, variables: &[(String, String)]) -> Command {
    let database = format!("sqlite:{}", folder.join("data/paymux.db").display());
    let other_key = KeyHash::of(OTHER_KEY).to_string();
    let defaults = [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
        ("DATABASE__URL", &database),
        ("MERCHANTS__OTHER__KEYS", &other_key),
        ("ACCOUNTS__OTHERS__KIND", "toss"),
        ("ACCOUNTS__OTHERS__MERCHANT", "other"),
        ("ACCOUNTS__OTHERS__MODE", "test"),
        ("ACCOUNTS__OTHERS__WEBHOOK_PATH_TOKEN", "token-of-the-other-merchant"),
    ];
    let further = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all = defaults.into_iter().chain(further).map(|(name, value)| (format!("PAYMUX__{name}"), value));
    let mut command = Command::new(binary());
    command.arg("demo").env_clear().envs(all).env("PAYMUX_LOG", "trace").current_dir(folder);
    command
}

/// The binary, built as the tests were. A test of another package is not given its path.
pub(super) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        // …/debug/deps/it-0123456789abcdef
        let profile = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let target = profile.parent().unwrap().to_owned();
        let mut build = Command::new(cargo);
        // With this package, so that every dependency has the features it was built with for the tests.
        build.args(["build", "--quiet", "-p", "paymux-server", "-p", "tests", "--bin", "paymux"]);
        build.arg("--manifest-path").arg(manifest);
        build.arg("--target-dir").arg(target);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the binary does not build");
        profile.join("paymux")
    })
}
