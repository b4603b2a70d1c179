//! Simulators of the payment gateways' own HTTP APIs.
