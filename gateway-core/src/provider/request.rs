//! What a provider is asked, and what it answers.

use jiff::Timestamp;
use serde_json::Value;

use crate::model::{
    BrowserStep, CancelId, CardIssuerCode, CashReceiptRequest, Customer, Device, Failure, Method, Money,
    MoneyMoves, PgCancelStatus, PgOrderId, PgPaymentId, RefundAccount, Secret, Snapshot, cut,
};

/// What the browser brought back: any JSON object, a query or form turned into one.
pub type BrowserResult = Value;

/// The browser step of an attempt to be prepared.
#[derive(Clone, Debug)]
pub struct PaymentRequest {
    /// The attempt's order id.
    pub order_id: PgOrderId,
    /// What is bought. Display text: cut to the PG's limit.
    pub order_name: String,
    /// What it costs.
    pub amount: Money,
    /// The part free of VAT.
    pub tax_free_amount: Option<Money>,
    /// How to pay. Always one method: the account's first that takes the amount if the merchant fixed none.
    pub method: Method,
    /// Who pays.
    pub customer: Customer,
    /// Only this card company.
    pub card_issuer: Option<CardIssuerCode>,
    /// Months of instalment, 0 for a single payment.
    pub installment_months: Option<u32>,
    /// Only this wallet.
    pub easy_pay_provider: Option<String>,
    /// Until when a virtual account may be paid.
    pub deposit_due_at: Option<Timestamp>,
    /// The cash receipt asked for.
    pub cash_receipt: Option<CashReceiptRequest>,
    /// The buyer's language, BCP 47: `ko`.
    pub locale: Option<String>,
    /// What the buyer holds.
    pub device: Device,
    /// Where the PG sends the buyer back to, whatever happens.
    pub return_url: String,
    /// The key for a POST made while preparing.
    pub idempotency_key: String,
}

/// A prepared browser step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What the browser has to do.
    pub step: BrowserStep,
    /// The PG's id, if it names one this early (a checkout page made by a server call).
    pub pg_payment_id: Option<PgPaymentId>,
    /// When money moves under this attempt: one account may have channels of both kinds.
    pub money_moves: MoneyMoves,
}

/// What the browser brought back says. A claim, nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnClaim {
    /// The PG's id; absent where only the confirm's answer names the payment. Then the state of
    /// [`ClaimOutcome::Confirm`] distinguishes claims.
    pub pg_payment_id: Option<PgPaymentId>,
    /// The order id.
    pub order_id: Option<String>,
    /// The amount, a decimal in the major unit, where the window took it from the browser.
    pub amount: Option<String>,
    /// What it asks for.
    pub outcome: ClaimOutcome,
}

/// What a browser result asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The buyer agreed: confirm, with this state where the PG wants more than its id.
    Confirm(Option<Secret>),
    /// The PG is done: look up.
    Verify,
    /// It says that it failed or was closed.
    Failed(Failure),
}

/// The browser result is nothing this PG's window returns. Quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the browser result is not one this payment's window returns: {0}")]
pub struct InvalidBrowserResult(pub &'static str);

/// A charge by what is known of it. Without a PG id: every charge of the order id, or one whose name is in an answer
/// that got lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRef {
    /// The attempt's order id.
    pub order_id: PgOrderId,
    /// The PG's id.
    pub pg_payment_id: Option<PgPaymentId>,
}

/// A charge whose money is to be taken.
#[derive(Clone, Debug)]
pub struct ConfirmRequest {
    /// Which.
    pub charge: ChargeRef,
    /// The amount as we registered it.
    pub amount: Money,
    /// The state of the claim's [`ClaimOutcome::Confirm`].
    pub state: Option<Secret>,
    /// The key.
    pub idempotency_key: String,
}

/// The money is taken or the account issued: a success, even where the answer shows no payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The payment after it, where the answer shows it.
    pub snapshot: Option<Snapshot>,
    /// What proves this charge's webhooks, where only this answer has it.
    pub webhook_secret: Option<Secret>,
}

/// An answered look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// What the PG shows.
    pub charges: Vec<Snapshot>,
    /// Whether absence counts: of the charge that was asked for by its PG id or, asked without one, of any charge of
    /// the order id. An answer "there is none" to a PG id is complete.
    pub complete: bool,
}

/// Money to be given back, or an unpaid account to be closed.
#[derive(Clone, Debug)]
pub struct CancelRequest {
    /// Our name for it; it travels in the reason.
    pub id: CancelId,
    /// The attempt's order id.
    pub order_id: PgOrderId,
    /// The PG's id of the charge.
    pub pg_payment_id: PgPaymentId,
    /// How much.
    pub scope: CancelScope,
    /// What can be cancelled before this, as the PG counts; the PG refuses if it is otherwise.
    pub cancellable: Money,
    /// Why.
    pub reason: String,
    /// Where the money goes, for a paid virtual account.
    pub refund_account: Option<RefundAccount>,
    /// The PG behind the channel that took the money, as the newest answer about the charge named it: the account may have
    /// another channel by now.
    pub channel_pg: Option<String>,
    /// The key.
    pub idempotency_key: String,
}

impl CancelRequest {
    /// The reason behind our cancel id, at most `longest` characters: the PG echoes it, and the id is how
    /// the cancel is found again. The id stands first, where no PG on the way cuts it off.
    ///
    /// ```
    /// # use jiff::Timestamp;
    /// # use paymux_core::{model::{IdSource, Money, PgOrderId}, provider::{CancelRequest, CancelScope}};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use paymux_core::model::CancelId;
    ///
    /// let ids = IdSource::seeded(7);
    /// let request = CancelRequest {
    ///     id: ids.cancel(Timestamp::UNIX_EPOCH),
    ///     order_id: PgOrderId::of(&ids.payment(Timestamp::UNIX_EPOCH), 1).ok_or("no such attempt")?,
    ///     pg_payment_id: "key-1".parse()?,
    ///     scope: CancelScope::All { tax_free: None },
    ///     cancellable: Money::krw(12_000),
    ///     reason: "sold out".to_owned(),
    ///     refund_account: None,
    ///     channel_pg: None,
    ///     idempotency_key: "key".to_owned(),
    /// };
    /// let echoed = request.tagged_reason(200);
    /// assert!(echoed.ends_with("sold out"));
    /// assert_eq!(CancelId::find_in(&echoed), Some(request.id));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tagged_reason(&self, longest: usize) -> String {
        // By what people see as characters: a limit in bytes could cut a Korean one in half.
        cut(&format!("[{}] {}", self.id, self.reason), longest).to_owned()
    }
}

/// How much to cancel. Typed, so that a missing or zero amount can never mean "all" by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelScope {
    /// All that is left, sent without an amount.
    All {
        /// The part of it free of VAT, where the order has one: some PGs do not work it out.
        tax_free: Option<Money>,
    },
    /// A part.
    Part {
        /// How much.
        amount: Money,
        /// The part of it free of VAT.
        tax_free: Option<Money>,
        /// The VAT in it, where the merchant fixes it.
        vat: Option<Money>,
    },
    /// Close an unpaid virtual account.
    Close,
}

/// What came of a cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelOutcome {
    /// `Done`, or `Pending` while the PG still pays it out.
    pub status: PgCancelStatus,
    /// The PG's own name for the cancel.
    pub pg_cancel_id: Option<String>,
    /// The payment after it, where the answer shows it.
    pub snapshot: Option<Snapshot>,
}

/// One page of a PG's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows that could be read.
    pub rows: Vec<T>,
    /// How many could not. They hide no other.
    pub unreadable: usize,
    /// The cursor of the next page; `None` on the last.
    pub next: Option<String>,
}

/// Money in or out, in the PG's own list. A hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The PG's id of the payment.
    pub pg_payment_id: Option<PgPaymentId>,
    /// The order id it carries.
    pub order_id: Option<String>,
    /// In or out.
    pub kind: MovementKind,
    /// How much; `None` in a currency we keep no books in: the row is a hint all the same.
    pub amount: Option<Money>,
    /// When.
    pub at: Timestamp,
}

/// Which way money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    /// It came in.
    In,
    /// It went back.
    Back,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::IdSource;

    #[test]
    fn long_reason_is_cut_and_cancel_id_kept() {
        let ids = IdSource::seeded(3);
        let id = ids.cancel(Timestamp::UNIX_EPOCH);
        let request = CancelRequest {
            id: id.clone(),
            order_id: PgOrderId::of(&ids.payment(Timestamp::UNIX_EPOCH), 1).unwrap(),
            pg_payment_id: "key".parse().unwrap(),
            scope: CancelScope::All { tax_free: None },
            cancellable: Money::krw(1_000),
            reason: "가".repeat(500),
            refund_account: None,
            channel_pg: None,
            idempotency_key: String::new(),
        };
        let reason = request.tagged_reason(200);
        assert_eq!(reason.chars().count(), 200);
        assert_eq!(CancelId::find_in(&reason), Some(id));
    }
}
