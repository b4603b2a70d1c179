//! What only the SQLite store promises: its file, its seal, its disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot be prepared has failed")]

mod sample;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use paymux_core::{
    model::{Charge, Payment, Secret},
    store::{AdminStore, Inbox, PaymentRecord, PaymentStore, SavedAnswer, StoreError, WorkQueue},
};
use paymux_store::{Key, Keys, OpenError, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

use sample::{CANARY, at, changed, charge, full, made, only, owed, payment, webhook};

/// A folder for a database, and the keys it is sealed with.
struct Bench {
    folder: TempDir,
    keys: Keys,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), keys: Keys::only(Key::generate()) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("paymux.db")
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.path(), &self.keys).unwrap()
    }

    /// Changes the file behind the store's back, while no server has it.
    fn tamper(&self, sql: &str) {
        let changed = Connection::open(self.path()).unwrap().execute_batch(sql);
        changed.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }
}

async fn read(store: &SqliteStore, payment: &Payment) -> Result<Option<PaymentRecord>, StoreError> {
    store.payment(&payment.merchant, &payment.id).await
}

fn is_unavailable<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

/// Everything the files of a folder hold, one after the other.
fn bytes_of(folder: &Path) -> Vec<u8> {
    fs::read_dir(folder).unwrap().flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn answer(charge: &Charge, secret: &str) -> SavedAnswer {
    SavedAnswer { charge: charge.id.clone(), webhook_secret: Secret::new(secret) }
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let bench = Bench::new();
    let (payment, change) = full("order-1");
    let webhook = webhook(1);
    let store = bench.open();
    store.commit(change.clone()).await.unwrap();
    let saved = answer(&change.payments[0].charges[0], "ps_1");
    store.save_answer(&payment.merchant, &payment.id, saved).await.unwrap();
    store.owe(&payment.merchant, &payment.id, vec![owed(9)], at(0)).await.unwrap();
    store.receive(webhook.clone()).await.unwrap();
    let account = &payment.account;
    store.remember_delivery(account, "d-1", at(1)).await.unwrap();
    store.finish_sweep(account, Some(at(5)), at(7)).await.unwrap();
    let before = read(&store, &payment).await.unwrap().unwrap();
    let events = store.events(&payment.merchant, 0, 10).await.unwrap();
    drop(store);

    let store = bench.open();
    assert_eq!(before.checks.owed, [owed(9), owed(60)]);
    assert_eq!(before.charges[0].webhook_secret, Some(Secret::new("ps_1")));
    assert_eq!(read(&store, &payment).await.unwrap(), Some(before));
    assert_eq!(store.events(&payment.merchant, 0, 10).await.unwrap(), events);
    assert_eq!(events.len(), 1);
    let record = change.idempotency.unwrap();
    assert_eq!(store.idempotency(&record.merchant, &record.key).await.unwrap(), Some(record));
    assert_eq!(store.lease_inbox(account, at(1), at(2), 10).await.unwrap(), [webhook]);
    assert!(!store.remember_delivery(account, "d-1", at(1)).await.unwrap());
    assert_eq!(store.lease_sweep(account, at(7), at(8)).await.unwrap().unwrap().swept_to, Some(at(5)));
    assert_eq!(store.next_due(account).await.unwrap(), Some(at(9)));
    assert_eq!(store.newest_commit().await.unwrap(), Some(change.at));
}

#[tokio::test]
async fn acknowledged_changes_are_on_disk_without_a_close() {
    let bench = Bench::new();
    let store = Arc::new(bench.open());
    let payments: Vec<_> = (0..200).map(|n| payment(&format!("order-{n}"))).collect();
    let commits: Vec<_> = payments
        .iter()
        .map(|payment| {
            let (store, change) = (Arc::clone(&store), only(made(payment)));
            tokio::spawn(async move { store.commit(change).await })
        })
        .collect();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    // What a power cut would leave: the files as they are now.
    let left = Bench { folder: tempfile::tempdir().unwrap(), keys: bench.keys.clone() };
    fs::create_dir(left.path().parent().unwrap()).unwrap();
    for suffix in ["", "-wal"] {
        let with = |path: PathBuf| PathBuf::from(format!("{}{suffix}", path.display()));
        fs::copy(with(bench.path()), with(left.path())).unwrap();
    }
    let after = left.open();
    for payment in &payments {
        assert!(read(&after, payment).await.unwrap().is_some());
    }
    drop(store);
}

#[tokio::test]
async fn leases_of_the_server_before_are_free_again() {
    let bench = Bench::new();
    let (payment, change) = full("order-1");
    let account = &payment.account;
    let store = bench.open();
    store.commit(change).await.unwrap();
    store.receive(webhook(1)).await.unwrap();
    assert_eq!(store.lease_due(account, at(60), at(900), 10).await.unwrap().len(), 1);
    assert_eq!(store.lease_inbox(account, at(60), at(900), 10).await.unwrap().len(), 1);
    assert!(store.lease_sweep(account, at(60), at(900)).await.unwrap().is_some());
    drop(store);

    let store = bench.open();
    assert_eq!(store.next_due(account).await.unwrap(), Some(at(60)));
    assert_eq!(store.lease_due(account, at(60), at(900), 10).await.unwrap().len(), 1);
    assert_eq!(store.lease_inbox(account, at(60), at(900), 10).await.unwrap().len(), 1);
    assert!(store.lease_sweep(account, at(60), at(900)).await.unwrap().is_some());
    drop(store);

    // Nor does a lease that is no more put off what is owed since.
    let store = bench.open();
    store.owe(&payment.merchant, &payment.id, vec![owed(30)], at(0)).await.unwrap();
    assert_eq!(store.next_due(account).await.unwrap(), Some(at(30)));
}

#[tokio::test]
async fn second_server_is_refused_until_the_first_is_gone() {
    let bench = Bench::new();
    let first = bench.open();
    let in_use = |path: &Path| matches!(SqliteStore::open(path, &bench.keys), Err(OpenError::InUse(_)));
    assert!(in_use(&bench.path()));
    #[cfg(unix)]
    {
        let another_way = bench.folder.path().join("link.db");
        std::os::unix::fs::symlink(bench.path(), &another_way).unwrap();
        assert!(in_use(&another_way));
    }
    #[cfg(target_os = "linux")]
    {
        let another_name = bench.folder.path().join("hard-link.db");
        fs::hard_link(bench.path(), &another_name).unwrap();
        assert!(in_use(&another_name));
    }
    first.ping().await.unwrap();
    drop(first);
    bench.open().ping().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_acknowledged_once_the_file_is_replaced() {
    let bench = Bench::new();
    let store = bench.open();
    let away = bench.folder.path().join("away.db");
    fs::rename(bench.path(), &away).unwrap();
    let refused = store.commit(only(made(&payment("order-1")))).await.unwrap_err();
    assert!(format!("{refused:?}").contains("Replaced"), "{refused:?}");
    fs::copy(&away, bench.path()).unwrap();
    assert!(is_unavailable(store.ping().await));
    fs::rename(&away, bench.path()).unwrap();
    store.ping().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_acknowledged_once_the_log_is_gone() {
    for ending in ["-wal", "-shm"] {
        let bench = Bench::new();
        let store = bench.open();
        store.ping().await.unwrap();
        let mut name = bench.path().into_os_string();
        name.push(ending);
        fs::remove_file(&name).unwrap();
        // What was written is in a file without a name, and gone when this process dies.
        let refused = store.commit(only(made(&payment("order-1")))).await.unwrap_err();
        assert!(format!("{refused:?}").contains("Replaced"), "{ending} {refused:?}");
        fs::write(&name, b"").unwrap();
        assert!(is_unavailable(store.ping().await), "{ending}");
    }
}

#[tokio::test]
async fn log_without_its_database_is_no_new_one() {
    let bench = Bench::new();
    drop(bench.open());
    fs::remove_file(bench.path()).unwrap();
    let mut log = bench.path().into_os_string();
    log.push("-wal");
    fs::write(&log, b"what was committed last").unwrap();
    let refused = SqliteStore::open(bench.path(), &bench.keys);
    assert!(matches!(refused, Err(OpenError::LogAlone(_))), "{refused:?}");
    assert!(!bench.path().exists() && fs::read(&log).unwrap() == b"what was committed last");
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    let store = bench.open();
    store.commit(full("order-1").1).await.unwrap();
    let folder = bench.path().parent().unwrap().to_owned();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The database, its log, the log's index, and the lock.
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn files_show_nothing_secret() {
    let bench = Bench::new();
    let store = bench.open();
    let (payment, change) = full("order-searched");
    store.commit(change.clone()).await.unwrap();
    let saved = answer(&change.payments[0].charges[0], CANARY);
    store.save_answer(&payment.merchant, &payment.id, saved).await.unwrap();
    store.save_idempotent_answer(change.idempotency.unwrap()).await.unwrap();
    store.receive(webhook(1)).await.unwrap();
    let folder = bench.path().parent().unwrap().to_owned();

    let open = bytes_of(&folder);
    drop(store);
    let closed = bytes_of(&folder);
    for bytes in [open, closed] {
        // The order id is searched, so it shows that the scan would find what is there.
        assert!(contains(&bytes, "order-searched"));
        assert!(!contains(&bytes, CANARY));
        assert!(!contains(&bytes, &data_encoding::BASE64.encode(CANARY.as_bytes())[..12]));
        assert!(!contains(&bytes, &bench.keys.current.to_base64()));
    }
}

#[tokio::test]
async fn row_with_a_changed_byte_is_refused() {
    for (table, column) in
        [("payments", "doc"), ("attempts", "doc"), ("charges", "doc"), ("charges", "webhook_secret")]
    {
        let bench = Bench::new();
        let (payment, change) = full("order-1");
        bench.open().commit(change).await.unwrap();
        bench.tamper(&format!(
            "UPDATE {table} SET {column} = substr({column}, 1, length({column}) - 1) || x'00'"
        ));
        assert!(is_unavailable(read(&bench.open(), &payment).await), "{table}.{column}");
    }
}

#[tokio::test]
async fn row_in_the_place_of_another_is_refused() {
    let overwrite_first_with_last = |table: &str, column: &str| {
        format!(
            "UPDATE {table} SET {column} = (SELECT {column} FROM {table} ORDER BY rowid DESC LIMIT 1) \
             WHERE rowid = (SELECT min(rowid) FROM {table})"
        )
    };
    for (table, column) in [
        ("payments", "doc"),
        ("attempts", "doc"),
        ("charges", "doc"),
        ("charges", "webhook_secret"),
        ("events", "doc"),
        ("idempotency", "doc"),
    ] {
        let bench = Bench::new();
        let [(payment, change), (_, other)] = [full("order-1"), full("order-2")];
        let store = bench.open();
        let record = change.idempotency.clone().unwrap();
        store.commit(change).await.unwrap();
        store.commit(other).await.unwrap();
        drop(store);
        bench.tamper(&overwrite_first_with_last(table, column));
        let store = bench.open();
        let refused = match table {
            "events" => store.events(&payment.merchant, 0, 10).await.map(|_| ()),
            "idempotency" => store.idempotency(&record.merchant, &record.key).await.map(|_| ()),
            _ => read(&store, &payment).await.map(|_| ()),
        };
        assert!(is_unavailable(refused), "{table}.{column}");
    }
}

/// Makes a payment, copies a table, and writes the payment again: everything of it, or its own row alone.
async fn written_twice(bench: &Bench, table: &str, everything: bool) -> Payment {
    let (payment, change) = full("order-1");
    let store = bench.open();
    store.commit(change).await.unwrap();
    drop(store);
    bench.tamper(&format!("CREATE TABLE older AS SELECT * FROM {table}"));
    let store = bench.open();
    let record = read(&store, &payment).await.unwrap().unwrap();
    let mut change = changed(&record);
    if everything {
        (change.attempts, change.charges) = (record.attempts, record.charges);
    }
    store.commit(only(change)).await.unwrap();
    assert_eq!(read(&store, &payment).await.unwrap().unwrap().payment.version, 2);
    payment
}

#[tokio::test]
async fn older_document_put_back_is_refused() {
    for (table, everything) in
        [("payments", true), ("payments", false), ("attempts", true), ("charges", true)]
    {
        let bench = Bench::new();
        let payment = written_twice(&bench, table, everything).await;
        bench.tamper(&format!("UPDATE {table} SET doc = (SELECT doc FROM older)"));
        assert!(is_unavailable(read(&bench.open(), &payment).await), "{table} {everything}");
    }
}

#[tokio::test]
async fn older_row_put_back_is_refused() {
    for table in ["payments", "attempts", "charges"] {
        let bench = Bench::new();
        let payment = written_twice(&bench, table, true).await;
        bench.tamper(&format!(
            "PRAGMA foreign_keys = off; DELETE FROM {table}; INSERT INTO {table} SELECT * FROM older"
        ));
        assert!(is_unavailable(read(&bench.open(), &payment).await), "{table}");
    }
}

#[tokio::test]
async fn row_that_was_taken_away_is_noticed() {
    for table in ["attempts", "charges"] {
        let bench = Bench::new();
        let (payment, change) = full("order-1");
        bench.open().commit(change).await.unwrap();
        bench.tamper(&format!("DELETE FROM {table}"));
        assert!(is_unavailable(read(&bench.open(), &payment).await), "{table}");
    }
}

#[tokio::test]
async fn charge_put_under_another_payment_is_refused() {
    let bench = Bench::new();
    let [(_, change), (other, with_other)] = [full("order-1"), full("order-2")];
    let store = bench.open();
    store.commit(change).await.unwrap();
    store.commit(with_other).await.unwrap();
    drop(store);
    bench.tamper(&format!("UPDATE charges SET payment = '{}' WHERE pg_payment_id = 'pg-order-1'", other.id));
    assert!(is_unavailable(read(&bench.open(), &other).await));
}

#[tokio::test]
async fn event_put_under_another_payment_is_refused() {
    let bench = Bench::new();
    let [(first, change), (second, with_second)] = [full("order-1"), full("order-2")];
    let store = bench.open();
    store.commit(change).await.unwrap();
    store.commit(with_second).await.unwrap();
    drop(store);
    bench.tamper(&format!("UPDATE events SET payment = '{}'", second.id));
    let store = bench.open();
    assert_eq!(store.events_of(&first.merchant, &first.id).await.unwrap(), []);
    assert!(is_unavailable(store.events_of(&second.merchant, &second.id).await));
    assert!(is_unavailable(store.events(&second.merchant, 0, 10).await));
}

#[tokio::test]
async fn unreadable_webhook_holds_up_no_other() {
    let bench = Bench::new();
    let (broken, good) = (webhook(1), webhook(2));
    let account = &good.account;
    let store = bench.open();
    store.receive(broken.clone()).await.unwrap();
    store.receive(good.clone()).await.unwrap();
    drop(store);
    bench.tamper(&format!("UPDATE inbox SET doc = x'00' WHERE id = '{}'", broken.id));
    let store = bench.open();
    assert_eq!(store.lease_inbox(account, at(5), at(100), 1).await.unwrap(), []);
    let next = store.lease_inbox(account, at(5), at(100), 1).await.unwrap();
    assert_eq!(next, std::slice::from_ref(&good));
    assert_eq!(store.inbox_length(account).await.unwrap(), 2);
}

#[tokio::test]
async fn another_key_is_refused_at_the_start() {
    let bench = Bench::new();
    drop(bench.open());
    let refused = SqliteStore::open(bench.path(), &Keys::only(Key::generate()));
    assert!(matches!(refused, Err(OpenError::WrongKey)), "{refused:?}");
}

#[tokio::test]
async fn keys_can_be_rotated() {
    let mut bench = Bench::new();
    let [(rewritten, first), (forgotten, second), (new, third)] = ["order-1", "order-2", "order-3"].map(full);
    let store = bench.open();
    store.commit(first).await.unwrap();
    store.commit(second).await.unwrap();
    drop(store);
    let previous = std::mem::replace(&mut bench.keys.current, Key::generate());
    bench.keys.previous = vec![previous];
    let store = bench.open();
    store.commit(third).await.unwrap();
    for payment in [&rewritten, &forgotten, &new] {
        assert_eq!(read(&store, payment).await.unwrap().unwrap().payment, *payment);
    }
    // Whatever is written again is sealed with the new key.
    let record = read(&store, &rewritten).await.unwrap().unwrap();
    let mut change = changed(&record);
    (change.attempts, change.charges) = (record.attempts, record.charges);
    store.commit(only(change)).await.unwrap();
    drop(store);

    bench.keys.previous.clear();
    let store = bench.open();
    for payment in [&rewritten, &new] {
        assert!(read(&store, payment).await.unwrap().is_some());
    }
    assert!(is_unavailable(read(&store, &forgotten).await));
}

#[tokio::test]
async fn store_whose_first_row_has_a_lost_key_is_not_ready() {
    let mut bench = Bench::new();
    let store = bench.open();
    store.commit(full("order-1").1).await.unwrap();
    drop(store);
    let previous = std::mem::replace(&mut bench.keys.current, Key::generate());
    bench.keys.previous = vec![previous];
    let store = bench.open();
    store.ping().await.unwrap();
    drop(store);
    bench.keys.previous.clear();
    assert!(is_unavailable(bench.open().ping().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_in_many_threads_each_win_a_version() {
    let bench = Bench::new();
    let store = Arc::new(bench.open());
    let payment = payment("order-1");
    let mut change = made(&payment);
    change.charges = vec![charge("pg-1")];
    store.commit(only(change)).await.unwrap();
    let (writers, rounds) = (8_u32, 25_u32);
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (store, payment) = (Arc::clone(&store), payment.clone());
            tokio::spawn(async move {
                let mut won = 0;
                while won < rounds {
                    let record = read(&store, &payment).await.unwrap().unwrap();
                    let mut change = changed(&record);
                    change.charges = record.charges;
                    match store.commit(only(change)).await {
                        Ok(()) => won += 1,
                        Err(StoreError::Conflict) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let record = read(&store, &payment).await.unwrap().unwrap();
    assert_eq!(record.payment.version, 1 + u64::from(writers * rounds));
}

#[tokio::test]
async fn file_that_is_no_database_is_left_alone() {
    let bench = Bench::new();
    fs::create_dir(bench.path().parent().unwrap()).unwrap();
    fs::write(bench.path(), "this is not a database, but it is somebody's only copy").unwrap();
    let refused = SqliteStore::open(bench.path(), &bench.keys);
    assert!(matches!(refused, Err(OpenError::Sqlite(_))), "{refused:?}");
    assert!(fs::read_to_string(bench.path()).unwrap().ends_with("only copy"));
}

/// As the last version before this one made it, with a row that is not in the file yet but in its log.
const UNRELEASED: &str = "
    PRAGMA journal_mode = wal;
    CREATE TABLE schema_versions (
        version bigint NOT NULL, name text NOT NULL, sha256 text NOT NULL, applied_at bigint NOT NULL,
        PRIMARY KEY (version)
    );
    INSERT INTO schema_versions VALUES
        (1, '0001_begin', 'fb567f0126bfb8eb618164c5fbe85c558451e50b3b5184e75a8d5659d6a11239', 1795269014000000);
    CREATE TABLE payments (merchant text NOT NULL, id text NOT NULL, PRIMARY KEY (merchant, id));
    PRAGMA wal_checkpoint(truncate);
    INSERT INTO payments VALUES ('demo', 'pay_06gzwqst0srgq888e0nt90ckbw');";

#[tokio::test]
async fn database_of_an_unreleased_version_stays_untouched() {
    let bench = Bench::new();
    let made = tempfile::tempdir().unwrap();
    let older = Connection::open(made.path().join("paymux.db")).unwrap();
    older.execute_batch(UNRELEASED).unwrap();
    // Copied while it is open, as a server that was killed leaves it.
    fs::create_dir(bench.path().parent().unwrap()).unwrap();
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    fs::copy(made.path().join("paymux.db"), bench.path()).unwrap();
    fs::copy(log(&made.path().join("paymux.db")), log(&bench.path())).unwrap();
    let before = [fs::read(bench.path()).unwrap(), fs::read(log(&bench.path())).unwrap()];
    assert!(!before[1].is_empty());

    for _ in 0..2 {
        let refused = SqliteStore::open(bench.path(), &bench.keys).unwrap_err();
        let path = bench.path().canonicalize().unwrap();
        assert!(matches!(&refused, OpenError::Unreleased(refused) if *refused == path), "{refused:?}");
        let text = refused.to_string();
        assert!(text.contains("paymux.db` was made by an older, unreleased version of Paymux"), "{text}");
        assert!(text.contains("move it away"), "{text}");
    }
    assert_eq!([fs::read(bench.path()).unwrap(), fs::read(log(&bench.path())).unwrap()], before);

    // Moved away as it says, a new one is made.
    fs::remove_dir_all(bench.path().parent().unwrap()).unwrap();
    bench.open().ping().await.unwrap();
}
