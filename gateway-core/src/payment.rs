//! A payment as we keep it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Case, Currency, Failure, FailureReason, MerchantId, Method, MethodDetail, Money, OrderId,
    PaymentId, PgPaymentId, VirtualAccount,
};

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Registered; the buyer may pay.
    Ready,
    /// The PG was asked for the money and has not given a definite answer.
    Confirming,
    /// A virtual account is issued and unpaid.
    AwaitingDeposit,
    /// The money is in.
    Paid,
    /// The money is in, part of it given back.
    PartiallyCancelled,
    /// All given back, or closed before any money came.
    Cancelled,
    /// The PG refused. A new attempt may follow.
    Failed,
    /// Time is up.
    Expired,
}

impl PaymentStatus {
    /// Every status, in the order of this enum.
    pub const ALL: [Self; 8] = [
        Self::Ready,
        Self::Confirming,
        Self::AwaitingDeposit,
        Self::Paid,
        Self::PartiallyCancelled,
        Self::Cancelled,
        Self::Failed,
        Self::Expired,
    ];

    /// The word in the API: `awaiting_deposit`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Confirming => "confirming",
            Self::AwaitingDeposit => "awaiting_deposit",
            Self::Paid => "paid",
            Self::PartiallyCancelled => "partially_cancelled",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// The status with this [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Open or paid: an order id has one such payment at a time.
    #[must_use]
    pub const fn holds_order(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Failed | Self::Expired)
    }

    /// Whether the buyer's money is with the merchant, all or part of it.
    #[must_use]
    pub const fn has_money(self) -> bool {
        matches!(self, Self::Paid | Self::PartiallyCancelled)
    }
}

/// Who pays, as the merchant told us. Display text, cut to each PG's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The merchant's own id for the customer.
    pub id: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone number, digits only.
    pub phone: Option<String>,
}

/// What kind of cash receipt (현금영수증) the buyer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashReceiptType {
    /// 소득공제: for a person's income tax deduction.
    Personal,
    /// 지출증빙: a company's proof of expense.
    Business,
    /// 미발행: none.
    None,
}

/// The cash receipt asked for with a virtual account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashReceiptRequest {
    /// Its kind.
    pub kind: CashReceiptType,
    /// The phone or business number it is issued to.
    pub number: Option<String>,
}

/// A cash receipt the PG issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashReceipt {
    /// Its kind, in the PG's words.
    pub kind: Option<String>,
    /// The tax office's issue number.
    pub number: Option<String>,
    /// Where it can be seen.
    pub url: Option<String>,
}

/// What a merchant asks for when it registers a payment. Fixed for the payment's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentTerms {
    /// What is bought, 1 to 100 characters, shown to the buyer.
    pub order_name: String,
    /// What it costs.
    pub amount: Money,
    /// The part of the amount that is free of VAT.
    pub tax_free_amount: Option<Money>,
    /// The method, if the merchant fixes one.
    pub method: Option<Method>,
    /// The account, if the merchant names one.
    pub account: Option<AccountId>,
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
    /// The buyer's language, BCP 47: `ko`.
    pub locale: Option<String>,
    /// Where the PG sends the buyer back to: a page of the merchant.
    pub return_url: String,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
}

/// What the newest attempt came to, for the merchant's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAttempt {
    /// Which attempt, counted from 1.
    pub number: u16,
    /// Why it did not succeed; `None` while it is open or when it succeeded.
    pub failure: Option<Failure>,
}

/// When the resolver looks at a payment again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The moment.
    pub at: Timestamp,
    /// How often it has looked since the payment last became uncertain.
    pub tries: u32,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Our name for it.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The account that takes the money, for life.
    pub account: AccountId,
    /// The merchant's own name for the order.
    pub order_id: OrderId,
    /// What was registered.
    pub terms: PaymentTerms,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What came in.
    pub amount_paid: Money,
    /// What was given back, as the PG says.
    pub amount_cancelled: Money,
    /// How it was paid.
    pub method: Option<Method>,
    /// More on how it was paid.
    pub method_detail: Option<MethodDetail>,
    /// The account to deposit into.
    pub virtual_account: Option<VirtualAccount>,
    /// The PG's receipt page.
    pub receipt_url: Option<String>,
    /// The cash receipt.
    pub cash_receipt: Option<CashReceipt>,
    /// Why it failed or expired.
    pub failure: Option<Failure>,
    /// The newest attempt.
    pub last_attempt: Option<LastAttempt>,
    /// The money came after the payment had ended.
    pub late: bool,
    /// A newer payment took over the order: money that comes now is given back.
    pub superseded: bool,
    /// The PG payment whose money was told, as `payment.paid` or `payment.late_money`, while it is here.
    #[serde(default)]
    pub told_of: Option<PgPaymentId>,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whether the PG is a simulator.
    pub simulated: bool,
    /// Grows with every commit; what compare-and-set compares.
    pub version: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// After this no browser step or confirm begins. It says nothing about the PG.
    pub expires_at: Timestamp,
    /// When the money came in.
    pub paid_at: Option<Timestamp>,
    /// When it is looked at again; `None` when nothing is expected.
    pub watch: Option<Watch>,
    /// When the PG was asked for the newest look at the payment that left a commit.
    #[serde(default)]
    pub looked_at: Option<Timestamp>,
    /// How many hints a look at the PG has answered.
    pub answered_hints: u64,
    /// When the PG was last asked because of a hint: the next one that proves nothing waits a little.
    #[serde(default)]
    pub hint_looked_at: Option<Timestamp>,
    /// When to look once more after the newest hint or stale answer: the PG may not have shown the change yet.
    pub recheck_at: Option<Timestamp>,
    /// What only a person can settle, and how it was settled. The oldest first.
    #[serde(default)]
    pub cases: Vec<Case>,
}

impl Payment {
    /// The currency of every amount in this payment.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.terms.amount.currency()
    }

    /// Whether this payment is the one its order id has.
    #[must_use]
    pub fn holds_order(&self) -> bool {
        self.status.holds_order() && !self.superseded
    }

    /// Why the newest attempt did not succeed.
    #[must_use]
    pub fn last_failure(&self) -> Option<FailureReason> {
        self.last_attempt.as_ref()?.failure.as_ref().map(|failure| failure.reason)
    }
}
