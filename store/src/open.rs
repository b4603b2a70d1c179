//! Opening the database: whose file it is, how it is written, and whether the key fits.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::{
    migrations,
    seal::{Place, Sealer},
    values::BUSY_TIMEOUT,
};

/// Before 3.51.3, WAL could lose commits that were acknowledged (sqlite.org, "The WAL-reset bug").
const OLDEST_SQLITE: i32 = 3_051_003;

/// How many connections read beside the writer.
const READERS: usize = 4;

/// How many statements each connection keeps prepared: more than there are.
const STATEMENTS: usize = 64;

/// Whoever holds the file's lock is alone: the leases in it are of a server that is no more, and what
/// it had begun need not wait for them to run out.
const RELEASE_LEASES: &str = "
    UPDATE payments SET
        lease_until = NULL,
        ready_at = min(coalesce(watch_at, dirty_at), coalesce(dirty_at, watch_at))
    WHERE lease_until IS NOT NULL;
    UPDATE inbox SET lease_until = NULL;
    UPDATE sweeps SET lease_until = NULL;";

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A folder or file could not be made or locked.
    #[error("`{}` cannot be opened", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another server has it.
    #[error("`{}` is in use by another server", .0.display())]
    InUse(PathBuf),
    /// The key is not the one the database was written with.
    #[error("the database was sealed with another key")]
    WrongKey,
    /// A newer Paymux wrote it; there is no way back.
    #[error("the database is at step {found}, but this version knows only {known}: it needs a newer Paymux")]
    Newer {
        /// How many steps the database has been through.
        found: usize,
        /// How many this version knows.
        known: usize,
    },
    /// A step the database has been through reads differently now.
    #[error("the migration `{0}` was changed after it was applied")]
    ChangedMigration(&'static str),
    /// The SQLite this was built with may lose commits.
    #[error("SQLite {0} may lose commits: 3.51.3 or later is needed")]
    OldSqlite(&'static str),
    /// The folder is on a file system without what WAL needs.
    #[error("the database cannot keep a write-ahead log: its folder must be on a local disk")]
    NoWal,
    /// SQLite refused.
    #[error("the database cannot be opened")]
    Sqlite(#[from] rusqlite::Error),
}

/// What an open database consists of.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) writer: Connection,
    /// None for a database in memory, which only its own connection sees.
    pub(crate) readers: Vec<Connection>,
    /// Held for as long as the database is open.
    pub(crate) lock: Option<File>,
}

pub(crate) fn in_memory(sealer: &Sealer) -> Result<Opened, OpenError> {
    check_version()?;
    let mut writer = Connection::open_in_memory()?;
    configure(&writer)?;
    bring_forward(&mut writer, sealer)?;
    Ok(Opened { writer, readers: Vec::new(), lock: None })
}

pub(crate) fn on_disk(path: &Path, sealer: &Sealer) -> Result<Opened, OpenError> {
    check_version()?;
    let path = &resolve(path)?;
    let lock = lock(path)?;
    // Under the lock only: closing any handle on the file drops the locks SQLite holds on it.
    drop(create(path)?);
    let mut writer = Connection::open(path)?;
    configure(&writer)?;
    let mode: String = writer.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NoWal);
    }
    bring_forward(&mut writer, sealer)?;
    writer.execute_batch(RELEASE_LEASES)?;
    let readers = (0..READERS).map(|_| reader(path)).collect::<Result<_, _>>()?;
    Ok(Opened { writer, readers, lock: Some(lock) })
}

fn check_version() -> Result<(), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite(rusqlite::version()));
    }
    Ok(())
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::File { path: path.to_owned(), source }
}

/// The one name of the file, so that two ways to it meet at one lock. Makes its folder.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    if let Ok(known) = path.canonicalize() {
        return Ok(known);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_folder().create(folder).map_err(file_error(folder))?;
    let folder = folder.canonicalize().map_err(file_error(folder))?;
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory));
    Ok(folder.join(name.map_err(file_error(path))?))
}

/// A lock beside the database: SQLite's own locks come and go with transactions.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = create(Path::new(&name))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path: name.into(), source }),
    }
}

/// The file, made if it is missing, for its owner alone. SQLite gives the log the same permissions.
fn create(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(file_error(path))
}

fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // `fullfsync`: on macOS a plain fsync does not reach the disk. Elsewhere it does nothing.
    connection.execute_batch(
        "PRAGMA synchronous = full; PRAGMA fullfsync = on; PRAGMA foreign_keys = on; PRAGMA trusted_schema = off;",
    )
}

fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    configure(&connection)?;
    connection.execute_batch("PRAGMA query_only = on")?;
    Ok(connection)
}

fn bring_forward(writer: &mut Connection, sealer: &Sealer) -> Result<(), OpenError> {
    migrations::migrate(writer, migrations::ALL)?;
    check_key(writer, sealer)
}

/// A known text, sealed: says at the start, not at the first payment, that the key is wrong.
fn check_key(writer: &mut Connection, sealer: &Sealer) -> Result<(), OpenError> {
    const PLACE: Place<'_> = Place { table: "store_check", key: &["1"] };
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "SELECT doc FROM store_check WHERE id = 1";
    let kept: Option<Vec<u8>> = transaction.query_row(sql, [], |row| row.get(0)).optional()?;
    if let Some(sealed) = &kept {
        sealer.open::<String>(PLACE, sealed).map_err(|_| OpenError::WrongKey)?;
    }
    if kept.is_none_or(|sealed| !sealer.is_current(PLACE, &sealed)) {
        let sealed = sealer.seal(PLACE, &"paymux").map_err(|_| OpenError::WrongKey)?;
        let sql = "INSERT INTO store_check (id, pings, doc) VALUES (1, 0, ?) \
             ON CONFLICT (id) DO UPDATE SET doc = excluded.doc";
        transaction.execute(sql, [sealed])?;
    }
    Ok(transaction.commit()?)
}
