//! The chapters of the API's document.

use poem_openapi::Tags;

/// What an operation is about.
#[derive(Tags)]
pub(super) enum Tag {
    /// Register, pay, confirm, verify and cancel payments.
    Payments,
    /// What happened to payments.
    Events,
    /// The accounts payments can be taken by.
    Providers,
    /// Banks and card companies, by the codes that are the same whichever payment gateway is behind them.
    Codes,
    /// For supervisors and load balancers.
    Health,
}
