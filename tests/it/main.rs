//! Workspace tests.

mod store;
