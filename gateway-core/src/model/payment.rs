//! A payment as we keep it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    AccountId, CancelStatus, CardIssuerCode, ChargeId, Close, Currency, Failure, FailureReason, MerchantId,
    Method, MethodDetail, Money, OrderId, PaymentId, Review, VirtualAccount, code::known,
};

/// Where a payment stands.
///
/// ```
/// use paymux_core::model::PaymentStatus::{self, Confirming, Expired, Failed, PartiallyCancelled};
///
/// // No answer yet is no failure: the order takes no second payment meanwhile.
/// assert!(Confirming.holds_order() && !Confirming.has_money());
/// assert!(!Failed.holds_order() && !Expired.holds_order());
/// assert!(PartiallyCancelled.has_money());
/// assert_eq!(PaymentStatus::from_name("awaiting_deposit"), Some(PaymentStatus::AwaitingDeposit));
/// ```
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
        // `confirming` holds it too: a second payment of the order beside an unknown outcome is how buyers
        // pay twice.
        !matches!(self, Self::Cancelled | Self::Failed | Self::Expired)
    }

    /// Whether the buyer's money is with the merchant, all or part of it.
    #[must_use]
    pub const fn has_money(self) -> bool {
        matches!(self, Self::Paid | Self::PartiallyCancelled)
    }
}

/// Who pays, as the merchant registered it. Display text, cut to each PG's limits.
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
    /// What is bought, 1 to 100 characters that can be seen, shown to the buyer.
    pub order_name: String,
    /// What it costs, within the account's limits for the method.
    pub amount: Money,
    /// The part of the amount that is free of VAT.
    pub tax_free_amount: Option<Money>,
    /// The method, if the merchant fixes one.
    pub method: Option<Method>,
    /// The account, if the merchant names one.
    pub account: Option<AccountId>,
    /// Who pays.
    pub customer: Customer,
    /// Only this card company.
    #[serde(default, deserialize_with = "known")]
    pub card_issuer: Option<CardIssuerCode>,
    /// Months of instalment, 0 for a single payment, else 2 to 60.
    pub installment_months: Option<u32>,
    /// Only this wallet.
    pub easy_pay_provider: Option<String>,
    /// Until when a virtual account may be paid: in the future.
    pub deposit_due_at: Option<Timestamp>,
    /// The cash receipt asked for.
    pub cash_receipt: Option<CashReceiptRequest>,
    /// The buyer's language, BCP 47: `ko`.
    pub locale: Option<String>,
    /// Where the PG sends the buyer back to: a page of the merchant, http or https. Whether the merchant may name it is for
    /// the caller to check.
    pub return_url: String,
    /// The merchant's own notes. Kept and shown as they are; how many and how long is for the caller to check.
    pub metadata: BTreeMap<String, String>,
}

impl PaymentTerms {
    /// A price and nothing else: any method, the merchant's default account, a customer who is not named.
    ///
    /// ```
    /// use paymux_core::model::{Method, Money, PaymentTerms};
    ///
    /// let card = PaymentTerms {
    ///     method: Some(Method::Card),
    ///     ..PaymentTerms::new("A blue mug", Money::krw(12_000), "https://shop.example/return")
    /// };
    /// assert_eq!(card.amount, Money::krw(12_000));
    /// ```
    #[must_use]
    pub fn new(order_name: impl Into<String>, amount: Money, return_url: impl Into<String>) -> Self {
        Self {
            order_name: order_name.into(),
            amount,
            tax_free_amount: None,
            method: None,
            account: None,
            customer: Customer::default(),
            card_issuer: None,
            installment_months: None,
            easy_pay_provider: None,
            deposit_due_at: None,
            cash_receipt: None,
            locale: None,
            return_url: return_url.into(),
            metadata: BTreeMap::new(),
        }
    }
}

/// What the newest browser result said, for the merchant's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAttempt {
    /// Which attempt, counted from 1.
    pub number: u16,
    /// When it was said.
    pub at: Timestamp,
    /// Why it did not succeed, as far as the browser or the PG said; `None` while nothing was said.
    pub failure: Option<Failure>,
}

/// What is shown of a payment. It follows from the charges, and is derived from them in every commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Where it stands.
    pub status: PaymentStatus,
    /// What came in from the buyer.
    pub amount_paid: Money,
    /// What a third party paid of the amount: an instant discount, points.
    pub amount_discounted: Money,
    /// What went back, as the PG counts.
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
    /// The money came after the deadline and was kept.
    pub late: bool,
    /// The buyer disputes it at the card company.
    pub disputed: bool,
    /// When the money came in.
    pub paid_at: Option<Timestamp>,
}

impl Shown {
    /// What a payment shows before anything happened.
    #[must_use]
    pub fn nothing(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            status: PaymentStatus::Ready,
            amount_paid: zero,
            amount_discounted: zero,
            amount_cancelled: zero,
            method: None,
            method_detail: None,
            virtual_account: None,
            receipt_url: None,
            cash_receipt: None,
            failure: None,
            late: false,
            disputed: false,
            paid_at: None,
        }
    }
}

/// A payment: what the merchant registered, and what is shown of it.
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
    /// What is shown of it.
    pub shown: Shown,
    /// What the newest browser result said.
    pub last_attempt: Option<LastAttempt>,
    /// Closes of the payment itself: before anything was paid. The close of an issued account stands with its
    /// charge as long as the account has the role, and here once money took that away without paying the order.
    pub closes: Vec<Close>,
    /// The merchant registered the order again: money that comes now may go back.
    pub superseded: bool,
    /// We closed it in favour of the order's older payment, which was found to be paid.
    pub yielded: bool,
    /// The charge whose money was announced as paid, while that money is here.
    pub announced: Option<ChargeId>,
    /// What only a person can decide, and how it was decided. The oldest first.
    pub reviews: Vec<Review>,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whether the PG is a simulator.
    pub simulated: bool,
    /// Grows with every commit; what compare-and-set compares.
    pub version: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// The deadline: after this no browser step and no new confirm begins. It says nothing about the PG.
    pub expires_at: Timestamp,
}

impl Payment {
    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> PaymentStatus {
        self.shown.status
    }

    /// The currency of every amount in this payment.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.terms.amount.currency()
    }

    /// Whether this payment is the one its order id has.
    #[must_use]
    pub const fn holds_order(&self) -> bool {
        // A superseded one gave its order to a newer payment, whatever its own status is.
        self.shown.status.holds_order() && !self.superseded
    }

    /// Since when it is closed, if the merchant closed it or we did. A close that came after the money is refused.
    #[must_use]
    pub fn closed_at(&self) -> Option<Timestamp> {
        // The first that was done: what came after it is judged against that time.
        let done = self.closes.iter().filter(|close| close.status == CancelStatus::Done);
        done.map(|close| close.created_at).min()
    }

    /// Why the newest attempt did not succeed.
    #[must_use]
    pub fn last_failure(&self) -> Option<FailureReason> {
        self.last_attempt.as_ref()?.failure.as_ref().map(|failure| failure.reason)
    }
}

/// What happens to money that comes after the deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LatePayments {
    /// The payment becomes paid, marked `late`.
    #[default]
    Keep,
    /// The money goes back; the payment stays as it ended.
    Cancel,
}
