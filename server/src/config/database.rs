//! `[database]`: where payments are kept, and the key of what is secret in them.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use super::{ConfigError, EncryptionKey, RunMode, Settings, settings::NO_FILE};

/// `[database]`.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// Which database.
    pub url: DatabaseUrl,
    /// The key of what is secret in it. Always there in `serve`; in a demo it may be absent,
    /// and [`demo_key_file`](Self::demo_key_file) keeps one.
    pub encryption_key: Option<EncryptionKey>,
    /// The key before that one: what it sealed can still be read.
    pub previous_encryption_key: Option<EncryptionKey>,
}

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`: a file of ours on a local disk.
    Sqlite(PathBuf),
}

impl DatabaseConfig {
    pub(super) fn read(mut table: Settings, mode: RunMode) -> Result<Self, ConfigError> {
        let url = table.required("url", DatabaseUrl::parse)?;
        let encryption_key = read_key(&mut table, "encryption_key")?;
        let previous_encryption_key = read_key(&mut table, "previous_encryption_key")?;
        if mode == RunMode::Serve && encryption_key.is_none() {
            return Err(table.missing("encryption_key"));
        }
        table.deny_rest()?;
        Ok(Self { url, encryption_key, previous_encryption_key })
    }

    /// Where a demo keeps a key it made itself: beside its database.
    #[must_use]
    pub fn demo_key_file(&self) -> PathBuf {
        let DatabaseUrl::Sqlite(path) = &self.url;
        path.with_extension("key")
    }
}

fn read_key(table: &mut Settings, name: &str) -> Result<Option<EncryptionKey>, ConfigError> {
    let text = table.optional_secret(name).map_err(|error| match error {
        ConfigError::Wrong { place, key, reason } if reason == NO_FILE => {
            let reason = format!(
                "{reason}; for a new database this makes one: (umask 077; openssl rand -base64 32 > FILE)"
            );
            ConfigError::Wrong { place, key, reason }
        }
        error => error,
    })?;
    let key = text.map(|text| EncryptionKey::parse(text.expose_secret())).transpose();
    key.map_err(|reason| table.wrong(name, reason))
}

impl DatabaseUrl {
    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            // Other programs read options there; a file of that name would be made.
            Some(path) if path.contains('?') => Err("must be \"sqlite:PATH\", without a query".to_owned()),
            Some(path) => Ok(Self::Sqlite(path.into())),
            None => Err("must be \"sqlite:PATH\"".to_owned()),
        }
    }
}
