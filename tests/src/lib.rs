//! The workspace tests of Paymux.
