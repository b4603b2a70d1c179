//! Why a database is not opened.

use std::{io, path::PathBuf};

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
    /// There is a log of it, and the database itself is gone.
    #[error(
        "`{path}` is not there, but its log `{path}-wal` is: put the database back, or move the log away to begin a new one",
        path = .0.display()
    )]
    LogAlone(PathBuf),
    /// The key is not the one the database was written with.
    #[error("the database was sealed with another key")]
    WrongKey,
    /// It is from before the first release, and there is no way from there to here.
    #[error(
        "`{}` was made by an older, unreleased version of Paymux: move it away, and a new database is made in its place",
        .0.display()
    )]
    Unreleased(PathBuf),
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
