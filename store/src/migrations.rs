//! The steps that make the tables: forward only, and never changed once they were released.

use data_encoding::HEXLOWER;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use crate::open_error::OpenError;

/// One step. Its version is its place in the list, from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

impl Migration {
    fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.sql))
    }
}

/// Every step there has been.
pub(crate) const ALL: &[Migration] =
    &[Migration { name: "0001_begin", sql: include_str!("../migrations/0001_begin.sql") }];

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
    version    bigint NOT NULL,
    name       text   NOT NULL,
    sha256     text   NOT NULL,
    applied_at bigint NOT NULL,
    PRIMARY KEY (version)
)";

/// Whether the database began with another first step. Until the first release that step was rewritten; from then on
/// it never is, so such a database is older than that.
pub(crate) fn is_unreleased(connection: &Connection, steps: &[Migration]) -> rusqlite::Result<bool> {
    if !connection.table_exists(None, "schema_versions")? {
        return Ok(false);
    }
    let first = applied(connection)?.into_iter().next();
    Ok(first.zip(steps.first()).is_some_and(|(first, step)| first != step.digest()))
}

/// Brings the database to the last step: all of it, or nothing.
pub(crate) fn migrate(connection: &mut Connection, steps: &[Migration]) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute_batch(VERSIONS)?;
    let applied = applied(&transaction)?;
    if applied.len() > steps.len() {
        return Err(OpenError::Newer { found: applied.len(), known: steps.len() });
    }
    for (at, step) in steps.iter().enumerate() {
        let digest = step.digest();
        match applied.get(at) {
            Some(known) if *known == digest => {}
            Some(_) => return Err(OpenError::ChangedMigration(step.name)),
            None => apply(&transaction, at, step, &digest)?,
        }
    }
    Ok(transaction.commit()?)
}

fn apply(connection: &Connection, at: usize, step: &Migration, digest: &str) -> rusqlite::Result<()> {
    connection.execute_batch(step.sql)?;
    let sql = "INSERT INTO schema_versions (version, name, sha256, applied_at) \
         VALUES (?, ?, ?, unixepoch() * 1000000)";
    connection.execute(sql, params![i64::try_from(at + 1).unwrap_or(i64::MAX), step.name, digest])?;
    tracing::info!(step = step.name, "the database was brought forward");
    Ok(())
}

/// The digests of the steps the database has been through.
fn applied(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT sha256 FROM schema_versions ORDER BY version")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { name: "0001_first", sql: "CREATE TABLE a (n bigint)" };
    const SECOND: Migration = Migration { name: "0002_second", sql: "ALTER TABLE a ADD COLUMN m bigint" };

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    #[test]
    fn database_with_another_first_step_is_unreleased() {
        let mut database = memory();
        let changed = Migration { sql: "CREATE TABLE a (n bigint NOT NULL)", ..FIRST };
        assert!(!is_unreleased(&database, &[FIRST]).unwrap());
        migrate(&mut database, &[FIRST]).unwrap();
        assert!(!is_unreleased(&database, &[FIRST, SECOND]).unwrap());
        assert!(is_unreleased(&database, &[changed, SECOND]).unwrap());
    }

    #[test]
    fn each_step_is_applied_once() {
        let mut database = memory();
        migrate(&mut database, &[FIRST]).unwrap();
        migrate(&mut database, &[FIRST, SECOND]).unwrap();
        migrate(&mut database, &[FIRST, SECOND]).unwrap();
        database.execute("INSERT INTO a (n, m) VALUES (1, 2)", []).unwrap();
        assert_eq!(applied(&database).unwrap().len(), 2);
    }

    #[test]
    fn released_step_that_was_changed_is_refused() {
        let mut database = memory();
        migrate(&mut database, &[FIRST]).unwrap();
        let changed = Migration { sql: "CREATE TABLE a (n bigint NOT NULL)", ..FIRST };
        let refused = migrate(&mut database, &[changed, SECOND]);
        assert!(matches!(refused, Err(OpenError::ChangedMigration("0001_first"))), "{refused:?}");
        assert_eq!(applied(&database).unwrap().len(), 1);
    }

    #[test]
    fn database_of_a_newer_version_is_refused() {
        let mut database = memory();
        migrate(&mut database, &[FIRST, SECOND]).unwrap();
        let refused = migrate(&mut database, &[FIRST]);
        assert!(matches!(refused, Err(OpenError::Newer { found: 2, known: 1 })), "{refused:?}");
    }

    #[test]
    fn step_that_fails_leaves_nothing() {
        let mut database = memory();
        let broken = Migration { name: "0002_broken", sql: "CREATE TABLE b (n bigint); nonsense" };
        assert!(migrate(&mut database, &[FIRST, broken]).is_err());
        let tables: i64 =
            database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 0);
    }
}
