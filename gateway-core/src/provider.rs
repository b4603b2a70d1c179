//! The trait every PG stands behind, and what is said across it.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    CancelId, CancelStatus, CashReceiptRequest, Currency, Customer, Failure, Method, Mode, Money, PgOrderId,
    PgPaymentId, ProviderError, RawWebhook, RefundAccount, Secret, Snapshot, WebhookClaim, WebhookRejected,
};

/// A payment provider (PG): one merchant's account at one company.
///
/// # Contract
///
/// * Providers translate and classify. They never compare with what we expected, persist, sleep,
///   or repeat a POST. One exception: a 401 on a cached token, which was refused before processing.
/// * An answer the implementation does not understand is [`ProviderError::OutcomeUnknown`], never a
///   success and never a decline.
/// * A payment object in any status is `Ok`.
/// * No secret, no URL that holds one and nothing of a body stands in an error or a log line.
#[async_trait]
pub trait PaymentProvider: fmt::Debug + Send + Sync + 'static {
    /// What this PG can do and how it behaves.
    fn describe(&self) -> &ProviderDescription;

    /// Prepares the browser step of an attempt. Safe to call again for the same attempt.
    ///
    /// # Errors
    ///
    /// Any; no money moves here.
    async fn request(&self, order: &PaymentRequest) -> Result<Prepared, ProviderError>;

    /// Reads what the browser brought back. Untrusted; asks nobody.
    ///
    /// # Errors
    ///
    /// [`InvalidBrowserResult`] if it is nothing this PG's window returns.
    fn read_return(&self, result: &Value) -> Result<ReturnClaim, InvalidBrowserResult>;

    /// Makes the payment final: takes the money now, or reads what was taken, as
    /// [`MoneyMoves`] says.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Declined`], `NotSent`, `NotProcessed`, `Misconfigured`, `Invalid`: no money
    /// moved by this call. `OutcomeUnknown`, `StillRunning`, `Conflict`: it may have.
    async fn confirm(&self, request: &ConfirmRequest) -> Result<Snapshot, ProviderError>;

    /// Asks what is true now: every payment the PG knows under this id, or under this order
    /// when no id is known. Empty: it knows none.
    ///
    /// # Errors
    ///
    /// Any; an error says nothing about the payment.
    async fn verify(&self, subject: &PaymentRef) -> Result<Vec<Snapshot>, ProviderError>;

    /// Gives back all that is left or a part; also closes an unpaid virtual account.
    ///
    /// # Errors
    ///
    /// As [`confirm`](Self::confirm); `Conflict` when it was done before or the balance is not the
    /// expected one: look up.
    async fn cancel(&self, request: &CancelRequest) -> Result<CancelOutcome, ProviderError>;

    /// Reads one received webhook: which payment, with what proof. Asks nobody.
    ///
    /// # Errors
    ///
    /// [`WebhookRejected`] if it cannot be one of this PG's.
    fn webhook(&self, delivery: &RawWebhook) -> Result<WebhookClaim, WebhookRejected>;

    /// The PG's own list of paid payments, where it has one.
    fn paid_list(&self) -> Option<&dyn PaidList>;
}

/// A PG that can list what was paid in a span of time.
#[async_trait]
pub trait PaidList: Send + Sync {
    /// Every payment paid from `from` to `to`, both inclusive, all pages.
    ///
    /// # Errors
    ///
    /// Any; nothing of the span counts as seen.
    async fn paid_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Snapshot>, ProviderError>;
}

/// When the buyer's money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyMoves {
    /// When we confirm. Never confirming costs the buyer nothing.
    OnConfirm {
        /// How long after the buyer agreed the PG still confirms.
        within: Duration,
    },
    /// In the payment window, before we hear of it.
    BeforeConfirm,
}

/// A method an account offers, and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodTerms {
    /// The method.
    pub method: Method,
    /// The least the PG takes, in the minor unit, per currency it takes. A currency that is not here is not taken.
    pub minimums: Vec<Money>,
    /// The most the PG takes in one payment.
    pub maximum: Option<Money>,
    /// Whether giving money back needs the buyer's account number.
    pub refund_needs_account: bool,
}

impl MethodTerms {
    /// The least this method takes in `currency`; `None` if it does not take that currency.
    #[must_use]
    pub fn minimum(&self, currency: Currency) -> Option<Money> {
        self.minimums.iter().copied().find(|minimum| minimum.currency() == currency)
    }
}

/// What a PG can do and how it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderDescription {
    /// The PG's name in logs, metrics and the API.
    pub kind: &'static str,
    /// Whether real money moves with these credentials.
    pub mode: Mode,
    /// The merchant's public name at the PG: which account this is.
    pub pg_merchant: String,
    /// A digest of the credentials: changes when they are rotated, tells nothing of them.
    pub credential: String,
    /// The methods offered.
    pub methods: Vec<MethodTerms>,
    /// When the buyer's money moves.
    pub money_moves: MoneyMoves,
    /// How long a repeated POST with the same key is answered with the first outcome. `None`: the
    /// PG has no keys, and a balance guard is the only protection.
    pub repeat_safe_for: Option<Duration>,
    /// How long an answer may take.
    pub read_timeout: Duration,
    /// Whether an unpaid virtual account can be closed at the PG.
    pub closes_accounts: bool,
    /// The API version this speaks, for operators.
    pub api_version: String,
}

impl ProviderDescription {
    /// The terms of a method; `None` if it is not offered.
    #[must_use]
    pub fn method(&self, method: Method) -> Option<&MethodTerms> {
        self.methods.iter().find(|terms| terms.method == method)
    }
}

/// The browser step of an attempt to be prepared.
#[derive(Clone, Debug)]
pub struct PaymentRequest {
    /// The attempt's order id.
    pub pg_order_id: PgOrderId,
    /// What is bought.
    pub order_name: String,
    /// What it costs.
    pub amount: Money,
    /// The part free of VAT.
    pub tax_free_amount: Option<Money>,
    /// How to pay. Always one method: the account's first if the merchant fixed none.
    pub method: Method,
    /// Who pays.
    pub customer: Customer,
    /// Only this card company, by the PG's code.
    pub card_issuer: Option<String>,
    /// Months of instalment, 0 for a single payment.
    pub installment_months: Option<u32>,
    /// Only this wallet.
    pub easy_pay_provider: Option<String>,
    /// Until when a virtual account may be paid.
    pub deposit_due_at: Option<Timestamp>,
    /// The cash receipt asked for.
    pub cash_receipt: Option<CashReceiptRequest>,
    /// The buyer's language.
    pub locale: Option<String>,
    /// Where the PG sends the buyer back to, whatever happens.
    pub return_url: String,
    /// The key for a POST made while preparing.
    pub idempotency_key: String,
}

/// What the buyer's browser has to do. Discriminated by what to do, never by PG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BrowserStep {
    /// Go to this address.
    Redirect {
        /// Where.
        url: String,
    },
    /// Load a script, then make these calls one after the other.
    Script {
        /// The script's address.
        script_url: String,
        /// The calls, in order.
        calls: Vec<ScriptCall>,
    },
}

/// One call of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptCall {
    /// A dotted path from `window` (`IMP.request_pay`), or, with a leading dot, a method of what
    /// the call before returned (`.payment`).
    pub function: String,
    /// The arguments.
    pub args: Vec<Value>,
    /// Whether a function is passed as last argument: it is given the browser result. Otherwise
    /// the buyer comes back to the return URL, whose query is the browser result.
    pub callback: bool,
}

/// A prepared browser step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What the browser has to do.
    pub step: BrowserStep,
    /// The PG's id, if it gave one.
    pub pg_id: Option<PgPaymentId>,
    /// What the provider wants to see again in later calls for this attempt.
    pub state: Option<Secret>,
}

/// What the browser brought back says. A claim, nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReturnClaim {
    /// The PG's id.
    pub pg_id: Option<PgPaymentId>,
    /// The order id.
    pub pg_order_id: Option<String>,
    /// The amount, a decimal in the major unit.
    pub amount: Option<String>,
    /// What went wrong, if it says so.
    pub failure: Option<Failure>,
}

/// The browser result is nothing this PG's window returns. Quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the browser result is not one this payment's window returns: {0}")]
pub struct InvalidBrowserResult(pub &'static str);

/// A payment to be made final.
#[derive(Clone, Debug)]
pub struct ConfirmRequest {
    /// The attempt's order id.
    pub pg_order_id: PgOrderId,
    /// The PG's id, as claimed; `None` where money moves before confirm and the browser named none.
    pub pg_id: Option<PgPaymentId>,
    /// The amount we registered.
    pub amount: Money,
    /// The key.
    pub idempotency_key: String,
    /// What [`PaymentProvider::request`] gave.
    pub state: Option<Secret>,
}

/// A payment to be looked up.
#[derive(Clone, Debug)]
pub struct PaymentRef {
    /// The attempt's order id.
    pub pg_order_id: PgOrderId,
    /// The PG's id, if it is known: then it is looked up by that, never by order.
    pub pg_id: Option<PgPaymentId>,
    /// What [`PaymentProvider::request`] gave.
    pub state: Option<Secret>,
}

/// How much to cancel. Typed, so that a missing or zero amount can never mean "all" by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAmount {
    /// All that is left.
    All,
    /// A part.
    Part(Money),
    /// Close an unpaid virtual account.
    Close,
}

/// A payment to be cancelled.
#[derive(Clone, Debug)]
pub struct CancelRequest {
    /// Our name for the cancel.
    pub id: CancelId,
    /// The PG's id of the payment.
    pub pg_id: PgPaymentId,
    /// How much.
    pub amount: CancelAmount,
    /// The part of it free of VAT.
    pub tax_free_amount: Option<Money>,
    /// What can be cancelled before this; the PG refuses if it is otherwise.
    pub cancellable: Money,
    /// Why.
    pub reason: String,
    /// Where the money goes, for a paid virtual account.
    pub refund_account: Option<RefundAccount>,
    /// The key.
    pub idempotency_key: String,
    /// What [`PaymentProvider::request`] gave.
    pub state: Option<Secret>,
}

impl CancelRequest {
    /// The reason behind our cancel id, at most `longest` characters: the PG echoes it, and the id is how
    /// the cancel is found again. The id stands first, where no PG on the way cuts it off.
    #[must_use]
    pub fn tagged_reason(&self, longest: usize) -> String {
        format!("[{}] {}", self.id, self.reason).chars().take(longest).collect()
    }
}

/// What came of a cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelOutcome {
    /// `Done`, or `Pending` while the PG still pays it out.
    pub status: CancelStatus,
    /// The PG's own name for the cancel.
    pub pg_cancel_id: Option<String>,
    /// The payment after it, where the PG tells.
    pub snapshot: Option<Snapshot>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_and_the_cancel_id_is_not() {
        let id = crate::IdSource::seeded(3).cancel(Timestamp::UNIX_EPOCH);
        let request = CancelRequest {
            id: id.clone(),
            pg_id: "key".parse().unwrap(),
            amount: CancelAmount::All,
            tax_free_amount: None,
            cancellable: Money::krw(1_000),
            reason: "가".repeat(500),
            refund_account: None,
            idempotency_key: String::new(),
            state: None,
        };
        let reason = request.tagged_reason(200);
        assert_eq!(reason.chars().count(), 200);
        assert_eq!(CancelId::find_in(&reason), Some(id));
    }
}
