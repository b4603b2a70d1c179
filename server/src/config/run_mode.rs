//! What a process is started for.

/// Whether accounts are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunMode {
    /// Everything is simulated, on this machine only.
    Demo,
    /// Nothing is simulated.
    Serve,
}
