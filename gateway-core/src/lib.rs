//! The domain of Paymux: payments and charges, the [`PaymentProvider`] trait every PG stands behind,
//! the [`Store`] and [`Clock`] ports, and the use cases.
//!
//! Knows no HTTP, no SQL, no PG and no runtime clock. Start reading at [`PaymentProvider`].

mod account;
mod clock;
mod dispatch;
mod gateway;
mod lifecycle;
mod model;
mod provider;
mod steady;
mod store;

pub use account::{Account, AccountLimits, Work};
pub use clock::{Clock, ManualClock};
pub use gateway::{
    Gateway, GatewayError, InboxOutcome, LedgerDifference, LedgerPage, LedgerProblem, MerchantPolicy,
    NewCancel, NewPayment, Registered, RequestKey, StateProblem, Verdict,
};
pub use lifecycle::LatePayments;
pub use model::*;
pub use provider::{
    BoxError, BrowserResult, CancelOutcome, CancelRequest, CancelScope, ChargeRef, ClaimOutcome,
    ConfirmRequest, Guard, Guards, InvalidBrowserResult, LookUp, MethodTerms, MovementKind, Movements, Page,
    PaymentProvider, PaymentRequest, PgMovement, Prepared, Proof, ProviderDescription, ProviderError,
    RawWebhook, Response, ReturnClaim, Taken, WebhookClaim, WebhookRejected, WebhookSubject,
};
pub use store::*;
