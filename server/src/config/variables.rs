//! The environment: the variables of settings, and those that were meant to be one.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
};

use super::{
    ConfigError, Place,
    defaults::DEFAULT_FILE,
    tree::{Entries, Node, Value, from_toml},
};
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

/// Refuses a variable that begins as ours do, unless it is known or made by others.
fn refuse_misspelled(name: &str, value: &OsStr) -> Result<(), ConfigError> {
    let upper = name.to_ascii_uppercase();
    let is_ours = upper == OURS
        || upper.strip_prefix(OURS).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    if !is_ours || COMMAND_LINE.contains(&name) || is_of_a_service(name, value) {
        return Ok(());
    }
    Err(ConfigError::UnknownVariable { name: name.to_owned(), nearest: meant_by(&upper)? })
}

/// The variable that somebody may have meant.
fn meant_by(name: &str) -> Result<Option<String>, ConfigError> {
    // What begins all of them would make all of them alike.
    let rest = |name: &str| name[OURS.len()..].trim_start_matches('_').replace("__", "_");
    let settings = paths(&from_toml(Path::new("built-in defaults"), DEFAULT_FILE)?);
    let variables = settings.iter().map(|path| variable_of(path)).chain(COMMAND_LINE.map(str::to_owned));
    let known: BTreeMap<String, String> = variables.map(|variable| (rest(&variable), variable)).collect();
    let wanted = rest(name);
    let ends_so = |variable: &&String| variable.ends_with(&format!("__{wanted}"));
    let by_its_end = known.values().find(ends_so).cloned();
    Ok(by_its_end.or_else(|| known.get(&nearest(&wanted, known.keys().map(String::as_str))?).cloned()))
}

/// The path of every value: `server.listen`.
fn paths(entries: &Entries) -> Vec<String> {
    let below = |(key, node): (&String, &Node)| match &node.value {
        Value::Table(entries) => paths(entries).into_iter().map(|path| format!("{key}.{path}")).collect(),
        _ => vec![key.clone()],
    };
    entries.iter().flat_map(below).collect()
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
