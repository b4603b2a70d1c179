//! How many connections the system lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections on the operators' listener.
pub(crate) const FOR_OPERATORS: usize = 64;

/// Descriptors for the database, the PGs, the log and whatever libraries open.
const RESERVED: usize = 128;

/// As many of the `wished` connections as this process may have files. What may be raised is raised first.
pub(crate) fn connections_within_limit(wished: usize) -> usize {
    let needed = wished.saturating_add(FOR_OPERATORS).saturating_add(RESERVED);
    let allowed = allowed_files(needed);
    let possible = allowed.saturating_sub(FOR_OPERATORS).saturating_sub(RESERVED).max(1);
    if possible < wished {
        tracing::warn!(
            allowed,
            connections = possible,
            "server.max_connections is lowered: the system allows this process fewer files (see ulimit -n, LimitNOFILE)"
        );
    }
    wished.min(possible)
}

/// How many files this process may have open, after asking for `needed`.
fn allowed_files(needed: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    // `None`: without limit.
    let count =
        |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX);
    let (current, most) = (count(limit.current), count(limit.maximum));
    if current >= needed {
        return current;
    }
    let raised = needed.min(most);
    let new = Rlimit { current: u64::try_from(raised).ok(), maximum: limit.maximum };
    if setrlimit(Resource::Nofile, new).is_ok() { raised } else { current }
}
