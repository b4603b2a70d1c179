//! The configuration before it means anything: tables of values that know where they were written.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use secrecy::SecretString;
use toml::de::{DeTable, DeValue};

use super::{ConfigError, Place};

/// Names the file that holds a value instead of the value.
pub(super) const FILE_SUFFIX: &str = "_file";

/// A table of the configuration.
pub(super) type Entries = BTreeMap<String, Node>;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value. Any text may be a secret, so all of it is hidden from `Debug`.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(SecretString),
    Integer(i64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Entries),
    /// TOML has more kinds of values than we have uses for.
    Unusable,
}

/// Reads the text of one file.
pub(super) fn from_toml(path: &Path, text: &str) -> Result<Entries, ConfigError> {
    let file = File { path: path.into(), text };
    match DeTable::parse(text) {
        Ok(table) => Ok(file.entries(table.get_ref())),
        // `Display` of this error prints the whole line, `message` does not.
        Err(error) => Err(ConfigError::Syntax {
            place: file.place(error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        }),
    }
}

/// Lays `upper` over `lower`: its values win, its tables are merged.
pub(super) fn overlay(lower: &mut Entries, upper: Entries) {
    // `key` and `key_file` are two ways to write one value: the upper layer's way wins.
    for key in upper.keys() {
        match key.strip_suffix(FILE_SUFFIX) {
            Some(plain) => lower.remove(plain),
            None => lower.remove(&format!("{key}{FILE_SUFFIX}")),
        };
    }
    for (key, node) in upper {
        match (lower.get_mut(&key), node) {
            (
                Some(Node { value: Value::Table(below), place }),
                Node { value: Value::Table(above), place: newer },
            ) => {
                overlay(below, above);
                // Somebody who misses a key looks into a file of theirs first.
                if matches!(newer, Place::File { .. }) {
                    *place = newer;
                }
            }
            (_, node) => {
                lower.insert(key, node);
            }
        }
    }
}

/// A file that is being read.
struct File<'t> {
    path: Arc<Path>,
    text: &'t str,
}

impl File<'_> {
    fn entries(&self, table: &DeTable<'_>) -> Entries {
        table
            .iter()
            .map(|(key, value)| {
                // The key's place, since a table's own span may be that of another header.
                let place = self.place(key.span().start);
                (key.get_ref().to_string(), self.node(place, value.get_ref()))
            })
            .collect()
    }

    fn node(&self, place: Place, value: &DeValue<'_>) -> Node {
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string().into()),
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).map_or(Value::Unusable, Value::Integer)
            }
            DeValue::Boolean(boolean) => Value::Boolean(*boolean),
            DeValue::Array(list) => Value::List(
                list.iter().map(|item| self.node(self.place(item.span().start), item.get_ref())).collect(),
            ),
            DeValue::Table(table) => Value::Table(self.entries(table)),
            DeValue::Float(_) | DeValue::Datetime(_) => Value::Unusable,
        };
        Node { place, value }
    }

    fn place(&self, offset: usize) -> Place {
        let before = self.text.as_bytes().iter().take(offset);
        Place::File { path: Arc::clone(&self.path), line: 1 + before.filter(|byte| **byte == b'\n').count() }
    }
}
