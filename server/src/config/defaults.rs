//! The built-in configuration.

/// Every setting with its default and its meaning, as `paymux config` prints it.
pub const DEFAULT_FILE: &str = include_str!("default.toml");
