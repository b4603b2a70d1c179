//! The domain of Paymux: the words of payments, the [`PaymentProvider`] trait every PG stands behind,
//! the [`Store`] and [`Clock`] ports, and [`Gateway`], the use cases.
//!
//! Knows no HTTP, no SQL, no PG and no runtime clock. Start reading at [`PaymentProvider`], then [`Gateway`].

mod accept;
mod attempt;
mod bank;
mod cancel;
mod case;
mod cases;
mod clock;
mod derive;
mod derive_status;
mod draft;
mod event;
mod failure;
mod gateway;
mod give_back;
mod ids;
mod memory_store;
mod method;
mod money;
mod payment;
mod provider;
mod provider_error;
mod schedule;
mod secret;
mod settle;
mod snapshot;
mod store;
mod text;
mod webhook;

pub use attempt::{Attempt, AttemptStatus, Heard, Sending, idempotency_key};
pub use bank::standard_bank_code;
pub use cancel::{Cancel, CancelOrigin, CancelScope, CancelStatus, RefundAccount};
pub use case::{Case, CaseClosing, CaseKind, CaseOutcome, CaseSubject};
pub use clock::{Clock, ManualClock};
pub use derive::derive;
pub use event::{Event, EventKind, Moved, NewEvent};
pub use failure::{Failure, FailureReason, PgMessage};
pub use gateway::{
    Account, AccountLimits, CaseVerdict, Gateway, GatewayError, InboxOutcome, LedgerDifference, LedgerPage,
    LedgerProblem, MerchantPolicy, NewCancel, NewPayment, Registered, RequestKey, StateProblem, Work,
};
pub use ids::{
    AccountId, CancelId, EventId, IdSource, MerchantId, OrderId, PaymentId, PgOrderId, PgPaymentId, WebhookId,
};
pub use memory_store::MemoryStore;
pub use method::{Method, MethodDetail, VirtualAccount};
pub use money::{Currency, MAX_AMOUNT, Money, MoneyError};
pub use payment::{
    CashReceipt, CashReceiptRequest, CashReceiptType, Customer, LastAttempt, Payment, PaymentStatus,
    PaymentTerms, Watch,
};
pub use provider::{
    BrowserStep, CancelAmount, CancelOutcome, CancelRequest, ConfirmRequest, InvalidBrowserResult,
    MethodTerms, MoneyMoves, PaidList, PaymentProvider, PaymentRef, PaymentRequest, Prepared,
    ProviderDescription, ReturnClaim, ScriptCall,
};
pub use provider_error::{BoxError, ProviderError, UnknownOutcome};
pub use secret::Secret;
pub use settle::LatePayments;
pub use snapshot::{Mode, PgStatus, Snapshot, SnapshotCancel};
pub use store::{
    AccountBinding, Change, IdempotencyRecord, PaymentFilter, PaymentRecord, Store, StoreError, StoredAnswer,
    Sweep,
};
pub use text::{InvalidText, is_printable};
pub use webhook::{Proof, RawWebhook, ReceivedWebhook, WebhookClaim, WebhookRejected, WebhookSubject};
