//! The stores of Paymux: SQLite, embedded.
