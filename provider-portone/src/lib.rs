//! PortOne as a Paymux payment provider.
