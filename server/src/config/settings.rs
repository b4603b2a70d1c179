//! Reads one table of the configuration key by key, and refuses what nobody asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    ConfigError, Place,
    duration::parse_duration,
    tree::{Entries, FILE_SUFFIX, Node, Value},
    variables::variable_of,
};
use crate::nearest::nearest;

/// A file that should hold one secret is not larger than this.
const MAX_SECRET_BYTES: usize = 16 * 1024;

/// What is said of a file that is not there.
pub(super) const NO_FILE: &str = "names a file that is not there";

/// One table of the configuration.
///
/// Every reader takes its key away; [`deny_rest`](Self::deny_rest) then refuses
/// what is left. So a misspelled key is an error and never a silent default.
/// Every error names the file and line, or the environment variable.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The table's own name: `accounts.one`.
    path: String,
    place: Place,
    entries: Entries,
    asked: BTreeSet<String>,
    taken: BTreeMap<String, Place>,
}

impl Settings {
    pub(super) fn new(path: impl Into<String>, place: Place, entries: Entries) -> Self {
        Self { path: path.into(), place, entries, asked: BTreeSet::new(), taken: BTreeMap::new() }
    }

    /// The table's name with those it stands in: `accounts.one`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A text that must be there.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] without it, [`ConfigError::Wrong`] if it is not a text or empty.
    pub fn required_str(&mut self, key: &str) -> Result<String, ConfigError> {
        let value = self.optional_str(key)?;
        value.ok_or_else(|| self.missing(key))
    }

    /// A text that may be there.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is not a text or empty.
    pub fn optional_str(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        self.parsed(key, |text| Ok(text.to_owned()))
    }

    /// A secret that must be there, as `key` or in the file that `key_file` names.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] without it, else as [`optional_secret`](Self::optional_secret).
    pub fn required_secret(&mut self, key: &str) -> Result<SecretString, ConfigError> {
        let value = self.optional_secret(key)?;
        value.ok_or_else(|| self.missing(key))
    }

    /// A secret that may be there, as `key` or in the file that `key_file` names.
    ///
    /// Line ends at the end of the file do not belong to the secret.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is not a text, empty, written in both ways, or its file
    /// cannot be read.
    pub fn optional_secret(&mut self, key: &str) -> Result<Option<SecretString>, ConfigError> {
        let file_key = format!("{key}{FILE_SUFFIX}");
        let written = self.text(key)?;
        let Some(file) = self.text(&file_key)? else {
            return Ok(written);
        };
        if written.is_some() {
            return Err(self.wrong(&file_key, format!("and {key} are both set")));
        }
        match read_secret(file.expose_secret()) {
            Ok(secret) => {
                let place = self.taken.get(&file_key).cloned().unwrap_or(Place::Absent);
                self.taken.insert(key.to_owned(), place);
                Ok(Some(secret))
            }
            Err(reason) => Err(self.wrong(&file_key, reason)),
        }
    }

    /// A text that `parse` understands. Its error is a predicate ("must be …") that does not
    /// repeat the text.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is not a text, empty, or not understood.
    pub fn parsed<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        self.text(key)?
            .map(|text| parse(text.expose_secret()))
            .transpose()
            .map_err(|reason| self.wrong(key, reason))
    }

    /// As [`parsed`](Self::parsed), for a text that must be there.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] without it, else as [`parsed`](Self::parsed).
    pub fn required<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let value = self.parsed(key, parse)?;
        value.ok_or_else(|| self.missing(key))
    }

    /// Texts that `parse` understands: a list in a file, separated by commas in a variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is not a list of texts, or one is not understood.
    pub fn list<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, ConfigError> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        let wrong = |place: &Place, reason| wrong(place.clone(), self.key(key), reason);
        let parse = |place: &Place, text: &str| parse(text).map_err(|reason| wrong(place, reason));
        match (&node.value, &node.place) {
            (Value::List(items), _) => items
                .iter()
                .map(|item| match &item.value {
                    Value::Text(text) => parse(&item.place, text.expose_secret()),
                    _ => Err(wrong(&item.place, "must be a list of texts".to_owned())),
                })
                .collect::<Result<_, _>>(),
            (Value::Text(text), Place::Variable(_)) => text
                .expose_secret()
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| parse(&node.place, item))
                .collect(),
            _ => Err(wrong(&node.place, "must be a list of texts".to_owned())),
        }
        .map(Some)
    }

    /// A whole number from `range`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is not a whole number or outside the range.
    pub fn integer(
        &mut self,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, ConfigError> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        let number = match (&node.value, &node.place) {
            (Value::Integer(number), _) => u32::try_from(*number).ok(),
            (Value::Text(text), Place::Variable(_)) => text.expose_secret().parse().ok(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                Err(self
                    .wrong(key, format!("must be a whole number from {} to {}", range.start(), range.end())))
            }
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is neither.
    pub fn boolean(&mut self, key: &str) -> Result<Option<bool>, ConfigError> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        match (&node.value, &node.place) {
            (Value::Boolean(boolean), _) => Some(*boolean),
            (Value::Text(text), Place::Variable(_)) => text.expose_secret().parse().ok(),
            _ => None,
        }
        .map(Some)
        .ok_or_else(|| self.wrong(key, "must be true or false"))
    }

    /// A length of time: `"250ms"`, `"8s"`, `"5m"`, `"2h"`, `"7d"`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is not one.
    pub fn duration(&mut self, key: &str) -> Result<Option<Duration>, ConfigError> {
        self.parsed(key, parse_duration)
    }

    /// A table inside this one; an empty one if it is not there.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is not a table.
    pub fn table(&mut self, key: &str) -> Result<Self, ConfigError> {
        let path = self.key(key);
        match self.take(key) {
            None => Ok(Self::new(path, self.place.clone(), Entries::new())),
            Some(Node { place, value: Value::Table(entries) }) => Ok(Self::new(path, place, entries)),
            Some(_) => Err(self.wrong(key, "must be a table")),
        }
    }

    /// Every table inside this one, by name. There may be nothing else in it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if one is not a table.
    pub fn tables(mut self) -> Result<Vec<(String, Self)>, ConfigError> {
        let names: Vec<String> = self.entries.keys().cloned().collect();
        names.into_iter().map(|name| self.table(&name).map(|table| (name, table))).collect()
    }

    /// Puts a value where none was written, for what only the running process knows
    /// (the address of a simulator it started).
    pub fn set_default(&mut self, key: &str, value: impl Into<SecretString>) {
        if !self.is_set(key) {
            self.entries
                .insert(key.to_owned(), Node { place: Place::Absent, value: Value::Text(value.into()) });
        }
    }

    /// Whether a value was written, here or in a file that is named.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.entries.contains_key(key) || self.entries.contains_key(&format!("{key}{FILE_SUFFIX}"))
    }

    /// Refuses a key that was called `old` before and is called `new` now.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] if it is written.
    pub(super) fn deny_renamed(&mut self, old: &str, new: &str) -> Result<(), ConfigError> {
        let Some(node) = self.entries.remove(old) else { return Ok(()) };
        Err(wrong(node.place, self.key(old), format!("is called {new} now")))
    }

    /// Refuses every key nobody asked for.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownKey`] for the first of them.
    pub fn deny_rest(&self) -> Result<(), ConfigError> {
        let Some((key, node)) = self.entries.first_key_value() else {
            return Ok(());
        };
        let shown: Vec<_> = self.asked.iter().filter(|asked| !self.is_file_key(asked)).cloned().collect();
        Err(ConfigError::UnknownKey {
            place: node.place.clone(),
            key: self.key(key),
            nearest: nearest(key, self.asked.iter().map(String::as_str)).map(|nearest| {
                if self.taken.contains_key(&nearest) {
                    nearest
                } else {
                    format!("{nearest}, which is not set")
                }
            }),
            known: shown.join(", "),
        })
    }

    /// The error for a value that was read and found unusable. `reason` is a predicate that
    /// does not repeat the value.
    #[must_use]
    pub fn wrong(&self, key: &str, reason: impl Into<String>) -> ConfigError {
        let place = self.taken.get(key).unwrap_or(&self.place);
        wrong(place.clone(), self.key(key), reason.into())
    }

    /// The error for this table as a whole.
    pub(super) fn wrong_self(&self, reason: &str) -> ConfigError {
        wrong(self.place.clone(), self.path.clone(), reason.to_owned())
    }

    /// The error for a value that must be there and is not.
    #[must_use]
    pub fn missing(&self, key: &str) -> ConfigError {
        // What is known is taken away when it is read, and more may be read after this key.
        let left = self.entries.keys().filter(|left| !self.asked.contains(*left));
        let misspelled = nearest(key, left.map(String::as_str));
        let key = self.key(key);
        // Nobody can set it in a file of ours.
        let place = if self.place.is_built_in() { Place::Absent } else { self.place.clone() };
        ConfigError::Missing { place, variable: variable_of(&key), key, misspelled }
    }

    /// As [`wrong`](Self::wrong), of a text that begins with the key: it is said once.
    #[must_use]
    pub fn wrong_as_said(&self, key: &str, said: &str) -> ConfigError {
        let reason = said.strip_prefix(key).map_or(said, str::trim_start);
        self.wrong(key, reason)
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// `key_file` beside `key` is not worth a line in a list of settings.
    fn is_file_key(&self, key: &str) -> bool {
        key.strip_suffix(FILE_SUFFIX).is_some_and(|plain| self.asked.contains(plain))
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        self.asked.insert(key.to_owned());
        let node = self.entries.remove(key)?;
        self.taken.insert(key.to_owned(), node.place.clone());
        Some(node)
    }

    fn text(&mut self, key: &str) -> Result<Option<SecretString>, ConfigError> {
        match self.take(key).map(|node| node.value) {
            None => Ok(None),
            Some(Value::Text(text)) if text.expose_secret().is_empty() => {
                Err(self.wrong(key, "must not be empty"))
            }
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "must be a text in quotes")),
        }
    }
}

fn wrong(place: Place, key: String, reason: String) -> ConfigError {
    ConfigError::Wrong { place, key, reason }
}

/// The path is not repeated in the reason: somebody may have put the secret there.
fn read_secret(path: &str) -> Result<SecretString, String> {
    let text = fs::read_to_string(PathBuf::from(path)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NO_FILE.to_owned(),
        kind => format!("names a file that cannot be read ({kind})"),
    })?;
    let secret = text.trim_end_matches(['\r', '\n']);
    match secret.len() {
        0 => Err("names an empty file".to_owned()),
        length if length > MAX_SECRET_BYTES => Err("names a file too large for a secret".to_owned()),
        _ => Ok(secret.to_owned().into()),
    }
}
