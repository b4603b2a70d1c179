//! `[database]`: where payments are kept, and the key of what is secret in them.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::{ConfigError, EncryptionKey, RunMode, Settings};

/// `[database]`.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// Which database.
    pub url: DatabaseUrl,
    /// The key of what is secret in it. Always there in `serve`; in a demo it may be absent,
    /// and [`demo_key_file`](Self::demo_key_file) keeps one.
    pub encryption_key: Option<EncryptionKey>,
}

/// Which database.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`: a file of ours on a local disk.
    Sqlite(PathBuf),
    /// `postgres://…`, which may hold a password.
    Postgres(SecretString),
}

impl DatabaseConfig {
    pub(super) fn read(mut table: Settings, mode: RunMode) -> Result<Self, ConfigError> {
        let url = table.required_secret("url")?;
        let url = DatabaseUrl::parse(url.expose_secret()).map_err(|reason| table.wrong("url", reason))?;
        let encryption_key = table
            .optional_secret("encryption_key")?
            .map(|text| EncryptionKey::parse(text.expose_secret()))
            .transpose()
            .map_err(|reason| table.wrong("encryption_key", reason))?;
        if mode == RunMode::Serve && encryption_key.is_none() {
            return Err(table.missing("encryption_key"));
        }
        table.deny_rest()?;
        Ok(Self { url, encryption_key })
    }

    /// Where a demo keeps a key it made itself: beside its database.
    #[must_use]
    pub fn demo_key_file(&self) -> PathBuf {
        match &self.url {
            DatabaseUrl::Sqlite(path) => path.with_extension("key"),
            DatabaseUrl::Postgres(_) => Path::new("data").join("paymux.key"),
        }
    }
}

impl DatabaseUrl {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(path.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned().into()));
        }
        Err("must be \"sqlite:PATH\" or \"postgres://…\"".to_owned())
    }
}
