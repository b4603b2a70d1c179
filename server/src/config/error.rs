//! What can be wrong with a configuration, and where it was written.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file.
    File {
        /// The file, as it was named to us.
        path: Arc<Path>,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(Arc<str>),
    /// Nowhere: the value was expected and never written.
    Absent,
}

impl Place {
    /// Whether it is a file that stands in the program.
    pub(super) fn is_built_in(&self) -> bool {
        matches!(self, Self::File { path, .. } if path.starts_with("built-in defaults") || path.starts_with("built-in demo"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Absent => f.write_str("configuration"),
        }
    }
}

/// Why the gateway does not start with this configuration.
///
/// A message names the place and the key. It never repeats a value: the value
/// in the wrong place may be a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file that was named cannot be read.
    #[error("{}: cannot be read ({})", path.display(), source.kind())]
    Unreadable {
        /// The file, as it was named to us.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: not valid TOML: {message}")]
    Syntax {
        /// The line at which the parser gave up.
        place: Place,
        /// The parser's words, which describe the grammar and never the text.
        message: String,
    },
    /// A key no part of the gateway knows.
    #[error("{place}: {key} is not a setting; {}known here: {known}", meant(nearest.as_deref()))]
    UnknownKey {
        /// Where it was written.
        place: Place,
        /// The key with its tables: `server.listen`.
        key: String,
        /// The one of them that it looks like, and whether that one is set.
        nearest: Option<String>,
        /// The keys that would have been understood.
        known: String,
    },
    /// A value that cannot be used.
    #[error("{place}: {key} {reason}")]
    Wrong {
        /// Where it was written.
        place: Place,
        /// The key with its tables: `server.listen`.
        key: String,
        /// A predicate: "must be …".
        reason: String,
    },
    /// A value without which the gateway cannot run.
    #[error("{place}: {key} is missing; set it there or as {variable}{}", written(misspelled.as_deref()))]
    Missing {
        /// The table it belongs to.
        place: Place,
        /// The key with its tables: `database.encryption_key`.
        key: String,
        /// The environment variable that would do as well.
        variable: String,
        /// A key in its table that is no setting and looks like it.
        misspelled: Option<String>,
    },
    /// A variable with our prefix that names no setting at all.
    #[error("environment variable {name} {reason}")]
    Variable {
        /// The variable.
        name: String,
        /// A predicate.
        reason: &'static str,
    },
    /// A variable that begins as ours do, in whatever spelling.
    #[error("environment variable {name} is not one that Paymux reads: rename or unset it{}", instead(nearest.as_deref()))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The one that it looks like.
        nearest: Option<String>,
    },
    /// Nothing was configured at all.
    #[error(
        "there is no {file} here, and nothing is set in the environment: `paymux config` prints one to begin with, \
         --config names another file, and `paymux demo` needs none"
    )]
    Nothing {
        /// The file that would be read.
        file: &'static str,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("did you mean {nearest}? ")).unwrap_or_default()
}

fn written(misspelled: Option<&str>) -> String {
    misspelled.map(|key| format!("; is it meant by {key}, which stands there?")).unwrap_or_default()
}

fn instead(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}
