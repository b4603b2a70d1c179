//! The Paymux server.
