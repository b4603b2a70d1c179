//! The domain of Paymux.
