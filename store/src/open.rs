//! Opening the database: whether it is ours, how it is written, and whether the key fits.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::{
    file::DatabaseFile,
    migrations,
    open_error::OpenError,
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
    UPDATE payments SET lease_until = NULL, ready_at = due_at WHERE lease_until IS NOT NULL;
    UPDATE inbox SET lease_until = NULL;
    UPDATE sweeps SET lease_until = NULL;";

/// What an open database consists of.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) writer: Connection,
    /// None for a database in memory, which only its own connection sees.
    pub(crate) readers: Vec<Connection>,
    /// None in memory.
    pub(crate) file: Option<DatabaseFile>,
}

pub(crate) fn in_memory(sealer: &Sealer) -> Result<Opened, OpenError> {
    check_version()?;
    let mut writer = Connection::open_in_memory()?;
    configure(&writer)?;
    bring_forward(&mut writer, sealer)?;
    Ok(Opened { writer, readers: Vec::new(), file: None })
}

pub(crate) fn on_disk(path: &Path, sealer: &Sealer) -> Result<Opened, OpenError> {
    check_version()?;
    let file = DatabaseFile::lock(path)?;
    let path = file.path();
    if is_unreleased(path)? {
        return Err(OpenError::Unreleased(path.to_owned()));
    }
    let mut writer = Connection::open(path)?;
    configure(&writer)?;
    let mode: String = writer.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NoWal);
    }
    bring_forward(&mut writer, sealer)?;
    writer.execute_batch(RELEASE_LEASES)?;
    let readers = (0..READERS).map(|_| reader(path)).collect::<Result<_, _>>()?;
    Ok(Opened { writer, readers, file: Some(file) })
}

fn check_version() -> Result<(), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite(rusqlite::version()));
    }
    Ok(())
}

/// Looked up without the right to write, so that a file that is refused stays as it was, its log included.
fn is_unreleased(path: &Path) -> Result<bool, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(migrations::is_unreleased(&connection, migrations::ALL)?)
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

/// A known text, sealed: a wrong key is found at the start, not at the first payment.
fn check_key(writer: &mut Connection, sealer: &Sealer) -> Result<(), OpenError> {
    let place = Place::new("store_check", &["1"]);
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "SELECT doc FROM store_check WHERE id = 1";
    let kept: Option<Vec<u8>> = transaction.query_row(sql, [], |row| row.get(0)).optional()?;
    if let Some(sealed) = &kept {
        sealer.open::<String>(&place, sealed).map_err(|_| OpenError::WrongKey)?;
    }
    if kept.is_none_or(|sealed| !sealer.is_current(&place, &sealed)) {
        let sealed = sealer.seal(&place, &"paymux").map_err(|_| OpenError::WrongKey)?;
        let sql = "INSERT INTO store_check (id, pings, doc) VALUES (1, 0, ?) \
             ON CONFLICT (id) DO UPDATE SET doc = excluded.doc";
        transaction.execute(sql, [sealed])?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_connection_waits_for_the_disk() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA synchronous = off; PRAGMA foreign_keys = off").unwrap();
        configure(&connection).unwrap();
        for (pragma, expected) in [("synchronous", 2), ("fullfsync", 1), ("foreign_keys", 1)] {
            let set: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
            assert_eq!(set, expected, "{pragma}");
        }
    }
}
