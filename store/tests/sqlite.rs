//! What only the SQLite store promises: its file, its seal, its disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot be prepared has failed")]

mod sample;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use gateway_core::{Change, PaymentRecord, Secret, Store, StoreError};
use rusqlite::Connection;
use store::{Key, Keys, OpenError, SqliteStore};
use tempfile::TempDir;

use sample::{CANARY, at, changed, full, made, payment, webhook};

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
        let changed = Connection::open(self.path()).unwrap().execute(sql, []).unwrap();
        assert!(changed > 0, "{sql}");
    }
}

async fn read(store: &SqliteStore, change: &Change) -> Result<Option<PaymentRecord>, StoreError> {
    store.payment(&change.payment.merchant, &change.payment.id).await
}

/// Everything the files of a folder hold, one after the other.
fn bytes_of(folder: &Path) -> Vec<u8> {
    fs::read_dir(folder).unwrap().flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let bench = Bench::new();
    let change = full("order-1");
    let webhook = webhook(1);
    let store = bench.open();
    store.commit(change.clone()).await.unwrap();
    store.keep_answer(&change.payment.id, 1, Some(Secret::new("ps_1")), None).await.unwrap();
    store.mark_dirty(&change.payment.id, at(9)).await.unwrap();
    store.receive(webhook.clone()).await.unwrap();
    let account = &change.payment.account;
    store.remember_delivery(account, "d-1", at(1)).await.unwrap();
    store.finish_sweep(account, Some(at(5)), at(7)).await.unwrap();
    let before = read(&store, &change).await.unwrap().unwrap();
    let events = store.events(&change.payment.merchant, 0, 10).await.unwrap();
    drop(store);

    let store = bench.open();
    assert_eq!(read(&store, &change).await.unwrap(), Some(before.clone()));
    assert_eq!((before.hints, before.attempts[0].deposit_secret.clone()), (1, Some(Secret::new("ps_1"))));
    assert_eq!(store.events(&change.payment.merchant, 0, 10).await.unwrap(), events);
    assert_eq!(events.len(), change.events.len());
    let record = change.idempotency.unwrap();
    assert_eq!(store.idempotency(&record.merchant, &record.key).await.unwrap(), Some(record));
    assert_eq!(store.lease_inbox(account, at(1), at(2), 10).await.unwrap(), [webhook]);
    assert!(!store.remember_delivery(account, "d-1", at(1)).await.unwrap());
    assert_eq!(store.lease_sweep(account, at(7), at(8)).await.unwrap().unwrap().swept_to, Some(at(5)));
    assert_eq!(store.next_due(account).await.unwrap(), Some(at(9)));
}

#[tokio::test]
async fn what_was_acknowledged_is_on_disk_though_the_store_was_never_closed() {
    let bench = Bench::new();
    let store = Arc::new(bench.open());
    let changes: Vec<_> = (0..200).map(|n| made(&payment(&format!("order-{n}")))).collect();
    let commits: Vec<_> = changes
        .iter()
        .map(|change| {
            let (store, change) = (Arc::clone(&store), change.clone());
            tokio::spawn(async move { store.commit(change).await })
        })
        .collect();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    // What a power cut would leave: the files as they are now, with no goodbye.
    let left = Bench { folder: tempfile::tempdir().unwrap(), keys: bench.keys.clone() };
    fs::create_dir(left.path().parent().unwrap()).unwrap();
    for suffix in ["", "-wal"] {
        let with = |path: PathBuf| PathBuf::from(format!("{}{suffix}", path.display()));
        fs::copy(with(bench.path()), with(left.path())).unwrap();
    }
    let after = left.open();
    for change in &changes {
        assert!(read(&after, change).await.unwrap().is_some());
    }
    drop(store);
}

#[tokio::test]
async fn what_a_server_had_begun_is_free_again_when_the_next_one_starts() {
    let bench = Bench::new();
    let change = made(&payment("order-1"));
    let account = &change.payment.account;
    let store = bench.open();
    store.commit(change.clone()).await.unwrap();
    store.mark_dirty(&change.payment.id, at(1)).await.unwrap();
    store.receive(webhook(1)).await.unwrap();
    assert_eq!(store.lease_due(account, at(1), at(900), 10).await.unwrap().len(), 1);
    assert_eq!(store.lease_inbox(account, at(1), at(900), 10).await.unwrap().len(), 1);
    assert!(store.lease_sweep(account, at(1), at(900)).await.unwrap().is_some());
    drop(store);

    let store = bench.open();
    assert_eq!(store.next_due(account).await.unwrap(), Some(at(1)));
    assert_eq!(store.lease_due(account, at(1), at(900), 10).await.unwrap().len(), 1);
    assert_eq!(store.lease_inbox(account, at(1), at(900), 10).await.unwrap().len(), 1);
    assert!(store.lease_sweep(account, at(1), at(900)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_is_gone() {
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
    first.ping().await.unwrap();
    drop(first);
    bench.open().ping().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    let store = bench.open();
    store.commit(full("order-1")).await.unwrap();
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
async fn nothing_secret_stands_in_the_files() {
    let bench = Bench::new();
    let store = bench.open();
    let change = full("order-searched");
    store.commit(change.clone()).await.unwrap();
    store
        .keep_answer(&change.payment.id, 1, Some(Secret::new(CANARY)), Some(Secret::new(CANARY)))
        .await
        .unwrap();
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
async fn a_changed_row_is_refused() {
    for table in ["payments", "attempts", "cancels"] {
        let bench = Bench::new();
        let change = full("order-1");
        bench.open().commit(change.clone()).await.unwrap();
        bench.tamper(&format!("UPDATE {table} SET doc = substr(doc, 1, length(doc) - 1) || x'00'"));
        let refused = read(&bench.open(), &change).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{table}: {refused:?}");
    }
}

#[tokio::test]
async fn a_row_put_in_the_place_of_another_is_refused() {
    let overwrite_first_with_last = |table: &str| {
        format!(
            "UPDATE {table} SET doc = (SELECT doc FROM {table} ORDER BY rowid DESC LIMIT 1) \
             WHERE rowid = (SELECT min(rowid) FROM {table})"
        )
    };
    for table in ["payments", "attempts", "cancels", "events", "idempotency"] {
        let bench = Bench::new();
        let changes = [full("order-1"), full("order-2")];
        let store = bench.open();
        for change in &changes {
            store.commit(change.clone()).await.unwrap();
        }
        drop(store);
        bench.tamper(&overwrite_first_with_last(table));
        let store = bench.open();
        let change = &changes[0];
        let record = change.idempotency.as_ref().unwrap();
        let refused = match table {
            "events" => store.events(&change.payment.merchant, 0, 10).await.map(|_| ()),
            "idempotency" => store.idempotency(&record.merchant, &record.key).await.map(|_| ()),
            _ => read(&store, change).await.map(|_| ()),
        };
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{table}: {refused:?}");
    }
}

#[tokio::test]
async fn an_event_put_under_another_payment_is_refused() {
    let bench = Bench::new();
    let changes = [full("order-1"), full("order-2")];
    let store = bench.open();
    for change in &changes {
        store.commit(change.clone()).await.unwrap();
    }
    drop(store);
    let [first, second] = changes.map(|change| change.payment);
    bench.tamper(&format!("UPDATE events SET payment = '{}'", second.id));
    let store = bench.open();
    assert_eq!(store.events_of(&first.merchant, &first.id).await.unwrap(), []);
    let refused = store.events_of(&second.merchant, &second.id).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn a_webhook_that_cannot_be_opened_does_not_stand_in_the_way() {
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
    let (old, new) = (full("order-1"), full("order-2"));
    bench.open().commit(old.clone()).await.unwrap();
    let previous = std::mem::replace(&mut bench.keys.current, Key::generate());
    bench.keys.previous = vec![previous];
    let store = bench.open();
    store.commit(new.clone()).await.unwrap();
    let read_old = read(&store, &old).await.unwrap().unwrap();
    assert_eq!(read_old.payment, old.payment);
    // Whatever is written again is sealed with the new key.
    store.commit(changed(&read_old)).await.unwrap();
    drop(store);

    bench.keys.previous.clear();
    let store = bench.open();
    assert!(read(&store, &new).await.unwrap().is_some());
    let attempts_are_old = read(&store, &old).await;
    assert!(matches!(attempts_are_old, Err(StoreError::Unavailable(_))), "{attempts_are_old:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_from_many_threads_exactly_one_wins_each_version() {
    let bench = Bench::new();
    let store = Arc::new(bench.open());
    let change = made(&payment("order-1"));
    store.commit(change.clone()).await.unwrap();
    let (writers, rounds) = (8_u32, 25_u32);
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (store, change) = (Arc::clone(&store), change.clone());
            tokio::spawn(async move {
                let mut won = 0;
                while won < rounds {
                    let record = read(&store, &change).await.unwrap().unwrap();
                    match store.commit(changed(&record)).await {
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
    let record = read(&store, &change).await.unwrap().unwrap();
    assert_eq!(record.payment.version, 1 + u64::from(writers * rounds));
}

#[tokio::test]
async fn a_database_of_something_else_is_left_alone() {
    let bench = Bench::new();
    fs::create_dir(bench.path().parent().unwrap()).unwrap();
    fs::write(bench.path(), "this is not a database, but it is somebody's only copy").unwrap();
    let refused = SqliteStore::open(bench.path(), &bench.keys);
    assert!(matches!(refused, Err(OpenError::Sqlite(_))), "{refused:?}");
    assert!(fs::read_to_string(bench.path()).unwrap().ends_with("only copy"));
}
