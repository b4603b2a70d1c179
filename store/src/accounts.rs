//! The accounts as they were bound.

use paymux_core::{
    model::{AccountId, Mode},
    store::{AccountBinding, StoreError},
};
use rusqlite::{Connection, Row};

use crate::{
    fault::Fault,
    values::{count, name},
};

pub(crate) fn bind(connection: &Connection, accounts: &[AccountBinding]) -> Result<(), Fault> {
    for bound in bound(connection)? {
        let now = accounts.iter().find(|configured| configured.account == bound.account);
        let Some(difference) = bound.difference(now) else { continue };
        let payments = live_payments(connection, &bound.account)?;
        if payments > 0 {
            return Err(StoreError::AccountChanged { account: bound.account, difference, payments }.into());
        }
    }
    // An account that is not configured any more stays bound: money may yet come in for it.
    accounts.iter().try_for_each(|binding| put(connection, binding))
}

fn bound(connection: &Connection) -> Result<Vec<AccountBinding>, Fault> {
    let sql = "SELECT account, merchant, kind, mode, pg_merchant FROM accounts ORDER BY account";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut bound = Vec::new();
    while let Some(row) = rows.next()? {
        bound.push(binding(row)?);
    }
    Ok(bound)
}

fn binding(row: &Row<'_>) -> Result<AccountBinding, Fault> {
    let mode: String = row.get("mode")?;
    let mode = [Mode::Test, Mode::Live].into_iter().find(|known| known.name() == mode);
    Ok(AccountBinding {
        account: name(row, "account")?,
        merchant: name(row, "merchant")?,
        kind: row.get("kind")?,
        mode: mode.ok_or(Fault::Unreadable("accounts"))?,
        pg_merchant: row.get("pg_merchant")?,
    })
}

pub(crate) const LIVE_PAYMENTS: &str =
    "SELECT count(*) AS payments FROM payments WHERE account = ? AND is_live = 1";

fn live_payments(connection: &Connection, account: &AccountId) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached(LIVE_PAYMENTS)?;
    let mut rows = statement.query([account.as_str()])?;
    rows.next()?.map_or(Ok(0), |row| count(row, "payments"))
}

fn put(connection: &Connection, binding: &AccountBinding) -> Result<(), Fault> {
    let sql = "INSERT INTO accounts (account, merchant, kind, mode, pg_merchant) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (account) DO UPDATE SET merchant = excluded.merchant, kind = excluded.kind, \
         mode = excluded.mode, pg_merchant = excluded.pg_merchant";
    connection.prepare_cached(sql)?.execute([
        binding.account.as_str(),
        binding.merchant.as_str(),
        &binding.kind,
        binding.mode.name(),
        &binding.pg_merchant,
    ])?;
    Ok(())
}
