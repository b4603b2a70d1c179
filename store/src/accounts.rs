//! The accounts as they were bound, and the sweeps over them.

use gateway_core::{AccountBinding, AccountId, Mode, StoreError, Sweep};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    fault::Fault,
    values::{micros, micros_of, moment},
};

pub(crate) fn bind(connection: &Connection, accounts: &[AccountBinding]) -> Result<(), Fault> {
    for bound in bound_accounts(connection)? {
        let gone = accounts.iter().all(|binding| binding.account != bound);
        if gone && is_in_use(connection, &bound)? {
            return Err(StoreError::AccountChanged(bound).into());
        }
    }
    for binding in accounts {
        if is_bound_otherwise(connection, binding)? && is_in_use(connection, &binding.account)? {
            return Err(StoreError::AccountChanged(binding.account.clone()).into());
        }
        put(connection, binding)?;
    }
    Ok(())
}

fn bound_accounts(connection: &Connection) -> Result<Vec<AccountId>, Fault> {
    let mut statement = connection.prepare_cached("SELECT account FROM accounts")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    // What was bound was a name once.
    Ok(names.into_iter().filter_map(|name| name.parse().ok()).collect())
}

const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Test => "test",
        Mode::Live => "live",
    }
}

fn columns(binding: &AccountBinding) -> [&str; 5] {
    [
        binding.account.as_str(),
        binding.merchant.as_str(),
        &binding.kind,
        mode_name(binding.mode),
        &binding.pg_merchant,
    ]
}

fn is_bound_otherwise(connection: &Connection, binding: &AccountBinding) -> Result<bool, Fault> {
    let sql = "SELECT merchant = ?2 AND kind = ?3 AND mode = ?4 AND pg_merchant = ?5 FROM accounts WHERE account = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let same: Option<bool> = statement.query_row(columns(binding), |row| row.get(0)).optional()?;
    Ok(same == Some(false))
}

/// Word for word the condition of the index `payments_in_use`, or SQLite would not use it.
pub(crate) const IN_USE: &str = "SELECT 1 FROM payments WHERE account = ? \
     AND (ready_at IS NOT NULL OR status IN ('ready', 'confirming', 'awaiting_deposit'))";

fn is_in_use(connection: &Connection, account: &AccountId) -> Result<bool, Fault> {
    Ok(connection.prepare_cached(IN_USE)?.exists([account.as_str()])?)
}

fn put(connection: &Connection, binding: &AccountBinding) -> Result<(), Fault> {
    let sql = "INSERT INTO accounts (account, merchant, kind, mode, pg_merchant) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (account) DO UPDATE SET merchant = excluded.merchant, kind = excluded.kind, \
         mode = excluded.mode, pg_merchant = excluded.pg_merchant";
    connection.prepare_cached(sql)?.execute(columns(binding))?;
    Ok(())
}

pub(crate) fn lease_sweep(
    connection: &Connection,
    account: &AccountId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Sweep>, Fault> {
    let sql = "INSERT INTO sweeps (account, lease_until) VALUES (:account, :until) \
         ON CONFLICT (account) DO UPDATE SET lease_until = excluded.lease_until \
         WHERE (next_at IS NULL OR next_at <= :now) AND (lease_until IS NULL OR lease_until <= :now) \
         RETURNING swept_to";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::named_params! {
        ":account": account.as_str(), ":now": micros(now), ":until": micros(until),
    })?;
    rows.next()?.map(|row| Ok(Sweep { swept_to: moment(row, "swept_to")? })).transpose()
}

/// A sweep that failed tells nothing; what was swept before stays swept.
pub(crate) fn finish_sweep(
    connection: &Connection,
    account: &AccountId,
    swept_to: Option<Timestamp>,
    next: Timestamp,
) -> Result<(), Fault> {
    let sql = "INSERT INTO sweeps (account, swept_to, next_at) VALUES (?, ?, ?) \
         ON CONFLICT (account) DO UPDATE SET swept_to = coalesce(excluded.swept_to, swept_to), \
         next_at = excluded.next_at, lease_until = NULL";
    let values = params![account.as_str(), micros_of(swept_to), micros(next)];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}
