//! The one thread that writes, and puts the changes that wait into one commit.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::fault::Fault;

/// The most changes in one commit: bounds how long the first of them waits.
const BATCH: usize = 256;

/// How many changes may wait; who comes later waits to wait.
const QUEUE: usize = 1024;

/// Why a whole batch failed: the answer to each of its jobs.
#[derive(Clone, Debug)]
enum BatchFault {
    Sqlite(Arc<rusqlite::Error>),
    Lost,
    Replaced,
}

impl From<rusqlite::Error> for BatchFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<BatchFault> for Fault {
    fn from(fault: BatchFault) -> Self {
        match fault {
            BatchFault::Sqlite(error) => Self::Batch(error),
            BatchFault::Lost => Self::Lost,
            BatchFault::Replaced => Self::Replaced,
        }
    }
}

type Reply = Box<dyn FnOnce(Result<(), BatchFault>) + Send>;

/// Does its work in a savepoint of the open transaction, or is given the reason why there is none. Returns whether
/// to keep what it did, and what answers its caller once the batch has ended.
type Job = Box<dyn FnOnce(Result<&Connection, BatchFault>) -> (bool, Reply) + Send>;

/// The thread that writes. Dropping it waits until everything queued is done.
pub(crate) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    /// `is_in_place` is asked before each answer: whether the file is still the one that the next start will open.
    pub(crate) fn start(
        connection: Connection,
        is_in_place: impl Fn() -> bool + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let run = move || {
            let mut jobs = Vec::with_capacity(BATCH);
            while waiting.blocking_recv_many(&mut jobs, BATCH) > 0 {
                run_batch(&connection, &is_in_place, &mut jobs);
            }
        };
        let thread = thread::Builder::new().name("sqlite-writer".to_owned()).spawn(run)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs `work` and answers once what it did is on disk. An error takes back what it did.
    ///
    /// Once queued it is done, whether or not somebody still waits for the answer.
    pub(crate) async fn call<R, F>(&self, work: F) -> Result<R, Fault>
    where
        R: Send + 'static,
        F: FnOnce(&Connection) -> Result<R, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = connection.map_err(Fault::from).and_then(|connection| {
                catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or(Err(Fault::Panicked))
            });
            let keep = result.is_ok();
            let reply = move |end: Result<(), BatchFault>| {
                // A refusal by a rule stays one even if the batch failed: its work is undone in any case.
                let outcome = result.and_then(|value| end.map(|()| value).map_err(Fault::from));
                // Nobody may be waiting any more.
                let _ = answer.send(outcome);
            };
            (keep, Box::new(reply))
        });
        let queue = self.queue.as_ref().ok_or(Fault::Closing)?;
        queue.send(job).await.map_err(|_| Fault::Closing)?;
        answered.await.map_err(|_| Fault::Closing)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It contains the panics of its jobs, so there is none to report here.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

fn run_batch(connection: &Connection, is_in_place: &impl Fn() -> bool, jobs: &mut Vec<Job>) {
    let mut state = execute(connection, "BEGIN IMMEDIATE");
    let mut replies = Vec::with_capacity(jobs.len());
    for job in jobs.drain(..) {
        if state.is_ok() {
            state = execute(connection, "SAVEPOINT job");
        }
        let (keep, reply) = job(state.as_ref().map(|()| connection).map_err(BatchFault::clone));
        if state.is_ok() {
            state = end_job(connection, keep);
        }
        replies.push(reply);
    }
    if state.is_ok() {
        state = execute(connection, "COMMIT");
    }
    if state.is_err() && !connection.is_autocommit() {
        // If this fails too, the next `BEGIN` fails and nothing is acknowledged.
        let _ = execute(connection, "ROLLBACK");
    }
    // What was written into a file that was moved away or replaced is lost at the next start.
    if state.is_ok() && !is_in_place() {
        state = Err(BatchFault::Replaced);
    }
    // Only now: nothing is acknowledged before the batch is on disk.
    replies.into_iter().for_each(|reply| reply(state.clone()));
}

fn end_job(connection: &Connection, keep: bool) -> Result<(), BatchFault> {
    // A full disk or an I/O error may have rolled everything back: what follows would each be
    // committed by itself, and what came before is gone.
    if connection.is_autocommit() {
        return Err(BatchFault::Lost);
    }
    execute(connection, if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" })
}

fn execute(connection: &Connection, sql: &str) -> Result<(), BatchFault> {
    Ok(connection.execute_batch(sql)?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use futures_util::future::join_all;
    use paymux_core::store::StoreError;

    use super::*;

    fn connection(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = wal; CREATE TABLE IF NOT EXISTS numbers (n bigint NOT NULL)",
            )
            .unwrap();
        connection
    }

    fn insert(connection: &Connection, n: i64) -> Result<i64, Fault> {
        connection.execute("INSERT INTO numbers (n) VALUES (?)", [n])?;
        Ok(n)
    }

    fn numbers(path: &Path) -> Vec<i64> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection.prepare("SELECT n FROM numbers ORDER BY n").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn acknowledged_jobs_are_written_and_refused_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.db");
        let writer = Writer::start(connection(&path), || true).unwrap();
        let calls = (0..1_500).map(|n| {
            writer.call(move |connection| {
                let done = insert(connection, n)?;
                match n % 3 {
                    0 => Ok(done),
                    1 => Err(StoreError::Conflict.into()),
                    _ => panic!("a job that panics after it wrote"),
                }
            })
        });
        let outcomes = join_all(calls).await;
        let acknowledged: Vec<_> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied()).collect();
        assert_eq!(acknowledged, (0..1_500).step_by(3).collect::<Vec<_>>());
        assert_eq!(numbers(&path), acknowledged);
        assert!(matches!(outcomes[1], Err(Fault::Rule(StoreError::Conflict))));
        assert!(matches!(outcomes[2], Err(Fault::Panicked)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lost_transaction_fails_its_whole_batch_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.db");
        let writer = Writer::start(connection(&path), || true).unwrap();
        let calls = (0..600).map(|n| {
            writer.call(move |connection| {
                let done = insert(connection, n)?;
                if n == 100 {
                    // What SQLite does by itself on some I/O errors.
                    connection.execute_batch("ROLLBACK")?;
                }
                Ok(done)
            })
        });
        let outcomes = join_all(calls).await;
        let acknowledged: Vec<_> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied()).collect();
        assert!(outcomes[100].is_err());
        assert_eq!(numbers(&path), acknowledged);
        assert_eq!(writer.call(|connection| insert(connection, 9_999)).await.unwrap(), 9_999);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn locked_file_is_an_error_and_the_next_call_works() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.db");
        let own = connection(&path);
        own.busy_timeout(std::time::Duration::ZERO).unwrap();
        let writer = Writer::start(own, || true).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(matches!(writer.call(|connection| insert(connection, 1)).await, Err(Fault::Batch(_))));
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(writer.call(|connection| insert(connection, 2)).await.unwrap(), 2);
        assert_eq!(numbers(&path), [2]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn failed_commit_is_an_error_and_the_next_call_works() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.db");
        let writer = Writer::start(connection(&path), || true).unwrap();
        let owe = |connection: &Connection| {
            // A debt that is only asked for at the commit, which then fails and leaves the transaction open.
            let sql = "CREATE TABLE debts (n bigint REFERENCES owed (n) DEFERRABLE INITIALLY DEFERRED); \
                       CREATE TABLE owed (n bigint PRIMARY KEY); INSERT INTO debts VALUES (1)";
            Ok(connection.execute_batch(sql)?)
        };
        assert!(matches!(writer.call(owe).await, Err(Fault::Batch(_))));
        assert_eq!(writer.call(|connection| insert(connection, 2)).await.unwrap(), 2);
        assert_eq!(numbers(&path), [2]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn full_disk_is_an_error_and_the_next_call_works() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.db");
        let own = connection(&path);
        let pages: i64 = own.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        own.pragma_update(None, "max_page_count", pages).unwrap();
        let writer = Writer::start(own, || true).unwrap();
        let fill = |connection: &Connection| (0..10_000).try_for_each(|n| insert(connection, n).map(|_| ()));
        let full = writer.call(fill).await.unwrap_err();
        assert!(format!("{full:?}").contains("DiskFull"), "{full:?}");
        writer
            .call(|connection| Ok(connection.pragma_update(None, "max_page_count", 1_000_000)?))
            .await
            .unwrap();
        assert!(writer.call(fill).await.is_ok());
        assert_eq!(numbers(&path).len(), 10_000);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_of_a_dropped_future_is_still_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.db");
        let writer = Writer::start(connection(&path), || true).unwrap();
        let (started, is_started) = std::sync::mpsc::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel();
        let first = writer.call(move |connection| {
            started.send(()).unwrap();
            may_go_on.recv().unwrap();
            insert(connection, 1)
        });
        let mut first = Box::pin(first);
        assert!(futures_util::poll!(&mut first).is_pending());
        is_started.recv().unwrap();
        drop(first);
        go_on.send(()).unwrap();
        drop(writer);
        assert_eq!(numbers(&path), [1]);
    }
}
