//! The configuration before it means anything: tables of values that know where they were written.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
    sync::Arc,
};

use secrecy::SecretString;
use toml::de::{DeTable, DeValue};

use super::{ConfigError, Place, defaults::DEFAULT_FILE};
use crate::nearest::nearest;

/// What starts the name of every setting's variable.
const PREFIX: &str = "PAYMUX__";

/// What starts the name of every variable that may be meant for us.
const OURS: &str = "PAYMUX";

/// Those that the command line reads.
const COMMAND_LINE: [&str; 6] = [
    "PAYMUX_CONFIG",
    "PAYMUX_LOG",
    "PAYMUX_LOG_FORMAT",
    "PAYMUX_ADMIN_URL",
    "PAYMUX_ADMIN_KEY",
    "PAYMUX_SANDBOX_KEY",
];

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

/// Reads every variable that starts with `PAYMUX__`; refuses what else begins as ours do, for it was meant to set something.
pub(super) fn from_variables(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Entries, ConfigError> {
    let mut entries = Entries::new();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        if !name.starts_with(PREFIX) {
            refuse_misspelled(name, &value)?;
            continue;
        }
        let refuse = |reason| ConfigError::Variable { name: name.to_owned(), reason };
        let value = value.into_string().map_err(|_| refuse("is not valid Unicode"))?;
        let path = segments(name).ok_or_else(|| refuse("is not of the form PAYMUX__TABLE__KEY"))?;
        let node = Node { place: Place::Variable(name.into()), value: Value::Text(value.into()) };
        insert(&mut entries, &path, node)
            .map_err(|()| refuse("sets a table that another variable sets a key of"))?;
    }
    Ok(entries)
}

/// Whether Kubernetes made it, as it does in every container beside a service whose name begins with `paymux` (kubernetes.io,
/// Service, environment variables): `PAYMUX_SERVICE_HOST`, `PAYMUX_ADMIN_PORT_8081_TCP_ADDR`.
fn is_of_a_service(name: &str, value: &OsStr) -> bool {
    let is_address = || value.to_str().is_some_and(|value| value.contains("://"));
    let is_protocol = |part: &str| matches!(part, "TCP" | "UDP" | "SCTP");
    let parts: Vec<_> = name.split('_').collect();
    match parts.as_slice() {
        [.., "SERVICE", "HOST"] => true,
        [.., "PORT", port, protocol, "PROTO" | "PORT" | "ADDR"] | [.., "PORT", port, protocol]
            if is_protocol(protocol) =>
        {
            port.parse::<u16>().is_ok()
        }
        [.., "PORT"] => is_address(),
        parts => parts.windows(2).any(|pair| pair == ["SERVICE", "PORT"]),
    }
}

fn refuse_misspelled(name: &str, value: &OsStr) -> Result<(), ConfigError> {
    let upper = name.to_ascii_uppercase();
    let is_ours =
        upper.starts_with(OURS) && !upper[OURS.len()..].starts_with(|next: char| next.is_alphanumeric());
    if !is_ours || COMMAND_LINE.contains(&name) || is_of_a_service(name, value) {
        return Ok(());
    }
    let defaults = from_toml(Path::new("built-in defaults"), DEFAULT_FILE)?;
    let settings = paths(&defaults).into_iter().map(|path| variable_of(&path));
    let known: Vec<_> = settings.chain(COMMAND_LINE.map(str::to_owned)).collect();
    // What begins all of them would make all of them alike.
    let rest = |name: &str| name[OURS.len()..].trim_start_matches('_').replace("__", "_");
    let wanted = rest(&upper);
    let is_end = |known: &&String| known.ends_with(&format!("__{wanted}"));
    let meant = known.iter().find(is_end).cloned().or_else(|| {
        let alike = nearest(
            &wanted,
            known.iter().map(|known| rest(known)).collect::<Vec<_>>().iter().map(String::as_str),
        )?;
        known.iter().find(|known| rest(known) == alike).cloned()
    });
    Err(ConfigError::UnknownVariable { name: name.to_owned(), nearest: meant })
}

/// The path of every value: `server.listen`.
fn paths(entries: &Entries) -> Vec<String> {
    let below = |(key, node): (&String, &Node)| match &node.value {
        Value::Table(entries) => paths(entries).into_iter().map(|path| format!("{key}.{path}")).collect(),
        _ => vec![key.clone()],
    };
    entries.iter().flat_map(below).collect()
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

/// The variable that sets the value at `path` (`server.listen`).
pub(crate) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// `PAYMUX__SERVER__LISTEN` → `["server", "listen"]`.
fn segments(name: &str) -> Option<Vec<String>> {
    let path: Vec<String> = name.strip_prefix(PREFIX)?.split("__").map(str::to_ascii_lowercase).collect();
    // Two spellings of one name would leave it to chance which one wins.
    let upper_case = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    (upper_case && path.iter().all(|segment| !segment.is_empty())).then_some(path)
}

fn insert(entries: &mut Entries, path: &[String], node: Node) -> Result<(), ()> {
    match path {
        [] => Err(()),
        [key] => match entries.insert(key.clone(), node) {
            None => Ok(()),
            Some(_) => Err(()),
        },
        [table, rest @ ..] => {
            let below = entries
                .entry(table.clone())
                .or_insert_with(|| Node { place: node.place.clone(), value: Value::Table(Entries::new()) });
            match &mut below.value {
                Value::Table(below) => insert(below, rest, node),
                _ => Err(()),
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
