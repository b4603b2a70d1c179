//! The `paymux` binary.
fn main() {}
