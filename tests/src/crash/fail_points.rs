//! Named points of the program at which it can be made to die.
//!
//! A point is a name and a count: `commit.after 3` is the third time this process passes it. Counting per
//! name keeps a point where it is when something unrelated happens a moment earlier or later.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write as _,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;

/// The file that every point passed is noted in, a line each.
pub(super) const LOG: &str = "CRASH_LOG";

/// The point to die at, as it stands in the log.
pub(super) const AT: &str = "CRASH_AT";

/// How many calls of a PG are on their way.
static ON_THEIR_WAY: Mutex<usize> = Mutex::new(0);

/// How often it is looked whether none is.
const LOOK_EVERY: Duration = Duration::from_millis(1);

static POINTS: LazyLock<Mutex<Points>> = LazyLock::new(|| Mutex::new(Points::from_environment()));

#[derive(Debug, Default)]
struct Points {
    passed: BTreeMap<String, u64>,
    log: Option<File>,
    die_at: Option<String>,
}

impl Points {
    fn from_environment() -> Self {
        let log = std::env::var_os(LOG);
        let log = log.and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
        Self { passed: BTreeMap::new(), log, die_at: std::env::var(AT).ok() }
    }
}

/// Passes a point, or dies there: no destructor runs, nothing is flushed, as with `kill -9`.
pub(super) fn pass(name: &str) {
    // Held to the end: whoever comes second must not get past while this process dies.
    let mut points = POINTS.lock().unwrap_or_else(PoisonError::into_inner);
    let times = points.passed.entry(name.to_owned()).or_default();
    *times += 1;
    let point = format!("{name} {times}");
    if let Some(log) = &mut points.log {
        // One write of one line, so that nothing of it is lost with the process.
        let _ = log.write_all(format!("{point}\n").as_bytes());
    }
    if points.die_at.as_ref() == Some(&point) {
        std::process::abort();
    }
}

/// Does `work` between two points.
pub(super) async fn around<T>(name: &str, work: impl Future<Output = T>) -> T {
    pass(&format!("{name}.before"));
    let done = work.await;
    pass(&format!("{name}.after"));
    done
}

/// Calls a PG between two points.
pub(super) async fn around_call<T>(name: &str, call: impl Future<Output = T>) -> T {
    let _on_its_way = OnItsWay::begin();
    around(name, call).await
}

/// Does something while no call of a PG is on its way, such as moving time: an answer must not look late
/// because a test was in a hurry.
pub(super) async fn between_calls(mut work: impl FnMut()) {
    loop {
        {
            let calls = ON_THEIR_WAY.lock().unwrap_or_else(PoisonError::into_inner);
            if *calls == 0 {
                // Still held: none begins meanwhile.
                return work();
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// A call of a PG, until it is dropped.
struct OnItsWay;

impl OnItsWay {
    fn begin() -> Self {
        *ON_THEIR_WAY.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        *ON_THEIR_WAY.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}
