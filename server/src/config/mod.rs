//! The configuration: read once, from the built-in file, a file of yours, and the environment.
//!
//! The built-in file, [`DEFAULT_FILE`], is the documentation of every setting.

mod account;
mod admin;
mod database;
mod defaults;
mod duration;
mod encryption_key;
mod error;
mod merchant;
mod merchant_key;
mod method;
mod network;
mod origins;
mod run_mode;
mod server;
mod settings;
mod tree;
mod variables;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use paymux_core::model::{AccountId, InvalidText, MerchantId, Mode};

pub use account::{AccountConfig, LimitsConfig};
pub use admin::AdminListener;
pub use database::{DatabaseConfig, DatabaseUrl};
pub use defaults::DEFAULT_FILE;
pub use encryption_key::EncryptionKey;
pub use error::{ConfigError, Place};
pub use merchant::MerchantConfig;
pub use merchant_key::{KeyHash, NewMerchantKey};
pub use network::Network;
pub use origins::ReturnOrigins;
pub use run_mode::RunMode;
pub use server::{Limits, ServerConfig};
pub use settings::Settings;

pub(crate) use origins::parse_base_url;
use tree::{Entries, from_toml, overlay};
use variables::from_variables;
pub(crate) use variables::variable_of;

/// What a demo adds to the defaults: a merchant and simulated accounts.
const DEMO_FILE: &str = include_str!("demo.toml");

/// The file `paymux serve` reads if no other is named.
const USUAL_FILE: &str = "paymux.toml";

/// Everything that can be configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// How it was read.
    pub mode: RunMode,
    /// `[server]`.
    pub server: ServerConfig,
    /// `[database]`.
    pub database: DatabaseConfig,
    /// `[merchants.*]`, by name.
    pub merchants: BTreeMap<MerchantId, MerchantConfig>,
    /// `[accounts.*]`, by name.
    pub accounts: BTreeMap<AccountId, AccountConfig>,
}

impl Config {
    /// The file to read: the one named, else for `serve` the usual one if it is there.
    ///
    /// A demo reads only a file that was named: it must run beside any configuration.
    #[must_use]
    pub fn file(mode: RunMode, named: Option<PathBuf>) -> Option<PathBuf> {
        named.or_else(|| {
            let usual = PathBuf::from(USUAL_FILE);
            (mode == RunMode::Serve && usual.exists()).then_some(usual)
        })
    }

    /// Reads the configuration: the built-in file, `file`, `variables`; the later wins.
    ///
    /// # Errors
    ///
    /// The first thing found wrong, with its place.
    pub fn load(
        mode: RunMode,
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let set = from_variables(variables)?;
        if mode == RunMode::Serve && file.is_none() && set.is_empty() {
            return Err(ConfigError::Nothing { file: USUAL_FILE });
        }
        Self::read(mode, entries(mode, file, set)?)
    }

    fn read(mode: RunMode, entries: Entries) -> Result<Self, ConfigError> {
        let mut root = Settings::new("", Place::Absent, entries);
        let server = root.table("server")?;
        let database = root.table("database")?;
        let accounts = named_tables(&mut root, "accounts")?;
        let merchants = named_tables(&mut root, "merchants")?;
        // Before the rest: a misspelled table explains every value that is missing in it.
        root.deny_rest()?;
        let server = ServerConfig::read(server, mode)?;
        let database = DatabaseConfig::read(database, mode)?;
        let accounts = read_accounts(accounts, mode)?;
        if accounts.is_empty() {
            return Err(root.missing("accounts"));
        }
        check_owners(&accounts, &merchants)?;
        check_live(&accounts, &server)?;
        let merchants = read_merchants(merchants, &accounts)?;
        Ok(Self { mode, server, database, merchants, accounts })
    }
}

/// Everything that is written, the later over the earlier.
fn entries(mode: RunMode, file: Option<&Path>, variables: Entries) -> Result<Entries, ConfigError> {
    let mut entries = from_toml(Path::new("built-in defaults"), DEFAULT_FILE)?;
    if mode == RunMode::Demo {
        overlay(&mut entries, from_toml(Path::new("built-in demo"), DEMO_FILE)?);
    }
    if let Some(path) = file {
        overlay(&mut entries, from_file(path)?);
    }
    overlay(&mut entries, variables);
    Ok(entries)
}

fn from_file(path: &Path) -> Result<Entries, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    from_toml(path, &text)
}

fn read_accounts(
    tables: Vec<(AccountId, Settings)>,
    mode: RunMode,
) -> Result<BTreeMap<AccountId, AccountConfig>, ConfigError> {
    let mut accounts = BTreeMap::new();
    for (name, table) in tables {
        accounts.insert(name.clone(), AccountConfig::read(name, table, mode)?);
    }
    Ok(accounts)
}

fn read_merchants(
    tables: Vec<(MerchantId, Settings)>,
    accounts: &BTreeMap<AccountId, AccountConfig>,
) -> Result<BTreeMap<MerchantId, MerchantConfig>, ConfigError> {
    let mut merchants = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for (name, table) in tables {
        let places = table.clone();
        let merchant = MerchantConfig::read(name.clone(), table, accounts)?;
        // With one key for two merchants, it would be chance whose payments it opens.
        if !merchant.keys.iter().all(|key| keys.insert(key.clone())) {
            return Err(places.wrong("keys", "must not hold a key twice, nor another merchant's"));
        }
        merchants.insert(name, merchant);
    }
    Ok(merchants)
}

/// The tables in a table whose keys are names that people chose.
fn named_tables<N: FromStr<Err = InvalidText>>(
    root: &mut Settings,
    key: &str,
) -> Result<Vec<(N, Settings)>, ConfigError> {
    let tables = root.table(key)?.tables()?.into_iter();
    tables
        .map(|(name, table)| match name.parse::<N>() {
            Err(InvalidText(rule)) => Err(table.wrong_self(&format!("must have a name of {rule}"))),
            // `__` separates tables in the names of variables.
            Ok(_) if name.contains("__") => Err(table.wrong_self("must have a name without __")),
            Ok(name) => Ok((name, table)),
        })
        .collect()
}

fn check_owners(
    accounts: &BTreeMap<AccountId, AccountConfig>,
    merchants: &[(MerchantId, Settings)],
) -> Result<(), ConfigError> {
    let names: Vec<_> = merchants.iter().map(|(id, _)| id.as_str()).collect();
    match accounts.values().find(|account| !names.contains(&account.merchant.as_str())) {
        None => Ok(()),
        Some(orphan) => {
            let reason = format!("must name one of [merchants.*]: {}", names.join(", "));
            Err(orphan.settings.wrong("merchant", reason))
        }
    }
}

/// Buyers and PGs must not be sent to a page that anybody on the way can change.
fn check_live(
    accounts: &BTreeMap<AccountId, AccountConfig>,
    server: &ServerConfig,
) -> Result<(), ConfigError> {
    match accounts.values().find(|account| account.mode == Mode::Live) {
        Some(live) if server.public_url.scheme() != "https" => {
            let reason = "must not be \"live\" while server.public_url is not https";
            Err(live.settings.wrong("mode", reason))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
