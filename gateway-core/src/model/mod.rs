//! The nouns: money, names, a payment with its attempts and charges, what went back, what happened.

mod attempt;
mod bank;
mod cancel;
mod card_issuer;
mod charge;
mod code;
mod dispatch;
mod event;
mod failure;
mod ids;
mod method;
mod misfit;
mod money;
mod payment;
mod review;
mod secret;
mod snapshot;
pub(crate) mod text;
mod view;
mod window;

pub use attempt::{Attempt, Preparation, PreparedStep};
pub use bank::{Bank, BankCode, BankKind};
pub use cancel::{Cancel, CancelKey, CancelOrigin, CancelStatus, Close, CompensationReason, RefundAccount};
pub use card_issuer::{CardIssuer, CardIssuerCode};
pub use charge::{Charge, ChargeRole, Claim, LookUpSubject, Timing};
pub use dispatch::{Dispatch, LastResponse, Operation, Outcome};
pub use event::{Event, EventKind, Movement, NewEvent};
pub use failure::{Failure, FailureReason, PgMessage};
pub use ids::{
    AccountId, CancelId, ChargeId, EventId, IdSource, MerchantId, OrderId, PaymentId, PgOrderId, PgPaymentId,
    WebhookId,
};
pub use method::{Method, MethodDetail, VirtualAccount};
pub use misfit::Misfit;
pub use money::{Currency, MAX_AMOUNT, Money, MoneyError};
pub use payment::{
    CashReceipt, CashReceiptRequest, CashReceiptType, Customer, LastAttempt, LatePayments, Payment,
    PaymentStatus, PaymentTerms, Shown,
};
pub use review::{Review, ReviewClosing, ReviewOutcome, ReviewReason, ReviewSubject};
pub use secret::Secret;
pub use snapshot::{Mode, PgCancelStatus, PgStatus, Snapshot, SnapshotCancel};
pub(crate) use text::is_display_text;
pub use text::{InvalidText, cut, is_printable, readable};
pub use view::{CancelType, CancelView, DuplicateView, PaymentView, PgNames};
pub use window::{BrowserStep, Device, MoneyMoves, ResultBy, ScriptCall};
