//! Toss Payments as a Paymux payment provider.
